// The settle window: KV is eventually consistent, so for a minute or more after a change a listing may show an older
// version, or none, and may go back to it after it had shown the newer one. This tells a listing that lags from a change.
//
// [I7] Within the window a listing that shows a version that was there before proves nothing. An absence is a suspicion
// whenever it is seen: before a file is removed for it, the window must be over and a direct read must miss the key too.
// And what was seen once is not forgotten: when the remote shows a version that nobody here knows, and then again what was
// there before, it is the older version that lags. Until the window is over the key is taken to be what was seen, so that
// nothing is written over it unread.

import type { DurationMs, EpochMs } from "./clock.ts";
import { compareVersions } from "./compare.ts";
import { baseEntry, type BaseRow, type Entry, sameAttributes } from "./entry.ts";
import { decodePrevious, hasAttributes, isVersion, type PreviousVersion } from "./previous-version.ts";

/** A version that the remote showed, and that both sides do not agree on yet. */
export interface UnsettledVersion {
  /** Its fingerprint is undefined where only a listing showed it, that of a value without a stamp. */
  readonly entry: Entry;
  /** When it was seen first: whatever lags behind it does so for a window from here on. */
  readonly at: EpochMs;
}

/** What is known of a key's past. */
export interface KeyPast {
  readonly base: BaseRow | undefined;
  /** The base's, or a tombstone's, text. */
  readonly previous: string | undefined;
  /** In the order in which they were seen first. */
  readonly unsettled: readonly UnsettledVersion[];
}

export interface SettleOptions {
  readonly now: EpochMs;
  readonly windowMs: DurationMs;
}

/** What a key is to be taken for, now that a side has shown something of it. */
export type Belief =
  /** What was shown: it is what the base says, or a version that the key never had. */
  | { readonly kind: "take" }
  /** The side lags: the key is taken to be what is known. Undefined: absent. */
  | { readonly kind: "keep"; readonly known: Entry | undefined }
  /** Nothing yet. Of a listing: only a direct read can tell. Of a read: only a later one. */
  | { readonly kind: "look-again" };

/** Whether what a listing shows may be believed. Costs next to nothing where that is what the base says. */
export function judgeListed(listed: Entry | undefined, past: KeyPast, options: SettleOptions): Belief {
  const { base, previous, unsettled } = past;
  if (unsettled.length > 0 && !isNews(listed, past)) {
    // What is shown was there before a version that was shown since.
    const newer = unsettled.findLast(({ at }) => isWithin(at, options));
    if (newer !== undefined) return { kind: "keep", known: newer.entry };
  }
  if (listed !== undefined && base !== undefined && compareVersions(listed, base) === "same") return take;
  if (listed === undefined && base === undefined) return take;
  const versions = previous === undefined ? bornAt(base) : decodePrevious(previous);
  const isRecent = (version: PreviousVersion): boolean => isWithin(version[3], options);
  const keepBase = (): Belief => ({ kind: "keep", known: baseEntry(base) });
  // The key is not in the listing, and once the window is over only a direct read can tell.
  if (listed === undefined) return versions.some(isRecent) ? keepBase() : lookAgain;
  const shown = versions.find((version) => isVersion(listed, version));
  if (shown === undefined) return take;
  // A version that was replaced longer ago: somebody wrote it again, or the listing lags unusually long.
  return isRecent(shown) ? keepBase() : lookAgain;
}

/** Whether what a direct read shows may be believed. `listed`: what the listing that asked for the read showed, if it is to be
 * held against that. `attributesAreListed`: the read brought the value alone. */
export function judgeRead(
  read: Entry | undefined,
  { listed, attributesAreListed }: { readonly listed: Entry | undefined; readonly attributesAreListed: boolean },
  past: KeyPast,
  options: SettleOptions,
): Belief {
  if (read !== undefined && listed !== undefined) {
    if (isBehindListing(read, { listed, attributesAreListed }, past, options)) return lookAgain;
  }
  const belief = judgeListed(read, past, options);
  // The direct read is what tells.
  return belief.kind === "look-again" ? take : belief;
}

