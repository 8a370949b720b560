// Asks for values, one or many at a time, and deals with what bulk gets cannot: binary values, and answers that are too
// large or too slow. A group that fails is split, or read one by one, whichever is expected to cost less.

import { isUtf8 } from "node:buffer";
import { batchLimit, type BatchSize, FULL_BATCH, growBatch, shrinkBatch } from "../core/batch-size.ts";
import type { ByteCount } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import { BULK_GET_KEYS_MAX } from "../core/limits.ts";
import { type Problem, problem } from "../core/problem.ts";
import { type AnswerRoom, openAnswerRoom } from "./answer-room.ts";
import { type BinaryShare, groupKeys, learnBinary, readSingly, UNKNOWN_SHARE } from "./bulk-get-plan.ts";
import type { BulkValue, CallOptions } from "./kv-api.ts";
import { isRefusal, KvError, refusalProblem } from "./kv-error.ts";
import { readValueBytes } from "./read-value-bytes.ts";
import type { ReadValue, ValueToRead } from "./value-to-read.ts";
import type { TaskSet } from "./task-set.ts";
import type { TransferDeps } from "./write-pairs.ts";

export interface ValueReader<Tag> {
  readOne(item: ValueToRead<Tag>): void;
  /** At least two items. */
  readMany(items: readonly ValueToRead<Tag>[]): void;
  /** Whether the values that are expected leave room for `item`. */
  hasRoom(item: ValueToRead<Tag>): boolean;
  /** How many keys to ask for at a time, of those known to be text and of those not known to be. */
  groupKeys(kind: "text" | "unknown"): number;
  /** Some of those that wait, at most a bulk get's worth: while they are dealt with, no other request is begun. */
  takeOutcomes(): readonly ReadValue<Tag>[];
  /** The outcomes taken last are no longer held by anyone. */
  release(): void;
}

/** Values under way or waiting to be taken: as expected until their answers begin, and then as they are. Of the
 * largest size it is one: with two, a backup of them peaks above 256 MiB. */
const READ_BYTES_MAX: ByteCount = 48_000_000;
/** A bulk get's values count for the answer that they come in, too: in pieces, and as one. */
const BULK_COPIES = 3;
/** With as much to be taken, whoever takes it is slower than the server: more would only lie about. */
const READY_BYTES_MAX: ByteCount = 1_000_000;
/** What a value of unknown size is taken for at first; then it is the largest seen of late. */
const UNKNOWN_BYTES: ByteCount = 4_000_000;
const UNKNOWN_BYTES_MIN: ByteCount = 16_000;
const FADE = 0.9;
/** More timeouts in a row are no matter of how much is asked for. */
const SLOW_IN_A_ROW_MAX = 12;
/** This many values refused from the start, and nothing answered: it is not the keys. */
const REFUSED_AT_FIRST_MAX = 100;
const TAKEN_MAX = BULK_GET_KEYS_MAX;
/** Values of one failed group that are read at a time. */
const SINGLES_AT_ONCE = 4;

type BulkValues = ReadonlyMap<string, BulkValue | null>;

type Items<Tag> = readonly ValueToRead<Tag>[];

/** What a reader holds, and what it has learned of the values. */
interface Reading<Tag> extends Pick<TransferDeps, "clock" | "api" | "namespaceId"> {
  readonly tasks: TaskSet;
  readonly options: CallOptions;
  readonly outcomes: ReadValue<Tag>[];
  readonly room: AnswerRoom;
  /** Bytes of the values taken last. */
  taken: ByteCount;
  largest: ByteCount;
  /** How many of the values not known to be text are binary, as far as seen; and how many of them to ask for at a time. */
  share: BinaryShare;
  unknownKeys: number;
  size: BatchSize;
  slowInARow: number;
  /** Values refused; undefined once the API has answered for any key. */
  refusedAtFirst: number | undefined;
  /** The server's bulk get is not the API's: values are read one by one. */
  bulkIsUnsupported: boolean;
}

