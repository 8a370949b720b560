import { beforeEach, describe, expect, it, vi } from "vitest";
import { idOfName, packName } from "../../../../src/backup/format/object-names.ts";
import { prune, type PruneReport } from "../../../../src/backup/prune/prune.ts";
import { createRepository } from "../../../../src/backup/repository/create-repository.ts";
import type { Repository, StoredSnapshot } from "../../../../src/backup/repository/repository.ts";
import type { Store } from "../../../../src/backup/store/store.ts";
import {
  backUp,
  forgetSnapshot,
  readAllSnapshots,
  throughStore,
  type Values,
} from "../../../support/backup-fixture.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { type MemoryStore, openMemoryStore } from "../../../support/memory-store.ts";

const HOUR = 3_600_000;
const GRACE = 24 * HOUR;
let clock: FakeClock;
let store: MemoryStore;
let repository: Repository;

beforeEach(async () => {
  clock = new FakeClock();
  store = openMemoryStore(clock);
  repository = await createRepository(store, { passphrase: undefined, clock });
});

const numbered = (count: number, round: string): Values =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`key ${i}`, `value ${i} of ${round}`]));

const backed = (values: Values, parent?: StoredSnapshot): Promise<StoredSnapshot> =>
  backUp(repository, { clock, values, parent });

const pruned = (more: { dryRun?: boolean; maxUnused?: number } = {}): Promise<PruneReport> =>
  prune(repository, { clock, grace: GRACE, maxUnused: 0.05, dryRun: false, ...more });

const names = (folder: string): readonly string[] =>
  [...store.objects.keys()].filter((name) => name.startsWith(folder)).toSorted();

