// Batches on their way: packing by count and bytes, a few at a time, smaller ones after a failure for size or time, only
// the unsuccessful items again, and halving down to the one item that the API refuses. Bulk writes and bulk deletes are
// this with another `send`.
//
// Invariants: an item is "done" only after an answer that confirmed it [I4]; each item is settled exactly once; two items
// of one key are never held together, so that the later one wins; bytes held stay under LIVE_BYTES_MAX and one item, or
// are one batch, whether they are on their way, or wait to be sent for the first time or again.

import { backoffMs, type BackoffOptions } from "../core/backoff.ts";
import { batchLimit, type BatchSize, FULL_BATCH, growBatch, shrinkBatch } from "../core/batch-size.ts";
import type { ByteCount, Clock, DurationMs } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import { BULK_BODY_BYTES_MAX, BULK_ITEMS_MAX } from "../core/limits.ts";
import { type Problem, problem } from "../core/problem.ts";
import type { BulkResult } from "./kv-api.ts";
import { isRefusal, KvError, refusalProblem } from "./kv-error.ts";
import type { TaskSet } from "./task-set.ts";

export interface BatchItem {
  readonly key: Key;
  /** What the item adds to a body. */
  readonly byteLength: ByteCount;
  /** How often the API has reported it as unsuccessful. */
  attempts: number;
}

export interface BatchOps<Input, Item extends BatchItem> {
  readonly clock: Clock;
  /** A problem: the input cannot be sent at all, and what is wrong with it. */
  encode(input: Input): Item | Problem;
  keyOf(input: Input): Key;
  /** A reason not to send the item any more (it has expired meanwhile). */
  refuse?(item: Item): Problem | undefined;
  send(items: readonly Item[], signal: AbortSignal): Promise<BulkResult>;
  /** For an item that is too large for a batch of its own. */
  sendAlone(item: Item, signal: AbortSignal): Promise<void>;
  /** The item is settled, and will not be sent again. */
  release?(item: Item): void;
  /** The item will be sent again, but not soon, while others that were sent with it are settled. */
  keep?(item: Item): void;
  /** "written", "deleted": for messages. */
  readonly verb: string;
  /** Each item is sent once ({@link CallOptions.once}); one that is not confirmed then is a problem "unconfirmed". */
  readonly once: boolean;
  readonly pace: BatchPace;
}

/** What the batches of one side have shown of how large they may be. Shared by those who send to it one after another. */
export interface BatchPace {
  size: BatchSize;
}

export function openBatchPace(): BatchPace {
  return { size: FULL_BATCH };
}

export type Settled<Input, Item> =
  | { readonly kind: "done"; readonly item: Item }
  | { readonly kind: "problem"; readonly item: Item; readonly problem: Problem }
  /** It never became an item. */
  | { readonly kind: "refused"; readonly input: Input; readonly problem: Problem };

export interface BatchSender<Input, Item> {
  holds(key: Key): boolean;
  /** No more should be added for now: a batch is full, or memory is. */
  isFull(): boolean;
  /** Nothing waits to be sent. */
  isEmpty(): boolean;
  /** Returns the bytes it took. */
  add(input: Input): ByteCount;
  /** Sends full batches; also one that is not, when the input has `ended`, or when it is `stuck` and nothing is on its
   * way whose answer could make room. */
  launch(input: { readonly ended: boolean; readonly stuck: boolean }): void;
  takeSettled(): readonly Settled<Input, Item>[];
}

/** Bytes held while something is being sent: a batch of 10,000 pairs of 2 KiB on its way, and more than half of the next,
 * which is as far as encoding comes until the first is answered. (With 10 MB less a push takes an eighth more time, with 14
 * more no less of it.) A batch of the largest size (95 MB) is held alone. */
