// Pages of writes, a group of neighbours at a time: a group begins when the one before is confirmed, and what was begun has its
// outcomes before the run ends, whatever ends it.

import type { Pages, Write, WriteOutcome } from "../../replica.ts";
import { diskFull } from "../fs-fault.ts";
import { groupsOf, UNSYNCED_WRITES, WRITES } from "./grouping.ts";
import { isInMemory } from "../memory-file-system.ts";
import { countOpenFiles } from "../open-files.ts";
import type { RootIdentity } from "../tree-root.ts";
import type { TreeWriter } from "./tree-writer.ts";
import { writeGroup } from "./write-group.ts";
import type { WriteRun } from "./write-run.ts";

/** Throws AppError `root-missing` or `disk-full`, and the reason of `signal`, each after the outcomes of what was begun. */
export async function* writePages(
  tree: TreeWriter,
  pages: Pages<Write>,
  { identity, signal }: { readonly identity: RootIdentity; readonly signal: AbortSignal | undefined },
): Pages<WriteOutcome> {
  const { foldersMax, writesMax } = countOpenFiles();
  const run: WriteRun = { foldersMax, identity, made: new Map(), signal, isDiskFull: false };
  const usual = tree.isDurable && !isInMemory(`${tree.root}/.`) ? WRITES : UNSYNCED_WRITES;
  const grouping = { ...usual, itemsMax: Math.min(usual.itemsMax, writesMax) };
  for await (const page of pages) {
    for (const writes of groupsOf(page, grouping)) {
      signal?.throwIfAborted();
      // Whatever else is read for us is read in vain, and reading may cost requests.
      if (run.isDiskFull) throw diskFull(tree.root);
      yield await writeGroup(tree, writes, run);
    }
  }
}
