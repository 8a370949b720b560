// What `kvsync doctor` finds out about folders: whether they are there, what may be done in them, and what the file
// system makes of names. Nothing is written but, for a moment, one file in the state folder.

import { accessSync, constants, existsSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { MappingConfig } from "../../config/config.ts";
import { visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import { ioError } from "../../config/read-file.ts";
import { realFolder } from "../../mapping/place.ts";
import { type Check, fail, ok, warn } from "./check.ts";

/** Under this the journal and the trash have little room to grow. */
const FREE_BYTES_MIN = 100 * 1024 * 1024;

export function checkStateFolder(stateDir: string): Check {
  const subject = "state folder";
  const shown = visible(stateDir);
  const hint = "set state_dir to a folder that this user may write, or change its owner";
  if (!existsSync(stateDir)) {
    return may(nearestFolder(stateDir), constants.W_OK)
      ? ok(subject, `${shown} does not exist yet, and will be created`)
      : fail(subject, `${shown} cannot be created`, hint);
  }
  try {
    // What access() tells is not all: the disk may be full, or the file system read-only by now.
    const probe = join(stateDir, `doctor-${process.pid}`);
    writeFileSync(probe, "");
    rmSync(probe);
  } catch (error) {
    return fail(subject, ioError(error, `${shown} cannot be written`).message, hint);
  }
  const mode = statSync(stateDir).mode & 0o077;
  if (mode !== 0)
    return warn(
      subject,
      `${shown} can be read by other users (mode ${(statSync(stateDir).mode & 0o777).toString(8)}); it holds values`,
      `chmod 700 ${shown}`,
    );
  return spaceCheck(subject, stateDir) ?? ok(subject, `${shown} is writable`);
}

export function checkFolder(mapping: MappingConfig): Check[] {
  const subject = `mapping ${mapping.name}`;
  const { folder } = mapping;
  const shown = visible(folder);
  const writes = mapping.mode !== "push";
  if (!existsSync(folder)) {
    if (!writes)
      return [fail(subject, `the folder ${shown} does not exist`, `create it, or set folder: mkdir -p ${shown}`)];
    const parent = nearestFolder(folder);
    const hint = `create ${shown} yourself, or let this user write to ${visible(parent)}`;
    return [
      may(parent, constants.W_OK)
        ? ok(subject, `the folder ${shown} does not exist yet, and will be created`)
        : fail(subject, `the folder ${shown} cannot be created`, hint),
    ];
  }
  if (!statSync(folder).isDirectory())
    return [fail(subject, `${shown} is no folder`, "set folder to the folder with the files")];
  if (!may(folder, constants.R_OK | constants.X_OK))
    return [fail(subject, `the folder ${shown} cannot be read`, "let this user read it")];
  if (writes && !may(folder, constants.W_OK))
    return [fail(subject, `the folder ${shown} cannot be written`, `let this user write to it, or use mode: push`)];
  const checks = [ok(subject, `the folder ${shown} is ${writes ? "writable" : "readable"}${linkNote(mapping)}`)];
  const space = writes ? spaceCheck(subject, folder) : undefined;
  if (space !== undefined) checks.push(space);
  if (ignoresCase(folder))
    checks.push(
      warn(
        subject,
        `the file system of ${shown} does not tell upper from lower case, so two keys that differ only in that cannot both be files`,
        "names: portable reports them; rename one of the keys",
      ),
    );
  return checks;
}

/** Of a folder that another one may take the place of at any time. */
function linkNote({ folder, rootSwaps }: MappingConfig): string {
  if (realFolder(folder) === folder) return "";
  const what = rootSwaps === "allow" ? "the next round carries the new one" : "the next round may be held";
  return `; a symbolic link leads to it, and if that is swapped ${what} (root_swaps: ${rootSwaps})`;
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    // Whatever the reason: it may not.
    return false;
  }
}

function nearestFolder(path: string): string {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function spaceCheck(subject: string, folder: string): Check | undefined {
  const { bavail, bsize, files, ffree } = statfsSync(folder);
  const free = bavail * bsize;
  if (free < FREE_BYTES_MIN)
    return warn(
      subject,
      `only ${renderByteCount(free)} are free on the disk of ${visible(folder)}`,
      "make room, or move the folder to another disk",
    );
  return files > 0 && ffree < 1000
    ? warn(
        subject,
        `only ${ffree} more files fit on the disk of ${visible(folder)}`,
        "delete files, or move the folder to another disk",
      )
    : undefined;
}

/** Whether the folder is also found by its name in the other case; undecided where its name has no letters. */
function ignoresCase(folder: string): boolean {
  const name = basename(folder);
  const other = name.replace(/[a-z]/gi, (char) =>
    char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase(),
  );
  const twin = join(dirname(folder), other);
  if (other === name || !existsSync(twin)) return false;
  const [a, b] = [statSync(folder), statSync(twin)];
  return a.ino === b.ino && a.dev === b.dev;
}
