// Batches on their way: packing by count and bytes, a few at a time, smaller ones after a failure for size or time, only
// the unsuccessful items again, and halving down to the one item that the API refuses. Bulk writes and bulk deletes are
// this with another `send`.
//
// Invariants: an item is "done" only after an answer that confirmed it [I4]; what an answer does not confirm is sent again, or
// where each item is sent once, is a problem "unconfirmed" [I8]; each item is settled exactly once; two items
// of one key are never held together, so that the later one wins; bytes held stay under LIVE_BYTES_MAX and one item, or
// are one batch, whether they are on their way, or wait to be sent for the first time or again. An item that goes alone is the
// only one that is lent: while it is, nothing else is added, so that whoever gave it keeps its bytes as they are.

import { backoffMs, type BackoffOptions } from "../core/backoff.ts";
import { batchLimit, growBatch, shrinkBatch } from "../core/batch-size.ts";
import type { ByteCount, DurationMs } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import { BULK_BODY_BYTES_MAX, BULK_ITEMS_MAX } from "../core/limits.ts";
import { type Problem, problem } from "../core/problem.ts";
import type { BatchItem, BatchOps, Settled } from "./batch-ops.ts";
import { isLeftOpen, isOfSize, isUnsent, judgeBulkAnswer, judgeFailure } from "./batch-decisions.ts";
import type { BulkResult } from "./kv-api.ts";
import { isRefusal, KvError, refusalProblem } from "./kv-error.ts";
import { type PartOutcome, sendInHalves } from "./send-in-halves.ts";
import type { TaskSet } from "./task-set.ts";

export interface BatchSender<Input, Item> {
  holds(key: Key): boolean;
  /** No more should be added for now: a batch is full, or memory is, or an item is lent. */
  isFull(): boolean;
  /** The input of the last item that was added is still needed. */
  isLent(): boolean;
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
 * more no less of it.) */
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
/** This many requests refused one after the other, and none accepted: it is not the items. (To find 40 in a row that the API
 * refuses, beside five that it takes, costs 79.) */
const REFUSED_IN_A_ROW_MAX = 100;
/** What a sender holds, and what it has met lately. */
interface Sending<Input, Item extends BatchItem> {
  readonly ops: BatchOps<Input, Item>;
  readonly tasks: TaskSet;
  readonly signal: AbortSignal;
  /** Ends the waits: the caller's signal, or that the whole of it has failed. */
  readonly sleepSignal: AbortSignal;
  /** Items that wait to be sent, and their bytes. */
  open: Item[];
  openBytes: ByteCount;
  /** The item that goes alone, until it is settled. */
  lent: { readonly item: Item; isUnderWay: boolean } | undefined;
  /** Keys of all items that are not settled, and their bytes. */
  readonly unsettled: Set<Key>;
  liveBytes: ByteCount;
  settled: Settled<Input, Item>[];
  /** Batches under way. */
  sending: number;
  /** Items that were reported as unsuccessful, until they are sent again. */
  resting: number;
  /** In a row: timeouts; failures of what is sent once; requests refused. */
  slowInARow: number;
  openInARow: number;
  refusedInARow: number;
}

type AnySending = Sending<unknown, BatchItem>;

export function openBatchSender<Input, Item extends BatchItem>(
  ops: BatchOps<Input, Item>,
  tasks: TaskSet,
  signal: AbortSignal,
): BatchSender<Input, Item> {
  const sender: Sending<Input, Item> = {
    ops,
    tasks,
    signal,
    sleepSignal: AbortSignal.any([signal, tasks.failed]),
    open: [],
    openBytes: 0,
    lent: undefined,
    unsettled: new Set(),
    liveBytes: 0,
    settled: [],
    sending: 0,
    resting: 0,
    slowInARow: 0,
    openInARow: 0,
    refusedInARow: 0,
  };
  return {
    holds: (key) => sender.unsettled.has(key),
    isFull: () => sender.lent !== undefined || hasFullBatch(sender) || isOverBound(sender),
    isLent: () => sender.lent !== undefined,
    isEmpty: () => sender.open.length === 0 && sender.lent === undefined,
    add: (input) => {
      const item = ops.encode(input);
      if ("code" in item) {
        sender.settled.push({ kind: "refused", input, problem: item });
        return 0;
      }
      sender.unsettled.add(item.key);
      if (item.alone === true) {
        sender.lent = { item, isUnderWay: false };
        return 0;
      }
      sender.liveBytes += item.byteLength;
      sender.openBytes += item.byteLength;
      sender.open.push(item);
      return item.byteLength;
    },
    launch: ({ ended, stuck }) => {
      // While the API fails, or is too slow for what it gets, one batch at a time tells as much as four.
      const atOnce = sender.slowInARow + sender.openInARow > 0 ? 1 : BATCHES_AT_ONCE;
      const { lent } = sender;
      if (tasks.failure === undefined && lent?.isUnderWay === false && sender.sending < atOnce) {
        lent.isUnderWay = true;
        tasks.run(sendLent(sender, lent.item));
      }
      while (tasks.failure === undefined && sender.open.length > 0 && sender.sending < atOnce) {
        if (!hasFullBatch(sender) && !ended && !(stuck && sender.sending === 0)) return;
        tasks.run(sendBatch(sender, takeBatch(sender)));
      }
    },
    takeSettled: () => {
      const taken = sender.settled;
      sender.settled = [];
      return taken;
    },
  };
}

