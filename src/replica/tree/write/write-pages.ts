// Pages of writes, a group at a time, with the next group begun while the last one is under way: the thread that creates
// files (file-thread.ts) then has its next files at once, while this thread confirms the last ones and prepares the next.
// On two cores that takes a sixth off a first pull over loopback, and 0 to 7 % off one that is 50 or 200 ms away.
//
// Only where the two have nothing to do with each other: no folder of one is the other's, or lies below it. And only while
// they are small, since their values are held together.

import type { ByteCount } from "../../../core/clock.ts";
import type { Pages, Write, WriteOutcome } from "../../replica.ts";
import { FileThread } from "./file-thread.ts";
import { diskFull } from "../fs-fault.ts";
import { areApart, foldersOf, groupsOf, UNSYNCED_WRITES, WRITES } from "./grouping.ts";
import { isInMemory } from "../memory-file-system.ts";
import { countOpenFiles } from "../open-files.ts";
import type { RootIdentity } from "../tree-root.ts";
import type { TreeWriter } from "./tree-writer.ts";
import { writeGroup } from "./write-group.ts";
import type { WriteRun } from "./write-run.ts";

const TOGETHER_BYTES_MAX: ByteCount = 4_194_304;
/** Pages are put together until they have so many writes, or bytes. */
const GATHERED_WRITES = 400;
const GATHERED_BYTES: ByteCount = 1_048_576;

interface Begun {
  readonly folders: ReadonlySet<string>;
  readonly bytes: ByteCount;
  readonly outcomes: Promise<WriteOutcome[]>;
}

/** Throws AppError `root-missing` or `disk-full`, and the reason of `signal`, each after the outcomes of what was begun. */
export async function* writePages(
  tree: TreeWriter,
  pages: Pages<Write>,
  { identity, signal }: { readonly identity: RootIdentity; readonly signal: AbortSignal | undefined },
): Pages<WriteOutcome> {
  const { foldersMax, writesMax, isPlenty } = countOpenFiles();
  const run: WriteRun = {
    foldersMax,
    identity,
    made: new Map(),
    thread: new FileThread(isPlenty),
    signal,
    isDiskFull: false,
  };
  const isSynced = tree.isDurable && !isInMemory(`${tree.root}/.`);
  const usual = isSynced ? WRITES : UNSYNCED_WRITES;
  const grouping = { ...usual, itemsMax: Math.min(usual.itemsMax, writesMax) };
  const begun: Begun[] = [];
  try {
    for await (const page of isSynced ? pages : gathered(pages, run.thread)) {
      for (const writes of groupsOf(page, grouping)) {
        const [last] = begun;
        const extent = { folders: foldersOf(writes), bytes: byteLength(writes) };
        // Once the disk is full, whatever else is read for us is read in vain, and reading may cost requests.
        const isOver = signal?.aborted === true || run.isDiskFull;
        if (last !== undefined && (isOver || !mayOverlap(last, extent))) yield* ended(begun);
        signal?.throwIfAborted();
        if (run.isDiskFull) throw diskFull(tree.root);
        const outcomes = writeGroup(tree, writes, run);
        // It is awaited later: until then a failure must not count as unhandled.
        outcomes.catch(() => undefined);
        begun.push({ ...extent, outcomes });
        if (begun.length > (isPlenty ? 1 : 0)) yield* ended(begun);
      }
    }
    if (begun.length > 0) yield* ended(begun);
  } finally {
    await Promise.allSettled(begun.map(({ outcomes }) => outcomes));
    await run.thread.close();
  }
}

/** Pages put together while a second thread writes: to wake it takes this one 0.2 ms, as long as it takes that one to create
 * 20 files. */
async function* gathered(pages: Pages<Write>, thread: FileThread): Pages<Write> {
  let open: Write[] = [];
  try {
    for await (const page of pages) {
      open = open.length === 0 ? [...page] : [...open, ...page];
      if (thread.isRunning && open.length < GATHERED_WRITES && byteLength(open) < GATHERED_BYTES) continue;
      yield open;
      open = [];
    }
  } catch (error) {
    // What was read is written, whatever has become of the rest.
    if (open.length > 0) yield open;
    throw error;
  }
  if (open.length > 0) yield open;
}

/** The outcomes of the first that was begun. */
async function* ended(begun: Begun[]): Pages<WriteOutcome> {
  const outcomes = await begun[0]!.outcomes;
  begun.shift();
  yield outcomes;
}

function mayOverlap(one: Omit<Begun, "outcomes">, other: Omit<Begun, "outcomes">): boolean {
  return one.bytes + other.bytes <= TOGETHER_BYTES_MAX && areApart(one.folders, other.folders);
}

function byteLength(writes: readonly Write[]): ByteCount {
  return writes.reduce((sum, write) => sum + WRITES.bytesOf(write), 0);
}
