// What a user names for a command to read: a file, `-` for stdin, or a pipe, a terminal or a device.
//
// Node reads files in threads that nothing can interrupt, and does not end before they do: a pipe that nobody writes to would
// hold the process for ever, whatever signal it is sent. So a pipe and a terminal are opened without blocking and
// read as streams, which end when the command is to stop.

import { closeSync, constants, createReadStream, fstatSync, openSync, statSync } from "node:fs";
import { Socket } from "node:net";
import { resolve } from "node:path";
import { addAbortSignal, type Readable } from "node:stream";
import { isatty, ReadStream as TerminalStream } from "node:tty";
import { ioError } from "../../config/read-file.ts";
import { visible } from "../../core/errors.ts";
import type { Context } from "../context.ts";

export interface Input {
  /** For messages: `pairs.json`, `stdin`. */
  readonly name: string;
  /** Whether it can be read again from its beginning. What is missing, or a folder, counts as a file: reading it fails. */
  readonly isFile: boolean;
  /** Bytes of a file, as it was when it was looked at; undefined where only reading tells. */
  readonly size: number | undefined;
  /** All of it. Throws AppError "io" where it cannot be read, and the signal's reason when the command is to stop. */
  read(): AsyncGenerator<Uint8Array, void>;
}

/** Looks at `path`, and opens nothing yet. */
export function openInput({ cwd, stdin, signal }: Context, path: string): Input {
  const file = resolve(cwd, path);
  const stats = path === "-" ? undefined : statSync(file, { throwIfNoEntry: false });
  // A socket, which a parent may give as stdin, cannot be opened by its path.
  const isStdin = path === "-" || (stats?.isSocket() === true && path === "/dev/stdin");
  const name = isStdin ? "stdin" : visible(path);
  const mayBlock = stats?.isFIFO() === true || stats?.isCharacterDevice() === true;
  const open = (): Readable => (isStdin ? stdin : mayBlock ? openUnblocked(file) : createReadStream(file));
  return {
    name,
    isFile: !isStdin && (stats === undefined || stats.isFile() || stats.isDirectory()),
    size: stats?.isFile() === true ? stats.size : undefined,
    read: async function* () {
      try {
        yield* addAbortSignal(signal, open()) as AsyncIterable<Uint8Array>;
      } catch (error) {
        signal.throwIfAborted();
        throw error instanceof Error && "syscall" in error ? ioError(error, `could not read ${name}`) : error;
      }
    },
  };
}

/** A pipe waits for its first writer. A terminal is read as it stands, line by line. Other devices (/dev/zero) answer at once. */
function openUnblocked(file: string): Readable {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    if (isatty(fd)) return new TerminalStream(fd);
    return fstatSync(fd).isFIFO()
      ? new Socket({ fd, readable: true, writable: false })
      : createReadStream(file, { fd });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
