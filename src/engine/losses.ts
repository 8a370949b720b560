// What a plan is about to destroy, read and kept before it is touched [I6]: in the trash, and, where both sides changed the
// key, beside the file as well. What cannot be kept, or of which it is not sure what it is, is left alone.

import type { Clock, DurationMs } from "../core/clock.ts";
import { type Entry, isSameVersion } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import { contested, type Problem, staleRead } from "../core/problem.ts";
import { isContested } from "../core/settle.ts";
import type { Loss, Trash } from "../journal/ports.ts";
import type { Pages, ReadOutcome, Replica, Value } from "../replica/replica.ts";
import { onePage, transferOptions } from "./observer.ts";
import type { SeenValues } from "./partial.ts";
import type { RemoveAction, Target, WriteAction } from "./plan.ts";
import type { Recall } from "./recall.ts";

export interface LossDeps {
  readonly clock: Clock;
  readonly to: Target;
  /** The side that is about to lose them. */
  readonly into: Replica;
  readonly trash: Trash;
  readonly recall: Recall;
  readonly settleWindowMs: DurationMs;
  /** Values of the destination that were read for this plan: what is saved of them is not read again. */
  readonly seen: SeenValues;
  readonly signal: AbortSignal | undefined;
  readonly onProblem: (problem: Problem) => void;
}

/** Keeps what `actions` replace or remove, where they ask for it. Returns the keys that must not be touched, each of which
 * is told as a problem. */
export async function saveLosses(
  actions: readonly (WriteAction | RemoveAction)[],
  reason: Loss["reason"],
  deps: LossDeps,
): Promise<ReadonlySet<Key>> {
  const unsaved = new Set<Key>();
  const entries = actions.flatMap((action) => (action.save && action.replaces !== undefined ? [action.replaces] : []));
  if (entries.length === 0) return unsaved;
  const refuse = (key: Key, problem: Problem): void => {
    deps.onProblem(problem);
    unsaved.add(key);
  };
  const conflicts = new Set(
    actions.flatMap((action) => (action.kind === "write" && action.conflict ? [action.key] : [])),
  );
  for await (const outcomes of readLosses(entries, deps)) {
    const values: Value[] = [];
    for (const outcome of outcomes) {
      const problem = problemOf(outcome, deps);
      if (problem !== undefined) refuse(outcome.key, problem);
      else if (outcome.kind === "value") values.push(outcome.value);
    }
    if (values.length > 0) await deps.trash.save(values, { reason, side: deps.into.label });
    for (const value of values) {
      if (!conflicts.has(value.entry.key)) continue;
      const copy = await deps.into.keepConflictCopy?.(value);
      if (copy?.kind === "problem") refuse(value.entry.key, copy.problem);
    }
  }
  return unsaved;
}

/** Why what was read cannot be kept, or may not be all: a version that nobody knows was seen beside it, or within the window;
 * or it is said to be gone by a side that may only lag, though it was listed. (What is gone from a tree is gone, and needs no
 * saving.) */
function problemOf(outcome: ReadOutcome, deps: LossDeps): Problem | undefined {
  const { clock, to, into, recall, settleWindowMs } = deps;
  const { key } = outcome;
  const isNewSight = recall.see(outcome.seen ?? []);
  if (outcome.kind === "absent") return into.traits.eventuallyConsistent ? staleRead(key) : undefined;
  if (outcome.kind === "problem") return outcome.problem;
  if (isNewSight) return staleRead(key);
  const options = { now: clock.now(), windowMs: settleWindowMs };
  const isInDoubt = to === "destination" && isContested(outcome.value.entry, recall.glimpsesOf(key), options);
  return isInDoubt ? contested(key) : undefined;
}

async function* readLosses(entries: readonly Entry[], { to, into, seen, signal }: LossDeps): Pages<ReadOutcome> {
  const unread: Entry[] = [];
  const known: ReadOutcome[] = [];
  for (const entry of entries) {
    const value = to === "destination" ? seen.get(entry.key) : undefined;
    if (value !== undefined && isSameVersion(value.entry, entry)) known.push({ kind: "value", key: entry.key, value });
    else unread.push(entry);
  }
  if (known.length > 0) yield known;
  if (unread.length > 0) yield* into.read(onePage(unread), transferOptions({ signal }));
}
