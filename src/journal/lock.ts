// One process a state folder. The lock is SQLite's own on a file beside the journal: it dies with its process, whatever
// kills that, so there is never a stale lock to remove by hand. Who holds it is told by a file beside it, which proves
// nothing and only explains.

import { fstatSync, mkdirSync, openSync, closeSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import type { Clock, DurationMs } from "../core/clock.ts";
import { AppError, visible } from "../core/errors.ts";
import { operationErrorOf } from "./operation-error.ts";
import { keepPrivate } from "./private-file.ts";
import { checkStateFile } from "./state-file.ts";

export interface StateLock {
  /** Throws AppError `state-removed` if the lock is on a file that nobody else finds any more: the state folder was removed
   * or replaced, and another process may lock the new one. */
  readonly check: () => void;
  close(): void;
}

interface Holder {
  readonly pid: number;
  readonly command: string;
  readonly since: string;
}

/** How often a lock that is waited for is tried. */
const TRY_INTERVAL_MS: DurationMs = 200;

/** As {@link openStateLock}, but waits up to `waitMs` for another process to let go. */
export async function awaitStateLock(
  stateDir: string,
  { clock, signal, waitMs }: { readonly clock: Clock; readonly signal: AbortSignal; readonly waitMs: DurationMs },
): Promise<StateLock> {
  const until = clock.monotonic() + waitMs;
  for (;;) {
    try {
      return openStateLock(stateDir);
    } catch (error) {
      const isLocked = error instanceof AppError && error.code === "locked";
      if (!isLocked || clock.monotonic() >= until) throw error;
    }
    await clock.sleep(Math.min(TRY_INTERVAL_MS, Math.max(1, until - clock.monotonic())), signal);
  }
}

/** Throws AppError `locked` if another process holds it, `state-damaged` if the lock's file is none, `io` if the folder
 * cannot be used. */
export function openStateLock(stateDir: string): StateLock {
  const path = join(stateDir, "lock.sqlite");
  let database: DatabaseSync | undefined;
  let file: number | undefined;
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    keepPrivate(path);
    file = openSync(path, "r");
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    if (file !== undefined) closeSync(file);
    throw refusal(stateDir, path, error);
  }
  const held = file;
  const identity = fstatSync(held, { bigint: true });
  const open = database;
  tellHolder(stateDir);
  return {
    check: () => checkStateFile(path, identity),
    close() {
      rmSync(holderFile(stateDir), { force: true });
      open.close();
      closeSync(held);
    },
  };
}

function refusal(stateDir: string, path: string, error: unknown): unknown {
  const failure = operationErrorOf(error);
  if (failure === undefined) return error;
  if (failure.code === "locked") {
    const holder = readHolder(stateDir);
    const isDaemon = holder?.command.startsWith("run") === true;
    const who = holder === undefined ? "another kvsync" : `kvsync ${visible(holder.command)} (pid ${holder.pid})`;
    const since = holder === undefined ? "" : ` since ${visible(holder.since)}`;
    return new AppError("locked", `${who} is working with the state folder ${visible(stateDir)}${since}`, {
      hint: isDaemon
        ? "ask the daemon for a round now: kvsync sync --now"
        : "wait for it: add --lock-timeout 1m; kvsync status asks a running daemon what it does",
      retryable: true,
      cause: error,
    });
  }
  if (failure.code === "state-damaged") {
    return new AppError("state-damaged", `${visible(path)} is no lock of kvsync`, {
      hint: "remove that file while no kvsync runs: it holds nothing",
      cause: error,
    });
  }
  return new AppError(failure.code, `cannot use the state folder ${visible(stateDir)}: ${(error as Error).message}`, {
    hint: "set state_dir in the config to a folder that this user may write, on a disk with room",
    cause: error,
  });
}

const holderFile = (stateDir: string): string => join(stateDir, "lock.holder");

/** It only explains: a disk that is full must not keep anybody from working. */
function tellHolder(stateDir: string): void {
  const holder = { pid: process.pid, command: commandOf(process.argv) };
  try {
    writeFileSync(holderFile(stateDir), JSON.stringify(holder), { mode: 0o600 });
  } catch (error) {
    if (operationErrorOf(error) === undefined) throw error;
  }
}

/** The command's words alone: what follows an option may be a secret. */
function commandOf([, program = "", ...args]: readonly string[]): string {
  const words = args.filter((word, index) => /^[a-z]+$/.test(word) && args[index - 1]?.startsWith("-") !== true);
  return words.slice(0, 2).join(" ") || basename(program);
}

/** Who holds the lock, as far as is known. Undefined if nobody told, or who told has ended. */
export function readHolder(stateDir: string): Holder | undefined {
  try {
    const file = holderFile(stateDir);
    const holder = JSON.parse(readFileSync(file, "utf8")) as Partial<Holder> | null;
    if (typeof holder?.pid !== "number" || holder.pid <= 0 || typeof holder.command !== "string") return undefined;
    const since = statSync(file).mtime.toISOString();
    if (isAlive(holder.pid)) return { pid: holder.pid, command: holder.command, since };
    return undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code !== "string") throw error;
    return undefined;
  }
}

/** Whether a process of this number runs, anybody's. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
