// Values whose stamp is of another value: a program has written them, and kept the metadata that it had read.

import type { ReadOutcome } from "../replica/replica.ts";

/** `outcome`, with the value for a fact where nothing but its stamp speaks against it. It stays loose: if it is a value that
 * the key had before, its metadata may be that of a later one. */
export function believed(outcome: ReadOutcome): ReadOutcome {
  if (outcome.kind !== "problem" || outcome.unstamped === undefined) return outcome;
  const { key, unstamped: value, seen } = outcome;
  return { kind: "value", key, value, isLoose: true, ...(seen !== undefined && { seen }) };
}
