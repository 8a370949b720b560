// The settle window: KV is eventually consistent, so for a minute or more after a change a listing may show an older
// version, or none, and may go back to it after it had shown the newer one. This tells a listing that lags from a change.
//
// [I7] Within the window a listing that shows a version that was there before proves nothing. An absence is a suspicion
// whenever it is seen: before a file is removed for it, the window must be over and a direct read must miss the key too.
// And what was seen once is not forgotten: when the remote shows a version that nobody here knows, and then again what was
// there before, it is the older sight that lags. Until the window is over the key is taken to be what was seen, so that
// nothing is written over it unread.

import type { DurationMs, EpochMs } from "./clock.ts";
import { compareVersions } from "./compare.ts";
import { type BaseRow, type Entry, sameAttributes } from "./entry.ts";
import { fingerprintOf } from "./fingerprint.ts";

/** A version that a key had before. All undefined but the time: the key was absent. */
export type PreviousVersion = readonly [
  fingerprint: string | null,
  /** As {@link markMetadata} gives it. */
  metadata: string | null,
  expiration: number | null,
  /** When it was replaced by a write of ours, or seen to have been replaced by somebody else's. */
  replacedAtMs: number,
];

/** A version that the remote showed, and that both sides do not agree on yet. */
export interface Glimpse {
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
  readonly glimpses: readonly Glimpse[];
}

export interface SettleOptions {
  readonly now: EpochMs;
  readonly windowMs: DurationMs;
}

export type Settled =
  /** The listing shows what the base says, or a version never seen before: a real change. */
  | { readonly kind: "current" }
  /** The listing lags: take the remote to be what the base says, and look again later. */
  | { readonly kind: "stale" }
  /** What is shown was there before a version that was seen since: take the remote to be that one. */
  | { readonly kind: "overtaken"; readonly by: Entry }
  /** The key is not in the listing, and the window is over: only a direct read can tell. */
  | { readonly kind: "suspect-absence" }
  /** The listing shows a version that was replaced, and the window is over: only a direct read can tell whether somebody
   * wrote it again or the listing lags unusually long. */
  | { readonly kind: "suspect-version" };

/** `listed` is what a listing shows, or a read. Costs next to nothing where that is what the base says. */
export function settleRemote(listed: Entry | undefined, past: KeyPast, options: SettleOptions): Settled {
  const { base, previous, glimpses } = past;
  if (glimpses.length > 0 && !isNews(listed, past)) {
    const seen = glimpses.findLast(({ at }) => isWithin(at, options));
    if (seen !== undefined) return { kind: "overtaken", by: seen.entry };
  }
  if (listed !== undefined && base !== undefined && compareVersions(listed, base) === "same") return current;
  if (listed === undefined && base === undefined) return current;
  const versions = previous === undefined ? bornAt(base) : decodePrevious(previous);
  const isRecent = (version: PreviousVersion): boolean => isWithin(version[3], options);
  if (listed === undefined) return versions.some(isRecent) ? { kind: "stale" } : { kind: "suspect-absence" };
  const shown = versions.find((version) => isVersion(listed, version));
  if (shown === undefined) return current;
  return isRecent(shown) ? { kind: "stale" } : { kind: "suspect-version" };
}

/** Whether a version is one that the key is not known to have had: not the base's, and none before that. */
export function isNews(shown: Entry | undefined, { base, previous }: Pick<KeyPast, "base" | "previous">): boolean {
  if (shown === undefined) return false;
  if (base !== undefined && compareVersions(shown, base) === "same") return false;
  return previous === undefined || !decodePrevious(previous).some((version) => isVersion(shown, version));
}

/** Whether the remote has shown another version than `entry` within the window, that is not settled: either may be the
 * newer one, and only the end of the window tells which. */
