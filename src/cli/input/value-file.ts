// A value into a file that the user names: the file is replaced only once the value is there as a whole. What is no file
// of bytes (a pipe, a device), or is open already as stdout or under a number (`/dev/stdout`, `/dev/fd/3`), is written to,
// and never replaced: whoever opened it has more to write.

import { fstatSync, realpathSync, type Stats, statSync, write } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { visible } from "../../core/errors.ts";
import type { ValueStream } from "../../kv/kv-api.ts";
import { ioError } from "../../config/read-file.ts";
import { adopt } from "../../replica/tree/write/temp-file.ts";

/** Returns how many bytes. Throws AppError "io". */
export async function writeValueFile({ body }: Pick<ValueStream, "body">, path: string): Promise<number> {
  const what = `could not write ${visible(path)}`;
  try {
    const descriptor = openDescriptor(path);
    if (descriptor !== undefined && fstatSync(descriptor).isFile()) return await append(descriptor, body);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined && !found.isFile()) return await fill(await open(path, "w"), body);
    // A symbolic link goes on to be one.
    return await replace(found === undefined ? path : realpathSync(path), found, body);
  } catch (error) {
    throw error instanceof Error && "syscall" in error ? ioError(error, what) : error;
  }
}

const NAMED: ReadonlyMap<string, number> = new Map([
  ["/dev/stdin", 0],
  ["/dev/stdout", 1],
  ["/dev/stderr", 2],
]);

/** Which descriptor of this process `path` stands for. */
function openDescriptor(path: string): number | undefined {
  const number = /^\/(?:dev|proc\/(?:self|\d+))\/fd\/(\d+)$/.exec(path)?.[1];
  return number === undefined ? NAMED.get(path) : Number(number);
}

/** Where whoever opened the file has got to. */
async function append(descriptor: number, body: ValueStream["body"]): Promise<number> {
  const writeSome = promisify(write);
  let bytes = 0;
  for await (const chunk of body) {
    for (let at = 0; at < chunk.byteLength;) {
      at += (await writeSome(descriptor, chunk, at, chunk.byteLength - at, null)).bytesWritten;
    }
    bytes += chunk.byteLength;
  }
  return bytes;
}

/** Writes beside `path` and renames, so that a broken connection leaves the old file, whose mode and owner the new one has. */
async function replace(path: string, found: Stats | undefined, body: ValueStream["body"]): Promise<number> {
  const temporary = join(dirname(path), `.kvsync-${process.pid}.tmp`);
  try {
    const file = await open(temporary, "wx", found === undefined ? undefined : 0o600);
    const bytes = await fill(file, body, () => {
      if (found !== undefined) adopt(file.fd, found);
    });
    await rename(temporary, path);
    return bytes;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** `prepare`: of a file that is to take the place of another one, which is therefore synced; it may throw. */
async function fill(file: FileHandle, body: ValueStream["body"], prepare?: () => void): Promise<number> {
  let bytes = 0;
  try {
    prepare?.();
    for await (const chunk of body) {
      await file.writeFile(chunk);
      bytes += chunk.byteLength;
    }
    if (prepare !== undefined) await file.sync();
  } finally {
    await file.close();
  }
  return bytes;
}
