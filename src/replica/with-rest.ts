// A tree seen without the files that are still being written: what such a file holds is not known [I3], until it is at rest
// (core/rest.ts) or has moved for so long that it is let pass as it is.
//
// Who can look again leaves such keys out and is told when they are due (moving-files.ts); who runs once waits for them. All files rest
// at the same time, so that a whole run waits about as long as for one. A file that was at rest when it was listed, and is
// written to before it is read, is no value either.

import type { Clock, DurationMs } from "../core/clock.ts";
import type { BaseRow, Entry, FileSignature, Tombstone } from "../core/entry.ts";
import { assert } from "../core/errors.ts";
import { compareUtf8, type Key } from "../core/key.ts";
import { notice, type Problem, problem } from "../core/problem.ts";
import { isYoung, restOf, type RestPolicy } from "../core/rest.ts";
import { renderDuration } from "../core/units.ts";
import type { MovingFiles } from "./moving-files.ts";
import {
  isWrittenInPlace,
  type ListOptions,
  type Pages,
  type ReadableReplica,
  type ReadOutcome,
  type Replica,
} from "./replica.ts";

export interface RestDeps {
  readonly clock: Clock;
  readonly policy: RestPolicy;
  readonly moving: MovingFiles;
  /** What both sides last agreed on. */
  readonly known: (keys: readonly Key[]) => readonly (BaseRow | Tombstone)[];
  /** Undefined: nothing is waited for. */
  readonly wait?: RestWait | undefined;
  /** Nothing is taken from the files: one that has moved for as long as it may is only said to be at rest. Default: false. */
  readonly isLook?: boolean | undefined;
}

/** How a round waits for files to rest, and how much of that time is left to it. Each round has one of its own. */
export interface RestWait {
  /** Unless it is given, long enough for a few files that never rest, one after the other. */
  leftMs?: DurationMs | undefined;
  /** What does not come to rest: is let pass as it is when it has moved for as long as it may, and fails if the time is over
   * before; or is left out, for whoever looks again. */
  readonly after: "let-pass" | "leave-out";
  /** The run has waited for a second. */
  readonly onLong?: ((key: Key, others: number) => void) | undefined;
}

const LONG_MS: DurationMs = 1000;
/** So many files that never rest, on different pages of a listing, are waited for. */
const RESTLESS_MAX = 5;

/** `tree` as a round sees it that takes values from it. One call of this is for one round. */
export function withRest(tree: Replica, deps: RestDeps): Replica;
export function withRest(tree: ReadableReplica, deps: RestDeps): ReadableReplica;
export function withRest(tree: ReadableReplica, deps: RestDeps): ReadableReplica {
  return isWrittenInPlace(tree) ? restedTree(tree, deps) : tree;
}

function restedTree(tree: Replica, deps: RestDeps): Replica {
  const { lookup } = tree;
  if (tree.kind !== "tree" || deps.policy.stableAfterMs === 0 || lookup === undefined) return tree;
  const view: RestView = { ...deps, lookup, passed: new Set(), untracked: new Set(), waitedMs: 0, isTold: false };
  const { fetch, keepConflictCopy } = tree;
  return {
    kind: tree.kind,
    label: tree.label,
    traits: tree.traits,
    list: (options) => restedPages(tree.list(options), options, view),
    lookup: async (keys, options) => rested(await lookup(keys, options), options, view),
    fetch: fetch && ((keys, options) => fetch(keys, options)),
    read: (entries, options) => restedReads(tree, entries, options, view),
    write: (writes, options) => tree.write(writes, options),
    remove: (entries, options) => tree.remove(entries, options),
    keepConflictCopy: keepConflictCopy && ((value) => keepConflictCopy(value)),
    close: () => tree.close(),
  };
}

interface RestView extends RestDeps {
  readonly lookup: NonNullable<Replica["lookup"]>;
  /** Keys that move and are let pass as they are. */
  readonly passed: Set<Key>;
  /** Keys that move, and that nobody comes back to by name: they are too many. */
  readonly untracked: Set<Key>;
  waitedMs: DurationMs;
  isTold: boolean;
}

