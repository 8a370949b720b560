// Sends items in batches until each is confirmed or has failed for itself. This is the half that takes pages in and gives
// outcomes out, and paces the encoding by what is being sent; batch-sender.ts is the half that sends.

import type { ByteCount } from "../core/clock.ts";
import type { BatchItem, BatchOps, Settled } from "./batch-ops.ts";
import { openBatchSender } from "./batch-sender.ts";
import { openPageInput } from "./page-input.ts";
import { openTaskSet } from "./task-set.ts";

/** Encoding keeps the sockets waiting for this many bytes at most: about 10 ms. */
const TURN_BYTES: ByteCount = 4_000_000;

/** @throws what concerns all items: no network, a wrong token, no such namespace; after yielding what was settled. */
export async function* sendInBatches<Input, Item extends BatchItem>(
  pages: AsyncIterable<readonly Input[]>,
  ops: BatchOps<Input, Item>,
  signal?: AbortSignal,
): AsyncGenerator<readonly Settled<Input, Item>[], void> {
  const stop = new AbortController();
  const tasks = openTaskSet();
  const input = openPageInput(pages, tasks);
  const sender = openBatchSender(
    ops,
    tasks,
    signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
  );

  /** "stuck": nothing can be added until something is settled. "turn": more could be, but the sockets are waiting. */
  /** The next item was added, and is needed where it is until it is settled: so no more is asked of the source. */
  let isLent = false;
  const fill = (): "stuck" | "turn" | "empty" => {
    for (let bytes = 0; bytes < TURN_BYTES;) {
      if (isLent && !sender.isLent()) {
        isLent = false;
        input.take();
      }
      const next = input.peek();
      if (sender.isFull()) return "stuck";
      if (next === undefined) return "empty";
      if (sender.holds(ops.keyOf(next))) return "stuck";
      bytes += sender.add(next);
      isLent = sender.isLent();
      if (!isLent) input.take();
    }
    return "turn";
  };

  try {
    for (;;) {
      signal?.throwIfAborted();
      const filled = tasks.failure === undefined ? fill() : "stuck";
      if (tasks.failure === undefined) input.pull();
      sender.launch({ ended: input.ended, stuck: filled === "stuck" });
      const settled = sender.takeSettled();
      if (settled.length > 0) {
        yield settled;
        continue;
      }
      if (tasks.running === 0 && tasks.failure !== undefined) throw tasks.failure.error;
      if (tasks.running === 0 && input.ended && sender.isEmpty()) return;
      if (filled === "turn") await new Promise((resolve) => setImmediate(resolve));
      else await tasks.changed();
    }
  } finally {
    stop.abort(new Error("the batches are no longer wanted"));
    await tasks.ended();
    await input.close();
  }
}
