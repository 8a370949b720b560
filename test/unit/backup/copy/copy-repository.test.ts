import { beforeEach, describe, expect, it } from "vitest";
import { copyRepository, type CopyReport } from "../../../../src/backup/copy/copy-repository.ts";
import { createRepository } from "../../../../src/backup/repository/create-repository.ts";
import { loadIndex } from "../../../../src/backup/repository/load-index.ts";
import { openItemReader } from "../../../../src/backup/repository/open-item-reader.ts";
import { openItemWriter } from "../../../../src/backup/repository/open-item-writer.ts";
import type { LoadedIndex, Repository, StoredSnapshot } from "../../../../src/backup/repository/repository.ts";
import { listSnapshots } from "../../../../src/backup/repository/snapshots.ts";
import type { Store } from "../../../../src/backup/store/store.ts";
import { backUp, readAllSnapshots, throughStore, type Values } from "../../../support/backup-fixture.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { type MemoryStore, openMemoryStore } from "../../../support/memory-store.ts";
import { Killed, withKillPoint } from "../../../support/store-turns.ts";

let clock: FakeClock;
let stores: { readonly from: MemoryStore; readonly to: MemoryStore };
let from: Repository;
let to: Repository;

const numbered = (count: number, round: string): Values =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`key ${i}`, `value ${i} of ${round}`]));

async function copied(
  source = from,
  destination = to,
  dryRun = false,
): Promise<CopyReport & { told: readonly string[] }> {
  const told: string[] = [];
  const other = await loadIndex(destination, { clock });
  let index: LoadedIndex | undefined;
  const reader = openItemReader(destination, other);
  const writer = openItemWriter({ repository: destination, index: other, reader, clock });
  try {
    const report = await copyRepository(
      {
        repository: source,
        async open() {
          index = await loadIndex(source, { clock });
          return { index, reader: openItemReader(source, index) };
        },
      },
      { repository: destination, writer },
      { dryRun, onFailure: ({ error }) => told.push(error.message) },
    );
    return { ...report, told };
  } finally {
    await writer.close();
    index?.close();
    other.close();
  }
}

/** What a repository holds, whatever the ids of its snapshots. */
async function contents(repository: Repository) {
  const held = await readAllSnapshots(repository, clock);
  const { snapshots } = await listSnapshots(repository);
  return snapshots.map(({ id, parent: _, ...facts }) => ({ ...facts, id: undefined, values: held.get(id) }));
}

async function threeSnapshots(keys = 1500): Promise<readonly StoredSnapshot[]> {
  const first = await backUp(from, { clock, values: numbered(keys, "one"), tags: ["a"] });
  await clock.advance(1000);
  const second = await backUp(from, { clock, values: { ...numbered(keys, "one"), more: "x" }, parent: first });
  await clock.advance(1000);
  return [first, second, await backUp(from, { clock, values: { a: "1" }, title: "other", complete: false })];
}

beforeEach(async () => {
  clock = new FakeClock();
  stores = { from: openMemoryStore(clock, "from"), to: openMemoryStore(clock, "to") };
  from = await createRepository(stores.from, { passphrase: undefined, clock });
  to = await createRepository(stores.to, { passphrase: undefined, clock });
});

