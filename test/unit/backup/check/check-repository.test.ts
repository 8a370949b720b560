import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { checkRepository, type RepositoryCheck } from "../../../../src/backup/check/check-repository.ts";
import { packName } from "../../../../src/backup/format/object-names.ts";
import { createRepository } from "../../../../src/backup/repository/create-repository.ts";
import { loadIndex } from "../../../../src/backup/repository/load-index.ts";
import { repairIndex } from "../../../../src/backup/repair/repair-index.ts";
import type { Repository } from "../../../../src/backup/repository/repository.ts";
import { backUp, forgetSnapshot, type Values } from "../../../support/backup-fixture.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { type MemoryStore, openMemoryStore } from "../../../support/memory-store.ts";

let clock: FakeClock;
let store: MemoryStore;
let repository: Repository;

const numbered = (count: number, round: string): Values =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`key ${i}`, `value ${i} of ${round}`]));
/** Text that does not compress. */
const noise = (size: number): string => randomBytes(size).toString("base64");
const names = (folder: string): readonly string[] =>
  [...store.objects.keys()].filter((name) => name.startsWith(folder)).toSorted();
/** The packs of values or of pages, the one with the most bytes last. */
const packsOf = async (kind: "value" | "page"): Promise<readonly string[]> => {
  const index = await loadIndex(repository, { clock });
  const found = [...index.packs()].filter(({ pack }) => [...index.itemsOf(pack)][0]?.kind === kind);
  index.close();
  return found.toSorted((a, b) => a.size - b.size).map(({ pack }) => packName(pack));
};
const checked = (readShare = 0): Promise<RepositoryCheck> => checkRepository(repository, { clock, readShare });
/** Flips a bit. */
const spoil = (name: string, at: number): void => {
  const { bytes, modified } = store.objects.get(name)!;
  const spoiled = Uint8Array.from(bytes);
  const index = (at + bytes.byteLength) % bytes.byteLength;
  spoiled[index] = spoiled[index]! ^ 1;
  store.objects.set(name, { bytes: spoiled, modified });
};
const cut = (name: string, size: number): void => {
  const { bytes, modified } = store.objects.get(name)!;
  store.objects.set(name, { bytes: bytes.slice(0, size), modified });
};
/** What is told, in short: the message, and for each snapshot how many keys, and the first of them. */
const told = ({ faults }: RepositoryCheck) =>
  faults.map(({ message, affected }) => [
    message.replaceAll(/[0-9a-f]{64}/g, "ID").replaceAll(/packs\/../g, "packs/xx"),
    ...affected.map(({ snapshot, count, keys }) => [snapshot.source.title, count, keys[0]]).toSorted(),
  ]);

beforeEach(async () => {
  clock = new FakeClock();
  store = openMemoryStore(clock);
  repository = await createRepository(store, { passphrase: undefined, clock });
});

