// The settle window: KV is eventually consistent, so for a minute or more after a change a listing may show an older
// version, or none, and may go back to it after it had shown the newer one. This tells a listing that lags from a change.
//
// [I7] Within the window a listing that shows a version that was there before proves nothing. An absence is a suspicion
// whenever it is seen: before anything is deleted for it, the window must be over and a direct read must miss the key too.

import type { DurationMs, EpochMs } from "./clock.ts";
import { compareVersions } from "./compare.ts";
import type { BaseRow, Entry } from "./entry.ts";
import type { Fingerprint } from "./fingerprint.ts";

/** A version that the remote side had before; `fingerprint` undefined: the key was absent. */
export interface PreviousVersion {
  readonly fingerprint: Fingerprint | undefined;
  readonly metadata: string | undefined;
  readonly expiration: BaseRow["expiration"];
  /** When it was replaced by a write of ours, or seen to have been by somebody else's. */
  readonly replacedAt: EpochMs;
}

export interface RemoteHistory {
  /** Newest first; older than the window is of no use. */
  readonly previous: readonly PreviousVersion[];
}

export type Settled =
  /** The listing shows what the base says, or a version never seen before: a real change. */
  | { readonly kind: "current"; readonly remote: Entry | undefined }
  /** The listing lags: take the remote to be what the base says, and look again later. */
  | { readonly kind: "stale" }
  /** The key is not in the listing, and the window is over: only a direct read can tell. */
  | { readonly kind: "suspect-absence" };

export function settleRemote(
  listed: Entry | undefined,
  base: BaseRow | undefined,
  history: RemoteHistory,
  options: { readonly now: EpochMs; readonly windowMs: DurationMs },
): Settled {
  const recent = history.previous.filter((version) => options.now - version.replacedAt <= options.windowMs);
  if (listed === undefined) {
    if (base === undefined) return { kind: "current", remote: undefined };
    return recent.length > 0 ? { kind: "stale" } : { kind: "suspect-absence" };
  }
  if (base !== undefined && compareVersions(listed, base) === "same") return { kind: "current", remote: listed };
  return recent.some((version) => isVersion(listed, version)) ? { kind: "stale" } : { kind: "current", remote: listed };
}

function isVersion(listed: Entry, version: PreviousVersion): boolean {
  return (
    version.fingerprint !== undefined &&
    listed.fingerprint === version.fingerprint &&
    listed.metadata === version.metadata &&
    (listed.expiration ?? 0) === (version.expiration ?? 0)
  );
}
