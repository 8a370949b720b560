// What the archive of a destination holds, to be asked key by key: only that may be overwritten. What a program wrote there after the archive
// was made is in no archive, and nothing would put it back.

import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../core/clock.ts";
import { type Entry, sameAttributes } from "../../core/entry.ts";
import type { Key } from "../../core/key.ts";
import { openArchiveFile } from "../../mapping/open-location.ts";
import { NO_ALLOWANCES } from "../../replica/archive/check-archive.ts";

export interface ArchivedVersions {
  /** Whether the archive has this very version of its key. */
  readonly holds: (entry: Entry) => boolean;
  close(): void;
}

interface Row {
  readonly fingerprint: string;
  readonly metadata: string | null;
  readonly expiration: number | null;
}

/** In a file without a name, which is gone with the process: a million keys take no memory. */
export async function openArchivedVersions(
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  path: string,
): Promise<ArchivedVersions> {
  const { replica } = await openArchiveFile({ clock, path, label: path, allowed: NO_ALLOWANCES, signal });
  const database = new DatabaseSync("");
  database.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE; PRAGMA cache_size = -1000;
    CREATE TABLE version (key BLOB PRIMARY KEY, fingerprint TEXT, metadata TEXT, expiration INTEGER) WITHOUT ROWID`);
  const insert = database.prepare("INSERT INTO version VALUES (?, ?, ?, ?)");
  const select = database.prepare("SELECT fingerprint, metadata, expiration FROM version WHERE key = ?");
  const find = (key: Key): Row | undefined => select.get(Buffer.from(key)) as Row | undefined;
  try {
    for await (const page of replica.list({ onProblem: () => undefined, signal })) {
      database.exec("BEGIN");
      for (const { key, fingerprint, metadata, expiration } of page)
        insert.run(Buffer.from(key), fingerprint!, metadata ?? null, expiration ?? null);
      database.exec("COMMIT");
    }
  } catch (error) {
    database.close();
    throw error;
  } finally {
    await replica.close();
  }
  return {
    holds(entry) {
      const row = find(entry.key);
      if (row === undefined || row.fingerprint !== entry.fingerprint) return false;
      const { metadata, expiration } = row;
      const attributes = {
        metadata: metadata ?? undefined,
        expiration: (expiration ?? undefined) as Entry["expiration"],
      };
      return sameAttributes(attributes, entry);
    },
    close: () => database.close(),
  };
}
