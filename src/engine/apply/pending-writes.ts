// The writes of a plan, as the side that is written to takes them: what the plan wants is read, what turns out equal is
// recorded instead, and what would be lost is saved first [I6].

import type { ByteCount } from "../../core/clock.ts";
import { type Entry, isSameVersion } from "../../core/entry.ts";
import { assert } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";
import { BULK_GET_KEYS_MAX } from "../../core/limits.ts";
import { problem, staleRead } from "../../core/problem.ts";
import type { Pages, ReadOutcome, ShownVersion, Value, Write } from "../../replica/replica.ts";
import { believeMisstamped, believeRead, believeReadAfter, type ReadValue } from "../lag/believe.ts";
import { readsBeforeLoss, saveLosses } from "../losses.ts";
import { transferOptions } from "../observer.ts";
import type { WriteAction } from "../plan/action.ts";
import type { Plan } from "../plan/plan.ts";
import type { NewBaseRow } from "../ports.ts";
import { type Direction, isConflict, lossDeps } from "./direction.ts";
import { equalRow, type InFlight } from "./rows.ts";

interface ReadWrite {
  readonly action: WriteAction;
  readonly value: Value;
}

/** Writes that replace something at a remote wait for each other, so that as many as one request asks for are looked at
 * together, and several requests are under way at a time. */
const LOOKED_AT_ONCE = 10 * BULK_GET_KEYS_MAX;

/** What they hold meanwhile. */
const WAITING_BYTES_MAX: ByteCount = 8_000_000;

/** Reads what the plan wants written, drops what turns out equal, and saves what would be lost. */
export async function* pendingWrites(plan: Plan, inFlight: Map<Key, InFlight>, direction: Direction): Pages<Write> {
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
  // Most writes replace nothing that is read for it.
  let values: Map<Key, Entry> | undefined;
  const equal: NewBaseRow[] = [];
  const unsaved = await saveLosses(actions, "replaced", {
    ...lossDeps(direction),
    onCopy: (key, path) => copies.set(key, path),
    // Not known before: a file that no signature told of, or a value under the stamp of another one.
    isEqual: ({ entry }) => {
      values ??= new Map(writes.map((write) => [write.action.key, write.value.entry]));
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
  if (direction.asksWhoWrote) {
    const entries = page.map(({ value }) => value.entry);
    direction.base.intend(direction.to, entries, direction.clock.now());
  }
  yield page;
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
  const memory = direction.memory.shownAt(direction.to === "source" ? "destination" : "source");
  for (const read of outcomes) {
    const outcome = believeMisstamped(read, { ...direction, memory });
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
  memory.see(shown);
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
