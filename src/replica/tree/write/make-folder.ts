// The folder that a file is to be written in, created where it does not exist. Where a file is in the way, it is the
// value of the key that the folder is named for (key `a`, and now `a/b`): it moves aside to `a%value`.

import { readdirSync, renameSync, lstatSync } from "node:fs";
import { decodePath, valueSuffixedPath } from "../../../core/names/path-codec.ts";
import { type Problem, problem } from "../../../core/problem.ts";
import { signatureOf } from "../file-signature.ts";
import { describeOutcome, type FolderHandle, type FolderHandles, type FolderOutcome } from "../folder-handles.ts";
import { placeOf } from "../key-files.ts";
import { look } from "../locate.ts";
import type { TreeWriter } from "./tree-writer.ts";

export type MadeFolder =
  | { readonly kind: "folder"; readonly folder: FolderHandle }
  | { readonly kind: "problem"; readonly problem: Problem };

/** Throws what the file system refuses with while a folder is created or a file moved. */
export function makeFolder(tree: TreeWriter, folders: FolderHandles, path: string, key: string): MadeFolder {
  for (;;) {
    const outcome = folders.open(path);
    if (outcome.kind === "folder") return checkExact(tree, folders, outcome.folder, key);
    if (outcome.kind === "absent") {
      folders.create(outcome.parent, outcome.name);
    } else if (outcome.kind === "in-the-way" && outcome.stats.isFile()) {
      const refusal = makeWay(tree, folders, outcome, key);
      if (refusal !== undefined) return { kind: "problem", problem: refusal };
    } else {
      const code = outcome.kind === "fault" ? "unreadable" : "not-a-file";
      return { kind: "problem", problem: problem(code, key, describeOutcome(outcome)) };
    }
  }
}

/** Moves the file that is in the way aside. */
function makeWay(
  tree: TreeWriter,
  folders: FolderHandles,
  { path, parent, name, stats }: Extract<FolderOutcome, { kind: "in-the-way" }>,
  key: string,
): Problem | undefined {
  const decoded = decodePath(path, tree.scheme);
  if (decoded.kind !== "value" || tree.filter?.(decoded.key) === false)
    return problem(
      "write-failed",
      key,
      `${path} is a file that is not synced, and its folder would be there: move it away`,
    );
  if (!tree.hasExactNames() && !readdirSync(parent.base).includes(name)) return collision(key, path);
  const aside = placeOf(valueSuffixedPath(decoded.key, tree.scheme));
  const looked = look(folders, key, aside);
  if (looked.kind === "problem") return looked.problem;
  if (looked.kind === "found") {
    const message = `${decoded.key} has two files, and its folder would be where one is: remove one of the two`;
    return problem("name-collision", key, message);
  }
  const made = makeFolder(tree, folders, aside.folder, key);
  if (made.kind === "problem") return made.problem;
  const to = `${made.folder.base}/${aside.name}`;
  renameSync(`${parent.base}/${name}`, to);
  parent.isDirty = true;
  made.folder.isDirty = true;
  tree.moves.note(signatureOf(stats), signatureOf(lstatSync(to)));
  return undefined;
}

/** Where two names may be one folder, makes sure that it is this one all the way. */
function checkExact(tree: TreeWriter, folders: FolderHandles, folder: FolderHandle, key: string): MadeFolder {
  if (tree.hasExactNames()) return { kind: "folder", folder };
  for (let path = folder.path; path !== ""; path = placeOf(path).folder) {
    const { folder: parentPath, name } = placeOf(path);
    const parent = folders.open(parentPath);
    if (parent.kind !== "folder" || !readdirSync(parent.folder.base).includes(name))
      return { kind: "problem", problem: collision(key, path) };
  }
  return { kind: "folder", folder };
}

function collision(key: string, path: string): Problem {
  const message = `needs the folder ${path}, which is another one's name on this file system, where case or Unicode form does not count`;
  return problem("name-collision", key, message);
}
