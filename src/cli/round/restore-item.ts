// Writing back a value from the trash: to where it was in its mapping's folder, with its metadata and expiration, or to any
// file. What is there already is never overwritten.

import { isUtf8 } from "node:buffer";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { MappingConfig } from "../../config/config.ts";
import { AppError, visible } from "../../core/errors.ts";
import { encodeKey } from "../../core/names/path-codec.ts";
import type { TrashItem } from "../../journal/trash-index.ts";
import type { Write, WriteOutcome } from "../../replica/replica.ts";
import { openTreeReplica } from "../../replica/tree/tree-replica.ts";
import type { Context } from "../context.ts";
import { ioError } from "../../config/read-file.ts";
import { writeValue } from "../render/terminal-text.ts";

/** Returns the file that it was written to; undefined for stdout. */
export async function restoreItem(
  context: Context,
  item: TrashItem,
  bytes: Uint8Array,
  { to, force }: { readonly to: string | undefined; readonly force: boolean },
): Promise<string | undefined> {
  if (to === "-") {
    await writeValue(context.output, bytes, {
      what: `number ${item.id} in the trash`,
      force,
      hint: `write it to a file: kvsync trash restore ${item.id} --to FILE. --force shows it all the same`,
    });
    return undefined;
  }
  if (to !== undefined) {
    const path = writeNew(resolve(context.cwd, to), bytes);
    tellAttributes(context, item);
    return path;
  }
  const { mappings } = await context.config();
  const mapping = mappings.get(item.mapping);
  if (mapping === undefined) {
    throw new AppError("usage", `mapping "${visible(item.mapping)}", whose value it was, is not in the config`, {
      hint: `say where to write it: kvsync trash restore ${item.id} --to FILE`,
    });
  }
  return writeToFolder(context, mapping, item, bytes);
}

/** A file of one's own choice holds the value alone. */
function tellAttributes({ output }: Context, { metadata, expiration }: TrashItem): void {
  if (metadata === undefined && expiration === undefined) return;
  const told = JSON.stringify({
    ...(metadata !== undefined && { metadata: JSON.parse(metadata) as unknown }),
    expiration,
  });
  output.warn(`  the file holds the value alone; the key also had ${visible(told)}`);
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

async function writeToFolder(
  { clock, output }: Context,
  { name, folder, names, mode }: MappingConfig,
  item: TrashItem,
  bytes: Uint8Array,
): Promise<string> {
  const { key, fingerprint, metadata, size } = item;
  const hasExpired = item.expiration !== undefined && item.expiration * 1000 <= clock.now();
  if (hasExpired) output.note("its expiration has passed: it is restored without one");
  const expiration = hasExpired ? undefined : item.expiration;
  const entry = { key, fingerprint, metadata, expiration, ttlSeconds: undefined, size };
  const write: Write = {
    value: {
      entry: { ...entry, signature: undefined, binary: !isUtf8(bytes) },
      bytes,
      readAt: clock.now(),
    },
    expected: undefined,
  };
  const path = resolve(folder, encodeKey(key, names));
  const tree = openTreeReplica({ clock, root: folder, label: folder, names });
  try {
    const outcome = await firstOutcome(tree.write(onePage(write)));
    if (outcome?.kind !== "written") throw refused(path, item, outcome);
  } finally {
    await tree.close();
  }
  if (mode === "pull") output.warn(`mapping "${name}" pulls: its next round may replace the file again`);
  return path;
}

function refused(path: string, { id }: TrashItem, outcome: WriteOutcome | undefined): AppError {
  const found = outcome?.kind === "problem" ? outcome.problem : undefined;
  // Nothing was listed: whatever is there was there.
  const isThere = found?.code === "changed-on-disk";
  const why = isThere ? "it exists already, and is not overwritten" : (found?.message ?? "it was not written");
  return new AppError("io", `could not restore ${visible(path)}: ${why}`, {
    hint: `move away what is there, or write it elsewhere: kvsync trash restore ${id} --to FILE`,
  });
}

async function firstOutcome(pages: AsyncIterable<readonly WriteOutcome[]>): Promise<WriteOutcome | undefined> {
  let first: WriteOutcome | undefined;
  for await (const page of pages) first ??= page[0];
  return first;
}

async function* onePage(write: Write): AsyncGenerator<readonly Write[]> {
  yield [write];
}
