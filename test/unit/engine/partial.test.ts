// Rounds over a few keys: what they look at, and what they leave alone.

import { beforeEach, describe, expect, it } from "vitest";
import { type MemoryReplica, openMemoryReplica } from "../../../src/replica/memory.ts";
import type { Replica } from "../../../src/replica/replica.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openPair, type Pair, round } from "../../support/round.ts";
import { collect, keyOf, pagesOf, writeOf } from "../../support/values.ts";

const clock = new FakeClock();
let source: MemoryReplica;
let destination: MemoryReplica;
let pair: Pair;

beforeEach(async () => {
  source = openMemoryReplica({ clock, label: "source" });
  destination = openMemoryReplica({ clock, label: "destination" });
  await put({ a: "1", b: "2", c: "3" });
  await round(openPair(clock, source, destination));
  const unlisted: Replica["list"] = () => {
    throw new Error("nothing is listed in a partial round");
  };
  pair = openPair(clock, { ...source, list: unlisted }, { ...destination, list: unlisted });
  const full = openPair(clock, source, destination);
  await round({ ...full, base: pair.base, journal: pair.journal });
});

async function put(items: Readonly<Record<string, string>>): Promise<void> {
  await collect(source.write(pagesOf(Object.entries(items).map(([key, content]) => writeOf(clock, key, content)))));
}

async function drop(key: string): Promise<void> {
  await collect(source.remove(pagesOf(await source.lookup([keyOf(key)], { onProblem: () => {} }))));
}

const only = (...keys: string[]) => ({ only: keys.map(keyOf) });

describe("a partial round", () => {
  it("carries over what changed among its keys, and nothing else", async () => {
    await put({ a: "new", b: "new too", d: "fresh" });
    expect(await round(pair, only("d", "a"))).toMatchObject({ written: 2, removed: 0 });
    expect((await collect(destination.list({ onProblem: () => {} }))).map((entry) => [entry.key, entry.size])).toEqual([
      ["a", 3],
      ["b", 1],
      ["c", 1],
      ["d", 5],
    ]);
  });

  it("removes a key whose file is gone", async () => {
    await drop("b");
    expect(await round(pair, only("b"))).toMatchObject({ removed: 1, written: 0, trip: undefined });
    expect(destination.keys()).toEqual(["a", "c"]);
  });

  it("does nothing for keys that did not change or never were", async () => {
    expect(await round(pair, only("a", "nowhere"))).toMatchObject({ written: 0, removed: 0, unchanged: 1 });
  });

  it("takes a destination that shows what it held before the last write to be what the base says", async () => {
    const before = await collect(destination.fetch([keyOf("a")]));
    await put({ a: "new" });
    await round(pair, only("a"));
    const stale: Replica = {
      ...destination,
      traits: { ...destination.traits, eventuallyConsistent: true, readsCostRequests: true },
      fetch: () => pagesOf(before),
    };
    await put({ a: "newer" });
    expect(await round({ ...pair, destination: stale }, only("a"))).toMatchObject({ written: 1, lagging: 1 });
    await drop("a");
    expect(await round({ ...pair, destination: stale }, only("a"))).toMatchObject({ removed: 1 });
    expect(pair.trashed).toEqual([{ key: "a", content: "1", reason: "replaced" }]);
  });

  it("asks the destination only about keys that may have changed", async () => {
    const asked: string[] = [];
    const watched: Replica = {
      ...destination,
      fetch: (keys) => {
        asked.push(...keys);
        return destination.fetch(keys);
      },
    };
    await put({ a: "new", d: "fresh" });
    await drop("b");
    await round({ ...pair, destination: watched }, only("a", "b", "c", "d", "nowhere"));
    expect(asked).toEqual(["a", "b", "d"]);
  });

  it("is held, too, when it would empty the destination", async () => {
    for (const key of ["a", "b", "c"]) await drop(key);
    expect((await round(pair, only("a", "b", "c"))).trip).toEqual({
      guard: "source-empty",
      to: "destination",
      removes: 3,
    });
  });
});