async function* restedPages(pages: Pages<Entry>, options: ListOptions, view: RestView): Pages<Entry> {
  for await (const page of pages) yield rested(page, options, view);
}

/** `entries` without those that are not at rest, each of which is told as unknown. */
async function rested(entries: readonly Entry[], options: ListOptions, view: RestView): Promise<readonly Entry[]> {
  const moving = findMoving(entries, view);
  if (moving.size === 0) return entries;
  const again = view.wait === undefined ? new Map<Key, Entry | undefined>() : await waitFor(moving, options, view);
  const seen = entries.flatMap((entry) => {
    const { key } = entry;
    if (again.has(key)) return again.get(key) ?? [];
    if (!moving.has(key)) return entry;
    options.onProblem(view.wait?.after === "let-pass" ? neverRested(key) : stillWritten(key, view));
    options.onUnknown?.({ key });
    return [];
  });
  return seen;
}

/** The entries that are not at rest, with how long each is to rest yet. */
function findMoving(entries: readonly Entry[], view: RestView): Map<Key, DurationMs> {
  const { clock, policy, moving, known, untracked } = view;
  const now = clock.now();
  const found = new Map<Key, DurationMs>();
  const young = entries.filter(
    ({ key, signature }) => signature !== undefined && (isYoung(signature, now, policy) || moving.has(key)),
  );
  if (young.length === 0) return found;
  const rows = new Map(known(young.map(({ key }) => key)).map((row) => [row.key, row]));
  for (const { key, signature } of young) {
    const row = rows.get(key);
    const restMs = leftOf(key, signature!, row === undefined || "gone" in row ? undefined : row, view);
    if (restMs === 0) continue;
    found.set(key, restMs);
    if (moving.postpone(key, signature!, restMs)) untracked.delete(key);
    else untracked.add(key);
  }
  return found;
}

/** How long the file is to rest yet; 0: it is at rest, or is let pass. */
function leftOf(
  key: Key,
  signature: FileSignature,
  known: Pick<BaseRow, "size" | "signature"> | undefined,
  { clock, policy, moving, passed, wait, isLook = false }: RestView,
): DurationMs {
  const { unchangedMs, movingMs } = moving.look(key, signature);
  const awaitsNew = wait?.after !== "let-pass";
  const restMs = restOf({ signature, known, now: clock.now(), unchangedMs, awaitsNew }, policy);
  if (restMs === 0) moving.rest(key);
  if (restMs === 0 || passed.has(key)) return 0;
  const { stableMaxMs } = policy;
  if (movingMs < stableMaxMs) return Math.min(restMs, stableMaxMs - movingMs);
  if (isLook) return 0;
  passed.add(key);
  moving.letPass(key, stableMaxMs);
  return 0;
}

/** Waits for the files that can be at rest in the time that is left. Returns what each of those is then; undefined: nothing, or
 * nothing that can be told. */
async function waitFor(
  moving: Map<Key, DurationMs>,
  options: ListOptions,
  view: RestView,
): Promise<ReadonlyMap<Key, Entry | undefined>> {
  const wait = openWait(view);
  const found = new Map<Key, Entry | undefined>();
  const mayRest = ([, restMs]: readonly [Key, DurationMs]): boolean =>
    wait.after === "let-pass" || restMs <= wait.leftMs;
  const awaited = (): readonly Key[] => [...moving].filter(mayRest).map(([key]) => key);
  // Where the time is used up, a file that was saved a moment ago has its rest all the same, once.
  let isLast = false;
  for (let keys = awaited(); keys.length > 0 && !isLast; keys = awaited()) {
    isLast = wait.leftMs <= 0;
    const restMs = keys.reduce((max, key) => Math.max(max, moving.get(key)!), 0);
    await sleep(isLast ? restMs : Math.min(restMs, wait.leftMs), keys, options, view);
    const entries = new Map((await view.lookup(keys, options)).map((entry) => [entry.key, entry]));
    const still = findMoving([...entries.values()], view);
    for (const key of keys) {
      const restsYet = still.get(key);
      if (restsYet !== undefined) moving.set(key, restsYet);
      else {
        moving.delete(key);
        found.set(key, entries.get(key));
      }
    }
  }
  return found;
}

