// Asks for values, one or many at a time, and deals with what bulk gets cannot: binary values, and answers that are too
// large or too slow. A group that fails is split, or read one by one, whichever is expected to cost less.

import { isUtf8 } from "node:buffer";
import { batchLimit, type BatchSize, FULL_BATCH, growBatch, shrinkBatch } from "../core/batch-size.ts";
import type { ByteCount } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import { BULK_GET_KEYS_MAX } from "../core/limits.ts";
import { type Problem, problem } from "../core/problem.ts";
import { groupKeys, learnBinary, readSingly, UNKNOWN_SHARE } from "./bulk-get-plan.ts";
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
  /** Whether the values that are expected leave room for more. */
  hasRoom(): boolean;
  /** How many keys to ask for at a time, of those known to be text and of those not known to be. */
  groupKeys(kind: "text" | "unknown"): number;
  /** Some of those that wait, at most a bulk get's worth: while they are dealt with, no other request is begun. */
  takeOutcomes(): readonly ReadValue<Tag>[];
  /** The outcomes taken last are no longer held by anyone. */
  release(): void;
}

/** Values under way or waiting to be taken, as expected; a bulk get's count twice, for the answer they come in. */
const EXPECTED_BYTES_MAX: ByteCount = 64_000_000;
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

export function openValueReader<Tag>(
  { clock, api, namespaceId }: TransferDeps,
  tasks: TaskSet,
  options: CallOptions,
): ValueReader<Tag> {
  type Items = readonly ValueToRead<Tag>[];
  const outcomes: ReadValue<Tag>[] = [];
  /** Bytes of values under way, of those that wait to be taken, and of those taken last. */
  let expected = 0;
  let waiting = 0;
  let taken = 0;
  let largest = UNKNOWN_BYTES;
  let share = UNKNOWN_SHARE;
  let unknownKeys = groupKeys(share);
  let size: BatchSize = FULL_BATCH;
  let slowInARow = 0;
  /** Values refused; undefined once the API has answered for any key. */
  let refusedAtFirst: number | undefined = 0;
  /** The server's bulk get is not the API's: values are read one by one. */
  let bulkIsUnsupported = false;

  function start(bytes: ByteCount, task: Promise<unknown>): void {
    expected += bytes;
    const ended = async (): Promise<void> => {
      try {
        await task;
      } finally {
        expected -= bytes;
      }
    };
    tasks.run(ended());
  }

  function learn(seen: number, binary: number): void {
    if (seen === 0) return;
    share = learnBinary(share, seen, binary);
    unknownKeys = groupKeys(share);
  }

  function settleValue({ key, tag }: ValueToRead<Tag>, bytes: Uint8Array, from: BulkValue | undefined): void {
    waiting += bytes.byteLength;
    largest = Math.max(UNKNOWN_BYTES_MIN, bytes.byteLength, largest * FADE);
    outcomes.push({ kind: "value", key, tag, bytes, attributes: from, readAt: clock.now() });
  }

  async function readOne(item: ValueToRead<Tag>): Promise<void> {
    const { key, tag } = item;
    try {
      const bytes = await readValueBytes(api, namespaceId, key, options);
      refusedAtFirst = undefined;
      if (bytes === undefined) {
        outcomes.push({ kind: "absent", key, tag });
        return;
      }
      if (item.binary === undefined) learn(1, isUtf8(bytes) ? 0 : 1);
      settleValue(item, bytes, undefined);
    } catch (error) {
      const found = readFault(key, error);
      if (found === undefined) throw error;
      if (refusedAtFirst !== undefined && ++refusedAtFirst > REFUSED_AT_FIRST_MAX) throw error;
      outcomes.push({ kind: "problem", key, tag, problem: found });
    }
  }

  /** When it fails, none of them is under way any more. */
  async function readEach(items: Items): Promise<void> {
    const rest = items.values();
    let failure: { readonly error: unknown } | undefined;
    const work = async (): Promise<void> => {
      for (const item of rest) {
        if (failure !== undefined) return;
        try {
          await readOne(item);
        } catch (error) {
          failure ??= { error };
        }
      }
    };
    await Promise.all(Array.from({ length: SINGLES_AT_ONCE }, work));
    if (failure !== undefined) throw failure.error;
  }

  /** True: all of them were text. */
  async function readMany(items: Items): Promise<boolean> {
    if (items.length <= 1 || bulkIsUnsupported) {
      await readEach(items);
      return false;
    }
    const answer = await tryBulk(items);
    if (answer === "not-text") await readMixed(items);
    else if (answer === "refused") await readEach(items);
    else if (answer === "too-much") await readGroups(items, items.length >> 1);
    else await settleBulk(items, answer);
    return typeof answer !== "string";
  }

  /** At least one of them is not text, so that asking for all of them again would be in vain. */
  async function readMixed(items: Items): Promise<void> {
    if (readSingly(items.length, share)) return readEach(items);
    const middle = items.length >> 1;
    // So many are binary that it is no news that one of them is.
    if (unknownKeys < middle) return readGroups(items, unknownKeys);
    const right = items.slice(middle);
    if (await readMany(items.slice(0, middle))) return readMixed(right);
    await readMany(right);
  }

  async function readGroups(items: Items, keys: number): Promise<void> {
    for (let at = 0; at < items.length; at += keys) await readMany(items.slice(at, at + keys));
  }

  /** Asks, and settles nothing: what fails here can be asked for in another way. */
  async function tryBulk(items: Items): Promise<BulkValues | "not-text" | "too-much" | "refused"> {
    try {
      const keys = items.map((item) => item.key);
      return await api.bulkGet(namespaceId, keys, options);
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      if (error.code === "not-text") return "not-text";
      if (error.code === "unsupported") {
        bulkIsUnsupported = true;
        return "refused";
      }
      if (error.code !== "request-too-large" && !error.timedOut) {
        if (isRefusal(error)) return "refused";
        throw error;
      }
      if (error.timedOut && ++slowInARow > SLOW_IN_A_ROW_MAX) throw error;
      size = shrinkBatch(size, items.length / BULK_GET_KEYS_MAX);
      return "too-much";
    }
  }

  async function settleBulk(items: Items, values: BulkValues): Promise<void> {
    slowInARow = 0;
    refusedAtFirst = undefined;
    size = growBatch(size);
    learn(items.filter((item) => item.binary === undefined).length, 0);
    const broken: ValueToRead<Tag>[] = [];
    for (const item of items) {
      const value = values.get(item.key);
      if (value === null || value === undefined) outcomes.push({ kind: "absent", key: item.key, tag: item.tag });
      else if (value.bytes === undefined) broken.push(item);
      else settleValue(item, value.bytes, value);
    }
    if (broken.length > 0) await readEach(broken);
  }

  const expectedBytes = (items: Items): ByteCount => items.reduce((sum, item) => sum + (item.size ?? largest), 0);
  return {
    readOne: (item) => start(expectedBytes([item]), readOne(item)),
    readMany: (items) => start(2 * expectedBytes(items), readMany(items)),
    hasRoom: () => expected + waiting + taken < EXPECTED_BYTES_MAX && waiting + taken < READY_BYTES_MAX,
    groupKeys: (kind) =>
      Math.min(batchLimit(size, BULK_GET_KEYS_MAX), kind === "text" ? BULK_GET_KEYS_MAX : unknownKeys),
    takeOutcomes: () => {
      const result = outcomes.splice(0, TAKEN_MAX);
      const bytes = result.reduce((sum, outcome) => sum + (outcome.kind === "value" ? outcome.bytes.byteLength : 0), 0);
      waiting -= bytes;
      taken += bytes;
      return result;
    },
    release: () => {
      taken = 0;
    },
  };
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
