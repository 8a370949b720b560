// What a remote is about to lose is read first, whatever its listing says: what follows where it holds something else.

import { beforeEach, describe, expect, it } from "vitest";
import { toEpochSeconds } from "../../../src/core/clock.ts";
import type { Entry } from "../../../src/core/entry.ts";
import type { ConflictPolicy } from "../../../src/core/reconcile-two-way.ts";
import { type MemoryReplica, openMemoryReplica } from "../../../src/replica/memory.ts";
import type { ReadOutcome, Replica } from "../../../src/replica/replica.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { openPair, type Pair, round } from "../../support/round.ts";
import { collect, keyOf, pagesOf, valueOf, writeOf } from "../../support/values.ts";

let clock: HurriedClock;
let local: MemoryReplica;
let remote: MemoryReplica;
let pair: Pair;
/** What the remote lists of some keys instead of what it holds. */
let listed: Map<string, Entry>;
/** What reads of it show of some keys instead. */
let shown: Map<string, ReadOutcome>;
/** The keys of each fetch. */
let fetched: string[][];

beforeEach(() => {
  clock = new HurriedClock();
  local = openMemoryReplica({ clock, label: "local" });
  remote = openMemoryReplica({ clock, label: "remote" });
  listed = new Map();
  shown = new Map();
  fetched = [];
  const far: Replica = {
    ...remote,
    traits: { ...remote.traits, eventuallyConsistent: true, readsCostRequests: true },
    async *list(options) {
      for await (const page of remote.list(options)) yield page.map((entry) => listed.get(entry.key) ?? entry);
    },
    async *fetch(keys) {
      fetched.push([...keys]);
      for await (const page of remote.fetch(keys)) yield page.map((outcome) => shown.get(outcome.key) ?? outcome);
    },
  };
  pair = openPair(clock, local, far);
});

async function put(side: MemoryReplica, items: Readonly<Record<string, string>>): Promise<void> {
  await collect(side.write(pagesOf(Object.entries(items).map(([key, content]) => writeOf(clock, key, content)))));
}

/** A program writes these, and keeps the stamps that were there. */
async function writeBack(items: Readonly<Record<string, string>>): Promise<void> {
  for await (const page of remote.list({ onProblem: () => {} })) {
    for (const entry of page) if (entry.key in items) listed.set(entry.key, entry);
  }
  await put(remote, items);
}

async function contentOf(side: MemoryReplica, key: string): Promise<string | undefined> {
  const [outcome] = await collect(side.fetch([keyOf(key)]));
  return outcome?.kind === "value" ? Buffer.from(outcome.value.bytes).toString() : undefined;
}

const twoWay = (conflict: ConflictPolicy = "keep-both") =>
  round(pair, { decide: { twoWay: true, conflict, now: toEpochSeconds(clock.now()) }, maxOverwrite: { share: 1 } });
const push = () => round(pair, { maxOverwrite: { share: 1 } });

async function agree(items: Readonly<Record<string, string>>): Promise<void> {
  await put(local, items);
  await push();
  await clock.sleep(120_000);
  fetched = [];
}

it("one way, where what others wrote stays, a version that came since the listing is not replaced", async () => {
  await agree({ k: "before" });
  await put(local, { k: "mine" });
  await writeBack({ k: "theirs" });
  const now = toEpochSeconds(clock.now());
  const decide = { twoWay: false, delete: "owned", save: "removed", now } as const;
  const kept = await round(pair, { decide: { ...decide, keepForeign: "all" }, maxOverwrite: { share: 1 } });
  expect(kept).toMatchObject({ written: 0, failed: 1, problems: [{ code: "stale-read" }] });
  expect(await contentOf(remote, "k")).toBe("theirs");
  // Where it does not matter who wrote it, it is in the trash.
  expect(await round(pair, { decide, maxOverwrite: { share: 1 } })).toMatchObject({ written: 1 });
  expect(pair.trashed).toMatchObject([{ key: "k", content: "theirs" }]);
});

it.each([
  ["is removed if it holds what was copied", "before", 1, undefined],
  ["stays if somebody has written it since", "theirs", 0, "theirs"],
])("one way, a key without a stamp that is gone at the source %s", async (_, content, removed, left) => {
  await agree({ k: "before", other: "stays" });
  await put(remote, { k: content });
  for (const entry of await collect(remote.list({ onProblem: () => {} })))
    listed.set(entry.key, { ...entry, fingerprint: undefined });
  await collect(local.remove(pagesOf([valueOf(clock, "k", "before").entry])));
  const now = toEpochSeconds(clock.now());
  const decide = { twoWay: false, delete: "owned", save: "removed", keepForeign: "all", now } as const;
  expect(await round(pair, { decide, force: true })).toMatchObject({ removed, failed: 0 });
  expect(await contentOf(remote, "k")).toBe(left);
});

