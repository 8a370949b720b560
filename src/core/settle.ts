// The settle window: KV is eventually consistent, so for a minute or more after a change a listing may show an older
// version, or none, and may go back to it after it had shown the newer one. This tells a listing that lags from a change.
//
// [I7] Within the window a listing that shows a version that was there before proves nothing. An absence is a suspicion
// whenever it is seen: before a file is removed for it, the window must be over and a direct read must miss the key too.

import type { DurationMs, EpochMs } from "./clock.ts";
import { compareVersions } from "./compare.ts";
import type { BaseRow, Entry } from "./entry.ts";

/** A version that a key had before. All undefined but the time: the key was absent. */
export type PreviousVersion = readonly [
  fingerprint: string | null,
  metadata: string | null,
  expiration: number | null,
  /** When it was replaced by a write of ours, or seen to have been replaced by somebody else's. */
  replacedAtMs: number,
];

export type Settled =
  /** The listing shows what the base says, or a version never seen before: a real change. */
  | { readonly kind: "current" }
  /** The listing lags: take the remote to be what the base says, and look again later. */
  | { readonly kind: "stale" }
  /** The key is not in the listing, and the window is over: only a direct read can tell. */
  | { readonly kind: "suspect-absence" }
  /** The listing shows a version that was replaced, and the window is over: only a direct read can tell whether somebody
   * wrote it again or the listing lags unusually long. */
  | { readonly kind: "suspect-version" };

/** `previous` is the base's, or a tombstone's, text. Costs next to nothing for a listing that shows what the base says. */
export function settleRemote(
  listed: Entry | undefined,
  base: BaseRow | undefined,
  previous: string | undefined,
  options: { readonly now: EpochMs; readonly windowMs: DurationMs },
): Settled {
  if (listed !== undefined && base !== undefined && compareVersions(listed, base) === "same") return current;
  if (listed === undefined && base === undefined) return current;
  const versions = previous === undefined ? bornAt(base) : decodePrevious(previous);
  const isRecent = (version: PreviousVersion): boolean => options.now - version[3] <= options.windowMs;
  if (listed === undefined) return versions.some(isRecent) ? { kind: "stale" } : { kind: "suspect-absence" };
  const shown = versions.find((version) => isVersion(listed, version));
  if (shown === undefined) return current;
  return isRecent(shown) ? { kind: "stale" } : { kind: "suspect-version" };
}

/** A key that had no version before was absent until it was recorded. */
function bornAt(base: BaseRow | undefined): readonly PreviousVersion[] {
  return base === undefined ? [] : [[null, null, null, base.hashedAt]];
}

const current: Settled = { kind: "current" };

function isVersion(listed: Entry, [fingerprint, metadata, expiration]: PreviousVersion): boolean {
  return (
    fingerprint !== null &&
    listed.fingerprint === fingerprint &&
    (listed.metadata ?? null) === metadata &&
    (listed.expiration ?? null) === expiration
  );
}

export function encodePrevious(versions: readonly PreviousVersion[]): string {
  return JSON.stringify(versions);
}

export function decodePrevious(text: string): readonly PreviousVersion[] {
  return JSON.parse(text) as readonly PreviousVersion[];
}
