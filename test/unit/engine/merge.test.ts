// The merge-join of three ordered streams, against the same join made with maps.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import type { BaseRow, Entry, Tombstone } from "../../../src/core/entry.ts";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import { compareUtf8, type Key } from "../../../src/core/key.ts";
import { mergeJoin, type Triple } from "../../../src/engine/merge.ts";

const entry = (key: string): Entry => ({
  key: key as Key,
  fingerprint: undefined,
  metadata: undefined,
  expiration: undefined,
  ttlSeconds: undefined,
  size: undefined,
  signature: undefined,
  binary: undefined,
});
const row = (key: string): BaseRow => ({
  key: key as Key,
  fingerprint: fingerprintOf(Buffer.from(key)),
  metadata: undefined,
  expiration: undefined,
  size: 1,
  binary: undefined,
  signature: undefined,
  hashedAt: 0 as EpochMs,
  agreedAt: 0 as EpochMs,
  previous: undefined,
});
const tombstone = (key: string): Tombstone => ({ key: key as Key, gone: true, previous: "[]" });

async function* pagesOf<T>(items: readonly T[], pageSize: number): AsyncGenerator<readonly T[]> {
  for (let i = 0; i < items.length; i += pageSize) {
    yield items.slice(i, i + pageSize);
    // A listing may have empty pages.
    if (i % 2 === 0) yield [];
  }
}

async function join(
  source: readonly Entry[],
  destination: readonly Entry[],
  base: readonly (BaseRow | Tombstone)[],
  pageSize = 2,
): Promise<Triple[]> {
  const triples: Triple[] = [];
  const input = {
    source: pagesOf(source, pageSize),
    destination: pagesOf(destination, pageSize),
    base: pagesOf(base, pageSize),
  };
  for await (const page of mergeJoin(input)) triples.push(...page);
  return triples;
}

const keys = fc
  .uniqueArray(fc.string({ unit: "binary", minLength: 1, maxLength: 3 }), { maxLength: 30 })
  .map((list) => list.toSorted(compareUtf8));

it("joins what each stream has of a key, in order, whatever the pages", async () => {
  await fc.assert(
    fc.asyncProperty(keys, keys, keys, fc.integer({ min: 1, max: 7 }), async (ours, theirs, known, pageSize) => {
      const found = await join(ours.map(entry), theirs.map(entry), known.map(row), pageSize);
      const all = [...new Set([...ours, ...theirs, ...known])].toSorted(compareUtf8);
      expect(found.map(({ key }) => key)).toEqual(all);
      for (const { key, source, destination, base } of found) {
        expect([source?.key, destination?.key, base?.key]).toEqual(
          [ours, theirs, known].map((list) => (list.includes(key) ? key : undefined)),
        );
      }
    }),
    { numRuns: 200 },
  );
});

it("shows a tombstone as no base, with what the key was before", async () => {
  expect(await join([entry("a")], [], [tombstone("a")])).toMatchObject([{ key: "a", base: undefined, previous: "[]" }]);
});

describe("a stream that is out of order is refused: what follows from it would be deletions", () => {
  it.each<[string, readonly string[]]>([
    ["within a page", ["b", "a"]],
    ["from one page to the next", ["a", "c", "b"]],
    ["with a key twice", ["a", "a"]],
    ["in the order of UTF-16", ["\ud83d\ude00", "\uffee"]],
  ])("%s", async (_, list) => {
    const reversed = list.map(entry);
    await expect(join(reversed, [], [])).rejects.toThrow(/not in order/);
    await expect(join([], reversed, [])).rejects.toThrow(/the destination listed/);
    await expect(join([], [], list.map(row))).rejects.toThrow(/the base listed/);
  });
});

it("ends the other streams when one fails", async () => {
  let isClosed = false;
  async function* endless(): AsyncGenerator<readonly Entry[]> {
    try {
      for (let i = 0; ; i++) yield [entry(`k${String(i).padStart(9, "0")}`)];
    } finally {
      isClosed = true;
    }
  }
  async function* failing(): AsyncGenerator<readonly Entry[]> {
    yield [entry("k000000003")];
    throw new Error("the network is gone");
  }
  const merge = async (): Promise<void> => {
    for await (const _ of mergeJoin({ source: endless(), destination: failing(), base: pagesOf<BaseRow>([], 1) }))
      continue;
  };
  await expect(merge()).rejects.toThrow("the network is gone");
  expect(isClosed).toBe(true);
});
