// The conflicts of a mapping as its rounds know them: listed, shown, and resolved, those that wait by a round, copies in the folder.

import type { MappingConfig } from "../../config/config.ts";
import type { Clock } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { kvsyncCommand } from "../../core/shell-word.ts";
import type { Key } from "../../core/key.ts";
import type { Done } from "../../engine/plan/action.ts";
import type { MovingFiles } from "../../replica/moving-files.ts";
import type { MappingMemory } from "../mapping-memory.ts";
import type { MappingRounds, ResolvedConflict, RoundCall, RoundReport } from "../round-port.ts";
import { chooseConflict, type ConflictDeps } from "./choose-conflict.ts";
import { NO_VALUE, type ResolveChoice } from "./conflict-lines.ts";
import { listConflicts } from "./list-conflicts.ts";
import { notAsShown } from "./not-as-shown.ts";
import { resolveCopy } from "./resolve-copy.ts";
import { heldConflict, isAlike, resolutionOf, tellResolution } from "./resolve-waiting.ts";
import { lookAtKey, noConflict, showConflict, type ShowDeps } from "./show-conflict.ts";

export interface ConflictRoundsDeps extends ConflictDeps, ShowDeps {
  readonly clock: Clock;
  readonly mapping: MappingConfig;
  readonly checkState?: (() => void) | undefined;
  readonly memory: Pick<MappingMemory, "holds" | "history">;
  readonly moving: Pick<MovingFiles, "resting">;
  /** One round over a key. Undefined: a look at all keys comes first, or a guard would hold it. */
  readonly roundOver: (key: Key, call: RoundCall) => Promise<RoundReport | undefined>;
}

/** A file that was written a moment ago is waited for so long. */
const REST_MS_MAX = 2000;

export function openConflictRounds(
  deps: ConflictRoundsDeps,
): Pick<MappingRounds, "conflicts" | "conflict" | "resolve"> {
  return {
    conflicts: (signal) => listConflicts(deps, signal),
    conflict: (asked, signal) => showConflict(deps, asked, signal),
    resolve: async (choice, call) => {
      deps.checkState?.();
      const resolution = resolutionOf(choice);
      const chosen = await chooseConflict({ ...deps, isWaiting: lookAtKey(deps) }, choice, call.signal);
      if (chosen.kind === "copy") {
        const [other] = chosen.others;
        if (other !== undefined) throw severalCopies(deps, choice.key, [chosen.copy.path, other.path]);
        const { done, paths } = await resolveCopy(deps, chosen.copy, choice, call.signal);
        return endedWith(deps, choice, { done, report: undefined, paths, isChosen: true });
      }
      const { key, known } = chosen;
      // In a conflict that waits both sides have a value.
      if (choice.local === NO_VALUE || choice.remote === NO_VALUE) throw notAsShown(key);
      const isAsked = known !== undefined || choice.local !== undefined || choice.remote !== undefined;
      if (deps.mapping.mode !== "two-way") throw noConflict(deps.mapping.name, key);
      if (deps.memory.holds.before(deps.mapping.name) !== undefined) throw heldConflict(deps.mapping.name, "is held");
      let done: Done | undefined;
      const report = await deps.roundOver(key, {
        ...call,
        resolution,
        wait: { leftMs: REST_MS_MAX, after: "leave-out" },
        events: {
          onProblem: () => {},
          onDone: (one) => {
            if (one.key === key) done = one;
          },
        },
      });
      if (report === undefined) throw heldConflict(deps.mapping.name, "needs a look at all keys");
      if (done === undefined && !isAsked && report.problems.length + report.result.lagging === 0)
        throw noConflict(deps.mapping.name, key);
      const isMoving = deps.moving.resting().some((file) => file.key === key);
      const text = tellResolution({ key, keep: choice.keep, report, done, isMoving });
      return endedWith(deps, choice, { done: text, report, paths: [], isChosen: !isAlike(done) });
    },
  };
}

const KEPT = { local: "the local version", remote: "the remote version", both: "both versions" } as const;

interface Ended {
  readonly done: string;
  /** It was done to the conflict what was chosen. */
  readonly isChosen: boolean;
}

function endedWith(
  { clock, mapping, memory }: ConflictRoundsDeps,
  { key, keep }: ResolveChoice,
  { done, report, paths, isChosen }: Pick<ResolvedConflict, "report" | "paths"> & Ended,
): ResolvedConflict {
  const reason = `a person kept ${KEPT[keep]}`;
  const about = { mapping: mapping.name, key: key as Key, side: undefined, bytes: undefined };
  if (isChosen) memory.history.append([{ ...about, at: clock.now(), event: "resolved", reason }]);
  return { resolved: { mapping: mapping.name, key, keep, done }, report, paths };
}

function severalCopies({ mapping }: ConflictDeps, key: string, paths: readonly string[]): AppError {
  return new AppError("usage", `${visible(key)} has several conflict copies: ${paths.map(visible).join(", ")}`, {
    hint: `say which: ${kvsyncCommand("conflicts resolve", [mapping.name, key], ["--copy", "PATH"])}`,
  });
}
