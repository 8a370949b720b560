// A whole round over replicas in memory: what is written, removed, kept, saved and remembered.

import { beforeEach, describe, expect, it } from "vitest";
import type { Entry } from "../../../src/core/entry.ts";
import { problem } from "../../../src/core/problem.ts";
import { baseWithFilter } from "../../../src/journal/base-with-filter.ts";
import { withFilter } from "../../../src/replica/with-filter.ts";
import { type MemoryReplica, openMemoryReplica } from "../../../src/replica/memory.ts";
import type { ReadableReplica, Replica } from "../../../src/replica/replica.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openPair, type Pair, round } from "../../support/round.ts";
import { collect, keyOf, pagesOf, valueOf } from "../../support/values.ts";

let clock: FakeClock;
let source: MemoryReplica;
let destination: MemoryReplica;
let pair: Pair;

beforeEach(() => {
  clock = new FakeClock();
  source = openMemoryReplica({ clock, label: "source" });
  destination = openMemoryReplica({ clock, label: "destination" });
  pair = openPair(clock, source, destination);
});

async function put(replica: Replica, items: Readonly<Record<string, string>>): Promise<void> {
  await collect(
    replica.write(
      pagesOf(
        Object.entries(items).map(([key, content]) => ({ value: valueOf(clock, key, content), expected: undefined })),
      ),
    ),
  );
}

async function drop(replica: Replica, ...keys: string[]): Promise<void> {
  const listed = await collect(replica.list({ onProblem: () => {} }));
  await collect(replica.remove(pagesOf(listed.filter((entry) => keys.includes(entry.key)))));
}

async function contents(replica: Replica): Promise<Record<string, string>> {
  const listed = await collect(replica.list({ onProblem: () => {} }));
  const outcomes = await collect(replica.read(pagesOf(listed)));
  return Object.fromEntries(
    outcomes.map((outcome) => [
      outcome.key,
      outcome.kind === "value" ? Buffer.from(outcome.value.bytes).toString() : outcome.kind,
    ]),
  );
}

const many = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, `v${i}`]));

describe("a round", () => {
  it("carries everything over, and the next one does nothing", async () => {
    await put(source, { a: "1", "a/b": "2", c: "3" });
    expect(await round(pair)).toMatchObject({ written: 3, removed: 0, unchanged: 0, failed: 0 });
    expect(await contents(destination)).toEqual(await contents(source));
    expect(await round(pair)).toMatchObject({ written: 0, removed: 0, unchanged: 3, failed: 0 });
  });

  it("writes what changed and removes what it once put there", async () => {
    await put(source, many(100));
    await round(pair);
    await put(source, { k1: "new", fresh: "yes" });
    await drop(source, "k2");
    expect(await round(pair)).toMatchObject({ written: 2, removed: 1, unchanged: 98 });
    expect(await contents(destination)).toEqual(await contents(source));
  });

  it("leaves keys alone that it never put there", async () => {
    await put(destination, { foreign: "x" });
    await put(source, { a: "1" });
    expect(await round(pair)).toMatchObject({ written: 1, removed: 0, skipped: 1 });
    expect(await contents(destination)).toEqual({ a: "1", foreign: "x" });
  });

  it("with delete: all makes the destination a mirror, and saves what nobody else has", async () => {
    await put(destination, { foreign: "x", kept: "2" });
    await put(source, { a: "1", kept: "2" });
    expect(await round(pair, { delete: "all" })).toMatchObject({ written: 1, removed: 1 });
    expect(pair.trashed).toEqual([{ key: "foreign", content: "x", reason: "removed" }]);
  });

  it("saves a value that somebody else changed before it replaces it", async () => {
    await put(source, { a: "1" });
    await round(pair);
    await put(destination, { a: "theirs" });
    expect(await round(pair)).toMatchObject({ written: 1 });
    expect(pair.trashed).toEqual([{ key: "a", content: "theirs", reason: "replaced" }]);
    expect(await contents(destination)).toEqual({ a: "1" });
  });

  it("touches nothing whose copy cannot be kept", async () => {
    await put(source, { a: "1" });
    await put(destination, { a: "theirs" });
    const trash = { save: async () => Promise.reject(new Error("disk full")) };
    await expect(round(pair, { trash })).rejects.toThrow("disk full");
    expect(await contents(destination)).toEqual({ a: "theirs" });
  });

  it("plans exactly and changes nothing in a dry run", async () => {
    await put(source, { a: "1", b: "2" });
    await put(destination, { b: "other", c: "3" });
    expect(await round(pair, { dryRun: true, delete: "all" })).toMatchObject({ written: 2, removed: 1 });
    expect(await contents(destination)).toEqual({ b: "other", c: "3" });
    expect(await collect(pair.base.scan())).toEqual([]);
  });

  it("recovers from a lost base as a union, without deletions", async () => {
    await put(source, many(50));
    await round(pair);
    await drop(source, "k7");
    const fresh = openPair(clock, source, destination);
    expect(await round(fresh)).toMatchObject({ written: 0, removed: 0, unchanged: 49, skipped: 1 });
    expect(await contents(destination)).toEqual(many(50));
  });

  it("spools a plan that outgrows memory and applies all of it in order", async () => {
    await put(source, many(23_456));
    expect(await round(pair)).toMatchObject({ written: 23_456, failed: 0 });
    expect(destination.keys()).toEqual(source.keys());
    expect(pair.journal.database.prepare("SELECT count(*) AS n FROM spool").get()).toEqual({ n: 0 });
  });
});