describe("prune", () => {
  it("marks what nobody needs, removes it a grace later, and the mark by a later prune", async () => {
    const first = await backed(numbered(50, "one"));
    const second = await backed(numbered(50, "two"), first);
    await clock.advance(GRACE);
    await forgetSnapshot(repository, first.id);
    const packs = names("packs/");
    expect(packs.length).toBeGreaterThan(2);

    const marking = await pruned();
    expect(marking).toMatchObject({ snapshots: 1, before: { packs: packs.length }, removed: { packs: 0 } });
    expect(marking.marked.packs).toBeGreaterThan(0);
    expect(marking.removableFrom).toBe(clock.now() + GRACE);
    expect(names("packs/")).toEqual(packs);
    expect(names("marks/")).toHaveLength(marking.marked.packs + marking.rewritten.packs);

    await clock.advance(GRACE - 1);
    expect(await pruned()).toMatchObject({ removed: { packs: 0 }, waiting: marking.marked, marked: { packs: 0 } });
    await clock.advance(1);
    const removing = await pruned();
    expect(removing.removed).toEqual(marking.marked);
    expect(names("packs/")).toHaveLength(packs.length - marking.marked.packs);
    expect(names("marks/")).toHaveLength(marking.marked.packs);
    expect(await readAllSnapshots(repository, clock)).toEqual(new Map([[second.id, numbered(50, "two")]]));

    await clock.advance(HOUR);
    expect(await pruned()).toMatchObject({ marksRemoved: marking.marked.packs, removed: { packs: 0 } });
    expect(names("marks/")).toEqual([]);
  });

  it("leaves packs alone that are younger than the grace: their writer may be at work", async () => {
    const only = await backed(numbered(50, "one"));
    await forgetSnapshot(repository, only.id);
    const report = await pruned();
    expect(report).toMatchObject({ marked: { packs: 0 }, young: { packs: names("packs/").length } });
    expect(names("marks/")).toEqual([]);
  });

  it("copies what is needed of packs that are mostly unused, and marks them", async () => {
    const first = await backed(numbered(500, "one"));
    const few = Object.fromEntries(Object.entries(numbered(500, "one")).slice(0, 20));
    const second = await backed(few, first);
    await clock.advance(GRACE);
    await forgetSnapshot(repository, first.id);
    expect((await pruned({ dryRun: true, maxUnused: 1 })).rewritten.packs).toBe(0);
    const report = await pruned();
    expect(report.rewritten.packs).toBeGreaterThan(0);
    expect(report.copied.packs).toBeGreaterThan(0);
    await clock.advance(GRACE);
    expect((await pruned()).removed.packs).toBe(report.rewritten.packs + report.marked.packs);
    expect(await readAllSnapshots(repository, clock)).toEqual(new Map([[second.id, few]]));
    await clock.advance(2 * GRACE);
    expect(await pruned()).toMatchObject({ rewritten: { packs: 0 }, marked: { packs: 0 }, removed: { packs: 0 } });
  });

  it("tells what it would do, and does nothing, on a dry run", async () => {
    const first = await backed(numbered(500, "one"));
    await backed(Object.fromEntries(Object.entries(numbered(500, "one")).slice(0, 20)), first);
    await clock.advance(GRACE);
    await forgetSnapshot(repository, first.id);
    const before = new Map(store.objects);
    const { copied: _, ...told } = await pruned({ dryRun: true });
    expect(store.objects).toEqual(before);
    expect(await pruned()).toMatchObject(told);
    await clock.advance(GRACE);
    const marked = new Map(store.objects);
    const dry = await pruned({ dryRun: true });
    expect(store.objects).toEqual(marked);
    expect(dry.removed.packs).toBe(told.rewritten.packs + told.marked.packs);
  });

  it("copies what a snapshot needs of a marked pack, rather than take its mark away", async () => {
    const first = await backed(numbered(50, "one"));
    await clock.advance(GRACE);
    for (const name of names("packs/")) await store.putNew(`marks/${name.slice(-64)}`, new Uint8Array());
    const marks = names("marks/");
    await clock.advance(GRACE);
    const report = await pruned();
    expect(report.removed.packs).toBe(marks.length);
    expect(report.copied.packs).toBeGreaterThan(0);
    expect(names("marks/")).toEqual(marks);
    expect(await readAllSnapshots(repository, clock)).toEqual(new Map([[first.id, numbered(50, "one")]]));
  });

  it("frees packs that no index names, as a killed backup leaves them", async () => {
    await backed(numbered(5, "one"));
    for (const name of names("index/")) store.objects.delete(name);
    for (const name of names("snapshots/")) store.objects.delete(name);
    const packs = names("packs/");
    await clock.advance(GRACE);
    expect((await pruned()).marked.packs).toBe(packs.length);
    await clock.advance(GRACE);
    expect((await pruned()).removed.packs).toBe(packs.length);
    expect(names("packs/")).toEqual([]);
  });

  it("keeps one of two copies of what is needed, and frees the other", async () => {
    const values = numbered(50, "one");
    const [first] = await Promise.all([backed(values), backed(values)]);
    const packs = names("packs/").length;
    await clock.advance(GRACE);
    expect((await pruned()).marked.packs).toBe(packs / 2);
    await clock.advance(GRACE);
    expect((await pruned()).removed.packs).toBe(packs / 2);
    expect((await readAllSnapshots(repository, clock)).get(first.id)).toEqual(values);
  });

  it("marks no second copy of what it copies: each item is left in a pack without a mark", async () => {
    const first = numbered(500, "one");
    const few = { "key 0": first["key 0"]! };
    // Neither sees what the other stores: the value lies in a large pack of the one, and in a pack of its own of the other.
    const [large, small] = await Promise.all([backed(first), backed(few)]);
    await clock.advance(GRACE);
    await forgetSnapshot(repository, large.id);
    const report = await pruned();
    expect(report).toMatchObject({ rewritten: { packs: 1 }, copied: { packs: 1 } });
    expect(report.marked.packs).toBeGreaterThan(0);
    for (const name of names("marks/")) expect(store.objects.delete(packName(idOfName(name)!))).toBe(true);
    expect(await readAllSnapshots(repository, clock)).toEqual(new Map([[small.id, few]]));
  });

  it("merges small index objects, and removes them an hour after", async () => {
    let last: StoredSnapshot | undefined;
    for (let i = 0; i < 9; i++) {
      last = await backed(numbered(3, `round ${i}`), last);
      await clock.advance(HOUR);
    }
    expect(names("index/")).toHaveLength(9);
    expect((await pruned()).index).toEqual({ merged: 9, removed: 0 });
    expect(names("index/")).toHaveLength(10);
    expect((await pruned()).index).toEqual({ merged: 0, removed: 0 });
    await clock.advance(HOUR);
    expect((await pruned()).index).toEqual({ merged: 0, removed: 9 });
    expect(names("index/")).toHaveLength(1);
    expect((await readAllSnapshots(repository, clock)).get(last!.id)).toEqual(numbered(3, "round 8"));
  });

  it("keeps the pages that others are told as differences to, in a place of their own", async () => {
    const first = await backed(numbered(3000, "one"));
    let last = first;
    for (let i = 0; i < 3; i++) last = await backed({ ...numbered(3000, "one"), [`key ${i}`]: "changed" }, last);
    await clock.advance(GRACE);
    for (const name of names("snapshots/")) if (!name.includes(last.id)) store.objects.delete(name);
    for (let i = 0; i < 3; i++) {
      await pruned({ maxUnused: 0 });
      await clock.advance(GRACE);
    }
    expect((await readAllSnapshots(repository, clock)).get(last.id)).toEqual({
      ...numbered(3000, "one"),
      "key 2": "changed",
    });
  });

  it("goes on without a snapshot that is forgotten after it was listed", async () => {
    const forgotten = await backed(numbered(50, "one"));
    const kept = await backed(numbered(50, "two"));
    await clock.advance(GRACE);
    const slow: Store = {
      ...store,
      async get(name, range, options) {
        if (name === `snapshots/${forgotten.id}`) await store.remove(name);
        return store.get(name, range, options);
      },
    };
    const report = await prune(throughStore(repository, slow), { clock, grace: GRACE, maxUnused: 0.05, dryRun: false });
    expect(report.snapshots).toBe(1);
    expect(report.marked.packs).toBeGreaterThan(0);
    expect(await readAllSnapshots(repository, clock)).toEqual(new Map([[kept.id, numbered(50, "two")]]));
  });

  it("counts what an incomplete snapshot needs", async () => {
    const only = await backUp(repository, { clock, values: numbered(5, "one"), complete: false });
    await clock.advance(GRACE);
    expect(await pruned({ maxUnused: 0 })).toMatchObject({ marked: { packs: 0 }, rewritten: { packs: 0 } });
    expect((await readAllSnapshots(repository, clock)).get(only.id)).toEqual(numbered(5, "one"));
  });
});

