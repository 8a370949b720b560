// Files of the state folder that hold values: their owner's alone, whatever the folder's mode and the umask are.

import { chmodSync, closeSync, openSync, statSync } from "node:fs";
import process from "node:process";

/** Makes the database at `path`, where it is not there yet, and lets only its owner read and write it. SQLite gives the
 * files that it adds beside a database the mode of that. Throws what the file system says. */
export function keepPrivate(path: string): void {
  closeSync(openSync(path, "a", 0o600));
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    const found = statSync(path + suffix, { throwIfNoEntry: false });
    if (found === undefined || (found.mode & 0o077) === 0) continue;
    // Only the owner may change it; to another user who can write here anyway, nothing new is shown.
    if (process.getuid?.() === 0 || process.getuid?.() === found.uid) chmodSync(path + suffix, 0o600);
  }
}
