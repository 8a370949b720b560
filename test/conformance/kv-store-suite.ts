// What every store of the KV server promises (src/server/store/store.ts), as tests.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toEpochSeconds } from "../../src/core/clock.ts";
import {
  CHANGE_KEYS_MAX,
  CHANGE_LIFETIME_MS,
  type EntryReader,
  type EntryWrite,
  PART_BYTES,
  REPLACED_VALUE_LIFETIME_MS,
  type Store,
} from "../../src/server/store/store.ts";
import { wholeValue } from "../../src/server/store/quoted.ts";
import type { FakeClock } from "../support/fake-clock.ts";

export interface OpenKvStore {
  readonly store: Store;
  /** The store's. */
  readonly clock: FakeClock;
  readonly close: () => Promise<void>;
}

/** In byte order; that of UTF-16, of a locale and of the length are others. */
const NASTY_KEYS: readonly string[] = [
  "\u0000",
  "\u0000\u0000",
  "%",
  "%2F",
  "A",
  "_",
  "a",
  "a\u0000",
  "a b",
  "a%",
  "aa",
  "b",
  "ß",
  "é",
  "ｆ",
  "\u{10000}",
  "\u{1f600}",
].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

export function describeKvStore(name: string, open: () => Promise<OpenKvStore>): void {
  describe(`${name} as the server's store`, () => {
    let opened: OpenKvStore;
    let store: Store;
    let clock: FakeClock;
    let id: string;

    beforeEach(async () => {
      opened = await open();
      ({ store, clock } = opened);
      id = (await store.namespaces.create("acc", "app"))!.id;
    });
    afterEach(() => opened.close());

    const now = () => toEpochSeconds(clock.now());
    const entry = (key: string, value: EntryWrite["value"], rest: Partial<EntryWrite> = {}): EntryWrite => ({
      key,
      value,
      metadata: null,
      expiration: null,
      ...rest,
    });
    const write = (...writes: readonly EntryWrite[]) => store.entries.write(id, writes, now());
    const bytesOf = async (key: string): Promise<Buffer | undefined> => {
      const found = await store.entries.read(id, key, now());
      return found && Buffer.from(await wholeValue(found.value));
    };
    const textOf = async (key: string) => (await bytesOf(key))?.toString();
    const list = (range: { after?: string; prefix?: string; limit?: number } = {}) =>
      store.entries.list(id, { after: "", prefix: "", limit: 1000, ...range }, now());
    const texts = async (entries: EntryReader, asked: readonly string[]): Promise<readonly (string | undefined)[]> => {
      const found = await entries.readQuoted(id, asked, 1_000_000, now());
      if (found === "too-large") throw new Error(found);
      return found.map((each) => each?.json && (JSON.parse(each.json) as string));
    };
    const keys = async (range = {}) => (await list(range)).map(([key]) => key);
    async function* chunksOf(...chunks: readonly Uint8Array[]) {
      yield* chunks;
    }
    const purgeAll = async () => {
      for (let round = 0; round < 1000; round++) if ((await store.purge(clock.now(), 200)) === 0) return;
      throw new Error("purging never ends");
    };

    describe("namespaces", () => {
      it("are found by account and id", async () => {
        const made = await store.namespaces.create("acc", "other", { jurisdiction: "eu", mode: "instant" });
        expect(made).toMatchObject({ title: "other", jurisdiction: "eu", mode: "instant" });
        expect(made!.id).toMatch(/^[0-9a-f]{32}$/);
        expect(await store.namespaces.find("acc", made!.id)).toEqual(made);
        expect(await store.namespaces.find("acc2", made!.id)).toBeUndefined();
        expect(await store.namespaces.find("acc", "0".repeat(32))).toBeUndefined();
      });

      it("have one title each in an account", async () => {
        expect(await store.namespaces.create("acc", "app")).toBeUndefined();
        expect(await store.namespaces.create("acc2", "app")).toMatchObject({ title: "app" });
        const other = (await store.namespaces.create("acc", "other"))!;
        expect(await store.namespaces.rename("acc", other.id, "app")).toBe("taken");
        expect(await store.namespaces.rename("acc", other.id, "other")).toBe("renamed");
        expect(await store.namespaces.rename("acc", other.id, "third")).toBe("renamed");
        expect(await store.namespaces.find("acc", other.id)).toMatchObject({ title: "third" });
        expect(await store.namespaces.rename("acc2", other.id, "x")).toBe("gone");
        expect(await store.namespaces.rename("acc", "0".repeat(32), "x")).toBe("gone");
      });

      it("are created once, whoever asks at the same moment", async () => {
        const made = await Promise.all(Array.from({ length: 5 }, async () => store.namespaces.create("acc", "same")));
        expect(made.filter((each) => each !== undefined)).toHaveLength(1);
        expect(await store.namespaces.count("acc")).toBe(2);
      });

      it("are listed a page at a time, in byte order", async () => {
        const titles = ["Zoo", "a b", "a\u0000", "ab", "app2", "é", "\u{1f600}", "ｆ"];
        for (const title of titles) await store.namespaces.create("acc", title);
        const page = (more: object) =>
          store.namespaces.list("acc", { order: "title", direction: "asc", offset: 0, count: 100, ...more });
        const sorted = [...titles, "app"].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect((await page({})).map((each) => each.title)).toEqual(sorted);
        expect((await page({ direction: "desc" })).map((each) => each.title)).toEqual(sorted.toReversed());
        expect((await page({ offset: 2, count: 3 })).map((each) => each.title)).toEqual(sorted.slice(2, 5));
        const ids = (await page({ order: "id" })).map((each) => each.id);
        expect(ids).toEqual(ids.toSorted());
        expect(await store.namespaces.count("acc")).toBe(9);
        expect(await store.namespaces.count("nobody")).toBe(0);
        await store.namespaces.create("b", "x");
        await store.namespaces.create("B", "x");
        expect(await store.namespaces.accounts()).toEqual(["B", "acc", "b"]);
      });

      it("are gone for readers and writers as soon as they are removed, and one of the same title is another one", async () => {
        await write(entry("k", "v"));
        expect(await store.namespaces.remove(id)).toBe(true);
        expect(await store.namespaces.remove(id)).toBe(false);
        expect(await store.namespaces.find("acc", id)).toBeUndefined();
        expect(await textOf("k")).toBeUndefined();
        expect(await keys()).toEqual([]);
        expect(await store.entries.readMetadata(id, "k", now())).toBeUndefined();
        expect(await store.entries.readQuoted(id, ["k"], 1000, now())).toEqual([undefined]);
        expect(await write(entry("k", "v"))).toBe(false);
        await store.entries.remove(id, ["k"], now());
        const again = (await store.namespaces.create("acc", "app"))!;
        expect(again.id).not.toBe(id);
        expect(await store.entries.read(again.id, "k", now())).toBeUndefined();
      });
    });

    describe("entries", () => {
      it("keep value, metadata and expiration, byte for byte", async () => {
        const bytes = Buffer.from([0, 255, 10, 13, 0, 128]);
        const metadata = '{"b":1,"a":"\\u0000","n":1.0e2}';
        expect(await write(entry("k", bytes, { metadata, expiration: 4_000_000_000 }))).toBe(true);
        expect(await bytesOf("k")).toEqual(bytes);
        expect(await store.entries.read(id, "k", now())).toMatchObject({ metadata, expiration: 4_000_000_000 });
        expect(await store.entries.readMetadata(id, "k", now())).toEqual({ metadata });
        expect(await list()).toEqual([["k", metadata, 4_000_000_000]]);
        await write(entry("k", ""));
        expect(await store.entries.read(id, "k", now())).toMatchObject({ metadata: null, expiration: null });
        expect(await bytesOf("k")).toEqual(Buffer.alloc(0));
      });

      it.each([0, 1, 32_767, 32_768, 32_769, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES, 5_000_001])(
        "give back a value of %i bytes, given as bytes, as text and in parts, in place of any other",
        async (size) => {
          const bytes = Buffer.from(Array.from({ length: Math.min(size, 9973) }, (_, i) => (i * 7) % 251));
          const value = Buffer.alloc(size, bytes.length === 0 ? 0 : bytes);
          await write(entry("bytes", value), entry("text", "é".repeat(Math.floor(size / 2))));
          const staged = await store.stage(chunksOf(value.subarray(0, 7), value.subarray(7)));
          expect(staged.byteLength).toBe(size);
          await write(entry("staged", staged));
          expect((await bytesOf("bytes"))?.equals(value)).toBe(true);
          expect((await bytesOf("staged"))?.equals(value)).toBe(true);
          expect(await textOf("text")).toBe("é".repeat(Math.floor(size / 2)));
          await write(entry("bytes", "short"), entry("staged", "short"));
          expect([await textOf("bytes"), await textOf("staged")]).toEqual(["short", "short"]);
          await write(entry("bytes", value));
          expect((await bytesOf("bytes"))?.equals(value)).toBe(true);
          expect(await keys()).toEqual(["bytes", "staged", "text"]);
        },
      );

      it("a long value is told in parts of at most 512 KiB", async () => {
        await write(entry("k", Buffer.alloc(2 * PART_BYTES + 5, 7)));
        const found = (await store.entries.read(id, "k", now()))!;
        if (found.value instanceof Uint8Array) throw new Error("it is held whole");
        expect(found.value.byteLength).toBe(2 * PART_BYTES + 5);
        for (let reading = 0; reading < 2; reading++) {
          const lengths: number[] = [];
          for await (const part of found.value.parts()) lengths.push(part.length);
          expect(Math.max(...lengths)).toBeLessThanOrEqual(PART_BYTES);
          expect(lengths.reduce((a, b) => a + b)).toBe(2 * PART_BYTES + 5);
        }
      });

      it("a long value is read to its end as it was, though it is replaced, removed or its namespace is dropped meanwhile", async () => {
        const value = (fill: number) => Buffer.alloc(3 * PART_BYTES, fill);
        await write(entry("a", value(1)), entry("b", value(2)), entry("c", value(3)));
        const found = await Promise.all(["a", "b", "c"].map(async (key) => store.entries.read(id, key, now())));
        const iterators = found.map((each) => (each!.value as { parts(): AsyncIterable<Uint8Array> }).parts());
        const readers = iterators.map((each) => each[Symbol.asyncIterator]());
        // Copied: a part is to be used before the next one is asked for.
        const next = async (reader: AsyncIterator<Uint8Array>) => {
          const result = await reader.next();
          return result.done === true ? undefined : Buffer.from(result.value);
        };
        const first = await Promise.all(readers.map(next));
        await write(entry("a", value(9)));
        await store.entries.remove(id, ["b"], now());
        await store.namespaces.remove(id);
        await clock.advance(REPLACED_VALUE_LIFETIME_MS - 60_000);
        await purgeAll();
        for (const [i, reader] of readers.entries()) {
          const parts = [first[i]!];
          for (let part = await next(reader); part !== undefined; part = await next(reader)) parts.push(part);
          expect(Buffer.concat(parts).equals(value(i + 1))).toBe(true);
        }
      });

      it("a value whose parts are gone does not end as if it were whole", async () => {
        await write(entry("a", Buffer.alloc(3 * PART_BYTES, 1)));
        const { value } = (await store.entries.read(id, "a", now()))!;
        await write(entry("a", "short"));
        await clock.advance(REPLACED_VALUE_LIFETIME_MS + 1000);
        await purgeAll();
        await expect(wholeValue(value)).rejects.toThrow();
      });

      it("what was staged and never written is purged, and cannot be written any more", async () => {
        const staged = await store.stage(chunksOf(Buffer.alloc(2 * PART_BYTES)));
        await clock.advance(REPLACED_VALUE_LIFETIME_MS + 1000);
        await purgeAll();
        await expect((async () => write(entry("k", staged)))()).rejects.toThrow();
        expect(await keys()).toEqual([]);
      });

      it("what breaks off while it is staged leaves nothing that is seen", async () => {
        async function* broken() {
          yield Buffer.alloc(PART_BYTES + 1);
          throw new Error("the client went away");
        }
        await expect(store.stage(broken())).rejects.toThrow("the client went away");
        expect(await keys()).toEqual([]);
        await clock.advance(REPLACED_VALUE_LIFETIME_MS + 1000);
        await purgeAll();
      });

      it("are listed in byte order, with every prefix and from every key on", async () => {
        await write(...NASTY_KEYS.map((key) => entry(key, key)));
        expect(await keys()).toEqual(NASTY_KEYS);
        for (const prefix of ["", ...NASTY_KEYS, "nothing"]) {
          const below = NASTY_KEYS.filter((key) => key.startsWith(prefix));
          for (const after of ["", ...NASTY_KEYS, "a\u0000\u0000", "\u{10ffff}"]) {
            const rest = below.filter((key) => Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0);
            expect({ prefix, after, keys: await keys({ prefix, after }) }).toEqual({ prefix, after, keys: rest });
            expect(await keys({ prefix, after, limit: 2 })).toEqual(rest.slice(0, 2));
          }
        }
      });

      it("are another namespace's only there", async () => {
        const other = (await store.namespaces.create("acc", "other"))!;
        await write(entry("k", "v"));
        expect(await store.entries.read(other.id, "k", now())).toBeUndefined();
        await store.entries.remove(other.id, ["k"], now());
        expect(await textOf("k")).toBe("v");
      });

      it("are removed, and those that are not there count as removed", async () => {
        await write(entry("a", "1"), entry("b", "2"), entry("c", "3"));
        await store.entries.remove(id, ["a", "c", "nope"], now());
        expect(await keys()).toEqual(["b"]);
      });

      it("whose expiration has come are invisible everywhere, purged or not, and can be written anew", async () => {
        await write(entry("gone", "1", { expiration: now() + 60 }), entry("stays", "2", { expiration: now() + 61 }));
        await clock.advance(60_000);
        for (const purged of [false, true]) {
          if (purged) await purgeAll();
          expect(await textOf("gone")).toBeUndefined();
          expect(await store.entries.readMetadata(id, "gone", now())).toBeUndefined();
          expect(await store.entries.readQuoted(id, ["gone", "stays"], 1000, now())).toMatchObject([
            undefined,
            { json: '"2"' },
          ]);
          expect(await keys()).toEqual(["stays"]);
          expect(await keys({ limit: 1 })).toEqual(["stays"]);
        }
        await write(entry("gone", "new"));
        expect(await textOf("gone")).toBe("new");
      });

      it("are quoted as JSON, in the order that is asked for, unless they are no text", async () => {
        const text = 'a"\\\n\u0000é\u{1f600}\ufffd';
        const long = "é".repeat(PART_BYTES);
        await write(
          entry("bytes", Buffer.from([255])),
          entry("long", long),
          entry("text", text, { metadata: "[1]", expiration: 4_000_000_000 }),
        );
        const found = await store.entries.readQuoted(id, ["text", "nope", "bytes", "long"], 2_000_000, now());
        if (found === "too-large") throw new Error(found);
        expect(JSON.parse(found[0]!.json!)).toBe(text);
        expect(found[0]).toMatchObject({ byteLength: Buffer.byteLength(text), metadata: "[1]", expiration: 4e9 });
        expect(found[1]).toBeUndefined();
        expect(found[2]).toMatchObject({ json: undefined, byteLength: 1 });
        expect(JSON.parse(found[3]!.json!) === long).toBe(true);
        const size = Buffer.byteLength(text) + 1 + 2 * PART_BYTES;
        expect(await store.entries.readQuoted(id, ["text", "bytes", "long"], size, now())).toHaveLength(3);
        expect(await store.entries.readQuoted(id, ["text", "bytes", "long"], size - 1, now())).toBe("too-large");
      });
    });

    describe("a transaction", () => {
      it("is seen as a whole, or not at all", async () => {
        await write(entry("a", "1"), entry("b", "1"));
        const seen: (string | undefined)[] = [];
        const done = new AbortController();
        const watching = (async () => {
          while (!done.signal.aborted) {
            seen.push(String(await texts(store.entries, ["a", "b"])));
            await new Promise((resolve) => setImmediate(resolve));
          }
        })();
        for (let round = 2; round < 12; round++) {
          await store.transaction(async ({ entries }) => {
            await entries.write(id, [entry("a", String(round))], now());
            expect(await entries.readQuoted(id, ["a"], 1000, now())).toMatchObject([{ json: `"${round}"` }]);
            await entries.write(id, [entry("b", String(round))], now());
          });
        }
        done.abort();
        await watching;
        expect(seen.filter((pair) => pair?.split(",")[0] !== pair?.split(",")[1])).toEqual([]);
        expect(await textOf("b")).toBe("11");
      });

      it("that fails has done nothing", async () => {
        await write(entry("a", "1"));
        const failing = store.transaction(async ({ namespaces, entries }) => {
          await entries.write(id, [entry("a", "2"), entry("b", "2")], now());
          await entries.remove(id, ["a"], now());
          await namespaces.create("acc", "other");
          throw new Error("no");
        });
        await expect(failing).rejects.toThrow("no");
        expect([await textOf("a"), await keys(), await store.namespaces.count("acc")]).toEqual(["1", ["a"], 1]);
      });

      it("loses no update that another one made", async () => {
        await write(entry("n", "0"));
        const add = () =>
          store.transaction(async ({ entries }) => {
            const [count] = await texts(entries, ["n"]);
            await entries.write(id, [entry("n", String(Number(count) + 1))], now());
          });
        await Promise.all(Array.from({ length: 8 }, add));
        expect(await textOf("n")).toBe("8");
      });
    });

    describe("the log of changes", () => {
      const since = async (after: number): Promise<string[]> => {
        const found = await store.changes.read(id, after, 100);
        if (found === undefined || found === "forgotten") throw new Error(found ?? "there is no such namespace");
        return found.flatMap(({ keys: changed }) => changed);
      };

      it("tells what was written and removed, in that order, of one namespace", async () => {
        const other = (await store.namespaces.create("acc", "other"))!;
        const start = (await store.changes.last(id))!;
        await write(entry("a", "1"), entry("b", "2"));
        await store.entries.write(other.id, [entry("x", "1")], now());
        await store.entries.remove(id, ["b", "nope"], now());
        const found = (await store.changes.read(id, start, 100)) as { number: number; keys: string[] }[];
        expect(found.map(({ keys: changed }) => changed.filter((key) => key !== "nope"))).toEqual([["a", "b"], ["b"]]);
        const end = (await store.changes.last(id))!;
        expect(found.at(-1)!.number).toBeLessThanOrEqual(end);
        expect(await since(end)).toEqual([]);
        expect(await since(found[0]!.number)).toContain("b");
      });

      it("is whole from when it is first asked for, and says so to whoever has an older number", async () => {
        const other = (await store.namespaces.create("acc", "other"))!;
        const before = (await store.changes.last(other.id))!;
        await write(entry("a", "1"));
        const start = (await store.changes.last(id))!;
        await write(entry("b", "1"));
        expect(await since(start)).toEqual(["b"]);
        const old = await store.changes.read(id, Math.min(before, start - 1), 10);
        expect(old === "forgotten" || old?.some(({ keys: told }) => told.includes("b"))).toBe(true);
      });

      it("gives pages, and tells of many keys in several", async () => {
        const start = (await store.changes.last(id))!;
        const many = Array.from({ length: CHANGE_KEYS_MAX * 2 + 1 }, (_, i) => `k${String(i).padStart(5, "0")}`);
        await write(...many.map((key) => entry(key, "v")));
        const told: string[] = [];
        for (let after = start; ;) {
          const page = (await store.changes.read(id, after, 1)) as { number: number; keys: string[] }[];
          expect(page.length).toBeLessThanOrEqual(1);
          if (page.length === 0) break;
          expect(page[0]!.keys.length).toBeLessThanOrEqual(CHANGE_KEYS_MAX);
          told.push(...page[0]!.keys);
          after = page[0]!.number;
        }
        expect(told).toEqual(many);
      });

      it("tells of what expired when it is purged, and of nothing that was taken back", async () => {
        await write(entry("soon", "1", { expiration: now() + 60 }));
        const start = (await store.changes.last(id))!;
        await store
          .transaction(async ({ entries }) => {
            await entries.write(id, [entry("never", "1")], now());
            throw new Error("no");
          })
          .catch(() => undefined);
        expect(await since(start)).toEqual([]);
        await clock.advance(61_000);
        await purgeAll();
        expect(await since(start)).toEqual(["soon"]);
      });

      it("forgets what is old, and tells whoever asks for that", async () => {
        const start = (await store.changes.last(id))!;
        await write(entry("a", "1"));
        await clock.advance(CHANGE_LIFETIME_MS + 60_000);
        await write(entry("b", "1"));
        const end = (await store.changes.last(id))!;
        await purgeAll();
        expect(await store.changes.read(id, start, 10)).toBe("forgotten");
        expect(await store.changes.read(id, end, 10)).toEqual([]);
        expect(await store.changes.read(id, end + 1_000_000, 10)).toBe("forgotten");
      });

      it("tells of all that came after a number, or that it cannot, though the clock was ahead for a while", async () => {
        await store.changes.last(id);
        clock.jump(86_400_000);
        await write(entry("ahead", "1"));
        const after = (await store.changes.last(id))!;
        clock.jump(-86_400_000);
        await write(entry("missed", "1"));
        await clock.advance(CHANGE_LIFETIME_MS - 3_600_000);
        await write(entry("late", "1"));
        await clock.advance(2 * 3_600_000);
        await purgeAll();
        const told = await store.changes.read(id, after, 10);
        if (told !== "forgotten") expect(told?.flatMap(({ keys: changed }) => changed)).toEqual(["missed", "late"]);
        const end = (await store.changes.last(id))!;
        clock.jump(CHANGE_LIFETIME_MS * 5);
        await write(entry("unnoted", "1"));
        clock.jump(-CHANGE_LIFETIME_MS * 5);
        await write(entry("noted", "1"));
        const rest = await store.changes.read(id, end, 10);
        if (rest !== "forgotten") expect(rest?.flatMap(({ keys: changed }) => changed)).toEqual(["unnoted", "noted"]);
      });

      it("is none of a namespace that is not there", async () => {
        await store.namespaces.remove(id);
        expect(await store.changes.last(id)).toBeUndefined();
        expect(await store.changes.read(id, 0, 10)).toBeUndefined();
      });

      it("misses nothing of what several write at once", async () => {
        const start = (await store.changes.last(id))!;
        const told: string[] = [];
        let after = start;
        const follow = async () => {
          for (;;) {
            const page = (await store.changes.read(id, after, 3)) as { number: number; keys: string[] }[];
            if (page.length === 0) return;
            for (const { number, keys: changed } of page) {
              expect(number).toBeGreaterThan(after);
              after = number;
              told.push(...changed);
            }
          }
        };
        const writer = async (name: string) => {
          for (let i = 0; i < 20; i++) {
            await write(entry(`${name}${i}`, "v"));
            if (i % 3 === 0) await follow();
          }
        };
        const names = ["a", "b", "c", "d"];
        await Promise.all(
          names
            .map(async (name) => {
              for (let i = 0; i < 20; i++) await write(entry(`${name}${i}`, "v"));
            })
            .concat(writer("z")),
        );
        await follow();
        const all = [...names, "z"].flatMap((name) => Array.from({ length: 20 }, (_, i) => `${name}${i}`));
        expect(told.toSorted()).toEqual(all.toSorted());
      });

      it("wakes who watches, until it is told not to", async () => {
        let woken = 0;
        let wake = () => {};
        const next = () => new Promise<void>((resolve) => (wake = resolve));
        const stop = store.changes.watch(id, () => {
          woken++;
          wake();
        });
        for (const change of [
          () => write(entry("a", "1")),
          () => store.entries.remove(id, ["a"], now()),
          () => store.transaction(({ entries }) => entries.write(id, [entry("b", "1")], now())),
          () => store.namespaces.remove(id),
        ]) {
          const told = next();
          await change();
          await told;
        }
        stop();
        const before = woken;
        await store.namespaces.create("acc", "another");
        expect(woken).toBe(before);
      });
    });

    it("purging ends, and leaves what is to stay", async () => {
      await write(entry("long", Buffer.alloc(PART_BYTES * 2, 1)), entry("short", "v"));
      await write(
        ...Array.from({ length: 500 }, (_, i) =>
          entry(`x${String(i).padStart(3, "0")}`, "v", { expiration: now() + 60 }),
        ),
      );
      const other = (await store.namespaces.create("acc", "other"))!;
      await store.entries.write(other.id, [entry("k", "v"), entry("l", Buffer.alloc(PART_BYTES * 2))], now());
      await store.namespaces.remove(other.id);
      await clock.advance(REPLACED_VALUE_LIFETIME_MS * 2);
      await purgeAll();
      await clock.advance(REPLACED_VALUE_LIFETIME_MS * 2);
      await purgeAll();
      expect(await keys()).toEqual(["long", "short"]);
      expect((await bytesOf("long"))?.equals(Buffer.alloc(PART_BYTES * 2, 1))).toBe(true);
      expect(await store.purge(clock.now(), 10)).toBe(0);
    });

    it("says that it can be reached", async () => {
      await expect((async () => store.check())()).resolves.toBeUndefined();
    });
  });
}
