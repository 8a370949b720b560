// Reading one file whole: stat, read, stat. What changes meanwhile is not a value, but something to come back to.

import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { sameSignature } from "../../../core/entry.ts";
import { VALUE_BYTES_MAX } from "../../../core/limits.ts";
import { type Problem, problem } from "../../../core/problem.ts";
import { describeKind, signatureOf } from "../file-signature.ts";
import { describeFault, faultCode } from "../fs-fault.ts";

export type FileOutcome =
  | { readonly kind: "file"; readonly stats: Stats; readonly bytes: Uint8Array }
  | { readonly kind: "folder" }
  | { readonly kind: "absent" }
  | { readonly kind: "problem"; readonly problem: Problem };

/** Where a file's bytes go: a buffer of exactly this size. */
export type Allocate = (byteLength: number) => Buffer;

/** Reads the regular file at `path`, at most 25 MiB. `subject`: what problems are about. */
export function readFile(path: string, subject: string, allocate: Allocate): FileOutcome {
  let fd: number;
  try {
    // O_NONBLOCK: a FIFO must not stop us.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = faultCode(error);
    if (code === "ENOENT") return { kind: "absent" };
    if (code === "ELOOP") return refuse("not-a-file", subject, "is a symbolic link: it is not followed");
    if (code === "ENXIO") return refuse("not-a-file", subject, "is a socket or a device");
    return refuse("unreadable", subject, `cannot be opened: ${describeFault(error)}`);
  }
  try {
    return readOpen(fd, subject, allocate);
  } catch (error) {
    return refuse("unreadable", subject, `cannot be read: ${describeFault(error)}`);
  } finally {
    closeSync(fd);
  }
}

function readOpen(fd: number, subject: string, allocate: Allocate): FileOutcome {
  const stats = fstatSync(fd);
  if (stats.isDirectory()) return { kind: "folder" };
  if (!stats.isFile()) return refuse("not-a-file", subject, `is ${describeKind(stats)}`);
  if (stats.size > VALUE_BYTES_MAX)
    return refuse("value-too-large", subject, `is ${stats.size} bytes; a value has at most ${VALUE_BYTES_MAX}`);
  // A file of /proc tells no size.
  if (stats.size === 0 && readSync(fd, Buffer.allocUnsafe(1), 0, 1, 0) > 0)
    return refuse("not-a-file", subject, "has contents, but no size, as what the system makes up: it is not synced");
  const bytes = allocate(stats.size);
  let length = 0;
  while (length < stats.size) {
    const count = readSync(fd, bytes, length, stats.size - length, length);
    if (count === 0) break;
    length += count;
  }
  if (length < stats.size || !sameSignature(signatureOf(stats), signatureOf(fstatSync(fd))))
    return refuse("changed-while-reading", subject, "changed while it was read; the next round sees to it");
  return { kind: "file", stats, bytes };
}

function refuse(code: Problem["code"], subject: string, message: string): FileOutcome {
  return { kind: "problem", problem: problem(code, subject, message) };
}
