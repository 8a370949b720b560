// Apply: carries out a plan that the guards let pass, and moves the base for what was confirmed, and for nothing else [I4].
// What would be lost is in the trash before it is replaced or removed [I6]. Writes go before removals, on both sides: the
// successor is safe before anything goes.

import type { Done } from "./plan/action.ts";
import type { ByteCount, Clock, DurationMs, EpochMs } from "../core/clock.ts";
import { type Entry, isSameVersion } from "../core/entry.ts";
import { assert } from "../core/errors.ts";
import type { Key } from "../core/key.ts";
import { BULK_GET_KEYS_MAX } from "../core/limits.ts";
import { type Problem, problem, staleRead } from "../core/problem.ts";
import type { BaseStore, IntentStore, NewBaseRow, Trash } from "./ports.ts";
import {
  isWrittenInPlace,
  type Pages,
  type ReadableReplica,
  type ReadOutcome,
  type Replica,
  type ShownVersion,
  type TransferOptions,
  type Value,
  type Write,
  type WriteOutcome,
} from "../replica/replica.ts";
import { type Change, type LossDeps, readsBeforeLoss, saveLosses } from "./losses.ts";
import { transferOptions } from "./observer.ts";
import type { SeenValues } from "./partial.ts";
import type { Plan } from "./plan/plan.ts";
import type { Target, WriteAction } from "./plan/action.ts";
import { believeMisstamped, believeRead, believeReadAfter, type ReadValue } from "./lag/believe.ts";
import type { RemoteMemory } from "./lag/remote-memory.ts";
import type { Unsure } from "./unsure.ts";

