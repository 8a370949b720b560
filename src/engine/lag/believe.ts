// The one place that is asked whether what a side has just shown may be believed [I7]. Each answer is one of three: take it,
// keep what is known, or look again (core/settle.ts tells them apart).

import type { Clock, DurationMs } from "../../core/clock.ts";
import { compareVersions } from "../../core/compare.ts";
import { type Entry, sameAttributes } from "../../core/entry.ts";
import {
  type Belief,
  hasOutlasted,
  isContested,
  judgeListed,
  judgeRead,
  type KeyPast,
  type SettleOptions,
} from "../../core/settle.ts";
import type { ReadOutcome } from "../../replica/replica.ts";
import type { ShownVersions } from "./shown-versions.ts";

/** `memory`: of the side that shows it. */
export interface BelieveDeps {
  readonly clock: Clock;
  readonly settleWindowMs: DurationMs;
  readonly memory: ShownVersions;
}

export type ReadValue = Extract<ReadOutcome, { kind: "value" }>;

/** Whether what a listing shows of a key may be believed. */
export function believeListed(listed: Entry | undefined, past: KeyPast, deps: BelieveDeps): Belief {
  return judgeListed(listed, past, settleOptions(deps));
}

/** Whether what a direct read shows may be believed: a value, or undefined for none. */
export function believeRead(read: ReadValue | undefined, past: KeyPast, deps: BelieveDeps): Belief {
  return judgeRead(read?.value.entry, { listed: undefined, attributesAreListed: false }, past, settleOptions(deps));
}

/** The same for a read of a remote that is remembered, after a listing that showed `listed`. If the read is behind the listing,
 * the listing's version is remembered: nothing is written over it unread. */
export function believeReadAfter(
  listed: Entry,
  { value, attributesAreListed = false }: ReadValue,
  past: KeyPast,
  deps: BelieveDeps,
): Belief {
  const belief = judgeRead(value.entry, { listed, attributesAreListed }, past, settleOptions(deps));
  if (belief.kind === "look-again") {
    deps.memory.rememberUnsettled(listed);
    deps.memory.keep();
  }
  return belief;
}

/** A value whose stamp is of another value: a program has written it, and kept the metadata that it had read. It is taken
 * for a value if nothing but its stamp speaks against it. Its attributes count as those of the listing: if it is a value that
 * the key had before, its metadata may be that of a later one. */
export function believeUnstamped(outcome: ReadOutcome, deps: BelieveDeps): ReadOutcome {
  if (outcome.kind !== "problem" || outcome.unstamped === undefined) return outcome;
  const { key, unstamped: value, alsoShown, isApart = false } = outcome;
  if (isApart && !hasOutlasted(value.entry, deps.memory.unsettledOf(key), settleOptions(deps))) return outcome;
  return { kind: "value", key, value, attributesAreListed: true, ...(alsoShown !== undefined && { alsoShown }) };
}

/** Whether a listing that shows the stamp of an older version is up to date, though a direct read has shown another value: a program wrote that
 * value back with this stamp. No later listing shows anything else, so nothing is to be waited for. `found`: what the read brought,
 * `value`: what it is believed to be. */
export function isUnderStamp(
  listed: Entry | undefined,
  { found, value: { value, attributesAreListed } }: { readonly found: ReadOutcome; readonly value: ReadValue },
  { base }: KeyPast,
  deps: BelieveDeps,
): boolean {
  if (listed?.fingerprint === undefined || !sameAttributes(listed, value.entry)) return false;
  if (found.kind === "problem") return true;
  // The value came without its stamp: it has been there for a window, or both sides agree on it.
  if (attributesAreListed !== true) return false;
  if (base !== undefined && compareVersions(value.entry, base) === "same") return true;
  return hasOutlasted(value.entry, deps.memory.unsettledOf(value.entry.key), settleOptions(deps));
}

/** What a transfer is to carry: also a value under the stamp of another one, which no later read would show otherwise. (A value
 * that came with a stamp of its own is one that lags behind its listing.) */
export function believeMisstamped(outcome: ReadOutcome, deps: BelieveDeps): ReadOutcome {
  if (outcome.kind !== "problem" || outcome.unstamped === undefined) return outcome;
  if (outcome.isApart === true) return believeUnstamped(outcome, deps);
  if (outcome.isMisstamped !== true) return outcome;
  const { key, unstamped: value, alsoShown } = outcome;
  return { kind: "value", key, value, ...(alsoShown !== undefined && { alsoShown }) };
}

/** Whether the remote has shown another version of the key than `entry` within the window: either may be the newer one, and
 * nothing may be written over them. */
export function isInDoubt(entry: Entry, deps: BelieveDeps): boolean {
  return isContested(entry, deps.memory.unsettledOf(entry.key), settleOptions(deps));
}

function settleOptions({ clock, settleWindowMs }: BelieveDeps): SettleOptions {
  return { now: clock.now(), windowMs: settleWindowMs };
}
