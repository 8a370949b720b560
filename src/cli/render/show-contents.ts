// `diff --content`: reads the values that a plan is about, a page of keys at a time, and shows how they differ.

import { count } from "../../core/counted.ts";
import { visible } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";
import { BULK_GET_KEYS_MAX } from "../../core/limits.ts";
import type { Entry } from "../../core/entry.ts";
import { onePage, transferOptions } from "../../engine/observer.ts";
import type { Plan } from "../../engine/plan/plan.ts";
import { otherSide, type RemoveAction, type Target, type WriteAction } from "../../engine/plan/action.ts";
import type { ReadableReplica, ReadOutcome } from "../../replica/replica.ts";
import { type Compared, type Content, contentOf, renderContentDiff } from "./content-diff.ts";
import type { Output } from "./output.ts";
import { actionsOf, SHOWN_ORDER } from "../../engine/plan/plan-order.ts";

export interface ContentOptions {
  /** Keys whose values are shown. */
  readonly limit: number;
}

interface Deps {
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly limit: number;
}

type Sides = Readonly<Record<Target, ReadableReplica>>;
type Change = WriteAction | RemoveAction;

const none: Content = { kind: "none" };

/** Shows the first values of `plan`, in the order in which it is shown. */
export async function showContents(plan: Plan, sides: Sides, { output, signal, limit }: Deps): Promise<void> {
  let shown = 0;
  for (const page of pagesOf(plan, limit)) {
    const contents = {
      source: await readContents(entriesOf(page, "source"), sides.source, signal),
      destination: await readContents(entriesOf(page, "destination"), sides.destination, signal),
    };
    for (const { key, kind, to } of page) {
      const from = otherSide(to);
      const before = contents[to].get(key) ?? none;
      const after = kind === "remove" ? none : (contents[from].get(key) ?? none);
      const names = { before: sides[to].label, after: sides[from].label };
      await tellContentDiff(output, { key, before, after, names }, to);
    }
    shown += page.length;
  }
  const hidden = plan.writes + plan.removes - shown;
  if (hidden > 0)
    output.line(
      `  ... and ${count(hidden)} more keys, whose values are not shown (--limit ${shown + hidden} shows them)`,
    );
}

/** `to`: the side that would change. */
export async function tellContentDiff(output: Output, compared: Compared, to: Target): Promise<void> {
  const lines = await renderContentDiff(compared);
  output.event({ type: "content", key: compared.key, to, diff: lines.join("\n") });
  if (!output.json) for (const line of lines) output.line(paintLine(line, output));
}

/** The first `limit` changes, as many at a time as one request reads. */
function* pagesOf(plan: Plan, limit: number): Generator<readonly Change[]> {
  let page: Change[] = [];
  let taken = 0;
  for (const kind of SHOWN_ORDER) {
    for (const action of actionsOf(plan, kind)) {
      if (taken === limit) break;
      taken++;
      page.push(action);
      if (page.length < BULK_GET_KEYS_MAX) continue;
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}

function entriesOf(page: readonly Change[], side: Target): readonly Entry[] {
  return page.flatMap((action) => {
    if (action.to === side) return action.replaces ?? [];
    return action.kind === "write" ? action.from : [];
  });
}

async function readContents(
  entries: readonly Entry[],
  side: ReadableReplica,
  signal: AbortSignal,
): Promise<ReadonlyMap<Key, Content>> {
  const contents = new Map<Key, Content>();
  if (entries.length === 0) return contents;
  for await (const outcomes of side.read(onePage(entries), transferOptions({ signal })))
    for (const outcome of outcomes) contents.set(outcome.key, contentOfOutcome(outcome));
  return contents;
}

export function contentOfOutcome(outcome: ReadOutcome): Content {
  switch (outcome.kind) {
    case "value": {
      const { bytes, entry } = outcome.value;
      return contentOf({ bytes, metadata: entry.metadata, expiration: entry.expiration });
    }
    case "absent":
      return none;
    case "problem":
      return { kind: "unread", reason: outcome.problem.message };
  }
}

/** On a terminal with colours, and without control characters but for tabs; elsewhere as it is. */
function paintLine(line: string, { stdout: style }: Output): string {
  const text = style.isTerminal ? line.split("\t").map(visible).join("\t") : line;
  if (/^(?:---|\+\+\+) /.test(line)) return style.bold(text);
  if (line.startsWith("-")) return style.red(text);
  if (line.startsWith("+")) return style.green(text);
  return line.startsWith("@@") ? style.dim(text) : text;
}
