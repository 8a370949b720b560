// Which writes of a group go into folders that do not exist yet, a whole folder at a time (new-folder.ts), and what
// becomes of them. All others, and those of a folder that could not be placed, are for write-group.ts.

import type { Key } from "../../../core/key.ts";
import type { Write } from "../../replica.ts";
import type { FolderHandles } from "../folder-handles.ts";
import { keyFiles, placeOf } from "../key-files.ts";
import { makeFolder } from "./make-folder.ts";
import { writeNewFolder } from "./new-folder.ts";
import { renderSidecar } from "../sidecar.ts";
import type { TreeWriter } from "./tree-writer.ts";
import { attempt, type Placed, storedEntry, type WriteRun } from "./write-run.ts";

/** For fewer files the renaming costs more than it saves. */
const FOLDER_FILES_MIN = 4;

/** Folders that are filled at a time. */
const AT_ONCE_MAX = 4;

interface NewValue {
  readonly key: Key;
  readonly write: Write;
  readonly name: string;
  readonly sidecarName: string;
}

export interface NewFolders {
  readonly results: readonly Placed[];
  /** Still to be written, in another way. */
  readonly rest: readonly Write[];
}

export async function writeNewFolders(
  tree: TreeWriter,
  folders: FolderHandles,
  writes: readonly Write[],
  run: WriteRun,
): Promise<NewFolders> {
  if (writes.length < FOLDER_FILES_MIN || run.isDiskFull || !tree.hasExactNames()) return { results: [], rest: writes };
  const { byFolder, rest } = sortByFolder(tree, writes);
  const results: Placed[] = [];
  const writeOne = async (path: string, values: readonly NewValue[]): Promise<void> => {
    const isNew = values.length >= FOLDER_FILES_MIN && folders.open(path).kind === "absent";
    const placed = isNew ? await writeFolder(tree, folders, path, values, run) : undefined;
    if (placed === undefined) rest.push(...values.map(({ write }) => write));
    else results.push(...placed);
  };
  const underWay = new Map<string, Promise<void>>();
  for (const [path, values] of byFolder) {
    const isInTheWay = [...underWay.keys()].some((other) => isNested(path, other));
    if (isInTheWay || underWay.size === AT_ONCE_MAX) await allOf(underWay);
    underWay.set(path, writeOne(path, values));
  }
  await allOf(underWay);
  return { results, rest };
}

/** Whether one is the other, or lies in it: then one has to be in place before the other is begun. */
function isNested(one: string, other: string): boolean {
  return `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`);
}

/** Waits for all of them, also when one fails: none may go on when the handles that they share are closed. */
async function allOf(underWay: Map<string, Promise<void>>): Promise<void> {
  const ends = await Promise.allSettled(underWay.values());
  underWay.clear();
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/** The values that nothing was listed for, by the folder in which they and all that belongs to them would lie. */
function sortByFolder(
  tree: TreeWriter,
  writes: readonly Write[],
): { readonly byFolder: ReadonlyMap<string, NewValue[]>; readonly rest: Write[] } {
  const byFolder = new Map<string, NewValue[]>();
  const rest: Write[] = [];
  for (const write of writes) {
    const { key } = write.value.entry;
    const { value, suffixed, sidecar } = keyFiles(key, tree.scheme);
    const { folder, name } = value;
    const isNew = write.expected === undefined && folder !== "" && !tree.isReserved(key);
    if (!isNew || suffixed.folder !== folder || sidecar.folder !== folder) {
      rest.push(write);
      continue;
    }
    const values = byFolder.get(folder);
    const added = { key, write, name, sidecarName: sidecar.name };
    if (values === undefined) byFolder.set(folder, [added]);
    else values.push(added);
  }
  for (const path of byFolder.keys()) makeRoom(path, byFolder, rest);
  return { byFolder, rest };
}

/** Keeps what would lie where `path` or a folder above it goes from being written as a new file. */
function makeRoom(path: string, byFolder: Map<string, NewValue[]>, rest: Write[]): void {
  for (let at = placeOf(path); at.folder !== ""; at = placeOf(at.folder)) {
    const { folder, name } = at;
    const values = byFolder.get(folder);
    const inTheWay = values?.find((value) => value.name === name);
    if (values === undefined || inTheWay === undefined) continue;
    rest.push(inTheWay.write);
    byFolder.set(
      folder,
      values.filter((value) => value !== inTheWay),
    );
  }
}

/** Undefined: it was not done. */
async function writeFolder(
  tree: TreeWriter,
  folders: FolderHandles,
  path: string,
  values: readonly NewValue[],
  run: WriteRun,
): Promise<Placed[] | undefined> {
  const { folder, name } = placeOf(path);
  const { key } = values[0]!;
  const above = attempt(run, key, () => makeFolder(tree, folders, folder, key));
  if (above.kind === "problem") return undefined;
  const parent = above.folder;
  const entries = values.map(({ write }) => storedEntry(write.value, tree));
  const sidecars = values.flatMap(({ sidecarName }, i) => {
    const text = renderSidecar(entries[i]!);
    return text === undefined ? [] : [{ name: sidecarName, bytes: Buffer.from(text) }];
  });
  const files = [...values.map((value) => ({ name: value.name, bytes: value.write.value.bytes })), ...sidecars];
  // The moment of the signatures, before them: a later change to a file shows in its times, or makes it racy.
  const placedAt = tree.clock.now();
  const result = await writeNewFolder(folders, { parent, name, hiddenName: tree.tempName(), files });
  if (result.kind === "refused") return undefined;
  const changed = [parent, result.folder];
  return entries.map((entry, i) => {
    const signature = result.signatures[i];
    return { kind: "placed", key: entry.key, entry: { ...entry, signature }, placedAt, folders: changed };
  });
}
