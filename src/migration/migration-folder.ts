// Where a migration lives: STATE_DIR/migrations/NAME, with its record, its report, the map of ids, and archives of what was at the
// destination before. And how another process asks the one that runs for something: by a file there, which that one looks for.

import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ioError } from "../config/read-file.ts";
import { AppError, visible } from "../core/errors.ts";
import { operationErrorOf } from "../journal/operation-error.ts";
import { isDiskFull } from "../replica/tree/fs-fault.ts";
import type { MigrationRecord, RunningProgress } from "./migration-record.ts";
import { writeWhole } from "./write-whole.ts";

export type MigrationRequest = "cutover" | "abort";

const REQUESTS: readonly MigrationRequest[] = ["cutover", "abort"];

export interface MigrationFolder {
  readonly path: string;
  /** Undefined: there is none yet. */
  read(): MigrationRecord | undefined;
  /** Atomically, and safe on disk. */
  write(record: MigrationRecord): void;
  /** A file of the folder, written as the record is. */
  writeFile(name: string, text: string): void;
  /** What another process asks for; undefined: nothing. "abort" before "cutover". */
  request(): MigrationRequest | undefined;
  ask(request: MigrationRequest): void;
  /** All of them unless they are given. Returns those that there were. */
  clearRequests(which?: readonly MigrationRequest[]): readonly MigrationRequest[];
  /** How far the run is that is under way; undefined: there is none, or it has not told yet. */
  readProgress(): RunningProgress | undefined;
  writeProgress(progress: RunningProgress | undefined): void;
}

const RECORD = "migration.json";
const PROGRESS = "progress.json";
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Throws AppError "usage" for what cannot be the name of a folder on every disk. */
export function openMigrationFolder(stateDir: string, name: string): MigrationFolder {
  if (!NAME.test(name)) {
    throw new AppError("usage", `"${visible(name)}" cannot be the name of a migration`, {
      hint: "give it one of letters, digits, -, _ and . : add --name NAME",
    });
  }
  const path = join(migrationsIn(stateDir), name);
  const file = (part: string): string => join(path, part);
  return {
    path,
    read: () => readRecord(file(RECORD)),
    write: (record) => writeFile(path, RECORD, `${JSON.stringify(record, undefined, 2)}\n`),
    writeFile: (part, text) => writeFile(path, part, text),
    request: () => REQUESTS.toReversed().find((request) => existsSync(file(`${request}.request`))),
    ask: (request) => writeFile(path, `${request}.request`, ""),
    clearRequests: (which = REQUESTS) => {
      const asked = which.filter((request) => existsSync(file(`${request}.request`)));
      for (const request of asked) rmSync(file(`${request}.request`), { force: true });
      return asked;
    },
    readProgress: () => readProgress(file(PROGRESS)),
    writeProgress: (progress) => writeProgress(file(PROGRESS), progress),
  };
}

/** In the order of their names. */
export function listMigrations(stateDir: string): readonly MigrationRecord[] {
  const folder = migrationsIn(stateDir);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => NAME.test(name))
    .toSorted()
    .flatMap((name) => readRecord(join(folder, name, RECORD)) ?? []);
}

/** Which there are, without reading them: the one whose record was written last first. `version`: another one whenever the record is. A folder
 * that cannot be looked into, as one made under sudo, is left out, and the others are found. */
export function migrationFiles(stateDir: string): readonly { readonly name: string; readonly version: string }[] {
  const folder = migrationsIn(stateDir);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => NAME.test(name))
    .flatMap((name) => {
      const stats = statIfReadable(join(folder, name, RECORD));
      return stats === undefined
        ? []
        : { name, at: stats.mtimeMs, version: `${stats.mtimeMs} ${stats.ino} ${stats.size}` };
    })
    .toSorted((a, b) => b.at - a.at);
}

function statIfReadable(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (operationErrorOf(error) === undefined) throw error;
    return undefined;
  }
}

function migrationsIn(stateDir: string): string {
  return join(stateDir, "migrations");
}

function readRecord(path: string): MigrationRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw ioError(error, `could not read ${visible(path)}`);
  }
  const record = parseRecord(text);
  if (record !== undefined) return record;
  throw new AppError("state-damaged", `${visible(path)} is no migration of this version of kvsync`, {
    hint: "use the kvsync that wrote it; or move its folder away, and type the kvsync migrate command again: what is copied is found to be so",
  });
}

function readProgress(path: string): RunningProgress | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as RunningProgress;
  } catch (error) {
    const isUnread = error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT";
    if (!isUnread) throw error;
    return undefined;
  }
}

/** It only tells: a disk that is full must not keep the copy from going on. */
function writeProgress(path: string, progress: RunningProgress | undefined): void {
  try {
    if (progress === undefined) rmSync(path, { force: true });
    else if (existsSync(dirname(path))) {
      writeFileSync(`${path}.part`, JSON.stringify(progress), { mode: 0o600 });
      renameSync(`${path}.part`, path);
    }
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
}

function parseRecord(text: string): MigrationRecord | undefined {
  try {
    const record = JSON.parse(text) as Partial<MigrationRecord> | null;
    const isOurs = record?.kvsync === "migration" && record.version === 1 && Array.isArray(record.namespaces);
    return isOurs ? (record as MigrationRecord) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function writeFile(folder: string, name: string, text: string): void {
  const path = join(folder, name);
  try {
    writeWhole(path, text, { mode: 0o600, makesFolder: true });
  } catch (error) {
    if (!isDiskFull(error)) throw ioError(error, `could not write ${visible(path)}`);
    throw new AppError("disk-full", `the disk of the state folder is full: could not write ${visible(path)}`, {
      hint: "make room there, and type the kvsync migrate command again: it goes on where it stopped",
      cause: error,
    });
  }
}
