// What follows from a batch's answer, or from its failure, as pure decisions: which items are confirmed, which are sent again,
// and how.

import type { BulkResult } from "./kv-api.ts";
import type { KvError } from "./kv-error.ts";

export interface JudgedAnswer<Item> {
  readonly confirmed: readonly Item[];
  readonly again: readonly Item[];
}

/** Which of `items` an answer confirms [I4]. All of them go again if the answer names keys that were not sent, or counts fewer
 * successes than there are other items: which of them were carried out is anyone's guess. */
export function judgeBulkAnswer<Item extends { readonly key: string }>(
  items: readonly Item[],
  { successfulCount, unsuccessfulKeys }: BulkResult,
): JudgedAnswer<Item> {
  const failed = new Set<string>(unsuccessfulKeys);
  const again = items.filter((item) => failed.has(item.key));
  const confirmed = items.filter((item) => !failed.has(item.key));
  const namesOthers = new Set(again.map(({ key }) => key)).size < failed.size;
  const countsFewer = successfulCount !== undefined && successfulCount < confirmed.length;
  return namesOthers || countsFewer ? { confirmed: [], again: items } : { confirmed, again };
}

/** What to do about items whose batch failed as a whole. */
type FailureStep =
  /** It is no matter of these items: everything fails. */
  | "fail"
  /** It may have been carried out, and each item is sent only once: what became of it stays open. */
  | "leave-open"
  /** Smaller batches may do. */
  | "split"
  /** One item that is too large for a batch goes by itself. */
  | "alone"
  /** After a pause they may be sent again: one item that took too long, or what was not even sent. */
  | "later";

export interface FailureJudgement {
  readonly step: FailureStep;
  /** The next batches are to be smaller. */
  readonly shrinks: boolean;
}

export interface FailedBatch {
  readonly error: Pick<KvError, "code" | "timedOut" | "retryable">;
  readonly items: number;
  /** Each item is sent once. */
  readonly once: boolean;
  /** Timeouts in a row before this one. */
  readonly slowInARow: number;
}

/** Halving 10,000 items down to one takes 14 timeouts; more in a row are no matter of size. */
const SLOW_IN_A_ROW_MAX = 20;

export function judgeFailure({ error, items, once, slowInARow }: FailedBatch): FailureJudgement {
  const isTooLarge = isOfSize(error);
  const isOpen = isLeftOpen(error, once);
  const shrinks = isTooLarge || error.timedOut;
  if (!shrinks && !isOpen) return { step: "fail", shrinks: false };
  if (error.timedOut && slowInARow >= SLOW_IN_A_ROW_MAX) return { step: "fail", shrinks: false };
  if (isOpen) return { step: isUnsent(error) ? "later" : "leave-open", shrinks };
  if (items > 1) return { step: "split", shrinks };
  return { step: isTooLarge ? "alone" : "later", shrinks };
}

/** Whether what is sent only once may have been carried out, whatever the error says. */
export function isLeftOpen({ retryable }: Pick<KvError, "retryable">, once: boolean): boolean {
  return once && retryable;
}

/** It has waited for the budget, and was not even sent. */
export function isUnsent({ code }: Pick<KvError, "code">): boolean {
  return code === "budget-exhausted";
}

export function isOfSize({ code }: Pick<KvError, "code">): boolean {
  return code === "request-too-large";
}
