// The journal: one SQLite file in the state folder. It owns the connection; base, spool and trash index are views of it.

import { mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AppError } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import { isDamage, operationErrorOf } from "./operation-error.ts";
import { forgetPrepared } from "./prepared.ts";
import { keepPrivate } from "./private-file.ts";
import { type NeededItems, openNeededItems } from "./needed-items.ts";
import { MIGRATIONS } from "./schema.ts";
import { checkStateFile } from "./state-file.ts";
import { defineVersionFunctions } from "./version-functions.ts";

export interface Journal {
  readonly database: DatabaseSync;
  /** Where a damaged journal was put aside, if this one had to start anew. */
  readonly replaced: string | undefined;
  /** Of the trash. */
  readonly needed: NeededItems;
  /** Throws AppError `state-removed` if its file was removed or replaced: what it remembers is found by nobody then. */
  readonly check: () => void;
  close(): void;
}

export const JOURNAL_FILE = "journal.sqlite";

/** Opens or creates the journal in `stateDir`. A file that is no sound database is put aside, never deleted, and a new
 * journal begun: the next round then sees no base, and deletes nothing. Throws AppError `state-damaged` if the journal
 * is of a newer kvsync, `io` if the folder cannot be used. */
export function openJournal(options: {
  readonly stateDir: string;
  readonly clock: Clock;
  /** It was found to be damaged in use: begin a new one in any case. */
  readonly isDamaged?: boolean;
  /** False for who does not hold the state lock: then a damaged journal is an error, `state-damaged`. Default: true. */
  readonly mayReplace?: boolean;
}): Journal {
  const path = join(options.stateDir, JOURNAL_FILE);
  try {
    mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AppError("io", `cannot create the state folder ${options.stateDir}: ${(error as Error).message}`, {
      hint: "set state_dir in the config to a folder that this user may write",
      cause: error,
    });
  }
  try {
    if (options.isDamaged !== true) return { ...openDatabase(path), replaced: undefined };
  } catch (error) {
    if (!isDamage(error) || options.mayReplace === false) throw unusable(path, error);
  }
  try {
    const aside = `${path}.damaged-${new Date(options.clock.now()).toISOString().replaceAll(/[-:]/g, "")}`;
    for (const suffix of ["", "-wal", "-shm"]) moveIfThere(path + suffix, aside + suffix);
    return { ...openDatabase(path), replaced: aside };
  } catch (error) {
    throw unusable(path, error);
  }
}

/** A journal that is gone when it is closed, in a temporary file while it is large: for comparisons that remember nothing. */
export function openScratchJournal(): Journal {
  return { ...openDatabase(""), replaced: undefined };
}

function openDatabase(path: string): Omit<Journal, "replaced"> {
  if (path !== "") keepPrivate(path);
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    setWalMode(database);
    database.exec("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;");
    migrate(database, path);
    defineVersionFunctions(database);
    // By its name: to open it once more, and to close that, would end SQLite's locks on it.
    const held = path === "" ? undefined : statSync(path, { bigint: true });
    return {
      database,
      needed: openNeededItems(),
      check: () => held && checkStateFile(path, held),
      close: () => {
        forgetPrepared(database);
        database.close();
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

const BUSY_TIMEOUT_MS = 5000;
const BUSY_RETRY_MS = 20;

/** SQLite does not wait for a lock while it changes the journal mode, so processes that make one journal at once take turns. */
function setWalMode(database: DatabaseSync): void {
  for (let attempt = 1; ; attempt++) {
    try {
      database.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      const isBusy = operationErrorOf(error)?.code === "locked";
      if (!isBusy || attempt * BUSY_RETRY_MS >= BUSY_TIMEOUT_MS) throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_RETRY_MS);
  }
}

function readVersion(database: DatabaseSync): number {
  return (database.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
}

function migrate(database: DatabaseSync, path: string): void {
  const version = readVersion(database);
  if (version > MIGRATIONS.length) {
    throw new AppError(
      "state-damaged",
      `${path} was written by a newer kvsync (schema ${version}, this one knows ${MIGRATIONS.length})`,
      {
        hint: "use that kvsync, or move the file away: the next round then starts without a base and deletes nothing",
      },
    );
  }
  for (const [index, step] of MIGRATIONS.entries()) {
    if (index < version) continue;
    transaction(database, () => {
      // Another process may have been faster.
      if (readVersion(database) <= index) database.exec(`${step}; PRAGMA user_version = ${index + 1};`);
    });
  }
}

/** Runs `work` as one transaction: all of it, or none. Within another one it is part of that. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  if (database.isTransaction) return work();
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** A transaction that is on disk when it returns: after a power failure the others may be undone, the newest first. */
export function durableTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("PRAGMA synchronous = FULL");
  try {
    return transaction(database, work);
  } finally {
    database.exec("PRAGMA synchronous = NORMAL");
  }
}

function unusable(path: string, error: unknown): unknown {
  if (error instanceof AppError) return error;
  const failure = operationErrorOf(error);
  if (failure === undefined) return error;
  const why = failure.code === "disk-full" ? "its disk is full" : (error as Error).message;
  return new AppError(failure.code, `cannot open the journal ${path}: ${why}`, {
    hint: failure.hint ?? "check that the state folder is writable and the disk has room",
    cause: error,
  });
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
