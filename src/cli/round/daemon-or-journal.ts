// What the daemon of the state folder is asked for, and what is done with the journal where none runs.

import { AppError } from "../../core/errors.ts";
import { type ControlClient, openControlClient } from "../../daemon/control/control-client.ts";
import { type Journal, openJournal } from "../../journal/journal.ts";
import { awaitStateLock } from "../../journal/lock.ts";
import type { Context } from "../context.ts";
import { lookAtJournal } from "./look-at-journal.ts";

/** What `ask` makes of the daemon; undefined: none runs. One that goes away meanwhile is an error of its own: what it has begun may be
 * done. */
export async function askDaemon<T>(
  context: Context,
  stateDir: string,
  ask: (client: ControlClient) => Promise<T>,
): Promise<{ readonly answer: T } | undefined> {
  let client: ControlClient;
  try {
    client = await openControlClient(stateDir, context);
  } catch (error) {
    if (error instanceof AppError && error.code === "not-running") return undefined;
    throw error;
  }
  try {
    return { answer: await ask(client) };
  } finally {
    client.close();
  }
}

/** What the daemon answers, whose journal it is; where none runs, or it goes away meanwhile, what `look` finds in the journal. Undefined:
 * there is no journal yet. */
export async function askOrLook<T>(
  context: Context,
  stateDir: string,
  ask: (client: ControlClient) => Promise<T>,
  look: (journal: Journal) => T,
): Promise<T | undefined> {
  try {
    const asked = await askDaemon(context, stateDir, ask);
    if (asked !== undefined) return asked.answer;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "not-running") throw error;
  }
  return lookAtJournal(context, stateDir, look);
}

/** `work` with the journal, while no other kvsync works with it. Throws AppError `locked`. */
export async function withLockedJournal<T>(
  { clock, signal, lockTimeoutMs }: Context,
  stateDir: string,
  work: (journal: Journal) => Promise<T> | T,
): Promise<T> {
  const lock = await awaitStateLock(stateDir, { clock, signal, waitMs: lockTimeoutMs });
  try {
    const journal = openJournal({ stateDir, clock, mayReplace: false });
    try {
      return await work(journal);
    } finally {
      journal.close();
    }
  } finally {
    lock.close();
  }
}

export interface Ways<T> {
  readonly byDaemon: (client: ControlClient) => Promise<T>;
  /** Under the state lock. */
  readonly inJournal: (journal: Journal) => T;
}

/** What came of it, and which way it went: through the daemon, if one runs. Throws what either throws, and AppError `locked` if no daemon
 * runs and another kvsync works with the state folder. */
export async function byDaemonOrJournal<T>(
  context: Context,
  stateDir: string,
  { byDaemon, inJournal }: Ways<T>,
): Promise<{ readonly result: T; readonly isByDaemon: boolean }> {
  const asked = await askDaemon(context, stateDir, byDaemon);
  if (asked !== undefined) return { result: asked.answer, isByDaemon: true };
  return { result: await withLockedJournal(context, stateDir, inJournal), isByDaemon: false };
}
