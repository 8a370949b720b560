// A value into a file that the user names: the file is replaced only once the value is there as a whole. What is no file
// of bytes (a pipe, a device) is written to, and never replaced.

import { realpathSync, statSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { visible } from "../../core/errors.ts";
import type { ValueStream } from "../../kv/kv-api.ts";
import { ioError } from "../../config/read-file.ts";

/** Returns how many bytes. Throws AppError "io". */
export async function writeValueFile({ body }: Pick<ValueStream, "body">, path: string): Promise<number> {
  const what = `could not write ${visible(path)}`;
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined && !found.isFile()) return await fill(await open(path, "w"), body);
    // A symbolic link goes on to be one.
    return await replace(found === undefined ? path : realpathSync(path), body);
  } catch (error) {
    throw error instanceof Error && "syscall" in error ? ioError(error, what) : error;
  }
}

/** Writes beside `path` and renames, so that a broken connection leaves the old file. */
async function replace(path: string, body: ValueStream["body"]): Promise<number> {
  const temporary = join(dirname(path), `.kvsync-${process.pid}.tmp`);
  try {
    const bytes = await fill(await open(temporary, "wx"), body, true);
    await rename(temporary, path);
    return bytes;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function fill(file: FileHandle, body: ValueStream["body"], sync = false): Promise<number> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      await file.writeFile(chunk);
      bytes += chunk.byteLength;
    }
    if (sync) await file.sync();
  } finally {
    await file.close();
  }
  return bytes;
}
