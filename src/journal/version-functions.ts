// The previous versions of a key as SQL sees them: functions over their encoded text (core/settle.ts), for the statements that
// add to it within one transaction.

import type { DatabaseSync } from "node:sqlite";
import {
  datedVersions,
  decodePrevious,
  encodePrevious,
  markMetadata,
  type PreviousVersion,
  recentVersions,
} from "../core/previous-version.ts";

/** Defines mark_metadata(metadata), recent_versions(previous, now, keep) and dated_versions(previous, now). Once for a connection: SQLite prepares
 * all statements of a connection anew after each definition. */
export function defineVersionFunctions(database: DatabaseSync): void {
  const options = { deterministic: true, directOnly: true };
  const define = (
    name: string,
    of: (versions: readonly PreviousVersion[], numbers: readonly number[]) => unknown,
  ): void =>
    database.function(name, { ...options, varargs: true }, (previous, ...numbers) =>
      typeof previous === "string"
        ? encodePrevious(of(decodePrevious(previous), numbers as number[]) as readonly PreviousVersion[])
        : null,
    );
  database.function("mark_metadata", options, (metadata) =>
    markMetadata(typeof metadata === "string" ? metadata : undefined),
  );
  define("recent_versions", (versions, [now, keepMs]) => recentVersions(versions, { now: now!, keepMs: keepMs! }));
  define("dated_versions", (versions, [now]) => datedVersions(versions, now!));
}