const LIVE_BYTES_MAX: ByteCount = 34_000_000;
/** An item costs memory beside its bytes. */
const LIVE_ITEMS_MAX = 5 * BULK_ITEMS_MAX;
/** The API's writes take seconds each, and small ones leave room for several. */
const BATCHES_AT_ONCE = 4;
/** How often an item is sent that the API keeps reporting as unsuccessful, or that times out on its own. */
const ATTEMPTS_MAX = 8;
const RETRY: BackoffOptions = { baseMs: 1000, capMs: 30_000 };
/** Between batches that are sent once, while they fail. */
const OPEN_PAUSE: BackoffOptions = { baseMs: 250, capMs: 10_000 };
/** Halving 10,000 items down to one takes 14 timeouts; more in a row are no matter of size. */
const SLOW_IN_A_ROW_MAX = 20;
/** This many items refused one after the other, and none accepted: it is not the items. */
const REFUSED_IN_A_ROW_MAX = 25;
export function openBatchSender<Input, Item extends BatchItem>(
  ops: BatchOps<Input, Item>,
  tasks: TaskSet,
  signal: AbortSignal,
): BatchSender<Input, Item> {
  let open: Item[] = [];
  let openBytes = 0;
  let liveBytes = 0;
  const { pace } = ops;
  let settled: Settled<Input, Item>[] = [];
  let slowInARow = 0;
  let openInARow = 0;
  let refusedInARow = 0;
  let sending = 0;
  /** Items that were reported as unsuccessful, until they are sent again. */
  let resting = 0;
  const unsettled = new Set<Key>();
  const sleepSignal = AbortSignal.any([signal, tasks.failed]);

  const itemsMax = (): number => batchLimit(pace.size, BULK_ITEMS_MAX);
  const bytesMax = (): number => batchLimit(pace.size, BULK_BODY_BYTES_MAX) - 2;
  const hasFullBatch = (): boolean => open.length >= itemsMax() || openBytes >= bytesMax();

  /** Nothing may be added to what is held, as long as some of it can make room. */
  const isOverBound = (): boolean =>
    sending + resting > 0 && (liveBytes >= LIVE_BYTES_MAX || unsettled.size >= LIVE_ITEMS_MAX);

  function settle(outcome: Exclude<Settled<Input, Item>, { kind: "refused" }>): void {
    unsettled.delete(outcome.item.key);
    liveBytes -= outcome.item.byteLength;
    ops.release?.(outcome.item);
    settled.push(outcome);
  }

  function reopen(items: readonly Item[]): void {
    open = [...items, ...open];
    for (const item of items) openBytes += item.byteLength;
  }

  /** The longest beginning of what is open that one batch holds; at least one item. */
  function takeBatch(): Item[] {
    let bytes = 0;
    let count = 0;
    for (; count < open.length && count < itemsMax(); count++) {
      const { byteLength } = open[count]!;
      if (count > 0 && bytes + byteLength > bytesMax()) break;
      bytes += byteLength;
    }
    openBytes -= bytes;
    return open.splice(0, count);
  }

  async function sendBatch(items: readonly Item[]): Promise<void> {
    sending++;
    try {
      await deliver(items, false);
    } finally {
      sending--;
    }
  }

  /** Sends `items`, in halves once the API has refused them. True: all of them were acceptable. `hasBad`: one of them is
   * known not to be, so that only parts are worth sending. */
  async function deliver(wanted: readonly Item[], hasBad: boolean): Promise<boolean> {
    const items = wanted.filter(isWanted);
    if (items.length === 0 || tasks.failure !== undefined) return true;
    if (!hasBad || items.length === 1) {
      try {
        confirm(items, await ops.send(items, signal));
        return true;
      } catch (error) {
        if (!isRefusal(error)) {
          await recover(items, error);
          return false;
        }
        if (items.length === 1) {
          refused(items[0]!, error);
          return false;
        }
      }
    }
    const middle = items.length >> 1;
    const leftIsFine = await deliver(items.slice(0, middle), false);
    await deliver(items.slice(middle), leftIsFine);
    return false;
  }

  function isWanted(item: Item): boolean {
    const reason = ops.refuse?.(item);
    if (reason !== undefined) settle({ kind: "problem", item, problem: reason });
    return reason === undefined;
  }

  function confirm(items: readonly Item[], { successfulCount, unsuccessfulKeys }: BulkResult): void {
    slowInARow = 0;
    openInARow = 0;
    const failed = new Set<string>(unsuccessfulKeys);
    const ours = items.filter((item) => failed.has(item.key));
    // Keys that were not sent, or fewer successes than the rest: which ones were written is anyone's guess.
    const isDoubtful =
      ours.length < failed.size || (successfulCount !== undefined && successfulCount < items.length - ours.length);
    const again = isDoubtful ? items : ours;
    const againSet = new Set(again);
    for (const item of items) if (!againSet.has(item)) settle({ kind: "done", item });
    if (again.length < items.length) {
      refusedInARow = 0;
      pace.size = growBatch(pace.size);
    }
    if (again.length > 0) retryLater(again, "the API reported it as unsuccessful");
  }

  function retryLater(items: readonly Item[], why: string): void {
    const again: Item[] = [];
    for (const item of items) {
      item.attempts++;
      if (!ops.once && item.attempts < ATTEMPTS_MAX) again.push(item);
      else settle({ kind: "problem", item, problem: unconfirmed(item, why) });
    }
    const first = again[0];
    if (first === undefined) return;
    if (ops.keep !== undefined) for (const item of again) ops.keep(item);
    tasks.run(rest(again, backoffMs(first.attempts - 1, RETRY, ops.clock.random())));
  }

  async function rest(items: readonly Item[], wait: DurationMs): Promise<void> {
    resting += items.length;
    try {
      await ops.clock.sleep(wait, sleepSignal);
      reopen(items);
    } finally {
      resting -= items.length;
    }
  }

  function unconfirmed(item: Item, why: string): Problem {
    const attempts = ops.once ? "" : ` in ${ATTEMPTS_MAX} attempts`;
    return problem("unconfirmed", item.key, `was not confirmed as ${ops.verb}${attempts}: ${why}`);
  }

  function refused(item: Item, error: KvError): void {
    settle({ kind: "problem", item, problem: refusalProblem(item.key, error) });
    if (++refusedInARow > REFUSED_IN_A_ROW_MAX) tasks.fail(error);
  }

  /** What to do about items whose sending failed as a whole. */
  async function recover(items: readonly Item[], error: unknown): Promise<void> {
    if (!(error instanceof KvError)) throw error;
    const isTooLarge = isOfSize(error);
    const isTooSlow = error.timedOut;
    const isOpen = isLeftOpen(error);
    if (!isTooLarge && !isTooSlow && !isOpen) throw error;
    if (isTooSlow && ++slowInARow > SLOW_IN_A_ROW_MAX) throw error;
    if (isTooLarge || isTooSlow) shrink(items);
    if (isOpen) await leaveOpen(items, error);
    else if (items.length > 1) reopen(items);
    else if (isTooLarge) await sendAlone(items[0]!);
    else retryLater(items, error.message);
  }

  /** Whether it may have been done, of what is sent once. */
  function isLeftOpen({ retryable }: KvError): boolean {
    return ops.once && retryable;
  }

  /** Sent once, and what has become of it is not known. What follows waits a little: the API may need it. */
  async function leaveOpen(items: readonly Item[], error: KvError): Promise<void> {
    // It has waited, and was not even sent.
    if (error.code === "budget-exhausted") return retryLater(items, error.message);
    if (++openInARow >= ATTEMPTS_MAX) throw error;
    retryLater(items, error.message);
    await ops.clock.sleep(backoffMs(openInARow - 1, OPEN_PAUSE, ops.clock.random()), sleepSignal);
  }

  function shrink(items: readonly Item[]): void {
    const bytes = items.reduce((sum, item) => sum + item.byteLength, 0);
    pace.size = shrinkBatch(pace.size, Math.max(items.length / BULK_ITEMS_MAX, bytes / BULK_BODY_BYTES_MAX));
  }

  async function sendAlone(item: Item): Promise<void> {
    try {
      await ops.sendAlone(item, signal);
      settle({ kind: "done", item });
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      if (isRefusal(error) || isOfSize(error)) refused(item, error);
      else if (isLeftOpen(error)) await leaveOpen([item], error);
      else throw error;
    }
  }

  return {
    holds: (key) => unsettled.has(key),
    isFull: () => hasFullBatch() || isOverBound(),
    isEmpty: () => open.length === 0,
    add: (input) => {
      const item = ops.encode(input);
      if ("code" in item) {
        settled.push({ kind: "refused", input, problem: item });
        return 0;
      }
      unsettled.add(item.key);
      liveBytes += item.byteLength;
      openBytes += item.byteLength;
      open.push(item);
      return item.byteLength;
    },
    launch: ({ ended, stuck }) => {
      // While the API fails, or is too slow for what it gets, one batch at a time tells as much as four.
      const atOnce = slowInARow + openInARow > 0 ? 1 : BATCHES_AT_ONCE;
      while (tasks.failure === undefined && open.length > 0 && sending < atOnce) {
        if (!hasFullBatch() && !ended && !(stuck && sending === 0)) return;
        tasks.run(sendBatch(takeBatch()));
      }
    },
    takeSettled: () => {
      const taken = settled;
      settled = [];
      return taken;
    },
  };
}

function isOfSize({ code }: KvError): boolean {
  return code === "request-too-large";
}