export function openValueReader<Tag>(
  { clock, api, namespaceId, readBytesMax = READ_BYTES_MAX }: TransferDeps,
  tasks: TaskSet,
  options: CallOptions,
): ValueReader<Tag> {
  const reading: Reading<Tag> = {
    clock,
    api,
    namespaceId,
    tasks,
    options,
    outcomes: [],
    room: openAnswerRoom(readBytesMax),
    taken: 0,
    largest: UNKNOWN_BYTES,
    share: UNKNOWN_SHARE,
    unknownKeys: groupKeys(UNKNOWN_SHARE),
    size: FULL_BATCH,
    slowInARow: 0,
    refusedAtFirst: 0,
    bulkIsUnsupported: false,
  };
  const { room } = reading;
  const { signal } = options;
  signal?.addEventListener("abort", () => room.fail(signal.reason), { once: true });
  return {
    readOne: (item) => tasks.run(readOne(reading, item)),
    readMany: (items) => tasks.run(readMany(reading, items).then(() => undefined)),
    hasRoom: (item) => {
      if (room.kept >= READY_BYTES_MAX) return false;
      return room.bytes === 0 || room.bytes + expectedBytes(reading, [item]) <= readBytesMax;
    },
    groupKeys: (kind) =>
      Math.min(batchLimit(reading.size, BULK_GET_KEYS_MAX), kind === "text" ? BULK_GET_KEYS_MAX : reading.unknownKeys),
    takeOutcomes: () => {
      const result = reading.outcomes.splice(0, TAKEN_MAX);
      const bytes = result.reduce((sum, outcome) => sum + (outcome.kind === "value" ? outcome.bytes.byteLength : 0), 0);
      reading.taken += bytes;
      return result;
    },
    release: () => {
      room.keep(-reading.taken);
      reading.taken = 0;
    },
  };
}

function expectedBytes<Tag>({ largest }: Reading<Tag>, items: Items<Tag>): ByteCount {
  return items.reduce((sum, item) => sum + (item.size ?? largest), 0);
}

function learn<Tag>(reading: Reading<Tag>, seen: number, binary: number): void {
  if (seen === 0) return;
  reading.share = learnBinary(reading.share, seen, binary);
  reading.unknownKeys = groupKeys(reading.share);
}

function settleValue<Tag>(
  reading: Reading<Tag>,
  { key, tag }: ValueToRead<Tag>,
  bytes: Uint8Array,
  from: BulkValue | undefined,
): void {
  reading.room.keep(bytes.byteLength);
  reading.largest = Math.max(UNKNOWN_BYTES_MIN, bytes.byteLength, reading.largest * FADE);
  reading.outcomes.push({ kind: "value", key, tag, bytes, attributes: from, readAt: reading.clock.now() });
}

async function readOne<Tag>(reading: Reading<Tag>, item: ValueToRead<Tag>): Promise<void> {
  const { key, tag } = item;
  const intake = reading.room.open(expectedBytes(reading, [item]), 1);
  try {
    const bytes = await readValueBytes(reading.api, reading.namespaceId, key, { ...reading.options, intake });
    reading.refusedAtFirst = undefined;
    if (bytes === undefined) {
      reading.outcomes.push({ kind: "absent", key, tag });
      return;
    }
    if (item.binary === undefined) learn(reading, 1, isUtf8(bytes) ? 0 : 1);
    settleValue(reading, item, bytes, undefined);
  } catch (error) {
    const found = readFault(key, error);
    if (found === undefined) throw error;
    if (reading.refusedAtFirst !== undefined && ++reading.refusedAtFirst > REFUSED_AT_FIRST_MAX) throw error;
    reading.outcomes.push({ kind: "problem", key, tag, problem: found });
  } finally {
    intake.end();
    // It may be one of many of its task, of which the others wait for room.
    reading.tasks.ring();
  }
}

/** When it fails, none of them is under way any more. */
async function readEach<Tag>(reading: Reading<Tag>, items: Items<Tag>): Promise<void> {
  const rest = items.values();
  let failure: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    for (const item of rest) {
      if (failure !== undefined) return;
      try {
        await readOne(reading, item);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: SINGLES_AT_ONCE }, work));
  if (failure !== undefined) throw failure.error;
}

