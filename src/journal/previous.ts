// The versions that a key of the base had before [I7], added to from outside the base's own changes: what the remote showed
// or was sent, and what was then replaced.

import type { DatabaseSync } from "node:sqlite";
import type { EpochMs } from "../core/clock.ts";
import { decodePrevious, encodePrevious, markMetadata } from "../core/previous-version.ts";
import type { EntryRow } from "./entry-columns.ts";

/** Puts `versions`, the latest first, in front of those of a key; nothing if the base does not know the key. */
export type RememberPrevious = (key: Buffer, versions: readonly EntryRow[], now: EpochMs) => void;

export function openRememberPrevious(database: DatabaseSync, pair: number): RememberPrevious {
  const select = database.prepare("SELECT previous FROM base WHERE pair = ? AND key = ?");
  const update = database.prepare("UPDATE base SET previous = ? WHERE pair = ? AND key = ?");
  return (key, versions, now) => {
    const row = select.get(pair, key) as { readonly previous: string | null } | undefined;
    if (row === undefined) return;
    const before = row.previous === null ? [] : decodePrevious(row.previous);
    const added = versions.map(
      (seen) => [seen.fingerprint, markMetadata(seen.metadata ?? undefined), seen.expiration, now] as const,
    );
    update.run(encodePrevious([...added, ...before]), pair, key);
  };
}
