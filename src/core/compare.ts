// When two versions of a key are the same: fingerprint, metadata and expiration alike.

import type { EpochSeconds } from "./clock.ts";
import { type BaseRow, type Entry, isRacy, sameAttributes, sameSignature } from "./entry.ts";
import { EXPIRATION_AHEAD_SECONDS_MIN } from "./limits.ts";

/** "unknown": all that is known agrees, but a fingerprint is missing, so a value must be read to tell. */
export type Comparison = "same" | "different" | "unknown";

export type Version = Entry | Omit<BaseRow, "previous">;

export function compareVersions(a: Version, b: Version): Comparison {
  if (!sameAttributes(a, b)) return "different";
  if (a.fingerprint !== undefined && b.fingerprint !== undefined) {
    return a.fingerprint === b.fingerprint ? "same" : "different";
  }
  if (a.size !== undefined && b.size !== undefined && a.size !== b.size) return "different";
  return "unknown";
}

/** Whether the base already says all that both sides do, and can be trusted to say so of the file next time too. */
export function isRecorded(source: Entry, destination: Entry, base: BaseRow): boolean {
  if (compareVersions(source, base) !== "same") return false;
  const signature = source.signature ?? destination.signature;
  if (signature === undefined) return true;
  return base.signature !== undefined && sameSignature(signature, base.signature) && !isRacy(signature, base.hashedAt);
}

/** Whether KV would refuse `expiration`, since it has passed or lies less than 60 seconds ahead. */
export function expiresTooSoon(expiration: EpochSeconds | undefined, now: EpochSeconds): boolean {
  return expiration !== undefined && expiration < now + EXPIRATION_AHEAD_SECONDS_MIN;
}
