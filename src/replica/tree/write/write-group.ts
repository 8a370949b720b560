// Writing a group of values so that a crash at any moment leaves each old or new, and never half of one:
//
// 1. Each value and each sidecar goes to a temporary file in the folder of its target. Descriptors stay open.
// 2. All of them are synced at once.
// 3. Files that are to be replaced and changed a moment ago are waited for (replaced-file.ts).
// 4. One by one: check that the target is still what was listed, put the sidecar in its place (or remove the old one),
//    put the value in its place.
// 5. Each folder that changed is synced once. Only then are the values "written" [I4].
//
// Sidecar before value, always: a crash between the two may leave the old value beside the new attributes, or new attributes
// beside no value, which counts for nothing. The other order could leave a new value beside an old expiration, and that,
// pushed, would make the new value vanish early. With a removal it is value before sidecar (remove-group.ts), likewise.

import { fstatSync, renameSync, rmSync, type Stats, unlinkSync } from "node:fs";
import type { Key } from "../../../core/key.ts";
import { type Problem, problem } from "../../../core/problem.ts";
import type { Write, WriteOutcome } from "../../replica.ts";
import { signatureOf } from "../file-signature.ts";
import { type FolderHandle, FolderHandles } from "../folder-handles.ts";
import { type KeyFiles, keyFiles } from "../key-files.ts";
import { locate } from "../locate.ts";
import { keepSidecar } from "./conflict-copy.ts";
import { makeFolder } from "./make-folder.ts";
import { type Attributes, renderSidecar } from "../sidecar.ts";
import {
  closeReplaced,
  keepLateBytes,
  openReplaced,
  type ReplacedFile,
  stillWritten,
  waitUntilQuiet,
} from "./replaced-file.ts";
import { syncAll } from "./sync-files.ts";
import { checkSidecar, checkTarget, type Expectation, type SidecarTarget } from "./target.ts";
import { createTempFile, linkTempFile, placeTempFile, releaseTempFile, type TempFile } from "./temp-file.ts";
import type { TreeWriter } from "./tree-writer.ts";
import { writeNewFolders } from "./write-new-folders.ts";
import {
  attempt,
  confirm,
  type Failed,
  type Placed,
  refuse,
  type StoredEntry,
  storedEntry,
  type WriteRun,
} from "./write-run.ts";

/** A write whose files are complete, under temporary names. */
interface Staged {
  readonly key: Key;
  readonly entry: StoredEntry;
  readonly files: KeyFiles;
  readonly expectation: Expectation;
  readonly value: TempFile;
  readonly sidecar: TempFile | undefined;
  /** The file that it is to replace. */
  readonly replaced: Stats | undefined;
}

/** One outcome for each of `writes`. Throws AppError `root-missing`. */
export async function writeGroup(tree: TreeWriter, writes: readonly Write[], run: WriteRun): Promise<WriteOutcome[]> {
  const folders = new FolderHandles(tree.root, { ...run, isDurable: tree.isDurable });
  const staged: Staged[] = [];
  const replaced = new Map<Placed | Failed, ReplacedFile>();
  try {
    const { results: inNewFolders, rest } = await writeNewFolders(tree, folders, writes, run);
    const failed: Failed[] = [];
    for (const write of rest) {
      const { key } = write.value.entry;
      const result = run.isDiskFull
        ? refuse(key, "not tried, since the disk is full")
        : attempt(run, key, () => stage(tree, folders, write));
      if ("kind" in result) failed.push(result);
      else staged.push(result);
    }
    const faults = await syncStaged(staged);
    const isQuiet = await becomeQuiet(tree, staged, run);
    const inPlace = new Map<FolderHandle, boolean>();
    const results = staged.map((item) => {
      if (!isQuiet && item.replaced !== undefined) return failure(item.key, stillWritten(item.key));
      let old: ReplacedFile | undefined;
      const result = attempt(run, item.key, () => {
        if (faults.has(item)) throw faults.get(item);
        return place(tree, folders, item, { inPlace, onReplace: (path, stats) => (old = openReplaced(path, stats)) });
      });
      if (old !== undefined) replaced.set(result, old);
      return result;
    });
    const synced = await folders.sync();
    const outcomes: WriteOutcome[] = [...failed];
    for (const result of [...inNewFolders, ...results]) {
      const late = result.kind === "placed" ? await keepLateBytes(tree, result.key, replaced.get(result)) : undefined;
      if (late !== undefined) outcomes.push(failure(result.key, late));
      else outcomes.push(result.kind === "problem" ? result : confirm(result, synced));
    }
    return outcomes;
  } finally {
    for (const old of replaced.values()) closeReplaced(old);
    for (const { value, sidecar } of staged) {
      releaseTempFile(value);
      if (sidecar !== undefined) releaseTempFile(sidecar);
    }
    folders.close();
  }
}