describe("a push", () => {
  it("keeps what a stamp hides, and reads nothing else", async () => {
    await agree({ a: "1", b: "2", c: "3" });
    await writeBack({ a: "theirs" });
    await put(local, { a: "mine", b: "mine too", d: "new" });
    expect(await push()).toMatchObject({ written: 3, problems: [] });
    expect(fetched).toEqual([["a", "b"]]);
    expect(pair.trashed).toEqual([{ key: "a", content: "theirs", reason: "replaced" }]);
  });

  it("keeps nothing where a read shows what was there before the last write", async () => {
    await agree({ a: "1" });
    const before = await collect(remote.fetch([keyOf("a")]));
    await put(local, { a: "2" });
    await push();
    shown.set("a", before[0]!);
    await put(local, { a: "3" });
    expect(await push()).toMatchObject({ written: 1, problems: [] });
    expect(pair.trashed).toEqual([]);
  });

  it("looks at many keys a thousand at a time, and in order at all of them", async () => {
    const names = Array.from({ length: 2500 }, (_, i) => `k${String(i).padStart(4, "0")}`);
    await agree(Object.fromEntries(names.map((name) => [name, "1"])));
    await put(local, Object.fromEntries(names.map((name) => [name, "2"])));
    await push();
    expect(fetched.map((keys) => keys.length)).toEqual([1000, 1000, 500]);
    expect(fetched.flat()).toEqual(names);
    expect(await contentOf(remote, "k2499")).toBe("2");
  });
});

describe("two-way sync", () => {
  it("takes what a stamp hides for a change of the other side: a conflict, counted once", async () => {
    await agree({ a: "1", b: "2" });
    await writeBack({ a: "theirs" });
    await put(local, { a: "mine" });
    expect(await twoWay()).toMatchObject({ conflicts: 1, written: 1, problems: [] });
    expect(pair.trashed).toEqual([{ key: "a", content: "mine", reason: "replaced" }]);
    expect(await contentOf(local, "a")).toBe("theirs");
  });

  it("does not remove it, since an edit beats a removal", async () => {
    await agree({ a: "1", b: "2" });
    await writeBack({ a: "theirs" });
    await collect(local.remove(pagesOf(await local.lookup([keyOf("a")], { onProblem: () => {} }))));
    expect(await twoWay()).toMatchObject({ removed: 0, written: 1, problems: [] });
    expect(await contentOf(local, "a")).toBe("theirs");
  });

  it("counts a key that turns out to be alike as unchanged", async () => {
    await agree({ a: "1", b: "2" });
    await writeBack({ a: "same" });
    await put(local, { a: "same" });
    expect(await twoWay()).toMatchObject({ written: 0, unchanged: 2, conflicts: 0, problems: [] });
  });

  it("lists both sides again where it is so of more keys than are looked up one by one", async () => {
    const names = Array.from({ length: 1100 }, (_, i) => `k${String(i).padStart(4, "0")}`);
    const all = (content: string) => Object.fromEntries(names.map((name) => [name, content]));
    await agree(all("1"));
    await writeBack(all("theirs"));
    await put(local, all("mine"));
    expect(await twoWay("local")).toMatchObject({ conflicts: 1100, written: 1100, problems: [] });
    expect(pair.trashed).toHaveLength(1100);
    expect(await contentOf(remote, "k1000")).toBe("mine");
  });
});

it("what the first of two requests of a read showed is remembered, though the second never came", async () => {
  await agree({ a: "1" });
  const theirs = valueOf(clock, "a", "theirs");
  const stopped = new Error("stopped");
  const broken: Replica = {
    ...pair.destination,
    async *fetch(_, { onShown } = {}) {
      onShown?.({ entry: theirs.entry, attributesAreListed: false });
      yield [];
      throw stopped;
    },
  };
  await put(local, { a: "mine" });
  await expect(round({ ...pair, destination: broken })).rejects.toBe(stopped);
  expect(pair.base.unsettled().get(keyOf("a"))).toMatchObject([{ entry: { fingerprint: theirs.entry.fingerprint } }]);
});
