// Whether a file of the state folder that is held open is still the one that others find under its name.

import { type BigIntStats, statSync } from "node:fs";
import { dirname } from "node:path";
import { AppError, visible } from "../core/errors.ts";

export type FileIdentity = Pick<BigIntStats, "ino" | "dev">;

/** Throws AppError `state-removed` if what is at `path` is not `held`, which is open: the state folder, or this file in it,
 * was removed or replaced, and what is written to `held` is found by nobody. */
export function checkStateFile(path: string, held: FileIdentity): void {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (found !== undefined && found.ino === held.ino && found.dev === held.dev) return;
  throw new AppError(
    "state-removed",
    `the state folder ${visible(dirname(path))} was removed or replaced while kvsync used it`,
    { hint: "put it back, or start kvsync again: it then begins a new journal, and deletes nothing" },
  );
}

interface Checked {
  readonly check: () => void;
}

/** Whether both are still what others find: the lock on the state folder, and the journal in it. Throws like
 * {@link checkStateFile}. */
export function stateCheck(lock: Checked, journal: Checked): () => void {
  return () => {
    lock.check();
    journal.check();
  };
}
