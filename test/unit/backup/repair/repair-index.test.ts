import { beforeEach, describe, expect, it } from "vitest";
import { checkRepository } from "../../../../src/backup/check/check-repository.ts";
import { repairIndex } from "../../../../src/backup/repair/repair-index.ts";
import { createRepository } from "../../../../src/backup/repository/create-repository.ts";
import type { Repository } from "../../../../src/backup/repository/repository.ts";
import { backUp, readAllSnapshots, type Values } from "../../../support/backup-fixture.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { type MemoryStore, openMemoryStore } from "../../../support/memory-store.ts";

let clock: FakeClock;
let store: MemoryStore;

const numbered = (count: number, round: string): Values =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`key ${i}`, `value ${i} of ${round}`]));
const names = (folder: string): readonly string[] =>
  [...store.objects.keys()].filter((name) => name.startsWith(folder)).toSorted();
const spoil = (name: string, at: number): void => {
  const { bytes, modified } = store.objects.get(name)!;
  const spoiled = Uint8Array.from(bytes);
  const index = (at + bytes.byteLength) % bytes.byteLength;
  spoiled[index] = spoiled[index]! ^ 1;
  store.objects.set(name, { bytes: spoiled, modified });
};

/** Three snapshots, whose pages are told as differences. */
async function filled(passphrase: string | undefined): Promise<Repository> {
  const repository = await createRepository(store, { passphrase, clock });
  let parent = await backUp(repository, { clock, values: numbered(1500, "one") });
  for (const more of ["x", "y"])
    parent = await backUp(repository, { clock, values: { ...numbered(1500, "one"), more }, parent });
  return repository;
}

beforeEach(() => {
  clock = new FakeClock();
  store = openMemoryStore(clock);
});

describe("repair index", () => {
  it.each([undefined, "secret"])("makes an index anew that is gone (passphrase %s)", async (passphrase) => {
    const repository = await filled(passphrase);
    const before = await readAllSnapshots(repository, clock);
    for (const name of names("index/")) store.objects.delete(name);
    const report = await repairIndex(repository, {});
    expect(report).toMatchObject({ packs: names("packs/").length, damaged: [], written: 1, removed: 0 });
    expect(await readAllSnapshots(repository, clock)).toEqual(before);
    expect((await checkRepository(repository, { clock, readShare: 1 })).faults).toEqual([]);
  });

  it("makes one anew beside one that can be read, and removes what cannot", async () => {
    const repository = await filled(undefined);
    const before = await readAllSnapshots(repository, clock);
    const [one, two] = names("index/");
    spoil(one!, 20);
    expect(await repairIndex(repository, {})).toMatchObject({ written: 1, removed: 1, damaged: [] });
    expect(names("index/")).not.toContain(one);
    expect(names("index/")).toContain(two);
    expect(await readAllSnapshots(repository, clock)).toEqual(before);
  });

  it("mends the only index object, which it writes again under the same name", async () => {
    const repository = await createRepository(store, { passphrase: undefined, clock });
    await backUp(repository, { clock, values: numbered(50, "one") });
    const before = await readAllSnapshots(repository, clock);
    // A repair names the packs in the order of their ids, and a backup in that in which it stored them.
    for (const name of names("index/")) store.objects.delete(name);
    await repairIndex(repository, {});
    const [only, ...others] = names("index/");
    expect(others).toEqual([]);
    spoil(only!, 20);
    expect(await repairIndex(repository, {})).toMatchObject({ written: 1, removed: 1, damaged: [] });
    expect(names("index/")).toEqual([only]);
    expect(await readAllSnapshots(repository, clock)).toEqual(before);
    expect((await checkRepository(repository, { clock, readShare: 1 })).faults).toEqual([]);
  });

  it("names damaged packs, and indexes what is left of them", async () => {
    const repository = await createRepository(store, { passphrase: undefined, clock });
    await backUp(repository, { clock, values: numbered(10_000, "one") });
    const pack = names("packs/").toSorted(
      (a, b) => store.objects.get(b)!.bytes.length - store.objects.get(a)!.bytes.length,
    );
    for (const name of names("index/")) store.objects.delete(name);
    spoil(pack[0]!, 100);
    const report = await repairIndex(repository, {});
    expect(report.damaged).toMatchObject([
      { pack: pack[0]!.slice(-64), message: expect.stringMatching(/^\d+ of its \d+ blocks can be read$/) },
    ]);
    const { faults } = await checkRepository(repository, { clock, readShare: 0 });
    expect(faults).toHaveLength(1);
    expect(faults[0]!.affected[0]!.count).toBeLessThan(5000);
    expect(faults[0]!.affected[0]!.count).toBeGreaterThan(100);
  });

  it("has what is lost of a damaged pack stored anew by the next backup, whatever the names of index objects", async () => {
    for (let round = 0; round < 6; round++) {
      store = openMemoryStore(clock);
      const repository = await createRepository(store, { passphrase: undefined, clock });
      const values = { only: `value of round ${round}`.repeat(20) };
      await backUp(repository, { clock, values });
      for (const name of names("packs/")) spoil(name, 60);
      await repairIndex(repository, {});
      const anew = await backUp(repository, { clock, values });
      expect(
        (await checkRepository(repository, { clock, readShare: 1 })).faults.flatMap(({ affected }) =>
          affected.map(({ snapshot }) => snapshot.id),
        ),
      ).not.toContain(anew.id);
    }
  });

  it("indexes what is whole of a pack whose table is damaged too, and has the rest stored anew", async () => {
    const repository = await createRepository(store, { passphrase: undefined, clock });
    const values = numbered(10_000, "one");
    const first = await backUp(repository, { clock, values });
    const [largest] = names("packs/").toSorted(
      (a, b) => store.objects.get(b)!.bytes.length - store.objects.get(a)!.bytes.length,
    );
    spoil(largest!, 100);
    spoil(largest!, -14);
    expect((await repairIndex(repository, {})).damaged).toMatchObject([
      { message: expect.stringMatching(/^[1-9]\d* of its \d+ blocks can be read$/) },
    ]);
    const lost = (await checkRepository(repository, { clock, readShare: 0 })).faults[0]!.affected[0]!.count;
    expect(lost).toBeGreaterThan(100);
    expect(lost).toBeLessThan(5000);
    await backUp(repository, { clock, values, parent: first });
    expect(await checkRepository(repository, { clock, readShare: 1 })).toMatchObject({
      faults: [],
      remarks: [expect.stringContaining("all that the index knows of it can be read")],
    });
  });

  it("keeps what tells of a pack whose table alone is damaged: its values can be read", async () => {
    const repository = await filled(undefined);
    const before = await readAllSnapshots(repository, clock);
    for (const name of names("packs/")) spoil(name, -14);
    expect((await repairIndex(repository, {})).damaged).toHaveLength(names("packs/").length);
    expect(await readAllSnapshots(repository, clock)).toEqual(before);
  });

  it("says of a pack without a table that nothing of it can be indexed", async () => {
    const repository = await filled(undefined);
    for (const name of names("index/")) store.objects.delete(name);
    spoil(names("packs/")[0]!, -1);
    // Pages of other packs may be differences to one of this pack, which is lost.
    expect((await repairIndex(repository, {})).damaged).toContainEqual({
      pack: names("packs/")[0]!.slice(-64),
      message: "its table cannot be read: nothing of it can be indexed",
    });
  });
});
