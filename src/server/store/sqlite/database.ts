// The SQLite file behind the embedded server: how it is opened, and its schema.
//
// Value bytes live apart from keys, so that a listing reads only pages full of keys; those of a long value in parts, so that none is
// held whole. A bulk request is one transaction, committed before it is answered. `synchronous=NORMAL` in WAL mode means: what was answered survives the death of
// this process (kill -9), since a commit is in the kernel's hands; a power cut may take the last commits, whole ones
// only, and never damages the file.

import { chmodSync, closeSync, openSync, statSync } from "node:fs";
import process from "node:process";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Clock } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import { BUSY, FULL, LOCKED, sqliteCodeOf } from "../../../core/sqlite-code.ts";

const SCHEMA_VERSION = 3;
/** Measured: bulk writes of 2 KiB values take 45 ms per 10,000 with 16 KiB pages, 70 ms with SQLite's 4 KiB. */
const PAGE_BYTES = 16_384;
/** Moving the log into the file costs about 1.5 ms a megabyte; seldom enough to stay out of most requests. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024;
const CACHE_KIBIBYTES = 16_384;
/** Two processes may have one file open (`endpoint: embedded`); each waits this long for the other's transaction. */
const BUSY_TIMEOUT_MS = 10_000;

/** Where a namespace's values must stay, and what kind it is of, as it was created with. */
const ADDED_IN_2 = `ALTER TABLE namespace ADD COLUMN jurisdiction TEXT; ALTER TABLE namespace ADD COLUMN mode TEXT;`;

/** Long values, and the log of what changed. A value that was long before stays in one piece until it is written again. */
const ADDED_IN_3 = `
  CREATE TABLE long_value (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, so that whoever reads one never reads another
    length INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE part (
    value INTEGER NOT NULL, -- of long_value
    number INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (value, number)
  ) STRICT;
  CREATE TABLE doomed ( -- long values that no entry has: replaced, removed, or not written yet
    value INTEGER PRIMARY KEY,
    since INTEGER NOT NULL -- milliseconds
  ) STRICT;
  CREATE TABLE change (
    number INTEGER PRIMARY KEY, -- its newest row is never deleted, so that no number is given twice
    namespace INTEGER NOT NULL,
    at INTEGER NOT NULL, -- milliseconds
    keys TEXT NOT NULL -- an array, as JSON
  ) STRICT;
  ALTER TABLE namespace ADD COLUMN logged_from INTEGER; -- of change: the log of this namespace is whole after it
  ALTER TABLE namespace ADD COLUMN logged_until INTEGER; -- milliseconds; it is kept up to then
`;

const schema = `
  CREATE TABLE namespace (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, so that a dropped namespace's rows can go slowly
    account TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    UNIQUE (account, title)
  ) STRICT;
  ${ADDED_IN_2}
  CREATE TABLE dropped (number INTEGER PRIMARY KEY) STRICT; -- namespaces deleted, whose entries are still to be purged
  CREATE TABLE entry (
    namespace INTEGER NOT NULL,
    key BLOB NOT NULL, -- UTF-8: BLOB order is byte order [I1]
    metadata TEXT, -- compact JSON, spliced into answers as it is
    expiration INTEGER,
    value INTEGER NOT NULL, -- of value; below zero: of long_value, negated
    PRIMARY KEY (namespace, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX entry_expiration ON entry (expiration) WHERE expiration IS NOT NULL;
  CREATE TABLE value (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  ${ADDED_IN_3}
`;

/** What each version added to the one before it, from the second on. */
const steps = [ADDED_IN_2, ADDED_IN_3];

export interface Database {
  /** A statement whose rows are arrays; callers keep it. */
  prepare(sql: string): StatementSync;
  /** Runs `body` as one write transaction: all of it is committed when this returns, or nothing if it throws. Within a transaction it is a
   * part of that. */
  transaction<T>(body: () => T): T;
  /** The same for a `body` that takes its time: nobody else may use this connection meanwhile. */
  transactionOf<T>(body: () => Promise<T>): Promise<T>;
  close(): void;
}

/** Opens (and creates) the file at `path`, or a private database for ":memory:". Throws AppError "io" if the file
 * cannot be opened, "disk-full", "locked", "state-damaged" if it is no database of ours. */
