// Pages of writes, a group at a time, with the next group begun while the last one is under way: the thread that creates
// files (file-thread.ts) then has its next files at once, while this thread confirms the last ones and prepares the next.
// On two cores that takes a sixth off a first pull.
//
// Only where the two have nothing to do with each other: no folder of one is the other's, or lies below it. And only while
// they are small, since their values are held together.

import type { ByteCount } from "../../core/clock.ts";
import type { Pages, Write, WriteOutcome } from "../replica.ts";
import { FileThread } from "./file-thread.ts";
import { diskFull } from "./fs-fault.ts";
import { areApart, groupsOf, WRITES } from "./groups.ts";
import type { RootIdentity } from "./tree-root.ts";
import type { TreeWriter } from "./tree-writer.ts";
import { writeGroup } from "./write-group.ts";
import type { WriteRun } from "./write-run.ts";

const TOGETHER_BYTES_MAX: ByteCount = 4_194_304;

interface Begun {
  readonly writes: readonly Write[];
  readonly outcomes: Promise<WriteOutcome[]>;
}

/** Throws AppError `root-missing` or `disk-full`, and the reason of `signal`, each after the outcomes of what was begun. */
export async function* writeGroups(
  tree: TreeWriter,
  pages: Pages<Write>,
  { identity, signal }: { readonly identity: RootIdentity; readonly signal: AbortSignal | undefined },
): Pages<WriteOutcome> {
  const run: WriteRun = { identity, made: new Map(), thread: new FileThread(), isDiskFull: false };
  const begun: Begun[] = [];
  try {
    for await (const page of pages) {
      for (const writes of groupsOf(page, WRITES)) {
        const [last] = begun;
        // Once the disk is full, whatever else is read for us is read in vain, and reading may cost requests.
        const isOver = signal?.aborted === true || run.isDiskFull;
        if (last !== undefined && (isOver || !mayOverlap(last.writes, writes))) yield* ended(begun);
        signal?.throwIfAborted();
        if (run.isDiskFull) throw diskFull(tree.root);
        const outcomes = writeGroup(tree, writes, run);
        // It is awaited later: until then a failure must not count as unhandled.
        outcomes.catch(() => undefined);
        begun.push({ writes, outcomes });
        if (begun.length > 1) yield* ended(begun);
      }
    }
    if (begun.length > 0) yield* ended(begun);
  } finally {
    await Promise.allSettled(begun.map(({ outcomes }) => outcomes));
    await run.thread.close();
  }
}

/** The outcomes of the first that was begun. */
async function* ended(begun: Begun[]): Pages<WriteOutcome> {
  const outcomes = await begun[0]!.outcomes;
  begun.shift();
  yield outcomes;
}

function mayOverlap(one: readonly Write[], other: readonly Write[]): boolean {
  return byteLength(one) + byteLength(other) <= TOGETHER_BYTES_MAX && areApart(one, other);
}

function byteLength(writes: readonly Write[]): ByteCount {
  return writes.reduce((sum, write) => sum + WRITES.bytesOf(write), 0);
}
