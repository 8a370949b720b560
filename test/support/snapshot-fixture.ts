// Snapshots for tests, taken of replicas into a repository in memory.

import type { ItemReader, ItemWriter, Snapshot } from "../../src/backup/repository/repository.ts";
import { takeSnapshot, type TakenSnapshot, type TakeOptions } from "../../src/backup/snapshot/take-snapshot.ts";
import type { Problem } from "../../src/core/problem.ts";
import type { ReadableReplica } from "../../src/replica/replica.ts";
import { FakeClock } from "./fake-clock.ts";

export interface Taken extends TakenSnapshot {
  readonly told: readonly Problem[];
}

export async function takeOf(
  items: { readonly reader: ItemReader; openWriter(): ItemWriter },
  source: ReadableReplica,
  parent?: Pick<Snapshot, "pages">,
  options: Partial<TakeOptions> = {},
): Promise<Taken> {
  const told: Problem[] = [];
  const writer = items.openWriter();
  const taken = await takeSnapshot(
    { clock: new FakeClock({ now: Date.now() }), reader: items.reader, writer, parent },
    {
      source,
      readsAll: false,
      signal: new AbortController().signal,
      onProblem: (problem) => told.push(problem),
      onProgress: () => {},
      ...options,
    },
  );
  await writer.finish();
  await writer.close();
  return { ...taken, told };
}

export function snapshotOf({ listed, complete, problems, entries, bytes, root, pages }: TakenSnapshot): Snapshot {
  return {
    listed,
    complete,
    problems,
    entries,
    bytes,
    root,
    pages,
    created: new Date(0).toISOString(),
    by: "test",
    tags: [],
    source: {
      account: null,
      accountId: null,
      namespace: null,
      title: null,
      prefix: "",
      jurisdiction: null,
      mode: null,
      label: "memory",
    },
    filter: null,
    parent: null,
  };
}
