// The versions that a key had before the one that the base tells: what the journal keeps of them, so that a listing that
// lags can be recognised [I7].

import type { DurationMs } from "./clock.ts";
import type { Entry } from "./entry.ts";
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

/** Whether a side shows `version`. */
export function isVersion(listed: Entry, version: PreviousVersion): boolean {
  const [fingerprint] = version;
  return fingerprint !== null && listed.fingerprint === fingerprint && hasAttributes(listed, version);
}

/** Whether a side shows the metadata and the expiration of `version`. */
export function hasAttributes(listed: Entry, [, metadata, expiration]: PreviousVersion): boolean {
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
