// The guard against a side of which every key would be overwritten, over whole rounds: what trips it, and what does not.

import { beforeEach, describe, expect, it } from "vitest";
import { toEpochSeconds } from "../../../src/core/clock.ts";
import { type MemoryReplica, openMemoryReplica } from "../../../src/replica/memory.ts";
import type { Replica } from "../../../src/replica/replica.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openPair, type Pair, round } from "../../support/round.ts";
import { collect, keyOf, pagesOf, writeOf } from "../../support/values.ts";

const clock = new FakeClock();
let source: MemoryReplica;
let destination: MemoryReplica;
let pair: Pair;

/** Twelve keys, in step. */
beforeEach(async () => {
  source = openMemoryReplica({ clock, label: "source" });
  destination = openMemoryReplica({ clock, label: "destination" });
  pair = openPair(clock, source, destination);
  await put(source, keys(12, "old"));
  await round(pair);
});

async function put(replica: Replica, items: Readonly<Record<string, string>>): Promise<void> {
  await collect(replica.write(pagesOf(Object.entries(items).map(([key, text]) => writeOf(clock, key, text)))));
}

function keys(count: number, text: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, `${text} ${i}`]));
}

const all = { guard: "max-overwrite", to: "destination", overwrites: 12, agreed: 12, allowed: 11 };

/** `replica` as a tree lists what it has not hashed yet; counts the values that are read. */
function unhashed(replica: Replica): { readonly replica: Replica; readonly reads: () => number } {
  let reads = 0;
  const lists: Replica["list"] = async function* (options) {
    for await (const page of replica.list(options)) yield page.map((entry) => ({ ...entry, fingerprint: undefined }));
  };
  const counts: Replica["read"] = async function* (entries, options) {
    for await (const page of replica.read(entries, options)) {
      reads += page.length;
      yield page;
    }
  };
  return { replica: { ...replica, list: lists, read: counts }, reads: () => reads };
}

describe("a round that would overwrite every key", () => {
  it("is held, and applied when it is forced to be", async () => {
    await put(source, keys(12, "new"));
    expect(await round(pair)).toMatchObject({ trip: all, held: 12, written: 0 });
    expect(await round(pair, { force: true })).toMatchObject({ trip: undefined, written: 12 });
  });

  it("is held, too, when somebody else has changed every key of the destination", async () => {
    await put(destination, keys(12, "theirs"));
    expect((await round(pair)).trip).toEqual(all);
  });

  it("is held however many keys are new or removed besides", async () => {
    await put(source, { ...keys(12, "new"), fresh: "1" });
    await put(destination, { foreign: "1" });
    expect((await round(pair)).trip).toEqual(all);
  });

  it("is held in two-way sync, whichever side it would overwrite", async () => {
    const decide = { twoWay: true, conflict: "keep-both", now: toEpochSeconds(clock.now()) } as const;
    await put(destination, keys(12, "new"));
    expect((await round(pair, { decide })).trip).toEqual({ ...all, to: "source" });
    await put(destination, keys(12, "old"));
    await put(source, keys(12, "newer"));
    expect((await round(pair, { decide })).trip).toEqual(all);
  });

  it("is held when only reading tells that all are different", async () => {
    await put(source, keys(12, "new"));
    expect((await round({ ...pair, source: unhashed(source).replica })).trip).toEqual(all);
  });

  it("is held when it looks at just these keys", async () => {
    await put(source, keys(12, "new"));
    expect((await round(pair, { only: Object.keys(keys(12, "")).map(keyOf) })).trip).toEqual(all);
  });

  it("runs where the mapping allows it", async () => {
    await put(source, keys(12, "new"));
    expect(await round(pair, { maxOverwrite: { share: 1 } })).toMatchObject({ trip: undefined, written: 12 });
  });
});

describe("a round runs", () => {
  it("when one key stays as it is", async () => {
    await put(source, keys(11, "new"));
    expect(await round(pair)).toMatchObject({ trip: undefined, written: 11 });
  });

  it("over a few of many keys", async () => {
    await put(source, keys(11, "new"));
    const only = Object.keys(keys(11, "")).map(keyOf);
    expect(await round(pair, { only })).toMatchObject({ trip: undefined, written: 11 });
  });

  it("at first contact, when nothing was agreed on yet", async () => {
    await put(source, keys(12, "new"));
    expect(await round(openPair(clock, source, destination))).toMatchObject({ trip: undefined, written: 12 });
  });

  it("when files were touched, all of them, and reads few to know it", async () => {
    await put(source, keys(1200, "old"));
    await round(pair);
    const touched = unhashed(source);
    expect(await round({ ...pair, source: touched.replica })).toMatchObject({
      trip: undefined,
      written: 0,
      unchanged: 1200,
    });
    // The transfer reads each once; the guard looked at a hundred.
    expect(touched.reads()).toBe(1300);
  });

  it("when a share may change, and reading shows that no more did", async () => {
    await put(source, keys(1200, "old"));
    await round(pair);
    await put(source, keys(600, "diff"));
    const touched = unhashed(source).replica;
    expect(await round({ ...pair, source: touched }, { maxOverwrite: { share: 0.5 } })).toMatchObject({ written: 600 });
    await put(source, keys(601, "next"));
    expect((await round({ ...pair, source: touched }, { maxOverwrite: { share: 0.5 } })).trip).toEqual({
      guard: "max-overwrite",
      to: "destination",
      overwrites: 601,
      agreed: 1200,
      allowed: 600,
    });
  });
});