export async function openDatabase(path: string, clock: Clock): Promise<Database> {
  const connection = openFile(path);
  try {
    await configure(connection, clock);
    checkVersion(connection, path);
  } catch (error) {
    connection.close();
    throw error instanceof AppError ? error : unusable(path, error);
  }
  return {
    prepare(sql) {
      const statement = connection.prepare(sql);
      statement.setReturnArrays(true);
      return statement;
    },
    transaction(body) {
      if (connection.isTransaction) return body();
      connection.exec("BEGIN IMMEDIATE");
      try {
        const result = body();
        connection.exec("COMMIT");
        return result;
      } catch (error) {
        if (connection.isTransaction) connection.exec("ROLLBACK");
        throw error;
      }
    },
    async transactionOf(body) {
      connection.exec("BEGIN IMMEDIATE");
      try {
        const result = await body();
        connection.exec("COMMIT");
        return result;
      } catch (error) {
        if (connection.isTransaction) connection.exec("ROLLBACK");
        throw error;
      }
    },
    close: () => connection.close(),
  };
}

function openFile(path: string): DatabaseSync {
  try {
    if (path !== ":memory:") keepPrivate(path);
    return new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  } catch (cause) {
    throw new AppError("io", `cannot open the database ${path}`, {
      hint: "check that the folder exists and that this user may write to it",
      cause,
    });
  }
}

/** The values are their owner's alone, whatever the folder's mode is. SQLite gives its other files the mode of this one. */
function keepPrivate(path: string): void {
  closeSync(openSync(path, "a", 0o600));
  for (const suffix of ["", "-wal", "-shm"]) {
    const found = statSync(path + suffix, { throwIfNoEntry: false });
    if (found === undefined || (found.mode & 0o077) === 0) continue;
    if (process.getuid?.() === 0 || process.getuid?.() === found.uid) chmodSync(path + suffix, 0o600);
  }
}

async function configure(connection: DatabaseSync, clock: Clock): Promise<void> {
  connection.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
  // SQLite does not wait for a lock while it changes the journal mode, so two processes that start at once retry.
  for (let attempt = 1; ; attempt++) {
    try {
      connection.exec("PRAGMA journal_mode = WAL");
      break;
    } catch (error) {
      if (attempt === 50 || !isBusy(error)) throw error;
      await clock.sleep(20);
    }
  }
  connection.exec("PRAGMA synchronous = NORMAL");
  connection.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_BYTES / PAGE_BYTES}`);
  connection.exec(`PRAGMA journal_size_limit = ${CHECKPOINT_BYTES}`);
  connection.exec(`PRAGMA cache_size = -${CACHE_KIBIBYTES}`);
}

function checkVersion(connection: DatabaseSync, path: string): void {
  if (readVersion(connection) === SCHEMA_VERSION) return;
  connection.exec("BEGIN IMMEDIATE");
  const version = readVersion(connection); // again, now that no other process can be creating it
  if (version < SCHEMA_VERSION)
    connection.exec(
      `${version === 0 ? schema : steps.slice(version - 1).join("")}; PRAGMA user_version = ${SCHEMA_VERSION}`,
    );
  connection.exec("COMMIT");
  if (version > SCHEMA_VERSION) {
    throw new AppError("state-damaged", `${path} was written by a newer kvsync (schema ${version})`, {
      hint: "upgrade kvsync, or name another file",
    });
  }
}

function readVersion(connection: DatabaseSync): number {
  return Number(connection.prepare("PRAGMA user_version").get()?.["user_version"]);
}

/** Only a file that is not ours, or not sound, is to be moved away. */
function unusable(path: string, cause: unknown): AppError {
  const code = sqliteCodeOf(cause);
  if (isBusy(cause)) {
    return new AppError("locked", `${path} is locked by another process`, {
      cause,
      retryable: true,
      hint: "stop the other process, or name another file",
    });
  }
  if (code === FULL)
    return new AppError("disk-full", `${path} cannot be written, since its disk is full`, {
      cause,
      retryable: true,
      hint: "make room there, and run again",
    });
  if (code !== undefined && CANNOT_BE_USED.has(code))
    return new AppError("io", `cannot use the database ${path}: ${(cause as Error).message}`, {
      cause,
      retryable: true,
      hint: "check that its disk is sound, and that this user may write to the file and to its folder",
    });
  return new AppError("state-damaged", `${path} is not a database of the embedded server`, {
    hint: "move the file away, or name another one",
    cause,
  });
}

/** PERM, NOMEM, READONLY, IOERR, CANTOPEN, NOLFS, AUTH. */
const CANNOT_BE_USED: ReadonlySet<number> = new Set([3, 7, 8, 10, 14, 22, 23]);

/** SQLITE_BUSY and SQLITE_LOCKED, with their extended forms. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  return code === BUSY || code === LOCKED;
}
