// What a plan is about to destroy, read and kept before it is touched [I6]: in the trash, and, where both sides changed the
// key, beside the file as well. What cannot be kept, or of which it is not sure what it is, is left alone.
//
// A listing tells what a remote holds by a stamp, which is only a hint beside the value: another program may have kept it with
// a value of its own. So whatever is replaced or removed at a remote is read first, a hundred keys a request, even what
// nobody would miss if it were what its stamp says. What turns out to be something else is kept; in two-way sync it is a
// change of somebody's, and the key is decided anew.

import type { Clock, DurationMs } from "../core/clock.ts";
import { compareVersions } from "../core/compare.ts";
import { type Entry, isSameVersion } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import { contested, type Problem, staleRead } from "../core/problem.ts";
import type { Loss, Trash } from "./ports.ts";
import type { Pages, ReadOutcome, Replica, Value } from "../replica/replica.ts";
import { onePage, transferOptions } from "./observer.ts";
import type { SeenValues } from "./partial.ts";
import type { RemoveAction, Target, WriteAction } from "./plan/action.ts";
import { believeRead, believeUnstamped, isInDoubt } from "./lag/believe.ts";
import type { RemoteMemory } from "./lag/remote-memory.ts";

export interface LossDeps {
  readonly clock: Clock;
  readonly to: Target;
  /** The side that is about to lose them. */
  readonly into: Replica;
  readonly trash: Trash;
  readonly memory: RemoteMemory;
  readonly settleWindowMs: DurationMs;
  /** What others wrote is not replaced unread: what is not what the plan takes it for is decided anew. */
  readonly asksWhoWrote: boolean;
  /** See {@link readsBeforeLoss}. */
  readonly readsLosses: boolean;
  /** Values of the destination that were read for this plan: what is saved of them is not read again. */
  readonly seen: SeenValues;
  readonly signal: AbortSignal | undefined;
  readonly onProblem: (problem: Problem) => void;
  /** The target holds another version than the plan takes it to hold, one that somebody else must have written. */
  readonly onChanged: (action: Change, problem: Problem) => void;
  /** A conflict copy was made, at this path in the folder. */
  readonly onCopy?: (key: Key, path: string) => void;
  /** Whether this is what is about to be written: then nothing is lost, and nothing has to be written. */
  readonly isEqual?: (value: Value) => boolean;
}

export type Change = WriteAction | RemoveAction;

/** What is to become of an action, now that what it would destroy has been read. */
type Finding =
  | { readonly kind: "go" }
  | { readonly kind: "keep"; readonly value: Value }
  | { readonly kind: "refuse"; readonly problem: Problem }
  | { readonly kind: "anew" };

const go: Finding = { kind: "go" };
const anew: Finding = { kind: "anew" };

/** Whether what this side holds is read before it is replaced or removed, though the plan does not ask for a copy. A tree
 * looks by itself, at the file's times. */
export function readsBeforeLoss({ into, readsLosses }: Pick<LossDeps, "into" | "readsLosses">): boolean {
  return readsLosses && into.traits.eventuallyConsistent && into.fetch !== undefined;
}

/** Keeps what `actions` replace or remove, where they ask for it or it is not what they say. Returns the keys that must not
 * be touched, each of which is told, as a problem or as changed, or is as it should be. */
