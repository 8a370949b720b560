// Backups for tests: of values in memory, by the real code, into a repository on any store; and what its snapshots hold.

import { decodePage } from "../../src/backup/page/page-lines.ts";
import { loadIndex } from "../../src/backup/repository/load-index.ts";
import { openItemReader } from "../../src/backup/repository/open-item-reader.ts";
import { openItemWriter } from "../../src/backup/repository/open-item-writer.ts";
import type { Repository, StoredSnapshot } from "../../src/backup/repository/repository.ts";
import { readSnapshot, walkSnapshots, writeSnapshot } from "../../src/backup/repository/snapshots.ts";
import { takeSnapshot } from "../../src/backup/snapshot/take-snapshot.ts";
import type { Store } from "../../src/backup/store/store.ts";
import { compareUtf8 } from "../../src/core/key.ts";
import { memoryOf } from "./archive-fixture.ts";
import type { FakeClock } from "./fake-clock.ts";
import { valueOf } from "./values.ts";

export type Values = Readonly<Record<string, string>>;

export interface BackupOptions {
  readonly clock: FakeClock;
  readonly values: Values;
  /** The namespace it is of. */
  readonly title?: string;
  readonly parent?: StoredSnapshot | undefined;
  readonly complete?: boolean;
  readonly tags?: readonly string[];
}

/** `repository`, as another program on another connection sees it. */
export function throughStore(repository: Repository, store: Store): Repository {
  return { ...repository, store, label: store.label };
}

export async function backUp(repository: Repository, options: BackupOptions): Promise<StoredSnapshot> {
  const { clock, values, title = "app", parent, complete = true, tags = [] } = options;
  const index = await loadIndex(repository, { clock });
  const reader = openItemReader(repository, index);
  const writer = openItemWriter({ repository, index, reader, clock });
  try {
    const sorted = Object.entries(values).map(([key, text]) => valueOf(clock, key, text));
    const source = await memoryOf(
      clock,
      sorted.toSorted((a, b) => compareUtf8(a.entry.key, b.entry.key)),
    );
    const taken = await takeSnapshot(
      { clock, reader, writer, parent },
      {
        source,
        readsAll: false,
        signal: new AbortController().signal,
        onProblem: ({ message }) => {
          throw new Error(message);
        },
        onProgress: () => {},
      },
    );
    await writer.finish();
    const { listed, problems, entries, bytes, root, pages } = taken;
    const created = new Date(await repository.store.now()).toISOString();
    return await writeSnapshot(repository, writer, {
      created,
      by: "test",
      tags,
      filter: null,
      parent: parent?.id ?? null,
      listed,
      complete: complete && taken.complete,
      problems,
      entries,
      bytes,
      root,
      pages,
      source: {
        account: "prod",
        accountId: "a1",
        namespace: `id-${title}`,
        title,
        prefix: "",
        jurisdiction: null,
        mode: null,
        label: `prod:${title}`,
      },
    });
  } finally {
    await writer.close();
    index.close();
  }
}

/** What each snapshot holds, by its id. Throws if any of it cannot be read: every byte is held against its hash. */
export async function readAllSnapshots(repository: Repository, clock: FakeClock): Promise<ReadonlyMap<string, Values>> {
  const index = await loadIndex(repository, { clock });
  const reader = openItemReader(repository, index);
  const all = new Map<string, Values>();
  try {
    for await (const found of walkSnapshots(repository)) {
      if (found.kind === "problem") throw new Error(found.problem);
      const values: Record<string, string> = {};
      for (const { id } of found.snapshot.pages)
        for (const { key, sha256, size } of decodePage(await reader.page(id)))
          values[key] = Buffer.from(await reader.value(sha256, size)).toString();
      all.set(found.snapshot.id, values);
    }
  } finally {
    index.close();
  }
  return all;
}

export async function forgetSnapshot(repository: Repository, id: string): Promise<void> {
  await readSnapshot(repository, id);
  await repository.store.remove(`snapshots/${id}`);
}