describe("check of a repository", () => {
  it("finds nothing in one that is whole, and reads every pack if it is to", async () => {
    const first = await backUp(repository, { clock, values: numbered(3000, "one") });
    await backUp(repository, { clock, values: { ...numbered(3000, "one"), more: "x" }, parent: first });
    const packs = names("packs/").length;
    expect(await checked()).toMatchObject({
      snapshots: 2,
      incomplete: 0,
      faults: [],
      packs: { packs },
      read: { packs: 0 },
    });
    const whole = await checked(1);
    expect(whole).toMatchObject({ faults: [], read: whole.packs, garbage: { packs: 0, bytes: 0 } });
    expect((await checked(0.01)).read.packs).toBe(1);
  });

  it("tells what a bit costs that was flipped in a value, with the snapshots and keys", async () => {
    await backUp(repository, { clock, values: numbered(10, "one"), title: "one" });
    await backUp(repository, { clock, values: { "key 3": "value 3 of one", other: noise(1000) }, title: "two" });
    // The second relies on the pack of the first for its key 3, and has a larger pack of its own for the rest.
    spoil((await packsOf("value"))[0]!, 60);
    expect((await checked()).faults).toEqual([]);
    expect(told(await checked(1))).toEqual([
      ["packs/xx/ID is not as it was written", ["one", 10, "key 0"], ["two", 1, "key 3"]],
    ]);
  });

  it("tells of a damaged page between which keys it lies", async () => {
    await backUp(repository, { clock, values: { a: "1", b: "2" } });
    spoil((await packsOf("page"))[0]!, 60);
    expect(told(await checked())).toEqual([
      ["a page of snapshots/ID cannot be read", ["app", 2, "all from the first to the last"]],
    ]);
  });

  it("has nothing to tell once the next backup has stored anew what lay in packs that are gone or cut", async () => {
    const values = numbered(3000, "one");
    const first = await backUp(repository, { clock, values });
    for (const [at, name] of names("packs/").entries()) {
      if (at === 0) store.objects.delete(name);
      else cut(name, store.objects.get(name)!.bytes.byteLength - 1);
    }
    expect((await checked()).faults).not.toEqual([]);
    await backUp(repository, { clock, values, parent: first });
    expect((await checked(1)).faults).toEqual([]);
  });

  it("tells of packs that are gone or cut, without reading any", async () => {
    await backUp(repository, { clock, values: { a: "1", b: noise(1000) } });
    await backUp(repository, { clock, values: { c: "3" }, title: "other" });
    const packs = await packsOf("value");
    cut(packs[1]!, 41);
    store.objects.delete(packs[0]!);
    expect(told(await checked())).toEqual([
      ["packs/xx/ID is cut: it ends after 41 bytes", ["app", 2, "a"]],
      ["values that snapshots have are in no pack that is there", ["other", 1, "c"]],
    ]);
  });

  it.each([
    ["snapshots/", "snapshots/ID is not as it was written"],
    ["index/", "index/ID is not as it was written: kvsync repair index makes it anew"],
  ])("names a damaged object of %s", async (folder, message) => {
    await backUp(repository, { clock, values: { a: "1" } });
    await backUp(repository, { clock, values: { a: "1" } });
    spoil(names(folder)[0]!, 20);
    expect(told(await checked())[0]?.[0]).toContain(message);
  });

  it("takes a copy that is damaged for no loss where another copy is whole", async () => {
    const values = { a: "the value of a", b: "the value of b" };
    await Promise.all([backUp(repository, { clock, values }), backUp(repository, { clock, values, title: "two" })]);
    spoil((await packsOf("value"))[0]!, 60);
    expect(told(await checked(1))).toEqual([["packs/xx/ID is not as it was written"]]);
  });

  it("takes a page that nobody needs, and whose base a prune has removed before it, for no damage", async () => {
    const first = await backUp(repository, { clock, values: numbered(3000, "one") });
    const before = new Set(names("packs/"));
    const second = await backUp(repository, { clock, values: { ...numbered(3000, "one"), more: "x" }, parent: first });
    await forgetSnapshot(repository, first.id);
    await forgetSnapshot(repository, second.id);
    for (const name of before) store.objects.delete(name);
    expect(told(await checked(1))).toEqual([]);
    expect((await repairIndex(repository, {})).damaged).toEqual([]);
    expect(told(await checked(1))).toEqual([]);
  });

  it("tells garbage as garbage", async () => {
    const first = await backUp(repository, { clock, values: numbered(100, "one") });
    await backUp(repository, { clock, values: { a: "1" } });
    await forgetSnapshot(repository, first.id);
    await store.putNew(`packs/ab/${"ab".repeat(32)}`, Buffer.alloc(1000));
    const { faults, garbage } = await checked(1);
    expect(faults).toEqual([]);
    expect(garbage).toMatchObject({ packs: 3 });
    expect(garbage?.bytes).toBeGreaterThan(1000);
  });
});