/** True: all of them were text. */
async function readMany<Tag>(reading: Reading<Tag>, items: Items<Tag>): Promise<boolean> {
  if (items.length <= 1 || reading.bulkIsUnsupported) {
    await readEach(reading, items);
    return false;
  }
  const answer = await askBulk(reading, items);
  if (answer === "not-text") await readMixed(reading, items);
  else if (answer === "refused") await readEach(reading, items);
  else if (answer === "too-much") await readGroups(reading, items, items.length >> 1);
  else if (answer.length > 0) await readEach(reading, answer);
  return typeof answer !== "string";
}

/** At least one of them is not text, so that asking for all of them again would be in vain. */
async function readMixed<Tag>(reading: Reading<Tag>, items: Items<Tag>): Promise<void> {
  if (readSingly(items.length, reading.share)) return readEach(reading, items);
  const middle = items.length >> 1;
  // So many are binary that it is no news that one of them is.
  if (reading.unknownKeys < middle) return readGroups(reading, items, reading.unknownKeys);
  const right = items.slice(middle);
  if (await readMany(reading, items.slice(0, middle))) return readMixed(reading, right);
  await readMany(reading, right);
}

async function readGroups<Tag>(reading: Reading<Tag>, items: Items<Tag>, keys: number): Promise<void> {
  for (let at = 0; at < items.length; at += keys) await readMany(reading, items.slice(at, at + keys));
}

/** Asks, and settles what is answered: all of `items` but those that are given back, which are to be read by themselves. What
 * fails as a whole can be asked for in another way. */
async function askBulk<Tag>(
  reading: Reading<Tag>,
  items: Items<Tag>,
): Promise<Items<Tag> | "not-text" | "too-much" | "refused"> {
  const intake = reading.room.open(BULK_COPIES * expectedBytes(reading, items), BULK_COPIES);
  try {
    const keys = items.map((item) => item.key);
    return settleBulk(
      reading,
      items,
      await reading.api.bulkGet(reading.namespaceId, keys, { ...reading.options, intake }),
    );
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    if (error.code === "not-text") return "not-text";
    if (error.code === "unsupported") {
      reading.bulkIsUnsupported = true;
      return "refused";
    }
    if (error.code !== "request-too-large" && !error.timedOut) {
      if (isRefusal(error)) return "refused";
      throw error;
    }
    if (error.timedOut && ++reading.slowInARow > SLOW_IN_A_ROW_MAX) throw error;
    reading.size = shrinkBatch(reading.size, items.length / BULK_GET_KEYS_MAX);
    return "too-much";
  } finally {
    intake.end();
    // It may be a part of its task, whose next part waits until these values are taken.
    reading.tasks.ring();
  }
}

/** Gives back what came damaged. */
function settleBulk<Tag>(reading: Reading<Tag>, items: Items<Tag>, values: BulkValues): Items<Tag> {
  reading.slowInARow = 0;
  reading.refusedAtFirst = undefined;
  reading.size = growBatch(reading.size);
  learn(reading, items.filter((item) => item.binary === undefined).length, 0);
  const broken: ValueToRead<Tag>[] = [];
  for (const item of items) {
    const value = values.get(item.key);
    if (value === null || value === undefined) reading.outcomes.push({ kind: "absent", key: item.key, tag: item.tag });
    else if (value.bytes === undefined) broken.push(item);
    else settleValue(reading, item, value.bytes, value);
  }
  return broken;
}

/** What is wrong with one key, of which the others know nothing. Undefined: it concerns all keys. */
function readFault(key: Key, error: unknown): Problem | undefined {
  if (isRefusal(error)) return refusalProblem(key, error);
  if (!(error instanceof KvError)) return undefined;
  if (error.code === "request-too-large") return problem("value-too-large", key, `cannot be read: ${error.message}`);
  // An answer that cannot be trusted to be the value, and is the same however often it is asked for.
  if (error.code !== "api-malformed" || error.retryable) return undefined;
  return problem("rejected", key, `cannot be read: ${error.message}`);
}
