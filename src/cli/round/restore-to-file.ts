// Writing a value from the trash to a file of one's own choice, or to stdout. What is there already is never overwritten.

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { ioError } from "../../config/read-file.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { TrashItem } from "../../journal/trash-index.ts";
import type { Context } from "../context.ts";
import { writeValue } from "../render/terminal-text.ts";

/** `to`: a file, or `-`. Returns the file that it was written to; undefined for stdout. */
export async function restoreToFile(
  { output, cwd }: Context,
  item: TrashItem,
  bytes: Uint8Array,
  { to, force }: { readonly to: string; readonly force: boolean },
): Promise<string | undefined> {
  if (to === "-") {
    await writeValue(output, bytes, {
      what: `number ${item.id} in the trash`,
      force,
      hint: `write it to a file: kvsync trash restore ${item.id} --to FILE. --force shows it all the same`,
    });
    return undefined;
  }
  const path = writeNew(resolve(cwd, to), bytes);
  const { metadata, expiration } = item;
  // A file of one's own choice holds the value alone.
  if (metadata !== undefined || expiration !== undefined) {
    const json = metadata === undefined ? {} : { metadata: JSON.parse(metadata) as unknown };
    const told = JSON.stringify({ ...json, expiration });
    output.warn(`  the file holds the value alone; the key also had ${visible(told)}`);
  }
  return path;
}

function writeNew(path: string, bytes: Uint8Array): string {
  try {
    // "wx" refuses to overwrite, also what appeared a moment ago.
    writeFileSync(path, bytes, { flag: "wx" });
    return path;
  } catch (error) {
    const { code, message } = ioError(error, `could not write ${visible(path)}`);
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST";
    const hint = { hint: "name another file, or remove that one: what is there is not overwritten" };
    throw new AppError(code, message, { cause: error, ...(isThere && hint) });
  }
}
