import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createRepository } from "../../../src/backup/repository/create-repository.ts";
import { loadIndex } from "../../../src/backup/repository/load-index.ts";
import { openItemReader } from "../../../src/backup/repository/open-item-reader.ts";
import { openItemWriter } from "../../../src/backup/repository/open-item-writer.ts";
import { openRepository } from "../../../src/backup/repository/open-repository.ts";
import { findSnapshot } from "../../../src/backup/repository/find-snapshot.ts";
import { listSnapshots, writeSnapshot } from "../../../src/backup/repository/snapshots.ts";
import type { Snapshot } from "../../../src/backup/repository/repository.ts";
import { sha256Of } from "../../../src/core/fingerprint.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openMemoryStore } from "../../support/memory-store.ts";

const snapshot: Snapshot = {
  created: "2026-11-28T12:00:00.000Z",
  by: "kvsync test",
  tags: [],
  source: {
    account: "a",
    accountId: "1",
    namespace: "n",
    title: "t",
    prefix: "",
    jurisdiction: null,
    mode: null,
    label: "a:t",
  },
  filter: null,
  listed: ["2026-11-28T12:00:00.000Z", "2026-11-28T12:01:00.000Z"],
  complete: true,
  problems: 0,
  entries: 1,
  bytes: 1,
  root: "0".repeat(64),
  parent: null,
  pages: [],
};

describe.each([undefined, "a passphrase"])("a repository with the passphrase %s", (passphrase) => {
  it("gives back what was put into it", async () => {
    const clock = new FakeClock();
    const store = openMemoryStore(clock);
    const made = await createRepository(store, { passphrase, clock });
    const values = [0, 1, 171, 171, 65_535, 65_536, 65_537, 300_000, 17_000_000, 25 * 1024 * 1024].map((size) =>
      randomBytes(size),
    );
    for (let i = 0; i < 3000; i++) values.push(Buffer.from(`value ${i}`));
    const page = Buffer.from(
      Array.from(
        { length: 1000 },
        (_, i) => `{"key":"${i}","sha256":"${randomBytes(32).toString("hex")}","size":4}\n`,
      ).join(""),
    );
    const changed = Buffer.from(page);
    changed.write("999", changed.byteLength - 4);
    const third = Buffer.from(changed);
    third.write("888", 0);
    {
      const index = await loadIndex(made, { clock });
      const reader = openItemReader(made, index);
      const writer = openItemWriter({ repository: made, index, reader, clock });
      for (const value of values) await writer.putValue(value, sha256Of(value));
      await writer.putPage(page, sha256Of(page), undefined);
      await writer.putPage(changed, sha256Of(changed), { sha256: sha256Of(page), bytes: page });
      await writer.finish();
      await writer.putPage(third, sha256Of(third), { sha256: sha256Of(changed), bytes: changed });
      await writer.finish();
      expect(writer.stored).toMatchObject({ values: values.length });
      await writeSnapshot(made, writer, { ...snapshot, pages: [{ id: sha256Of(page), entries: 1000 }] });
      await writer.close();
      index.close();
    }
    const repository = await openRepository(store, { passphrase: async () => Promise.resolve(passphrase) });
    const index = await loadIndex(repository, { clock });
    expect(index.problems).toEqual([]);
    const reader = openItemReader(repository, index);
    for (const value of values)
      expect(Buffer.compare(await reader.value(sha256Of(value), value.byteLength), value)).toBe(0);
    for (const bytes of [page, changed, third])
      expect(Buffer.compare(await reader.page(sha256Of(bytes)), bytes)).toBe(0);
    const bases = [...index.packs()]
      .flatMap(({ pack }) => [...index.itemsOf(pack)])
      .filter((item) => item.place.base !== undefined);
    expect(bases).toHaveLength(2);
    expect((await listSnapshots(repository)).snapshots).toHaveLength(1);
    expect(await findSnapshot(repository, "latest")).toMatchObject(
      snapshot.source === undefined ? {} : { source: snapshot.source },
    );
    index.close();
  });
});