function itemsMax({ ops }: AnySending): number {
  return batchLimit(ops.pace.size, BULK_ITEMS_MAX);
}

function bytesMax({ ops }: AnySending): number {
  return batchLimit(ops.pace.size, BULK_BODY_BYTES_MAX) - 2;
}

function hasFullBatch(sender: AnySending): boolean {
  return sender.open.length >= itemsMax(sender) || sender.openBytes >= bytesMax(sender);
}

/** Nothing may be added to what is held, as long as some of it can make room. */
function isOverBound(sender: AnySending): boolean {
  return (
    sender.sending + sender.resting > 0 &&
    (sender.liveBytes >= LIVE_BYTES_MAX || sender.unsettled.size >= LIVE_ITEMS_MAX)
  );
}

function settle<Input, Item extends BatchItem>(
  sender: Sending<Input, Item>,
  outcome: Exclude<Settled<Input, Item>, { kind: "refused" }>,
): void {
  sender.unsettled.delete(outcome.item.key);
  if (outcome.item === sender.lent?.item) sender.lent = undefined;
  else sender.liveBytes -= outcome.item.byteLength;
  sender.ops.release?.(outcome.item);
  sender.settled.push(outcome);
}

function reopen<Input, Item extends BatchItem>(sender: Sending<Input, Item>, items: readonly Item[]): void {
  sender.open = [...items, ...sender.open];
  for (const item of items) sender.openBytes += item.byteLength;
}

/** The longest beginning of what is open that one batch holds; at least one item. */
function takeBatch<Input, Item extends BatchItem>(sender: Sending<Input, Item>): Item[] {
  let bytes = 0;
  let count = 0;
  for (; count < sender.open.length && count < itemsMax(sender); count++) {
    const { byteLength } = sender.open[count]!;
    if (count > 0 && bytes + byteLength > bytesMax(sender)) break;
    bytes += byteLength;
  }
  sender.openBytes -= bytes;
  return sender.open.splice(0, count);
}

async function sendBatch<Input, Item extends BatchItem>(
  sender: Sending<Input, Item>,
  items: readonly Item[],
): Promise<void> {
  sender.sending++;
  try {
    await sendInHalves(items, (part, hasBad) => deliver(sender, part, hasBad));
  } finally {
    sender.sending--;
  }
}

async function deliver<Input, Item extends BatchItem>(
  sender: Sending<Input, Item>,
  wanted: readonly Item[],
  hasBad: boolean,
): Promise<PartOutcome<Item>> {
  if (sender.tasks.failure !== undefined) return "over";
  const items = wanted.filter((item) => isWanted(sender, item));
  if (items.length === 0) return "over";
  if (hasBad && items.length > 1) return { refused: items };
  try {
    confirm(sender, items, await sender.ops.send(items, sender.signal));
    return "done";
  } catch (error) {
    if (!isRefusal(error)) {
      await recover(sender, items, error);
      return "over";
    }
    noteRefusal(sender, error);
    if (items.length > 1) return { refused: items };
    refused(sender, items[0]!, error);
    return "over";
  }
}

function isWanted<Input, Item extends BatchItem>(sender: Sending<Input, Item>, item: Item): boolean {
  const reason = sender.ops.refuse?.(item);
  if (reason !== undefined) settle(sender, { kind: "problem", item, problem: reason });
  return reason === undefined;
}

function confirm<Input, Item extends BatchItem>(
  sender: Sending<Input, Item>,
  items: readonly Item[],
  answer: BulkResult,
): void {
  sender.slowInARow = 0;
  sender.openInARow = 0;
  const { confirmed, again } = judgeBulkAnswer(items, answer);
  for (const item of confirmed) settle(sender, { kind: "done", item });
  if (confirmed.length > 0) {
    sender.refusedInARow = 0;
    sender.ops.pace.size = growBatch(sender.ops.pace.size);
  }
  if (again.length > 0) retryLater(sender, again, "the API reported it as unsuccessful");
}

