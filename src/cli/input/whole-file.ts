// What is read more than once: a file as it is, and what can be read once (stdin, a pipe) as a copy in a file of its own.

import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { ioError } from "../../config/read-file.ts";
import type { Context } from "../context.ts";
import { openInput } from "./open-input.ts";

export interface WholeFile {
  readonly path: string;
  /** For messages: `plan.json`, `stdin`. */
  readonly name: string;
  /** Removes the copy. */
  close(): void;
}

/** `-` is stdin. Throws AppError "io". */
export async function openWholeFile(context: Context, file: string): Promise<WholeFile> {
  const input = openInput(context, file);
  if (input.isFile) return { path: resolve(context.cwd, file), name: file, close: () => {} };
  const folder = mkdtempSync(join(tmpdir(), "kvsync-input-"));
  const path = join(folder, "input");
  const close = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    await pipeline(input.read(), createWriteStream(path, { mode: 0o600 }));
  } catch (error) {
    close();
    throw error instanceof Error && "syscall" in error
      ? ioError(error, `could not keep a copy of ${input.name}`)
      : error;
  }
  return { path, name: input.name, close };
}