describe("copy of a repository", () => {
  it("takes a snapshot along that a backup beside it has just written", async () => {
    let isWritten = false;
    const busy: Store = {
      ...stores.from,
      async *list(prefix, options) {
        if (prefix === "snapshots/" && !isWritten) await backUp(from, { clock, values: { more: "x" } });
        isWritten ||= prefix === "snapshots/";
        yield* stores.from.list(prefix, options);
      },
    };
    expect(await copied(throughStore(from, busy))).toMatchObject({ snapshots: 1, copied: 1, told: [] });
  });

  it.each(["before it is read", "with its packs, while it is copied"])(
    "goes on without a snapshot that is forgotten %s",
    async (when) => {
      await backUp(from, { clock, values: numbered(20, "one") });
      const needed = new Set(stores.from.objects.keys());
      await clock.advance(1000);
      const { id } = await backUp(from, { clock, values: { more: "x" } });
      let reads = 0;
      const forgetful: Store = {
        ...stores.from,
        async get(name, range, options) {
          const bytes = await stores.from.get(name, range, options);
          // It is read for the list, and then to be copied.
          if (name !== `snapshots/${id}` || ++reads < (when === "before it is read" ? 1 : 2)) return bytes;
          for (const each of stores.from.objects.keys()) if (!needed.has(each)) stores.from.objects.delete(each);
          return bytes;
        },
      };
      expect(await copied(throughStore(from, forgetful))).toMatchObject({
        snapshots: 1,
        copied: 1,
        failed: 0,
        told: [],
      });
      expect(await contents(to)).toHaveLength(1);
    },
  );

  it("copies every snapshot with what it tells, and reads nothing the second time", async () => {
    const [, second] = await threeSnapshots();
    expect(await copied(from, to, true)).toMatchObject({ snapshots: 3, copied: 3, present: 0, values: 0 });
    expect(await contents(to)).toEqual([]);
    expect(await copied()).toMatchObject({ snapshots: 3, copied: 3, present: 0, failed: 0, values: 1502, told: [] });
    expect(await contents(to)).toEqual(await contents(from));
    const { snapshots } = await listSnapshots(to);
    expect(snapshots[1]!.parent).toBe(snapshots[0]!.id);
    expect(await copied()).toMatchObject({ copied: 0, present: 3, values: 0, bytesRead: 0 });

    await clock.advance(1000);
    await backUp(from, { clock, values: { ...numbered(1500, "one"), more: "y" }, parent: second });
    expect(await copied()).toMatchObject({ copied: 1, present: 3, values: 1 });
    expect(await contents(to)).toEqual(await contents(from));
  });

  it.each([
    ["from an encrypted one to a plain one", "secret", undefined],
    ["from a plain one to an encrypted one", undefined, "secret"],
    ["from an encrypted one to one of another passphrase", "secret", "another"],
  ])("%s", async (_title, one, another) => {
    stores.from.objects.clear();
    stores.to.objects.clear();
    from = await createRepository(stores.from, { passphrase: one, clock });
    to = await createRepository(stores.to, { passphrase: another, clock });
    await threeSnapshots();
    expect(await copied()).toMatchObject({ copied: 3 });
    expect(await contents(to)).toEqual(await contents(from));
    // And back, where all is there already.
    expect(await copied(to, from)).toMatchObject({ copied: 0, present: 3, values: 0 });
  });

  it("goes on where it was killed, at each of its calls to the destination", { timeout: 60_000 }, async () => {
    await threeSnapshots(20);
    const empty = new Map(stores.to.objects);
    for (let call = 0; ; call++) {
      stores.to.objects.clear();
      for (const [name, object] of empty) stores.to.objects.set(name, object);
      const store = withKillPoint(stores.to, { kill: { call, when: call % 2 === 0 ? "before" : "after" } });
      const isKilled = await copied(from, throughStore(to, store)).then(
        () => false,
        (error: unknown) => {
          if (error instanceof Killed) return true;
          throw error;
        },
      );
      const held = await contents(to);
      const expected = await contents(from);
      expect(expected.slice(0, held.length)).toEqual(held);
      expect(await copied()).toMatchObject({ copied: 3 - held.length, failed: 0 });
      expect(await contents(to)).toEqual(expected);
      if (!isKilled) break;
    }
  });

  it("tells what is damaged, and copies the rest", async () => {
    const [first, second, third] = await threeSnapshots();
    const { bytes, modified } = stores.from.objects.get(`snapshots/${first!.id}`)!;
    stores.from.objects.set(`snapshots/${first!.id}`, { bytes: bytes.slice(1), modified });
    const page = third!.pages[0]!.id;
    const index = await loadIndex(from, { clock });
    const [place] = index.places(Buffer.from(page, "hex").subarray(0, 16).toString("base64url") as never);
    index.close();
    stores.from.objects.delete(`packs/${place!.pack.slice(0, 2)}/${place!.pack}`);
    const report = await copied();
    expect(report).toMatchObject({ snapshots: 3, copied: 1, failed: 2 });
    expect(report.told[0]).toContain(`snapshots/${first!.id}`);
    expect(report.told[1]).toContain(`page ${page}`);
    expect((await contents(to)).map(({ root }) => root)).toEqual([second!.root]);
  });

  it("refuses one repository as both", async () => {
    await expect(copied(from, from)).rejects.toMatchObject({
      code: "usage",
      message: "from and from are one repository",
    });
  });
});