export async function saveLosses(
  actions: readonly Change[],
  reason: Loss["reason"],
  deps: LossDeps,
): Promise<ReadonlySet<Key>> {
  const unsaved = new Set<Key>();
  const endangered = new Map<Key, Change>();
  const isReadFirst = readsBeforeLoss(deps);
  for (const action of actions)
    if (action.replaces !== undefined && (action.save || isReadFirst)) endangered.set(action.key, action);
  if (endangered.size === 0) return unsaved;
  const refuse = (key: Key, problem: Problem): void => {
    deps.onProblem(problem);
    unsaved.add(key);
  };
  for await (const outcomes of readLosses([...endangered.values()], deps)) {
    const values: Value[] = [];
    for (const outcome of outcomes) {
      const action = endangered.get(outcome.key)!;
      const finding = judge(outcome, action, deps);
      if (finding.kind === "refuse") refuse(outcome.key, finding.problem);
      if (finding.kind === "keep") {
        if (deps.isEqual?.(finding.value) === true) unsaved.add(outcome.key);
        else values.push(finding.value);
      }
      if (finding.kind !== "anew") continue;
      deps.onChanged(action, staleRead(outcome.key));
      unsaved.add(outcome.key);
    }
    if (values.length > 0) await deps.trash.save(values, { reason, side: deps.into.label });
    for (const value of values) {
      const action = endangered.get(value.entry.key);
      if (action?.kind !== "write" || action.conflict !== "copy") continue;
      const copy = await deps.into.keepConflictCopy?.(value);
      if (copy?.kind === "problem") refuse(value.entry.key, copy.problem);
      if (copy?.kind === "kept") deps.onCopy?.(value.entry.key, copy.path);
    }
  }
  return unsaved;
}

function judge(read: ReadOutcome, action: Change, deps: LossDeps): Finding {
  const { to, into, asksWhoWrote } = deps;
  const memory = deps.memory.shownAt(to);
  const { key, save } = action;
  const isRemote = into.traits.eventuallyConsistent;
  const stale: Finding = { kind: "refuse", problem: staleRead(key) };
  const isNew = memory.see(read.alsoShown ?? []);
  const outcome = isRemote ? believeUnstamped(read, { ...deps, memory }) : read;
  // Said to be gone by a side that may only lag, though it was listed. (What is gone from a tree is gone.)
  if (outcome.kind === "absent") return save && isRemote ? stale : go;
  if (outcome.kind === "problem") return { kind: "refuse", problem: outcome.problem };
  if (isNew && outcome === read) return stale;
  const { value, attributesAreListed = false } = outcome;
  if (isRemote && compareVersions(value.entry, action.replaces!) !== "same") {
    memory.see([{ entry: value.entry, attributesAreListed }]);
    const belief = believeRead(outcome, memory.pastOf(key), { ...deps, memory });
    // The read lags behind the listing: what was to be kept was not read, and else there is nothing to keep.
    if (belief.kind !== "take") return save ? stale : go;
    if (asksWhoWrote) return anew;
  } else if (!save) return go;
  // A version that nobody knows was seen within the window, and may be the one that is there.
  return to === "destination" && isInDoubt(value.entry, deps)
    ? { kind: "refuse", problem: contested(key) }
    : { kind: "keep", value };
}

async function* readLosses(actions: readonly Change[], deps: LossDeps): Pages<ReadOutcome> {
  const { to, into, seen, signal, memory } = deps;
  const unread: Entry[] = [];
  const known: ReadOutcome[] = [];
  for (const { key, replaces } of actions) {
    const value = to === "destination" ? seen.get(key) : undefined;
    if (value !== undefined && isSameVersion(value.entry, replaces!)) known.push({ kind: "value", key, value });
    else unread.push(replaces!);
  }
  if (known.length > 0) yield known;
  if (unread.length === 0) return;
  const onShown = to === "destination" ? { onShown: memory.seeOne } : {};
  const options = { ...transferOptions({ signal }), ...onShown };
  if (!into.traits.eventuallyConsistent || into.fetch === undefined) {
    yield* into.read(onePage(unread), options);
    return;
  }
  // Whatever the key holds now, not what the listing says. Values that no bulk get can carry take a request each, and the
  // listing has told their metadata a moment ago.
  const binary = unread.filter((entry) => entry.binary === true);
  const others = unread.filter((entry) => entry.binary !== true);
  const expected = new Map(others.map((entry) => [entry.key, entry]));
  if (others.length > 0) yield* into.fetch([...expected.keys()], { ...options, expected });
  if (binary.length > 0) yield* into.read(onePage(binary.map(withoutFingerprint)), options);
}

function withoutFingerprint(entry: Entry): Entry {
  return { ...entry, fingerprint: undefined };
}