export interface ApplyDeps {
  readonly clock: Clock;
  readonly source: ReadableReplica;
  readonly destination: Replica;
  readonly base: BaseStore & IntentStore;
  readonly trash: Trash;
  /** When the listings of this round began: signatures in the plan are no older. */
  readonly startedAt: EpochMs;
  /** Values of the destination that were read for this plan: what is saved of them is not read again. */
  readonly seen: SeenValues;
  readonly signal: AbortSignal | undefined;
  /** Both sides may be changed: what is under way is to be known after a crash. */
  readonly twoWay: boolean;
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

export async function applyPlan(plan: Plan, deps: ApplyDeps): Promise<void> {
  commitRecords(plan, deps);
  for (const to of TARGETS)
    if (plan.counts[`write:${to}`] > 0) await applyWrites(plan, { ...deps, ...sides(deps, to) });
  for (const to of TARGETS)
    if (plan.counts[`remove:${to}`] > 0) await applyRemoves(plan, { ...deps, ...sides(deps, to) });
}

const TARGETS: readonly Target[] = ["source", "destination"];

/** What a side is asked with to change something. */
function changeOptions(direction: Direction): TransferOptions {
  return { ...transferOptions(direction), once: direction.once };
}

function failed(done: Done, problem: Problem, isConflict: boolean, { once, onProblem }: Direction): void {
  if (once !== undefined && problem.code === "unconfirmed") once.onUnsure({ done, problem, isConflict });
  else onProblem(problem);
}

function isConflict(action: Change): boolean {
  return action.kind === "write" && action.conflict !== undefined;
}

/** Nothing was sent: what the key holds is looked up once more, and decided anew. */
function changed(action: Change, problem: Problem, direction: Direction): void {
  const { once, onProblem, to } = direction;
  const done: Done = { kind: "unchanged", to, key: action.key, replaced: false, bytes: 0 };
  if (once === undefined) onProblem(problem);
  else once.onUnsure({ done, problem, isConflict: isConflict(action) });
}

/** One direction of a plan: values go from `from` into `into`. */
interface Direction extends ApplyDeps {
  readonly to: Target;
  readonly from: ReadableReplica;
  readonly into: Replica;
}

function sides(deps: ApplyDeps, to: Target): Pick<Direction, "to" | "from" | "into"> {
  const into = deps[to];
  assert(isWrittenInPlace(into), "a plan changes only a side that is written in place");
  return { to, from: to === "source" ? deps.destination : deps.source, into };
}

function commitRecords(plan: Plan, deps: ApplyDeps): void {
  for (const page of plan.pages("record")) {
    const record = page.map((action) => equalRow(action.source, action.destination, deps));
    deps.base.commit({ record, forget: [], now: deps.clock.now() });
  }
  for (const page of plan.pages("forget")) {
    deps.base.commit({ record: [], forget: page.map((action) => action.key), now: deps.clock.now() });
  }
}

/** The row for a key that both sides hold alike. */
function equalRow(one: Entry, other: Entry, deps: ApplyDeps): NewBaseRow {
  const fingerprint = one.fingerprint ?? other.fingerprint;
  const size = one.size ?? other.size;
  assert(fingerprint !== undefined && size !== undefined, "what is recorded as equal has been compared");
  return {
    key: one.key,
    fingerprint,
    metadata: one.metadata,
    expiration: one.expiration ?? other.expiration,
    size,
    binary: one.binary ?? other.binary,
    signature: one.signature ?? other.signature,
    hashedAt: deps.startedAt,
    agreedAt: deps.clock.now(),
  };
}

/** A write that is not yet confirmed: only what is needed then, since there are some 15,000. Its bytes belong to the side
 * that sends them. */
interface InFlight {
  readonly replaces: boolean;
  readonly isConflict: boolean;
  readonly copy: string | undefined;
  readonly entry: Entry;
  readonly size: ByteCount;
  readonly readAt: EpochMs;
}

interface ReadWrite {
  readonly action: WriteAction;
  readonly value: Value;
}

async function applyWrites(plan: Plan, direction: Direction): Promise<void> {
  // Actions whose value has been read and whose write is not yet confirmed: as many as the side buffers.
  const inFlight = new Map<Key, InFlight>();
  const writes = pendingWrites(plan, inFlight, direction);
  const record = openRecorder(direction);
  try {
    for await (const outcomes of direction.into.write(writes, changeOptions(direction))) {
      for (const outcome of outcomes) {
        const pending = inFlight.get(outcome.key);
        assert(pending !== undefined, "a write outcome belongs to a write that was asked for");
        inFlight.delete(outcome.key);
        const { replaces: replaced, size: bytes, isConflict, copy } = pending;
        const { key } = outcome;
        const kept = outcome.kind === "written" ? (outcome.keptAside ?? copy) : copy;
        const done: Done = { kind: "written", to: direction.to, key, replaced, bytes, isConflict, copy: kept };
        if (outcome.kind === "problem") {
          failed(done, outcome.problem, isConflict, direction);
          continue;
        }
        record.add(writtenRow(pending, outcome));
        direction.onDone(done);
      }
      record.commitMany();
    }
  } finally {
    // Also when the side fails, or the round is stopped: what was confirmed until then is known.
    record.commit();
  }
  assert(inFlight.size === 0, "every write has an outcome");
}

/** Confirmed writes that the base does not know yet. A crash before it does costs the next round a comparison. */
const RECORDS_MAX = 1000;

function openRecorder({ base, clock, to }: Direction): {
  add(row: NewBaseRow): void;
  /** A commit has its price, whatever the number of rows: a tree confirms 128 at a time. */
  commitMany(): void;
  commit(): void;
} {
  let rows: NewBaseRow[] = [];
  const commit = (): void => {
    const overwrites = to === "destination";
    if (rows.length > 0) base.commit({ record: rows, forget: [], now: clock.now(), overwrites });
    rows = [];
  };
  return {
    add: (row) => rows.push(row),
    commitMany: () => {
      if (rows.length >= RECORDS_MAX) commit();
    },
    commit,
  };
}

function writtenRow(
  { entry, size, readAt }: InFlight,
  outcome: Extract<WriteOutcome, { kind: "written" }>,
): NewBaseRow {
  const written = outcome.entry;
  const fingerprint = entry.fingerprint ?? written.fingerprint;
  assert(fingerprint !== undefined, "a value that was read has a fingerprint");
  return {
    key: outcome.key,
    fingerprint,
    metadata: entry.metadata,
    expiration: written.expiration ?? entry.expiration,
    size,
    binary: entry.binary ?? written.binary,
    signature: entry.signature ?? written.signature,
    hashedAt: entry.signature === undefined ? outcome.confirmedAt : readAt,
    agreedAt: outcome.confirmedAt,
  };
}

/** Writes that replace something at a remote wait for each other, so that as many as one request asks for are looked at
 * together, and several requests are under way at a time. */
const LOOKED_AT_ONCE = 10 * BULK_GET_KEYS_MAX;
/** What they hold meanwhile. */
const WAITING_BYTES_MAX: ByteCount = 8_000_000;

/** Reads what the plan wants written, drops what turns out equal, and saves what would be lost. */
async function* pendingWrites(plan: Plan, inFlight: Map<Key, InFlight>, direction: Direction): Pages<Write> {
  const wanted = new Map<Key, WriteAction>();
  // See the port about the bytes of a page: memory is used again only if the writer is done with it by then.
  const reusesBytes = direction.into.traits.needsBytesUntil === "next-page";
  const options = { ...transferOptions(direction), reusesBytes };
  const isReadFirst = readsBeforeLoss(direction);
  let waiting: ReadWrite[] = [];
  let waitingBytes = 0;
  for await (const outcomes of direction.from.read(wantedEntries(plan, wanted, direction), options)) {
    const writes = readWrites(outcomes, wanted, direction);
    const ready: ReadWrite[] = [];
    for (const write of writes) {
      if (!isReadFirst || write.action.replaces === undefined) {
        ready.push(write);
        continue;
      }
      waiting.push(reusesBytes ? copied(write) : write);
      waitingBytes += write.value.bytes.byteLength;
    }
    if (ready.length > 0) yield* savedWrites(ready, inFlight, direction);
    if (waiting.length < LOOKED_AT_ONCE && waitingBytes < WAITING_BYTES_MAX) continue;
    const due = waitingBytes < WAITING_BYTES_MAX ? waiting.splice(0, LOOKED_AT_ONCE) : waiting.splice(0);
    waitingBytes = waiting.reduce((sum, { value }) => sum + value.bytes.byteLength, 0);
    yield* savedWrites(due, inFlight, direction);
  }
  if (waiting.length > 0) yield* savedWrites(waiting, inFlight, direction);
}

function copied({ action, value }: ReadWrite): ReadWrite {
  return { action, value: { ...value, bytes: Buffer.from(value.bytes) } };
}

/** `writes` as one page, without those that must not be carried out. */
async function* savedWrites(
  writes: readonly ReadWrite[],
  inFlight: Map<Key, InFlight>,
  direction: Direction,
): Pages<Write> {
  const actions = writes.map(({ action }) => action);
  const copies = new Map<Key, string>();
  const values = new Map(writes.map(({ action, value }) => [action.key, value.entry]));
  const equal: NewBaseRow[] = [];
  const unsaved = await saveLosses(actions, "replaced", {
    ...lossDeps(direction),
    onCopy: (key, path) => copies.set(key, path),
    // Not known before: a file that no signature told of, or a value under the stamp of another one.
    isEqual: ({ entry }) => {
      const value = values.get(entry.key);
      if (value === undefined || !isSameVersion(value, entry)) return false;
      equal.push(equalRow(value, entry, direction));
      direction.onDone({ kind: "unchanged", to: direction.to, key: entry.key, replaced: false, bytes: 0 });
      return true;
    },
  });
  if (equal.length > 0) direction.base.commit({ record: equal, forget: [], now: direction.clock.now() });
  const page: Write[] = [];
  for (const { action, value } of writes) {
    if (unsaved.has(action.key)) continue;
    const { entry, bytes, readAt } = value;
    const replaces = action.replaces !== undefined;
    const size = bytes.byteLength;
    const copy = copies.get(action.key);
    inFlight.set(action.key, { replaces, isConflict: isConflict(action), copy, entry, size, readAt });
    page.push({ value, expected: action.replaces });
  }
  if (page.length === 0) return;
  if (direction.twoWay) {
    const entries = page.map(({ value }) => value.entry);
    direction.base.intend(direction.to, entries, direction.clock.now());
  }
  yield page;
}

function lossDeps(direction: Direction): LossDeps {
  return {
    ...direction,
    onChanged: (action, problem) => changed(action, problem, direction),
  };
}

async function* wantedEntries(plan: Plan, wanted: Map<Key, WriteAction>, { to }: Direction): Pages<Entry> {
  for (const page of plan.pages(`write:${to}`)) {
    for (const action of page) wanted.set(action.key, action);
    yield page.map((action) => action.from);
  }
}

/** The writes that follow from what was read. Values that turn out equal are recorded instead. */
function readWrites(
  outcomes: readonly ReadOutcome[],
  wanted: Map<Key, WriteAction>,
  direction: Direction,
): ReadWrite[] {
  const writes: ReadWrite[] = [];
  const equal: NewBaseRow[] = [];
  const shown: ShownVersion[] = [];
  for (const read of outcomes) {
    const outcome = believeMisstamped(read, direction);
    const action = wanted.get(outcome.key);
    assert(action !== undefined, "a read outcome belongs to a read that was asked for");
    wanted.delete(outcome.key);
    shown.push(...(outcome.alsoShown ?? []));
    if (outcome.kind === "problem") direction.onProblem(outcome.problem);
    if (outcome.kind === "absent") {
      const message = "was there when listed and is gone now; the next round sees to it";
      direction.onProblem(problem("vanished", outcome.key, message));
    }
    if (outcome.kind !== "value") continue;
    const { value } = outcome;
    if (lags(outcome, action, direction)) {
      direction.onProblem(staleRead(outcome.key));
      continue;
    }
    // Only now is it known what the remote holds; the file may yet turn out to have been changed, and not be written.
    if (direction.twoWay && direction.to === "source" && action.from.fingerprint === undefined)
      shown.push({ entry: value.entry, attributesAreListed: false });
    // A stamp that is of another value says in each round that the value is to be carried over.
    const mayBeEqual = action.ifDifferent || outcome !== read;
    if (!mayBeEqual || action.replaces === undefined || !isSameVersion(value.entry, action.replaces)) {
      writes.push({ action, value });
      continue;
    }
    equal.push(equalRow(value.entry, action.replaces, direction));
    direction.onDone({ kind: "unchanged", to: action.to, key: action.key, replaced: false, bytes: 0 });
  }
  direction.memory.see(shown);
  if (equal.length > 0) direction.base.commit({ record: equal, forget: [], now: direction.clock.now() });
  return writes;
}

/** Whether what was read of a key, whose fingerprint no listing told, is a version that was there before. */
function lags(read: ReadValue, { key, from: listed, isKnown }: WriteAction, direction: Direction): boolean {
  const { from, into, to, memory } = direction;
  if (!isKnown || listed.fingerprint !== undefined || !from.traits.eventuallyConsistent) return false;
  const isRemembered = to === "source" || !into.traits.eventuallyConsistent;
  const past = memory.pastOf(key);
  const belief = isRemembered
    ? believeReadAfter(listed, read, past, direction)
    : believeRead(read, { ...past, unsettled: [] }, direction);
  return belief.kind !== "take";
}

async function applyRemoves(plan: Plan, direction: Direction): Promise<void> {
  for await (const outcomes of direction.into.remove(savedRemoves(plan, direction), changeOptions(direction))) {
    const forget: Key[] = [];
    for (const outcome of outcomes) {
      const done: Done = { kind: "removed", to: direction.to, key: outcome.key, replaced: false, bytes: 0 };
      if (outcome.kind === "problem") {
        failed(done, outcome.problem, false, direction);
        continue;
      }
      forget.push(outcome.key);
      direction.onDone(done);
    }
    const overwrites = direction.to === "destination";
    if (forget.length > 0) direction.base.commit({ record: [], forget, now: direction.clock.now(), overwrites });
  }
}

async function* savedRemoves(plan: Plan, direction: Direction): Pages<Entry> {
  for (const page of plan.pages(`remove:${direction.to}`)) {
    const unsaved = await saveLosses(page, "removed", lossDeps(direction));
    yield page.filter((action) => !unsaved.has(action.key)).map((action) => action.replaces);
  }
}