/** Writes the files of one key under temporary names. */
function stage(tree: TreeWriter, folders: FolderHandles, { value, expected }: Write): Staged | Failed {
  const { key } = value.entry;
  if (tree.isReserved(key))
    return failure(key, problem("name-reserved", key, "would lie in a folder that is kvsync's own"));
  const files = keyFiles(key, tree.scheme);
  const entry = storedEntry(value, tree);
  const expectation = { key, listed: expected, written: entry };
  let place = files.value;
  let replaced: Stats | undefined;
  if (expected !== undefined) {
    // Told now, before its bytes are written for nothing; checked again when they take its place.
    const located = locate(folders, key, files);
    const refusal = checkTarget(tree, located, expectation);
    if (refusal !== undefined) return failure(key, refusal);
    if (located.kind === "file") ({ place, stats: replaced } = located);
  }
  const made = makeFolder(tree, folders, place.folder, key);
  if (made.kind === "problem") return failure(key, made.problem);
  const text = renderSidecar(entry);
  const besides = text === undefined ? undefined : makeFolder(tree, folders, files.sidecar.folder, key);
  if (besides?.kind === "problem") return failure(key, besides.problem);
  const temp = createTempFile(tree, made.folder, value.bytes, replaced);
  try {
    const sidecar = text === undefined ? undefined : createTempFile(tree, besides!.folder, Buffer.from(text), replaced);
    return { key, entry, files, expectation, value: temp, sidecar, replaced };
  } catch (error) {
    releaseTempFile(temp);
    throw error;
  }
}

function failure(key: Key, problem: Problem): Failed {
  return { kind: "problem", key, problem };
}

/** What went wrong with syncing the files of `staged`, where something did. */
async function syncStaged(staged: readonly Staged[]): Promise<ReadonlyMap<Staged, unknown>> {
  const files = staged.flatMap((item) =>
    [item.value, item.sidecar].flatMap((file) => (file?.folder.needsSync === true ? [{ item, fd: file.fd }] : [])),
  );
  const results = await syncAll(files.map(({ fd }) => fd));
  return new Map(files.flatMap(({ item }, i) => (results[i] === undefined ? [] : [[item, results[i]]])));
}

