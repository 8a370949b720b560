// Holds, facts of mappings, history and the trash's index: what the daemon keeps in the journal besides the base.

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import { type HistoryFilter, type HistoryNote, openHistory } from "../../../src/journal/history.ts";
import { openHolds } from "../../../src/journal/holds.ts";
import { type Journal, openJournal } from "../../../src/journal/journal.ts";
import { openMappingFacts } from "../../../src/journal/mapping-facts.ts";
import { openTrashIndex, type TrashItem, type TrashQuery } from "../../../src/journal/trash-index.ts";
import { openPauses } from "../../../src/journal/pauses.ts";
import { openTrash } from "../../../src/journal/trash.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { keyOf, valueOf } from "../../support/values.ts";

const DAY = 86_400_000;

let stateDir: string;
let clock: FakeClock;
let journal: Journal;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "kvsync-tables-"));
  clock = new FakeClock();
  journal = openJournal({ stateDir, clock });
});

afterEach(() => {
  journal.close();
  rmSync(stateDir, { recursive: true, force: true });
});

function reopen(): void {
  journal.close();
  journal = openJournal({ stateDir, clock });
}

describe("holds", () => {
  const hold = (mapping: string, plan: string) => ({
    mapping,
    plan,
    reason: '{"guard":"source-empty","removes":3}',
    writes: 1,
    removes: 3,
    since: clock.now(),
    approved: false,
  });

  it("outlive the process", () => {
    openHolds(journal).put(hold("a", "p1"));
    reopen();
    const holds = openHolds(journal);
    expect(holds.get("a")).toEqual(hold("a", "p1"));
    expect(holds.get("b")).toBeUndefined();
    expect(holds.list()).toHaveLength(1);
  });

  it("are approved for one plan only, and not for the next", () => {
    const holds = openHolds(journal);
    holds.put(hold("a", "p1"));
    expect(holds.approve("a", "p2")).toBe(false);
    expect(holds.approve("b", "p1")).toBe(false);
    expect(holds.approve("a", "p1")).toBe(true);
    expect(holds.get("a")?.approved).toBe(true);
    holds.put(hold("a", "p2"));
    expect(holds.get("a")?.approved).toBe(false);
  });

  it("are lifted once", () => {
    const holds = openHolds(journal);
    holds.put(hold("a", "p1"));
    expect([holds.lift("a"), holds.lift("a")]).toEqual([true, false]);
  });
});

describe("pauses", () => {
  it("outlive the process, and are since the first time that they were asked for", async () => {
    const since = clock.now();
    openPauses(journal, clock).pause("a", "a deploy");
    await clock.advance(DAY);
    reopen();
    const pauses = openPauses(journal, clock);
    expect(pauses.get("a")).toEqual({ mapping: "a", since, reason: "a deploy" });
    expect(pauses.pause("a", undefined)).toEqual({ mapping: "a", since, reason: "a deploy" });
    expect(pauses.pause("a", "a longer deploy")).toEqual({ mapping: "a", since, reason: "a longer deploy" });
    expect(pauses.list()).toHaveLength(1);
    expect([pauses.resume("a"), pauses.resume("a")]).toEqual([true, false]);
    expect(pauses.get("a")).toBeUndefined();
  });

  it("are told of in the history, each change once", () => {
    const pauses = openPauses(journal, clock);
    pauses.pause("a", undefined);
    pauses.pause("a", undefined);
    pauses.resume("a");
    pauses.resume("a");
    const events = openHistory(journal)
      .list({ limit: 10 })
      .map(({ event }) => event);
    expect(events).toEqual(["resumed", "paused"]);
  });

  it("drop the plan of a hold, and keep what the mapping was held for", () => {
    const holds = openHolds(journal);
    const reason = '{"guard":"max-delete","removes":50,"allowed":10}';
    holds.put({ mapping: "a", plan: "p1", reason, writes: 0, removes: 50, since: clock.now(), approved: true });
    const pauses = openPauses(journal, clock);
    expect(pauses.discard("a", "p2")).toBe(false);
    expect(pauses.discard("a", "p1")).toBe(true);
    expect(pauses.discard("a", "p1")).toBe(false);
    expect([holds.get("a"), holds.list(), holds.approve("a", "p1"), holds.approve("a", "")]).toEqual([
      undefined,
      [],
      false,
      false,
    ]);
    expect(holds.before("a")).toMatchObject({ reason, approved: false });
    expect(holds.lift("a")).toBe(true);
  });
});

