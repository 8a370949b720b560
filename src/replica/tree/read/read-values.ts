// Reading the values of a tree. Synchronous calls, since these are several times faster than a thread pool's for small
// files; the event loop has its turn between pages, which are bounded in files and in bytes.

import { isUtf8 } from "node:buffer";
import type { ByteCount, Clock } from "../../../core/clock.ts";
import type { Entry } from "../../../core/entry.ts";
import { fingerprintOf } from "../../../core/fingerprint.ts";
import type { NameScheme } from "../../../core/names/name-scheme.ts";
import { problem } from "../../../core/problem.ts";
import type { Pages, ReadOutcome, TransferOptions } from "../../replica.ts";
import { nextTurn } from "../event-loop.ts";
import { signatureOf } from "../file-signature.ts";
import { describeOutcome, FolderHandles } from "../folder-handles.ts";
import { keyFiles, type Place } from "../key-files.ts";
import { lookThrough } from "../links/look-through.ts";
import type { LinkRules } from "../links/resolve-link.ts";
import { type Allocate, type FileOutcome, readFile } from "./read-file.ts";
import { readRootIdentity } from "../tree-root.ts";

export interface TreeFiles {
  readonly clock: Clock;
  /** Absolute. */
  readonly root: string;
  readonly scheme: NameScheme;
  readonly isDurable: boolean;
  /** Reading may follow symbolic links by them; writing and removing never does. */
  readonly links: LinkRules;
}

const PAGE_FILES_MAX = 256;
const PAGE_BYTES_MAX = 4_194_304;

export async function* readValues(
  tree: TreeFiles,
  entries: Pages<Entry>,
  { signal, reusesBytes = false }: TransferOptions,
): Pages<ReadOutcome> {
  const identity = readRootIdentity(tree.root);
  const slabs = openSlabs(reusesBytes);
  for await (const page of entries) {
    for (let from = 0; from < page.length;) {
      signal?.throwIfAborted();
      const outcomes: ReadOutcome[] = [];
      const folders = new FolderHandles(tree.root, { identity, isDurable: false });
      const allocate = slabs(page, from);
      try {
        for (let bytes = 0; from < page.length && outcomes.length < PAGE_FILES_MAX && bytes < PAGE_BYTES_MAX; from++) {
          const outcome = readValue(tree, folders, page[from]!, allocate);
          if (outcome.kind === "value") bytes += outcome.value.bytes.byteLength;
          outcomes.push(outcome);
        }
      } finally {
        folders.close();
      }
      yield outcomes;
      await nextTurn();
    }
  }
}

/** One buffer for the values of a page, as large as their files were when they were listed. A buffer each would be freed
 * late: the garbage collector sees many small objects, and not the memory behind them. `reuses`: the same for each page,
 * unless it is too small; then it may hold the largest value, too. */
function openSlabs(reuses: boolean): (page: readonly Entry[], from: number) => Allocate {
  let slab = Buffer.alloc(0);
  return (page, from) => {
    const expected = expectedBytes(page, from);
    const size = reuses ? expected : Math.min(expected, PAGE_BYTES_MAX);
    if (!reuses || slab.byteLength < size) slab = Buffer.allocUnsafeSlow(size);
    const own = slab;
    let used = 0;
    return (byteLength) => {
      if (used + byteLength > own.byteLength) return Buffer.allocUnsafeSlow(byteLength);
      used += byteLength;
      return own.subarray(used - byteLength, used);
    };
  };
}

/** Of the page that begins at `from`. */
function expectedBytes(page: readonly Entry[], from: number): ByteCount {
  let expected = 0;
  for (let at = from; at < page.length && at - from < PAGE_FILES_MAX && expected < PAGE_BYTES_MAX; at++) {
    expected += page[at]!.size ?? 0;
  }
  return expected;
}

function readValue(tree: TreeFiles, folders: FolderHandles, entry: Entry, allocate: Allocate): ReadOutcome {
  const { key } = entry;
  // Taken before the file is looked at: whatever changes it from now on shows in its times, or makes it racy.
  const readAt = tree.clock.now();
  const files = keyFiles(key, tree.scheme);
  let found = readPlace(tree, folders, files.value, key, allocate);
  if (found.kind === "absent" || found.kind === "folder")
    found = readPlace(tree, folders, files.suffixed, key, allocate);
  switch (found.kind) {
    case "absent":
      return { kind: "absent", key };
    case "folder":
      return {
        kind: "problem",
        key,
        problem: problem("not-a-file", key, `has a folder ${files.suffixed.name} in place of its file`),
      };
    case "problem":
      return { kind: "problem", key, problem: found.problem };
    case "file": {
      const { bytes, stats } = found;
      const value = {
        ...entry,
        fingerprint: fingerprintOf(bytes),
        size: bytes.byteLength,
        signature: signatureOf(stats),
        binary: !isUtf8(bytes),
      };
      return { kind: "value", key, value: { entry: value, bytes, readAt } };
    }
  }
}

function readPlace(
  { links }: TreeFiles,
  folders: FolderHandles,
  place: Place,
  subject: string,
  allocate: Allocate,
): FileOutcome {
  if (links.policy !== "skip") {
    const looked = lookThrough(links, folders, subject, place);
    if (looked.kind === "problem") return looked;
    return looked.kind === "nothing" ? { kind: "absent" } : readFile(looked.at, subject, allocate);
  }
  const opened = folders.open(place.folder);
  if (opened.kind === "folder") return readFile(`${opened.folder.base}/${place.name}`, subject, allocate);
  if (opened.kind === "absent" || (opened.kind === "in-the-way" && opened.stats.isFile())) return { kind: "absent" };
  const code = opened.kind === "fault" ? "unreadable" : "not-a-file";
  return { kind: "problem", problem: problem(code, subject, describeOutcome(opened)) };
}
