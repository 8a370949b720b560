// When two versions of a key are the same: fingerprint, metadata and expiration alike.

import { type BaseRow, type Entry, sameAttributes } from "./entry.ts";

/** "unknown": all that is known agrees, but a fingerprint is missing, so a value must be read to tell. */
export type Comparison = "same" | "different" | "unknown";

export function compareVersions(a: Entry | BaseRow, b: Entry | BaseRow): Comparison {
  if (!sameAttributes(a, b)) return "different";
  if (a.fingerprint !== undefined && b.fingerprint !== undefined) {
    return a.fingerprint === b.fingerprint ? "same" : "different";
  }
  if (a.size !== undefined && b.size !== undefined && a.size !== b.size) return "different";
  return "unknown";
}