describe("facts", () => {
  it("are of one place, and say nothing of another", () => {
    const facts = openMappingFacts(journal);
    const seen = {
      mapping: "a",
      place: "here",
      root: { device: 64_769, inode: 2 ** 52 + 1 },
      namespaceId: "0".repeat(32),
      filter: "[]",
      lookedAt: clock.now(),
    };
    facts.put(seen);
    expect(facts.get("a", "here")).toEqual(seen);
    expect(facts.get("a", "there")).toBeUndefined();
    facts.put({ ...seen, place: "there", root: undefined, namespaceId: undefined });
    expect(facts.get("a", "here")).toBeUndefined();
    expect(facts.get("a", "there")).toMatchObject({ root: undefined, namespaceId: undefined });
  });
});

describe("history", () => {
  const line = (key: string | undefined, at = clock.now()): HistoryNote => ({
    at,
    mapping: "a",
    key: key === undefined ? undefined : keyOf(key),
    side: "local",
    event: "changed",
    reason: "the key changed",
    bytes: 5,
  });

  it("tells the newest first, by mapping and by key", () => {
    const history = openHistory(journal);
    history.append([line("x"), line("y\u0000z"), { ...line("x"), mapping: "b" }]);
    history.append([{ ...line(undefined), side: undefined, bytes: undefined, event: "held", reason: "too much" }]);
    expect(history.list({ limit: 10 }).map(({ mapping, key }) => `${mapping} ${key}`)).toEqual([
      "a undefined",
      "b x",
      "a y\u0000z",
      "a x",
    ]);
    expect(history.list({ mapping: "a", key: "x", limit: 10 })).toEqual([{ id: 1, ...line("x") }]);
    expect(history.list({ mapping: "a", limit: 1 })).toMatchObject([{ event: "held", side: undefined }]);
  });

  it("is narrowed by time, by part of a key and by kind, and read on from any line", async () => {
    const history = openHistory(journal);
    const began = clock.now();
    history.append([line("flags/a"), { ...line("flags/B"), event: "removed" }, line("other")]);
    await clock.advance(DAY);
    history.append([
      { ...line("flags/a"), event: "removed" },
      { ...line(undefined), event: "held" },
    ]);
    const ids = (filter: HistoryFilter): readonly number[] =>
      history.list({ ...filter, limit: 10 }).map(({ id }) => id);
    expect(ids({})).toEqual([5, 4, 3, 2, 1]);
    expect(ids({ before: 3 })).toEqual([2, 1]);
    expect(ids({ mapping: "a", before: 3 })).toEqual([2, 1]);
    expect(ids({ text: "flags/" })).toEqual([4, 2, 1]);
    expect(ids({ text: "b" })).toEqual([]);
    expect(ids({ mapping: "b", text: "flags/" })).toEqual([]);
    expect(ids({ event: "removed", mapping: "a" })).toEqual([4, 2]);
    expect(ids({ since: (began + 1) as EpochMs })).toEqual([5, 4]);
    expect(ids({ until: began, event: "removed" })).toEqual([2]);
    expect(ids({ since: began, until: (began + DAY) as EpochMs, key: "flags/a" })).toEqual([4, 1]);
  });

  it("survives a clock that jumps a year ahead", () => {
    const history = openHistory(journal);
    history.append([line("old")]);
    const ahead = (clock.now() + 365 * DAY) as EpochMs;
    for (let i = 0; i < 3; i++) history.append(Array.from({ length: 1000 }, (_, j) => line(`k${j}`, ahead)));
    expect(history.list({ key: "old", limit: 10 })).toHaveLength(1);
  });

  it("forgets what is older than three months, and what is too much", async () => {
    const history = openHistory(journal);
    history.append([line("old")]);
    await clock.advance(91 * DAY);
    for (let i = 0; i < 210; i++) history.append(Array.from({ length: 1000 }, (_, j) => line(`k${i}-${j}`)));
    const kept = journal.database.prepare("SELECT count(*) AS n FROM history").get() as { n: number };
    expect(kept.n).toBeLessThanOrEqual(200_000);
    expect(kept.n).toBeGreaterThan(190_000);
    expect(history.list({ key: "old", limit: 1 })).toEqual([]);
  });
});