/** Puts the files of one key in their places, if what is there is still what was listed. */
function place(
  tree: TreeWriter,
  folders: FolderHandles,
  staged: Staged,
  {
    inPlace,
    onReplace,
  }: { readonly inPlace: Map<FolderHandle, boolean>; readonly onReplace: (path: string, stats: Stats) => void },
): Placed | Failed {
  const { key, files, expectation, value } = staged;
  const isInPlace = inPlace.get(value.folder) ?? folders.isInPlace(value.folder);
  inPlace.set(value.folder, isInPlace);
  if (!isInPlace)
    return failure(key, problem("changed-on-disk", key, "has a folder that was moved while it was written"));

  if (isNewName(staged) && linkTempFile(value, value.folder, files.value.name))
    return placed(tree, staged, [value.folder]);
  const located = locate(folders, key, files);
  const refusal = checkTarget(tree, located, expectation);
  if (refusal !== undefined) return failure(key, refusal);
  if (located.kind === "problem") return failure(key, located.problem);
  const old = checkSidecar(folders, files, located, expectation);
  if (old.kind === "problem") return failure(key, old.problem);
  const target = located.kind === "file" ? located : makeFolder(tree, folders, located.place.folder, key);
  if (target.kind === "problem") return failure(key, target.problem);

  if (located.kind === "file") onReplace(`${target.folder.base}/${located.place.name}`, located.stats);
  // A sidecar that a person wrote for a value that is to come says other things than this one: nobody has listed it.
  const isOrphan = located.kind === "absent" && old.kind === "sidecar" && !isSame(old.attributes, staged.entry);
  const keptAside = isOrphan ? keepSidecar(tree, folders, key, old.path) : undefined;
  if (keptAside?.kind === "problem") return failure(key, keptAside.problem);
  const beside = placeSidecar(staged, old);
  const changed = [value.folder, target.folder, ...(beside === undefined ? [] : [beside])];
  if (located.kind === "file") placeTempFile(value, target.folder, located.place.name);
  else if (!linkTempFile(value, target.folder, located.place.name)) {
    // Ours has no value now, and must not become someone else's.
    if (keptAside !== undefined && old.kind === "sidecar") renameSync(`${tree.root}/${keptAside.path}`, old.path);
    else if (beside !== undefined && old.kind === "absent") unlinkSync(`${beside.base}/${files.sidecar.name}`);
    return failure(key, problem("changed-on-disk", key, "was created since it was listed"));
  }
  return { ...placed(tree, staged, changed), keptAside: keptAside?.path };
}

/** False: the run was ended while it waited. */
function becomeQuiet(tree: TreeWriter, staged: readonly Staged[], { signal }: WriteRun): Promise<boolean> {
  const files = staged.flatMap(({ replaced }) => replaced ?? []);
  const last = staged.at(-1);
  if (last === undefined || files.length === 0 || tree.quietMs === 0) return Promise.resolve(true);
  return waitUntilQuiet(tree, files, { now: fstatSync(last.value.fd).mtimeMs, signal });
}

/** Whether a value without a sidecar goes into a folder of this run's own making: then its name can only be taken by what
 * came a moment ago or by a folder, and a link tells. */
function isNewName({ expectation, files, value, sidecar }: Staged): boolean {
  return (
    expectation.listed === undefined &&
    sidecar === undefined &&
    value.folder.isNew &&
    files.suffixed.folder === files.value.folder &&
    files.sidecar.folder === files.value.folder
  );
}

/** Puts the new sidecar in its place, or removes the old one. Returns the folder that changed, if one did. */
function placeSidecar({ entry, files, sidecar }: Staged, old: SidecarTarget): FolderHandle | undefined {
  if (sidecar !== undefined) {
    if (old.kind === "sidecar" && isSame(old.attributes, entry)) return undefined;
    placeTempFile(sidecar, sidecar.folder, files.sidecar.name);
    return sidecar.folder;
  }
  if (old.kind !== "sidecar") return undefined;
  rmSync(old.path, { force: true });
  old.folder.isDirty = true;
  return old.folder;
}

function placed(tree: TreeWriter, { key, entry, value }: Staged, folders: readonly FolderHandle[]): Placed {
  // The moment of the signature, before it: a later change to the file shows in its times, or makes it racy.
  const placedAt = tree.clock.now();
  // Of the file we wrote, by its descriptor: someone may have replaced it already.
  const signature = signatureOf(fstatSync(value.fd));
  return { kind: "placed", key, entry: { ...entry, signature }, placedAt, folders };
}

function isSame(a: Attributes, b: Attributes): boolean {
  return a.metadata === b.metadata && a.expiration === b.expiration;
}
