// Reads any number of values with the fewest requests: bulk gets of up to 100 keys and 24 MB for text, single gets for
// what is known to be binary or large. This is the half that sorts and paces; value-reader.ts is the half that asks.

import type { ByteCount } from "../core/clock.ts";
import { BULK_GET_BYTES_MAX } from "../core/limits.ts";
import type { CallOptions } from "./kv-api.ts";
import { openPageInput } from "./page-input.ts";
import { openTaskSet } from "./task-set.ts";
import { openValueReader, type ValueReader } from "./value-reader.ts";
import type { ReadValue, ValueToRead } from "./value-to-read.ts";
import type { TransferDeps } from "./write-pairs.ts";

/** Values larger than this gain nothing from a bulk get of at most 24 MB. */
const SINGLE_BYTES_MIN: ByteCount = BULK_GET_BYTES_MAX / 3;
/** Requests at a time; the budget gate decides how many of them are on the wire. */
const READS_AT_ONCE = 16;

/** Each item has one outcome, in any order. Memory: about 48 MB of values at a time, whether or not their sizes are known.
 * @throws AppError what concerns all keys, after the outcomes known by then. */
export async function* readValues<Tag>(
  deps: TransferDeps,
  pages: AsyncIterable<readonly ValueToRead<Tag>[]>,
  options: CallOptions = {},
): AsyncGenerator<readonly ReadValue<Tag>[], void> {
  const { signal } = options;
  const stop = new AbortController();
  const tasks = openTaskSet();
  const input = openPageInput(pages, tasks);
  const reader = openValueReader<Tag>(deps, tasks, {
    ...options,
    signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
  });
  const text = openGroup<Tag>();
  const unknown = openGroup<Tag>();

  /** Sorts what has come into the groups, and starts each group that is full. */
  const sort = (): void => {
    while (tasks.running < READS_AT_ONCE) {
      const item = input.peek();
      if (item === undefined || !reader.hasRoom(item)) break;
      if (item.binary === true || (item.size ?? 0) > SINGLE_BYTES_MIN) reader.readOne(item);
      else if (item.binary === false) addTo(text, item, reader.groupKeys("text"), reader);
      else addTo(unknown, item, reader.groupKeys("unknown"), reader);
      input.take();
    }
    if (!input.ended || input.peek() !== undefined) return;
    for (const group of [text, unknown]) startGroup(group, reader);
  };

  try {
    for (;;) {
      signal?.throwIfAborted();
      if (tasks.failure === undefined) {
        sort();
        input.pull();
      }
      const outcomes = reader.takeOutcomes();
      if (outcomes.length > 0) {
        yield outcomes;
        reader.release();
        continue;
      }
      if (tasks.running === 0 && tasks.failure !== undefined) throw tasks.failure.error;
      if (tasks.running === 0 && input.ended && text.items.length + unknown.items.length === 0) return;
      await tasks.changed();
    }
  } finally {
    stop.abort(new Error("the values are no longer wanted"));
    await tasks.ended();
    await input.close();
  }
}

interface Group<Tag> {
  items: ValueToRead<Tag>[];
  bytes: ByteCount;
}

function openGroup<Tag>(): Group<Tag> {
  return { items: [], bytes: 0 };
}

function addTo<Tag>(group: Group<Tag>, item: ValueToRead<Tag>, keysMax: number, reader: ValueReader<Tag>): void {
  const size = item.size ?? 0;
  if (group.items.length > 0 && group.bytes + size > BULK_GET_BYTES_MAX) startGroup(group, reader);
  group.items.push(item);
  group.bytes += size;
  if (group.items.length >= keysMax) startGroup(group, reader);
}

function startGroup<Tag>(group: Group<Tag>, reader: ValueReader<Tag>): void {
  const { items } = group;
  group.items = [];
  group.bytes = 0;
  const [only] = items;
  if (only === undefined) return;
  if (items.length === 1) reader.readOne(only);
  else reader.readMany(items);
}