describe("the trash's index", () => {
  const removed = { reason: "removed", side: "./folder" } as const;
  const keepAll = { keepMs: 1000 * DAY, maxBytes: 1_000_000 };

  async function save(mapping: string, values: Readonly<Record<string, string>>): Promise<void> {
    const trash = openTrash(journal, { clock, stateDir, mapping });
    await trash.save(
      Object.entries(values).map(([key, content]) => valueOf(clock, key, content)),
      removed,
    );
  }

  it("lists what was saved, and reads it back", async () => {
    await save("a", { x: "one", y: "two" });
    const index = openTrashIndex(journal, stateDir);
    const items = index.list({ mapping: "a", limit: 10 });
    expect(items.map(({ key, size, reason }) => [key, size, reason])).toEqual([
      ["y", 3, "removed"],
      ["x", 3, "removed"],
    ]);
    expect(items.map((item) => Buffer.from(index.read(item)).toString())).toEqual(["two", "one"]);
    expect(index.get(items[1]!.id)).toEqual(items[1]);
    expect(index.get(99)).toBeUndefined();
  });

  it("has a value once that was kept again and again, since what was to replace it could not be written", async () => {
    await save("a", { x: "one" });
    await clock.advance(DAY);
    for (let i = 0; i < 3; i++) await save("a", { x: "one", y: "other" });
    const index = openTrashIndex(journal, stateDir);
    const items = (): readonly unknown[] => index.list({ limit: 10 }).map(({ key, savedAt }) => [key, savedAt]);
    expect(items()).toEqual([
      ["y", clock.now()],
      ["x", clock.now()],
    ]);
    // Another version was lost in between, or it was lost in another way.
    await save("a", { x: "two" });
    await save("a", { x: "one" });
    await openTrash(journal, { clock, stateDir, mapping: "a" }).save([valueOf(clock, "x", "one")], {
      ...removed,
      reason: "replaced",
    });
    expect(index.list({ key: "x", limit: 10 })).toHaveLength(4);
  });

  it("is narrowed by what keys begin with, byte for byte, and by time", async () => {
    const began = clock.now();
    await save("a", { "flags/x": "1", "flags%y": "2", "é/z": "3" });
    await clock.advance(DAY);
    await save("b", { "flags/x": "4" });
    const index = openTrashIndex(journal, stateDir);
    const keys = (query: Omit<TrashQuery, "limit">): readonly unknown[] =>
      index.list({ ...query, limit: 10 }).map(({ id, key }) => `${id} ${key}`);
    expect(keys({ prefix: "flags/" })).toEqual(["4 flags/x", "1 flags/x"]);
    expect(keys({ prefix: "flags/", mapping: "a" })).toEqual(["1 flags/x"]);
    expect(keys({ prefix: "\u00e9" })).toEqual(["3 é/z"]);
    expect(keys({ since: (began + 1) as EpochMs })).toEqual(["4 flags/x"]);
    expect(keys({ until: began, before: 3 })).toEqual(["2 flags%y", "1 flags/x"]);
  });

  it("tells of each key what was kept first after a moment", async () => {
    await save("a", { x: "before" });
    const at = clock.now();
    await clock.advance(DAY);
    await save("a", { x: "first", y: "only" });
    await save("a", { x: "second" });
    await save("b", { x: "other" });
    const index = openTrashIndex(journal, stateDir);
    const found = index.firstAfter("a", { at, now: clock.now() }, () => true);
    expect(found.map((item) => [item.key, Buffer.from(index.read(item)).toString()])).toEqual([
      ["x", "first"],
      ["y", "only"],
    ]);
    expect(index.firstAfter("a", { at, now: clock.now() }, ({ id }) => id > 3).map(({ key }) => key)).toEqual(["x"]);
  });

  it("is emptied of what was there when it was asked how much that is, but not of what a round has just kept", async () => {
    await save("a", { x: "shared", y: "own" });
    await save("b", { x: "shared" });
    const index = openTrashIndex(journal, stateDir);
    const ofA = { mapping: "a", upTo: index.size({ mapping: "a" }).newest };
    expect(index.size({ mapping: "a" })).toEqual({ items: 2, bytes: 9, newest: 2 });
    await save("a", { z: "later" });
    expect(index.empty(ofA, () => undefined, clock)).toEqual({ items: 2, bytes: 9, stay: 0, needed: 0 });
    const left = index.list({ limit: 10 });
    expect(left.map(({ mapping, key }) => `${mapping} ${key}`)).toEqual(["a z", "b x"]);
    expect(left.map((item) => Buffer.from(index.read(item)).toString())).toEqual(["later", "shared"]);
    expect(readdirSync(join(stateDir, "trash"))).toHaveLength(2);
    const began = clock.now();
    expect(index.empty({}, (mapping) => (mapping === "a" ? began : undefined), clock)).toEqual({
      items: 1,
      bytes: 6,
      stay: 1,
      needed: 0,
    });
    expect(index.list({ limit: 10 }).map(({ key }) => key)).toEqual(["z"]);
  });

  it("gives the number of an item that went to no other one: a person may restore by it", async () => {
    await save("a", { x: "first" });
    const index = openTrashIndex(journal, stateDir);
    const [{ id }] = index.list({ limit: 1 }) as [TrashItem];
    index.empty({}, () => undefined, clock);
    await save("a", { y: "another" });
    expect(index.list({ limit: 1 }).map((item) => item.id)).toEqual([id + 1]);
    expect(index.get(id)).toBeUndefined();
  });

  it("finds by an index whether another item has the same content: each one that goes asks", () => {
    const plan = journal.database.prepare("EXPLAIN QUERY PLAN SELECT 1 FROM trash WHERE fingerprint = ?").all("f");
    expect(JSON.stringify(plan)).toContain("trash_by_fingerprint");
  });

  it("does not hand out what is damaged or gone", async () => {
    await save("a", { x: "one", y: "two" });
    const index = openTrashIndex(journal, stateDir);
    const [y, x] = index.list({ limit: 10 });
    writeFileSync(join(stateDir, "trash", x!.fingerprint), "onE");
    rmSync(join(stateDir, "trash", y!.fingerprint));
    expect(() => index.read(x!)).toThrow("is damaged");
    expect(() => index.read(y!)).toThrow("cannot read what the trash kept");
  });

  describe("drops what is too old", () => {
    const keep = { ...keepAll, keepMs: 5 * DAY };
    const keysLeft = (): readonly string[] =>
      openTrashIndex(journal, stateDir)
        .list({ limit: 10 })
        .map(({ key }) => key);

    it("when two looks a day apart have found it so", async () => {
      await save("a", { x: "old" });
      await clock.advance(10 * DAY);
      await save("a", { y: "new" });
      const index = openTrashIndex(journal, stateDir);
      expect(index.prune("a", keep, clock)).toBe(0);
      await clock.advance(DAY - 1);
      expect(index.prune("a", keep, clock)).toBe(0);
      await clock.advance(1);
      expect(index.prune("a", keep, clock)).toBe(1);
      expect(keysLeft()).toEqual(["y"]);
    });

    it("but nothing for a clock that was ahead, however often it was", async () => {
      await save("a", { x: "1", y: "2" });
      const index = openTrashIndex(journal, stateDir);
      for (const ahead of [40, 0, 42, 1, 400, 2, 500, 900]) {
        clock.jump(ahead * DAY);
        expect(index.prune("a", keep, clock)).toBe(0);
        expect(index.prune("a", keep, clock)).toBe(0);
        if (ahead < 500) clock.jump(-ahead * DAY);
      }
      expect(keysLeft()).toEqual(["y", "x"]);
    });

    it("but nothing at once that was kept while the clock was behind, and what was kept before has its day", async () => {
      await save("a", { x: "1" });
      clock.jump(-400 * DAY);
      await save("a", { y: "2" });
      const index = openTrashIndex(journal, stateDir);
      for (const jump of [400, 365, 365, -730]) {
        clock.jump(jump * DAY);
        expect(index.prune("a", keep, clock)).toBe(0);
      }
      await clock.advance(DAY - 1);
      expect(index.prune("a", keep, clock)).toBe(0);
      await clock.advance(1);
      expect(index.prune("a", keep, clock)).toBe(1);
      expect(keysLeft()).toEqual(["x"]);
    });

    it("a quarter a day, the oldest first", async () => {
      await save("a", Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`k${n}`, `${n}`])));
      await clock.advance(10 * DAY);
      const index = openTrashIndex(journal, stateDir);
      index.prune("a", keep, clock);
      await clock.advance(2 * DAY);
      expect(index.prune("a", keep, clock)).toBe(2);
      expect(index.prune("a", keep, clock)).toBe(0);
      expect(keysLeft()).toEqual(["k8", "k7", "k6", "k5", "k4", "k3"]);
      const went: number[] = [];
      while (keysLeft().length > 0) {
        await clock.advance(DAY);
        went.push(index.prune("a", keep, clock));
      }
      expect(went).toEqual([2, 1, 1, 1, 1]);
    });
  });

  it("drops the oldest beyond the size, of that mapping alone", async () => {
    await save("a", { k1: "1".repeat(40), k2: "2".repeat(40) });
    await save("b", { k3: "3".repeat(40) });
    await save("a", { k4: "4".repeat(40) });
    const index = openTrashIndex(journal, stateDir);
    expect(index.prune("a", { ...keepAll, maxBytes: 90 }, clock)).toBe(0);
    await clock.advance(DAY);
    await save("a", { k5: "5".repeat(40), k6: "6".repeat(40), k7: "7".repeat(40) });
    expect(index.prune("a", { ...keepAll, maxBytes: 150 }, clock)).toBe(3);
    expect(index.list({ limit: 10 }).map(({ key }) => key)).toEqual(["k7", "k6", "k5", "k3"]);
    expect(index.prune("a", { ...keepAll, maxBytes: 90 }, clock)).toBe(0);
  });

  it("keeps a content for as long as any item has it", async () => {
    await save("a", { x: "shared" });
    await save("b", { y: "shared" });
    const index = openTrashIndex(journal, stateDir);
    const [y, x] = index.list({ limit: 10 });
    const file = join(stateDir, "trash", x!.fingerprint);
    await clock.advance(DAY);
    index.prune("a", { ...keepAll, maxBytes: 0 }, clock);
    expect(Buffer.from(index.read(y!)).toString()).toBe("shared");
    index.prune("b", { ...keepAll, maxBytes: 0 }, clock);
    expect(existsSync(file)).toBe(false);
  });
});
