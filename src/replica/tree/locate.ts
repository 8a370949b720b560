// Where the value of a key lies now, asked of the file system: nothing is kept about it between calls, so that it costs
// no memory and is never out of date.

import { lstatSync, type Stats } from "node:fs";
import { type Problem, problem } from "../../core/problem.ts";
import { describeKind } from "./file-signature.ts";
import { describeFault } from "./fs-fault.ts";
import { describeOutcome, type FolderHandle, type FolderHandles } from "./folder-handles.ts";
import type { KeyFiles, Place } from "./key-files.ts";

/** Where a file was found by a look that follows no link: the folder it is in is open. */
interface InFolder {
  readonly folder: FolderHandle;
}

export type Located<Where = InFolder> =
  | ({ readonly kind: "file"; readonly place: Place; readonly stats: Stats } & Where)
  /** `place`: where the value would go. */
  | { readonly kind: "absent"; readonly place: Place }
  | { readonly kind: "problem"; readonly problem: Problem };

export type Looked<Where = InFolder> =
  | ({ readonly kind: "found"; readonly stats: Stats } & Where)
  | { readonly kind: "nothing" }
  | { readonly kind: "problem"; readonly problem: Problem };

/** Finds the file with the value of `key`; both of its possible files, or something else in their place, is a problem. */
export function locate(folders: FolderHandles, key: string, files: KeyFiles): Located {
  return locateBy((place) => look(folders, key, place), key, files);
}

/** The same, with a look of the caller's. */
export function locateBy<Where extends object>(
  lookAt: (place: Place) => Looked<Where>,
  key: string,
  files: KeyFiles,
): Located<Where> {
  const atValue = lookAt(files.value);
  if (atValue.kind === "problem") return atValue;
  if (atValue.kind === "found" && !atValue.stats.isFile() && !atValue.stats.isDirectory())
    return notAFile(key, atValue.stats);
  const atSuffixed = lookAt(files.suffixed);
  if (atSuffixed.kind === "problem") return atSuffixed;
  if (atSuffixed.kind === "found") {
    if (!atSuffixed.stats.isFile()) return notAFile(key, atSuffixed.stats);
    if (atValue.kind === "found" && atValue.stats.isFile())
      return { kind: "problem", problem: problem("name-collision", key, "has two files: remove one of the two") };
    return { ...atSuffixed, kind: "file", place: files.suffixed };
  }
  if (atValue.kind === "nothing") return { kind: "absent", place: files.value };
  if (atValue.stats.isDirectory()) return { kind: "absent", place: files.suffixed };
  return { ...atValue, kind: "file", place: files.value };
}

/** What is at `place`, reached without following a symbolic link. */
export function look(folders: FolderHandles, key: string, place: Place): Looked {
  const opened = folders.open(place.folder);
  if (opened.kind === "absent") return { kind: "nothing" };
  // A file where its folder would be: then there is nothing in that folder.
  if (opened.kind === "in-the-way" && opened.stats.isFile()) return { kind: "nothing" };
  if (opened.kind === "in-the-way")
    return { kind: "problem", problem: problem("not-a-file", key, describeOutcome(opened)) };
  if (opened.kind === "fault") return { kind: "problem", problem: problem("unreadable", key, describeOutcome(opened)) };
  try {
    const stats = lstatSync(`${opened.folder.base}/${place.name}`, { throwIfNoEntry: false });
    return stats === undefined ? { kind: "nothing" } : { kind: "found", folder: opened.folder, stats };
  } catch (error) {
    return { kind: "problem", problem: problem("unreadable", key, `cannot be looked at: ${describeFault(error)}`) };
  }
}

function notAFile(key: string, stats: Stats): { readonly kind: "problem"; readonly problem: Problem } {
  const message = stats.isSymbolicLink()
    ? "is a symbolic link: it is not replaced, and nothing is written through it"
    : `is ${describeKind(stats)}: it is neither read nor replaced`;
  return { kind: "problem", problem: problem("not-a-file", key, message) };
}