/** Whether a version is one that the key is not known to have had: not the base's, and none before that. */
export function isNews(shown: Entry | undefined, { base, previous }: Pick<KeyPast, "base" | "previous">): boolean {
  if (shown === undefined) return false;
  if (base !== undefined && compareVersions(shown, base) === "same") return false;
  return previous === undefined || !decodePrevious(previous).some((version) => isVersion(shown, version));
}

/** Whether the remote has shown another version than `entry` within the window, that is not settled: either may be the
 * newer one, and only the end of the window tells which. */
export function isContested(entry: Entry, unsettled: readonly UnsettledVersion[], options: SettleOptions): boolean {
  return unsettled.some(
    (version) => isWithin(version.at, options) && compareVersions(version.entry, entry) === "different",
  );
}

/** Whether this very value was seen first more than a window ago, and is seen still. */
export function hasOutlasted(
  { fingerprint }: Entry,
  unsettled: readonly UnsettledVersion[],
  options: SettleOptions,
): boolean {
  return unsettled.some(({ entry, at }) => entry.fingerprint === fingerprint && !isWithin(at, options));
}

/** Whether the window that began at `at` is not over. A time that lies further ahead than a window is long was written by a clock
 * that was wrong, and would last for as long as that: its window counts as over, so that a direct read decides. Of a remote that never
 * lags there is no window. */
function isWithin(at: number, { now, windowMs }: SettleOptions): boolean {
  return windowMs > 0 && Math.abs(now - at) <= windowMs;
}

/** Whether a read of a key without a stamp shows an older version than the listing that it follows: the read is of a
 * version that was there before, and the listing is of none that a listing can still show. `attributesAreListed`: the read tells of
 * the value alone, and what else `read` says is the listing's. Then a value that was there before, with attributes that
 * never went with it, is a mix of two versions, or a change of the metadata alone: this is believed when the window is
 * over. */
function isBehindListing(
  read: Entry,
  { listed, attributesAreListed }: { readonly listed: Entry; readonly attributesAreListed: boolean },
  past: KeyPast,
  options: SettleOptions,
): boolean {
  if (listed.fingerprint !== undefined) return false;
  if (!attributesAreListed) return !isNews(read, past) && !mayBeListed(listed, past, options);
  const isOver = past.unsettled.some(({ entry, at }) => !isWithin(at, options) && sameAttributes(entry, listed));
  return !isOver && isNews(read, past) && hasKnownValue(read, past);
}

/** Whether a listing may show these attributes of a version that the key is known to have, or had within the window. */
function mayBeListed(listed: Entry, { base, previous }: KeyPast, options: SettleOptions): boolean {
  if (base !== undefined && sameAttributes(listed, base)) return true;
  if (previous === undefined) return false;
  return decodePrevious(previous).some(
    (version) => version[0] !== null && isWithin(version[3], options) && hasAttributes(listed, version),
  );
}

/** Whether a read shows a version that the key is not known to have had. If its attributes are those of a
 * listing, only a new value is one: an old value with new attributes may be a mix of two versions. */
export function isNewRead(
  read: Entry,
  { attributesAreListed }: { readonly attributesAreListed: boolean },
  past: KeyPast,
): boolean {
  return isNews(read, past) && !(attributesAreListed && hasKnownValue(read, past));
}

/** Whether the value of `read`, whatever its metadata, is that of a version that the key is known to have had. */
function hasKnownValue(read: Entry, { base, previous }: KeyPast): boolean {
  if (base !== undefined && read.fingerprint === base.fingerprint) return true;
  return previous !== undefined && decodePrevious(previous).some(([fingerprint]) => fingerprint === read.fingerprint);
}

/** A key that had no version before was absent until it was recorded. */
function bornAt(base: BaseRow | undefined): readonly PreviousVersion[] {
  return base === undefined ? [] : [[null, null, null, base.agreedAt]];
}

const take: Belief = { kind: "take" };
const lookAgain: Belief = { kind: "look-again" };
