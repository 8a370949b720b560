// Values whose stamp is of another value: a program has written them, and kept the metadata that it had read.

import { hasOutlasted, type SettleOptions } from "../core/settle.ts";
import type { ReadOutcome } from "../replica/replica.ts";
import type { Recall } from "./recall.ts";

/** `outcome`, with the value for a fact where nothing but its stamp speaks against it. It stays loose: if it is a value that
 * the key had before, its metadata may be that of a later one. */
export function believed(outcome: ReadOutcome, recall: Recall, options: SettleOptions): ReadOutcome {
  if (outcome.kind !== "problem" || outcome.unstamped === undefined) return outcome;
  const { key, unstamped: value, seen, isApart = false } = outcome;
  if (isApart && !hasOutlasted(value.entry, recall.glimpsesOf(key), options)) return outcome;
  return { kind: "value", key, value, isLoose: true, ...(seen !== undefined && { seen }) };
}
