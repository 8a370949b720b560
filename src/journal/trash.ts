// The trash: values that were about to be destroyed, kept by content in <state>/trash/, with an index in the journal.
// [I6] A value is in the trash, synced to disk with its place in the index, before what held it is touched.

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { type Fingerprint, fingerprintOf } from "../core/fingerprint.ts";
import { AppError, assert } from "../core/errors.ts";
import type { Loss, Trash } from "../engine/ports.ts";
import type { Value } from "../replica/replica.ts";
import { durableTransaction, type Journal } from "./journal.ts";

export interface TrashOptions {
  readonly clock: Clock;
  readonly stateDir: string;
  /** For the index: whose values they are. */
  readonly mapping: string;
}

/** Throws AppError `io` if a value cannot be kept, `state-removed` if its journal is gone: then the caller must not go on to
 * destroy it. */
export function openTrash(journal: Journal, options: TrashOptions): Trash {
  const folder = join(options.stateDir, "trash");
  const insert = journal.database.prepare(
    `INSERT INTO trash (mapping, side, key, fingerprint, size, metadata, expiration, reason, saved_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const removeRepeated = journal.database.prepare(
    `DELETE FROM trash WHERE id = (SELECT max(id) FROM trash WHERE mapping = ?1 AND key = ?3)
     AND side = ?2 AND fingerprint = ?4 AND size = ?5 AND metadata IS ?6 AND expiration IS ?7 AND reason = ?8`,
  );
  /** What was to be replaced, was kept, and is there still, since the write failed, is kept anew in each round: once. */
  const put = (row: IndexRow): void => {
    const [mapping, side, key, fingerprint, size, metadata, expiration, reason] = row;
    removeRepeated.run(mapping, side, key, fingerprint, size, metadata, expiration, reason);
    insert.run(...row);
  };
  return {
    async save(values, loss) {
      // What only a journal tells of that nobody finds any more is as good as lost.
      journal.check();
      try {
        if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) syncFolder(options.stateDir);
        for (const value of values) writeContent(folder, value);
        syncFolder(folder);
        // A value that no index tells of is as good as lost.
        durableTransaction(journal.database, () => {
          for (const value of values) put(indexRow(value, loss, options));
        });
      } catch (error) {
        throw new AppError("io", `cannot keep a copy in the trash ${folder}: ${(error as Error).message}`, {
          hint: "nothing was replaced or removed without a copy; make room there, and run again",
          cause: error,
        });
      }
    },
  };
}

type IndexRow = [string, string, Buffer, Fingerprint, number, string | null, number | null, Loss["reason"], number];

function indexRow({ entry, bytes }: Value, loss: Loss, options: TrashOptions): IndexRow {
  return [
    options.mapping,
    loss.side,
    Buffer.from(entry.key),
    fingerprintOfValue(entry.fingerprint),
    bytes.byteLength,
    entry.metadata ?? null,
    entry.expiration ?? null,
    loss.reason,
    options.clock.now(),
  ];
}

function writeContent(folder: string, { entry, bytes }: Value): void {
  const fingerprint = fingerprintOfValue(entry.fingerprint);
  const path = join(folder, fingerprint);
  if (holdsContent(path, fingerprint, bytes.byteLength)) return;
  const temporary = `${path}.tmp`;
  // What a process that was killed has left may be anything.
  rmSync(temporary, { force: true });
  const file = openSync(temporary, "wx", 0o600);
  try {
    let offset = 0;
    while (offset < bytes.byteLength) offset += writeSync(file, bytes, offset);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/** Whether the file at `path` is the content itself: its name alone proves nothing, for a disk that was full, or a person,
 * may have emptied it. */
function holdsContent(path: string, fingerprint: Fingerprint, size: number): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isFile() || found.size !== size) return false;
  return fingerprintOf(readFileSync(path)) === fingerprint;
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function fingerprintOfValue(fingerprint: Fingerprint | undefined): Fingerprint {
  assert(fingerprint !== undefined, "a value that was read has a fingerprint");
  return fingerprint;
}