describe("prune removes nothing", () => {
  const spoil = (name: string, byte = -30): void => {
    const { bytes, modified } = store.objects.get(name)!;
    const spoiled = Uint8Array.from(bytes);
    const at = (byte + bytes.byteLength) % bytes.byteLength;
    spoiled[at] = spoiled[at]! ^ 1;
    store.objects.set(name, { bytes: spoiled, modified });
  };

  it.each([
    ["a snapshot", () => spoil(names("snapshots/")[0]!), "nobody can tell what a snapshot needs: snapshots/"],
    ["an index object", () => spoil(names("index/")[0]!), "since index/"],
    ["a page", () => names("packs/").forEach((name) => spoil(name, 60)), "nobody can tell what a snapshot needs"],
  ])("where %s is damaged", async (_what, damage, message) => {
    const forgotten = await backed(numbered(50, "one"));
    await backed(numbered(50, "two"));
    await forgetSnapshot(repository, forgotten.id);
    await clock.advance(GRACE);
    damage();
    const before = new Map(store.objects);
    await expect(pruned()).rejects.toMatchObject({
      code: "repository-damaged",
      message: expect.stringContaining(message),
    });
    expect(store.objects).toEqual(before);
  });

  const shown: readonly [string, (id: string) => Partial<Store>][] = [
    ["lists, and has on head", () => ({})],
    [
      "has on head, though it lists it no more",
      (id) => {
        let listings = 0;
        return {
          async *list(prefix, options) {
            for await (const page of store.list(prefix, options)) {
              if (prefix !== "snapshots/" || ++listings === 1) yield page;
              else yield page.filter(({ name }) => !name.endsWith(id));
            }
          },
        };
      },
    ],
    [
      "lists, though it has it not on head",
      (id) => ({ head: async (name) => (name.endsWith(id) ? undefined : store.head(name)) }),
    ],
  ];
  it.each(shown)("where the store does not give a snapshot that it %s", async (_how, partly) => {
    const { id } = await backed(numbered(50, "one"));
    await backed(numbered(50, "two"));
    await clock.advance(GRACE);
    const all = await readAllSnapshots(repository, clock);
    for (let round = 0; round < 2; round++) {
      const blind: Store = {
        ...store,
        get: async (name, range, options) => (name === `snapshots/${id}` ? undefined : store.get(name, range, options)),
        ...partly(id),
      };
      const attempt = prune(throughStore(repository, blind), { clock, grace: GRACE, maxUnused: 0.05, dryRun: false });
      await expect(attempt).rejects.toMatchObject({
        code: "store-failed",
        retryable: true,
        message: expect.stringMatching(
          /^prune removes nothing, .* shows snapshots\/[0-9a-f]{64}, and did not give it$/,
        ),
      });
      await clock.advance(GRACE + HOUR);
    }
    expect(names("marks/")).toEqual([]);
    expect(await readAllSnapshots(repository, clock)).toEqual(all);
  });

  it("no longer where a listing still shows what its caller has just forgotten, or once it has waited for the listing", async () => {
    const { id } = await backed(numbered(50, "one"));
    await backed(numbered(50, "two"));
    await clock.advance(GRACE);
    const name = `snapshots/${id}`;
    const shownYet = await store.head(name);
    store.objects.delete(name);
    let listings = 0;
    const late: Store = {
      ...store,
      async *list(prefix, options) {
        yield* store.list(prefix, options);
        if (prefix === "snapshots/" && ++listings <= 3) yield [shownYet!];
      },
    };
    const options = { clock, grace: GRACE, maxUnused: 0.05, dryRun: true };
    const known = await prune(throughStore(repository, late), { ...options, forgotten: [id] });
    expect(known).toMatchObject({ snapshots: 1, marked: { packs: 2 } });
    listings = 0;
    const waiting = prune(throughStore(repository, late), { ...options, patienceMs: 60_000 });
    const over = { is: false };
    const ended = waiting.finally(() => (over.is = true));
    // What it has read is unpacked in threads, which no clock waits for.
    for (; !over.is; await clock.advance(60_000)) await vi.waitUntil(() => over.is || clock.sleeping > 0, 20_000);
    expect(await ended).toMatchObject({ snapshots: 1, marked: { packs: 2 } });
    expect(listings).toBe(4);
  });

  it("where something that a snapshot needs is in no pack", async () => {
    await backed(numbered(50, "one"));
    await backed({ ...numbered(50, "one"), more: "x" });
    await clock.advance(GRACE);
    // The pack with the value "x": the smaller of values.
    const smallest = names("packs/").toSorted(
      (a, b) => store.objects.get(a)!.bytes.length - store.objects.get(b)!.bytes.length,
    );
    store.objects.delete(smallest[0]!);
    await expect(pruned()).rejects.toMatchObject({
      code: "repository-damaged",
      message: "prune removes nothing, since 1 item that a snapshot needs is in no pack",
    });
    expect(names("marks/")).toEqual([]);
  });
});