function retryLater<Input, Item extends BatchItem>(
  sender: Sending<Input, Item>,
  items: readonly Item[],
  why: string,
): void {
  const again: Item[] = [];
  for (const item of items) {
    item.attempts++;
    if (!sender.ops.once && item.attempts < ATTEMPTS_MAX) again.push(item);
    else settle(sender, { kind: "problem", item, problem: unconfirmed(sender, item, why) });
  }
  const first = again[0];
  if (first === undefined) return;
  if (sender.ops.keep !== undefined) for (const item of again) sender.ops.keep(item);
  sender.tasks.run(rest(sender, again, backoffMs(first.attempts - 1, RETRY, sender.ops.clock.random())));
}

async function rest<Input, Item extends BatchItem>(
  sender: Sending<Input, Item>,
  items: readonly Item[],
  wait: DurationMs,
): Promise<void> {
  sender.resting += items.length;
  try {
    await sender.ops.clock.sleep(wait, sender.sleepSignal);
    reopen(sender, items);
  } finally {
    sender.resting -= items.length;
  }
}

function unconfirmed<Input, Item extends BatchItem>(sender: Sending<Input, Item>, item: Item, why: string): Problem {
  const attempts = sender.ops.once ? "" : ` in ${ATTEMPTS_MAX} attempts`;
  return problem("unconfirmed", item.key, `was not confirmed as ${sender.ops.verb}${attempts}: ${why}`);
}

function refused<Input, Item extends BatchItem>(sender: Sending<Input, Item>, item: Item, error: KvError): void {
  settle(sender, { kind: "problem", item, problem: refusalProblem(item.key, error) });
}

function noteRefusal(sender: AnySending, error: KvError): void {
  if (++sender.refusedInARow > REFUSED_IN_A_ROW_MAX) sender.tasks.fail(error);
}

/** What to do about items whose sending failed as a whole. */
async function recover<Input, Item extends BatchItem>(
  sender: Sending<Input, Item>,
  items: readonly Item[],
  error: unknown,
): Promise<void> {
  if (!(error instanceof KvError)) throw error;
  const { once } = sender.ops;
  const { step, shrinks } = judgeFailure({ error, items: items.length, once, slowInARow: sender.slowInARow });
  if (step === "fail") throw error;
  if (error.timedOut) sender.slowInARow++;
  if (shrinks) shrink(sender, items);
  switch (step) {
    case "leave-open":
      return leaveOpen(sender, items, error);
    case "split":
      return reopen(sender, items);
    case "alone":
      return sendAlone(sender, items[0]!);
    case "later":
      return retryLater(sender, items, error.message);
  }
}

/** Sent once, and what has become of it is not known. What follows waits a little: the API may need it. */
async function leaveOpen<Input, Item extends BatchItem>(
  sender: Sending<Input, Item>,
  items: readonly Item[],
  error: KvError,
): Promise<void> {
  if (++sender.openInARow >= ATTEMPTS_MAX) throw error;
  retryLater(sender, items, error.message);
  await sender.ops.clock.sleep(
    backoffMs(sender.openInARow - 1, OPEN_PAUSE, sender.ops.clock.random()),
    sender.sleepSignal,
  );
}

function shrink<Input, Item extends BatchItem>(sender: Sending<Input, Item>, items: readonly Item[]): void {
  const bytes = items.reduce((sum, item) => sum + item.byteLength, 0);
  sender.ops.pace.size = shrinkBatch(
    sender.ops.pace.size,
    Math.max(items.length / BULK_ITEMS_MAX, bytes / BULK_BODY_BYTES_MAX),
  );
}

async function sendLent<Input, Item extends BatchItem>(sender: Sending<Input, Item>, item: Item): Promise<void> {
  sender.sending++;
  try {
    if (isWanted(sender, item)) await sendAlone(sender, item);
  } finally {
    sender.sending--;
  }
}

async function sendAlone<Input, Item extends BatchItem>(sender: Sending<Input, Item>, item: Item): Promise<void> {
  try {
    await sender.ops.sendAlone(item, sender.signal);
    sender.slowInARow = sender.openInARow = sender.refusedInARow = 0;
    settle(sender, { kind: "done", item });
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    const { message } = error;
    if (isRefusal(error) || isOfSize(error)) {
      noteRefusal(sender, error);
      refused(sender, item, error);
    } else if (!isLeftOpen(error, sender.ops.once)) failSlowly(sender, item, error);
    else if (isUnsent(error)) retryLater(sender, [item], message);
    else await leaveOpen(sender, [item], error);
  }
}

/** One item that timed out each time says little of the others; several in a row do. */
function failSlowly<Input, Item extends BatchItem>(sender: Sending<Input, Item>, item: Item, error: KvError): void {
  const { step } = judgeFailure({ error, items: 1, once: sender.ops.once, slowInARow: sender.slowInARow });
  if (step !== "later") throw error;
  sender.slowInARow += ATTEMPTS_MAX;
  settle(sender, { kind: "problem", item, problem: unconfirmed(sender, item, error.message) });
}