describe("a guard", () => {
  it("holds a plan that would remove more than a quarter, and applies none of it", async () => {
    await put(source, many(40));
    await round(pair);
    await drop(source, ...Object.keys(many(11)));
    await put(source, { k39: "changed" });
    const held = await round(pair);
    expect(held.trip).toEqual({ guard: "max-delete", to: "destination", removes: 11, allowed: 10 });
    expect(await contents(destination)).toEqual(many(40));
    expect(await round(pair, { force: true })).toMatchObject({ removed: 11, written: 1, trip: undefined });
  });

  it("holds when the source is empty, however few keys that concerns", async () => {
    await put(source, { a: "1", b: "2" });
    await round(pair);
    await drop(source, "a", "b");
    expect((await round(pair)).trip).toEqual({ guard: "source-empty", to: "destination", removes: 2 });
    expect(await contents(destination)).toEqual({ a: "1", b: "2" });
  });
});

describe("what cannot be told", () => {
  it("is not taken for absent", async () => {
    await put(source, many(30));
    await round(pair);
    const blind: Replica = {
      ...source,
      async *list(options) {
        options.onUnknown?.({ prefix: "k1" });
        options.onUnknown?.({ key: keyOf("k2") });
        for await (const page of source.list(options))
          yield page.filter((entry) => !entry.key.startsWith("k1") && entry.key !== "k2");
      },
    };
    expect(await round({ ...pair, source: blind })).toMatchObject({ written: 0, removed: 0 });
    expect(await contents(destination)).toEqual(many(30));
  });

  it("ends the round without a deletion when a listing breaks off", async () => {
    await put(source, many(30));
    await round(pair);
    const broken: Replica = {
      ...source,
      // oxlint-disable-next-line require-yield -- it breaks off before its first page
      async *list() {
        throw new Error("connection lost");
      },
    };
    await expect(round({ ...pair, source: broken })).rejects.toThrow("connection lost");
    expect(await contents(destination)).toEqual(many(30));
  });

  it("takes a source that can only be listed and read", async () => {
    await put(source, { a: "1", b: "2" });
    const { label } = source;
    const traits = { ...source.traits, readOrder: "as-listed", writing: "never" } as const;
    const snapshot: ReadableReplica = {
      kind: "snapshot",
      label,
      traits,
      list: (options) => source.list(options),
      read: (entries, options) => source.read(entries, options),
      lookup: undefined,
      fetch: undefined,
      close: async () => {},
    };
    expect(await round({ ...pair, source: snapshot })).toMatchObject({ written: 2, problems: [] });
    expect(await contents(destination)).toEqual({ a: "1", b: "2" });
  });

  it("refuses a listing that is out of order", async () => {
    const swapped: Replica = {
      ...source,
      async *list(options) {
        const all: Entry[] = await collect(source.list(options));
        yield all.toReversed();
      },
    };
    await put(source, { a: "1", b: "2" });
    await expect(round({ ...pair, source: swapped })).rejects.toMatchObject({ code: "api-malformed" });
  });

  it("leaves a key that fails for the next round, and does the rest", async () => {
    await put(source, { a: "1", b: "2", c: "3" });
    const flaky: Replica = {
      ...destination,
      async *write(writes) {
        for await (const page of writes) {
          const [bad, good] = [
            page.filter((w) => w.value.entry.key === "b"),
            page.filter((w) => w.value.entry.key !== "b"),
          ];
          yield bad.map((w) => ({
            kind: "problem" as const,
            key: w.value.entry.key,
            problem: problem("unconfirmed", "b", "was not confirmed"),
          }));
          yield* destination.write(pagesOf(good));
        }
      },
    };
    const first = await round({ ...pair, destination: flaky });
    expect(first).toMatchObject({ written: 2, failed: 1 });
    expect(first.problems).toEqual([problem("unconfirmed", "b", "was not confirmed")]);
    expect(await round(pair)).toMatchObject({ written: 1, unchanged: 2, failed: 0 });
  });
});

describe("a filter", () => {
  it("that changes is no deletion", async () => {
    await put(source, { "keep/a": "1", "tmp/b": "2" });
    await round(pair);
    const isManaged = (key: string): boolean => !key.startsWith("tmp/");
    await drop(source, "tmp/b");
    const filtered = {
      ...pair,
      source: withFilter(source, isManaged),
      destination: withFilter(destination, isManaged),
    };
    expect(await round(filtered, { base: baseWithFilter(pair.base, isManaged) })).toMatchObject({
      written: 0,
      removed: 0,
      unchanged: 1,
    });
    expect(await contents(destination)).toEqual({ "keep/a": "1", "tmp/b": "2" });
  });
});