function openWait({ wait, policy }: RestView): RestWait & { leftMs: DurationMs } {
  assert(wait !== undefined, "only a run that may wait does");
  wait.leftMs ??= RESTLESS_MAX * policy.stableMaxMs;
  return wait as RestWait & { leftMs: DurationMs };
}

/** Rejects with the signal's reason. */
async function sleep(
  durationMs: DurationMs,
  keys: readonly Key[],
  { signal }: ListOptions,
  view: RestView,
): Promise<void> {
  const { clock } = view;
  const wait = openWait(view);
  for (let leftMs = Math.ceil(durationMs); leftMs > 0;) {
    const partMs = view.isTold ? leftMs : Math.min(leftMs, Math.max(1, LONG_MS - view.waitedMs));
    const began = clock.monotonic();
    await clock.sleep(partMs, signal);
    const tookMs = Math.max(partMs, clock.monotonic() - began);
    view.waitedMs += tookMs;
    wait.leftMs -= tookMs;
    leftMs -= tookMs;
    if (view.isTold || view.waitedMs < LONG_MS) continue;
    view.isTold = true;
    const [first = "" as Key] = [...keys].sort(compareUtf8);
    wait.onLong?.(first, keys.length - 1);
  }
}

/** What is read of files that are as they were listed, or at rest. */
async function* restedReads(
  tree: Replica,
  entries: Pages<Entry>,
  options: Parameters<Replica["read"]>[1],
  view: RestView,
): Pages<ReadOutcome> {
  const listed = new Map<Key, Entry>();
  async function* noted(): Pages<Entry> {
    for await (const page of entries) {
      for (const entry of page) listed.set(entry.key, entry);
      yield page;
    }
  }
  for await (const outcomes of tree.read(noted(), options)) {
    yield outcomes.map((outcome) => {
      const before = listed.get(outcome.key);
      listed.delete(outcome.key);
      if (outcome.kind !== "value" || before === undefined) return outcome;
      return isWhole(outcome.value.entry, before, view) ? outcome : writtenSince(outcome.key, view);
    });
  }
}

function isWhole({ key, signature }: Entry, before: Entry, view: RestView): boolean {
  if (signature === undefined || view.passed.has(key)) return true;
  if (before.signature !== undefined && isRenamedAlone(before.signature, signature)) return true;
  if (!isYoung(signature, view.clock.now(), view.policy)) return true;
  const restMs = leftOf(key, signature, { size: before.size ?? 0, signature: undefined }, view);
  if (restMs === 0) return true;
  if (!view.moving.postpone(key, signature, restMs)) view.untracked.add(key);
  return false;
}

/** Whether nothing but its name has changed, or its mode: as when we ourselves move it aside for a folder of its name. */
function isRenamedAlone(before: FileSignature, now: FileSignature): boolean {
  return before.inode === now.inode && before.size === now.size && before.mtimeMs === now.mtimeMs;
}

function writtenSince(key: Key, view: RestView): ReadOutcome {
  const message = "was written to after it was looked at, and may not be complete: the next round sees to it";
  const told = view.wait === undefined ? stillWritten(key, view) : problem("changed-while-reading", key, message);
  return { kind: "problem", key, problem: told };
}

function stillWritten(key: Key, { policy, untracked }: RestView): Problem {
  const rest = renderDuration(policy.stableAfterMs);
  // The one is looked at again by name, the other with all that may do better later.
  const code = untracked.has(key) ? "changed-while-reading" : "still-written";
  return notice(code, key, `is still being written: it waits until it has not changed for ${rest}`);
}

function neverRested(key: Key): Problem {
  return problem("changed-while-reading", key, "did not come to rest in time, and may not be complete: run again");
}