export function isContested(entry: Entry, glimpses: readonly Glimpse[], options: SettleOptions): boolean {
  return glimpses.some(
    (glimpse) => isWithin(glimpse.at, options) && compareVersions(glimpse.entry, entry) === "different",
  );
}

/** Whether this very value was seen first more than a window ago, and is seen still. */
export function hasOutlasted({ fingerprint }: Entry, glimpses: readonly Glimpse[], options: SettleOptions): boolean {
  return glimpses.some(({ entry, at }) => entry.fingerprint === fingerprint && !isWithin(at, options));
}

/** Whether the window that began at `at` is not over. A time that lies further ahead than a window is long was written by a clock
 * that was wrong, and would last for as long as that: its window counts as over, so that a direct read decides. */
function isWithin(at: number, { now, windowMs }: SettleOptions): boolean {
  return Math.abs(now - at) <= windowMs;
}

/** Whether a read of a key without a stamp shows an older version than the listing that it follows: the read is of a
 * version that was there before, and the listing is of none that a listing can still show. `isLoose`: the read tells of
 * the value alone, and what else `read` says is the listing's. Then a value that was there before, with attributes that
 * never went with it, is a mix of two versions, or a change of the metadata alone: this is believed when the window is
 * over. */
export function isBehindListing(
  read: Entry,
  { listed, isLoose }: { readonly listed: Entry; readonly isLoose: boolean },
  past: KeyPast,
  options: SettleOptions,
): boolean {
  if (listed.fingerprint !== undefined) return false;
  if (!isLoose) return !isNews(read, past) && !mayBeListed(listed, past, options);
  const isOver = past.glimpses.some(({ entry, at }) => !isWithin(at, options) && sameAttributes(entry, listed));
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

/** Whether a read shows a version that the key is not known to have had. If it is loose, only a new value is one: an old
 * value with new attributes may be a mix of two versions. */
export function isNewRead(read: Entry, { isLoose }: { readonly isLoose: boolean }, past: KeyPast): boolean {
  return isNews(read, past) && !(isLoose && hasKnownValue(read, past));
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

const current: Settled = { kind: "current" };

function isVersion(listed: Entry, version: PreviousVersion): boolean {
  const [fingerprint] = version;
  return fingerprint !== null && listed.fingerprint === fingerprint && hasAttributes(listed, version);
}

function hasAttributes(listed: Entry, [, metadata, expiration]: PreviousVersion): boolean {
  if ((listed.expiration ?? null) !== expiration) return false;
  return (listed.metadata ?? null) === metadata || markMetadata(listed.metadata) === metadata;
}

const METADATA_CHARS_MAX = 40;

/** What is kept of the metadata of a version that is only to be recognised: long ones as "#" and a fingerprint, which is no
 * JSON. (All versions of a window are kept, however many they are.) */
export function markMetadata(metadata: string | undefined): string | null {
  if (metadata === undefined) return null;
  return metadata.length > METADATA_CHARS_MAX ? `#${fingerprintOf(Buffer.from(metadata))}` : metadata;
}

/** `versions`, newest first, without those that were replaced more than `keepMs` before `now`. */
export function recentVersions(
  versions: readonly PreviousVersion[],
  { now, keepMs }: { readonly now: number; readonly keepMs: DurationMs },
): readonly PreviousVersion[] {
  return versions.filter(([, , , replacedAtMs]) => now - replacedAtMs <= keepMs);
}

/** `versions`, each of which that lies ahead of `now` as replaced just now. */
export function datedVersions(versions: readonly PreviousVersion[], now: number): readonly PreviousVersion[] {
  return versions.map(([fingerprint, metadata, expiration, at]) => [
    fingerprint,
    metadata,
    expiration,
    Math.min(at, now),
  ]);
}

export function encodePrevious(versions: readonly PreviousVersion[]): string {
  return JSON.stringify(versions);
}

export function decodePrevious(text: string): readonly PreviousVersion[] {
  return JSON.parse(text) as readonly PreviousVersion[];
}
