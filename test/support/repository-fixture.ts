// A repository for tests: on a store in memory, with a clock of the test's, and whoever writes to it and reads from it for a while.

import { createRepository } from "../../src/backup/repository/create-repository.ts";
import { loadIndex, type ScratchIndex } from "../../src/backup/repository/load-index.ts";
import { openItemReader } from "../../src/backup/repository/open-item-reader.ts";
import { openItemWriter, type SnapshotWriter } from "../../src/backup/repository/open-item-writer.ts";
import type { ItemReader, Repository, Snapshot } from "../../src/backup/repository/repository.ts";
import type { Store } from "../../src/backup/store/store.ts";
import { sha256Of } from "../../src/core/fingerprint.ts";
import { FakeClock } from "./fake-clock.ts";
import { openMemoryStore, type MemoryStore } from "./memory-store.ts";

export interface RepositoryFixture {
  readonly clock: FakeClock;
  readonly store: MemoryStore;
  readonly repository: Repository;
}

/** `wrap`: what the repository sees of the store. */
export async function makeRepository(
  options: { readonly passphrase?: string | undefined; readonly wrap?: (store: MemoryStore) => Store } = {},
): Promise<RepositoryFixture> {
  const clock = new FakeClock();
  const store = openMemoryStore(clock);
  const wrapped = options.wrap?.(store) ?? store;
  const repository = await createRepository(wrapped, { passphrase: options.passphrase, clock });
  return { clock, store, repository };
}

export interface OpenRun {
  readonly index: ScratchIndex;
  readonly reader: ItemReader;
  readonly writer: SnapshotWriter;
  close(): Promise<void>;
}

export async function openRun({
  clock,
  repository,
}: Pick<RepositoryFixture, "clock" | "repository">): Promise<OpenRun> {
  const index = await loadIndex(repository, { clock });
  const reader = openItemReader(repository, index);
  const writer = openItemWriter({ repository, index, reader, clock });
  const close = async (): Promise<void> => {
    await writer.close();
    index.close();
  };
  return { index, reader, writer, close };
}

/** Stores `values` in a run of its own. */
export async function putValues(fixture: RepositoryFixture, values: readonly Uint8Array[]): Promise<void> {
  const run = await openRun(fixture);
  for (const value of values) await run.writer.putValue(value, sha256Of(value));
  await run.writer.finish();
  await run.close();
}

/** What each of `values` is read as in a run of its own: the SHA-256 of the bytes, or the message of what failed. */
export async function readValues(
  { clock, repository }: Pick<RepositoryFixture, "clock" | "repository">,
  values: readonly Uint8Array[],
): Promise<readonly string[]> {
  const index = await loadIndex(repository, { clock });
  const reader = openItemReader(repository, index);
  const read: string[] = [];
  for (const value of values)
    read.push(await reader.value(sha256Of(value), value.byteLength).then(sha256Of, (error: Error) => error.message));
  index.close();
  return read;
}

/** About `entries` entries of a page, as bytes. `salt` changes all of it, `changes` a few entries. */
export function pageBytes(entries: number, { salt = "", changes = 0 } = {}): Buffer {
  const lines = Array.from({ length: entries }, (_, i) => {
    const sha256 = sha256Of(Buffer.from(`${salt} ${i < changes ? `changed ${i}` : i}`));
    return `{"key":"key ${i}","sha256":"${sha256}","size":4}\n`;
  });
  return Buffer.from(lines.join(""));
}

export const SNAPSHOT: Snapshot = {
  created: "2026-11-28T12:01:00.000Z",
  by: "kvsync test",
  tags: [],
  source: {
    account: "prod",
    accountId: "023e105f4ecef8ad9ca31a8372d0c353",
    namespace: "0f2ac74b498b48028cb68387c421e279",
    title: "app-config",
    prefix: "",
    jurisdiction: null,
    mode: null,
    label: "prod:app-config",
  },
  filter: null,
  listed: ["2026-11-28T12:00:00.000Z", "2026-11-28T12:01:00.000Z"],
  complete: true,
  problems: 0,
  entries: 0,
  bytes: 0,
  root: "0".repeat(64),
  parent: null,
  pages: [],
};
