// One direction of a plan that is carried out: from which side into which, and whom to tell what came of it.

import type { Clock, DurationMs, EpochMs } from "../../core/clock.ts";
import { assert } from "../../core/errors.ts";
import type { Problem } from "../../core/problem.ts";
import { isWrittenInPlace, type ReadableReplica, type Replica, type TransferOptions } from "../../replica/replica.ts";
import type { RemoteMemory } from "../lag/remote-memory.ts";
import type { Change, LossDeps } from "../losses.ts";
import { transferOptions } from "../observer.ts";
import type { SeenValues } from "../partial.ts";
import type { Done, Target } from "../plan/action.ts";
import type { BaseStore, IntentStore, Trash } from "../ports.ts";
import type { Unsure } from "../unsure.ts";

export interface ApplyDeps {
  readonly clock: Clock;
  readonly source: ReadableReplica;
  readonly destination: ReadableReplica;
  readonly base: BaseStore & IntentStore;
  readonly trash: Trash;
  /** When the listings of this round began: signatures in the plan are no older. */
  readonly startedAt: EpochMs;
  /** Values of the destination that were read for this plan: what is saved of them is not read again. */
  readonly seen: SeenValues;
  readonly signal: AbortSignal | undefined;
  /** Both sides may be changed. */
  readonly twoWay: boolean;
  /** What others wrote is told from what was carried over: what is under way is to be known after a crash. */
  readonly asksWhoWrote: boolean;
  readonly settleWindowMs: DurationMs;
  readonly memory: RemoteMemory;
  readonly onProblem: (problem: Problem) => void;
  readonly onDone: (done: Done) => void;
  /** What is to be replaced or removed at a remote is read first, whatever its listing says; false: the plan is about keys that
   * were just looked at, or stamps are trusted. */
  readonly readsLosses: boolean;
  /** A change is sent once. Unless it is given, a side sends again by itself. */
  readonly once: OnceOptions | undefined;
}

interface OnceOptions {
  /** How old a decision may be: what has to wait longer is not sent. */
  readonly withinMs: DurationMs;
  /** Is told of what was not confirmed, instead of `onProblem`. */
  readonly onUnsure: (unsure: Unsure) => void;
}

/** One direction of a plan: values go from `from` into `into`. */
export interface Direction extends ApplyDeps {
  readonly to: Target;
  readonly from: ReadableReplica;
  readonly into: Replica;
}

export function sides(deps: ApplyDeps, to: Target): Pick<Direction, "to" | "from" | "into"> {
  const into = deps[to];
  assert(isWrittenInPlace(into), "a plan changes only a side that is written in place");
  return { to, from: to === "source" ? deps.destination : deps.source, into };
}

/** What a side is asked with to change something. */
export function changeOptions(direction: Direction): TransferOptions {
  return { ...transferOptions(direction), once: direction.once };
}

export function failed(done: Done, problem: Problem, isConflict: boolean, { once, onProblem }: Direction): void {
  if (once !== undefined && problem.code === "unconfirmed") once.onUnsure({ done, problem, isConflict });
  else onProblem(problem);
}

export function isConflict(action: Change): boolean {
  return action.kind === "write" && action.conflict !== undefined;
}

/** Nothing was sent: what the key holds is looked up once more, and decided anew. */
function changed(action: Change, problem: Problem, direction: Direction): void {
  const { once, onProblem, to } = direction;
  const done: Done = { kind: "unchanged", to, key: action.key, replaced: false, bytes: 0 };
  if (once === undefined) onProblem(problem);
  else once.onUnsure({ done, problem, isConflict: isConflict(action) });
}

export function lossDeps(direction: Direction): LossDeps {
  return {
    ...direction,
    onChanged: (action, problem) => changed(action, problem, direction),
  };
}
