// What a running daemon answers about its trash, and does with it: whoever asks, the command line or the status page.

import type { Config, MappingConfig } from "../../config/config.ts";
import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { Journal } from "../../journal/journal.ts";
import { openTrashIndex, type RoundBegan, type TrashItem } from "../../journal/trash-index.ts";
import { mappingOfItem, noSuchItem, type RestoredItem, restoreItems } from "../../mapping/restore-items.ts";
import type { DaemonListener } from "../daemon-event.ts";
import { controlError, type RestoredAnswer, type TrashRequest } from "./protocol.ts";

export interface AnswerTrashDeps {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly stateDir: string;
  readonly config: () => Config;
  readonly roundBegan: RoundBegan;
  readonly onEvent: DaemonListener;
}

/** The answer as plain data. Throws AppError. */
export async function answerTrash(request: TrashRequest, deps: AnswerTrashDeps): Promise<unknown> {
  const index = openTrashIndex(deps.journal, deps.stateDir);
  switch (request.op) {
    case "trash":
      return index.list(request);
    case "trash-restore": {
      const item = index.get(request.id);
      if (item === undefined) throw noSuchItem(request.id);
      const [restored] = await restore(deps, [item], request.replace ?? false);
      if (restored!.outcome instanceof AppError) throw restored!.outcome;
      return restoredAnswer(restored!);
    }
    case "trash-need": {
      const missing = request.ids.filter((id) => index.get(id) === undefined);
      deps.journal.needed.add(request.ids, deps.clock.monotonic());
      return { missing };
    }
    case "trash-restore-many": {
      const items = request.ids.map((id) => index.get(id));
      const missing = request.ids.find((_, place) => items[place] === undefined);
      if (missing !== undefined) throw noSuchItem(missing);
      const restored = await restore(deps, items as TrashItem[], request.replace ?? false);
      deps.journal.needed.release(request.ids, deps.clock.monotonic());
      return restored.map(restoredAnswer);
    }
    case "trash-empty":
      return index.empty(request, deps.roundBegan, deps.clock);
  }
}

async function restore(
  deps: AnswerTrashDeps,
  items: readonly TrashItem[],
  replace: boolean,
): Promise<readonly RestoredItem[]> {
  const mapping = mappingOf(deps.config(), items);
  if (mapping === undefined) return [];
  const restored = await restoreItems(deps, mapping, items, { replace });
  for (const { item, file, outcome } of restored)
    if (outcome === "written") deps.onEvent({ kind: "restored", mapping, key: item.key, item: item.id, file });
  return restored;
}

/** Of `items`, which are all of one mapping. Undefined: there are none. */
function mappingOf(config: Config, items: readonly TrashItem[]): MappingConfig | undefined {
  const [first] = items;
  if (first === undefined) return undefined;
  if (new Set(items.map(({ key }) => key)).size < items.length)
    throw new AppError("usage", "several of the values that are to be restored are of one key", {
      hint: "choose one of them for each key",
    });
  if (items.every((item) => item.mapping === first.mapping)) return mappingOfItem(config, first);
  throw new AppError("usage", "the values that are to be restored are of several mappings", {
    hint: "ask for those of one mapping at a time",
  });
}

function restoredAnswer({ item, file, outcome, hasExpired, mode }: RestoredItem): RestoredAnswer {
  const { id, mapping, key } = item;
  const isError = outcome instanceof AppError;
  const answer = { id, mapping, mode, key, file, hasExpired };
  return { ...answer, outcome: isError ? "failed" : outcome, error: isError ? controlError(outcome) : null };
}
