// Which conflict of a key is meant: the one that waits, or a conflict copy. Not every conflict that waits is known to the journal, so that
// both sides are looked at before a copy is taken for what is meant.

import { lstatSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import type { MappingConfig } from "../../config/config.ts";
import { AppError, visible } from "../../core/errors.ts";
import { type Key, parseKey } from "../../core/key.ts";
import { decodeConflictPath } from "../../core/names/path-codec.ts";
import type { Journal } from "../../journal/journal.ts";
import { openWaitingConflicts, type WaitingConflict } from "../../journal/waiting-conflicts.ts";
import { faultCode } from "../../replica/tree/fs-fault.ts";
import { findCopies, type FoundCopy } from "./find-copies.ts";

export interface ConflictDeps {
  readonly journal: Journal;
  readonly stateDir: string;
  readonly mapping: MappingConfig;
}

/** Whether both sides have changed a key, as they are now. */
export type LookAtKey = (key: Key, signal: AbortSignal) => Promise<boolean>;

export interface Asked {
  readonly key: string;
  readonly copy?: string | undefined;
}

export type ChosenConflict =
  /** `known`: as a round found it; undefined: no round is known to have. */
  | { readonly kind: "waiting"; readonly key: Key; readonly known: WaitingConflict | undefined }
  /** `others`: more copies of the key. */
  | { readonly kind: "copy"; readonly copy: FoundCopy; readonly others: readonly FoundCopy[] };

/** More copies of one key than anyone has. */
const COPIES_MAX = 10_000;

/** Throws AppError `key-invalid`, and `usage` for a copy that there is not, or if it is not said which of two conflicts is meant. */
export async function chooseConflict(
  { journal, stateDir, mapping, isWaiting }: ConflictDeps & { readonly isWaiting: LookAtKey },
  { key: text, copy: path }: Asked,
  signal: AbortSignal,
): Promise<ChosenConflict> {
  const key = parseKey(mapping.prefix + text) === undefined ? undefined : (text as Key);
  if (key === undefined) throw new AppError("key-invalid", `"${visible(text)}" is no key`);
  if (path !== undefined) return { kind: "copy", copy: copyAt(mapping, text, path), others: [] };
  const [known] = openWaitingConflicts(journal).among(mapping.name, [key]);
  if (known !== undefined) return { kind: "waiting", key, known };
  const isWanted = (of: string): boolean => of === text;
  const { copies } = await findCopies(mapping, { stateDir, copiesMax: COPIES_MAX, isWanted, signal });
  const [newest, ...others] = copies.toSorted((a, b) => b.at - a.at || b.number - a.number);
  if (newest === undefined) return { kind: "waiting", key, known: undefined };
  if (mapping.mode === "two-way" && (await isWaiting(key, signal))) throw bothKinds(mapping.name, newest);
  return { kind: "copy", copy: newest, others };
}

function bothKinds(mapping: string, { key, path }: FoundCopy): AppError {
  return new AppError(
    "usage",
    `both sides changed ${visible(key)}, and it has a conflict copy as well: ${visible(path)}`,
    {
      hint: `say --copy PATH if the copy is meant; else let a round find the other: kvsync sync ${visible(mapping)}`,
    },
  );
}

function copyAt({ folder, names, name }: MappingConfig, key: string, path: string): FoundCopy {
  const copy = decodeConflictPath(path, names);
  if (copy?.key === key && isFileInside(folder, path)) return { ...copy, path };
  throw new AppError("usage", `${visible(path)} is no conflict copy of ${visible(key)} in mapping "${visible(name)}"`, {
    hint: `see which there are: kvsync conflicts list ${visible(name)}`,
  });
}

/** No symbolic link leads to it. */
function isFileInside(folder: string, path: string): boolean {
  try {
    const full = join(folder, path);
    const isReal = realpathSync(dirname(full)) === join(realpathSync(folder), dirname(path));
    return isReal && lstatSync(full).isFile();
  } catch (error) {
    faultCode(error);
    return false;
  }
}
