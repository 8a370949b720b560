// The listing of keys: order, prefix, pages, cursors.

import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Body, type Kv, openKv } from "./kv-fixture.ts";

let kv: Kv;

beforeEach(async () => {
  kv = await openKv();
});
afterEach(() => kv.close());

async function write(keys: readonly string[]): Promise<void> {
  const { success } = await kv.json(
    "PUT",
    "/bulk",
    keys.map((key) => ({ key, value: "v" })),
  );
  expect(success).toBe(true);
}

/** All pages of a listing, as arrays of names. */
async function pages(query: string): Promise<string[][]> {
  const found: string[][] = [];
  for (let cursor = ""; ;) {
    const { result, result_info } = await kv.json("GET", `/keys?${query}&cursor=${encodeURIComponent(cursor)}`);
    expect(result_info.count).toBe(result.length);
    found.push(result.map((key: Body) => key.name));
    if (result_info.cursor === "") return found;
    cursor = result_info.cursor;
  }
}

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe("a listing", () => {
  it("is in the order of UTF-8 bytes, which is not JavaScript's", async () => {
    const keys = ["a", "A", "a/b", "a-b", "aa", "é", "\uE000", "\uFFFD", "😀", "\u{10FFFF}", "\u0000", "z"];
    await write(keys);
    const sorted = keys.toSorted(byBytes);
    expect(sorted).not.toEqual(keys.toSorted());
    expect(await kv.names()).toEqual(sorted);
    expect((await pages("limit=1")).flat()).toEqual(sorted);
  });

  it("gives expiration and metadata only where there are any", async () => {
    await kv.json("PUT", "/bulk", [
      { key: "a", value: "v" },
      { key: "b", value: "v", expiration: 4_000_000_000, metadata: { x: 1 } },
    ]);
    expect(await kv.json("GET", "/keys")).toEqual({
      result: [{ name: "a" }, { name: "b", expiration: 4_000_000_000, metadata: { x: 1 } }],
      success: true,
      errors: [],
      messages: [],
      result_info: { count: 2, cursor: "" },
    });
  });

  it("has 1,000 keys to a page, and a cursor only if there are more", async () => {
    const keys = Array.from({ length: 2000 }, (_, i) => `k${String(i).padStart(4, "0")}`);
    await write(keys);
    const found = await pages("");
    expect(found.map((page) => page.length)).toEqual([1000, 1000]);
    expect(found.flat()).toEqual(keys);
    expect((await pages("limit=999")).map((page) => page.length)).toEqual([999, 999, 2]);
  });

  it("takes empty arguments as none", async () => {
    await write(["a", "b"]);
    expect(await kv.names("?prefix=&cursor=&limit=")).toEqual(["a", "b"]);
  });

  it("goes on from its cursor, whatever was written or deleted meanwhile", async () => {
    await write(["a", "b", "c", "d"]);
    const { result_info } = await kv.json("GET", "/keys?limit=2");
    await kv.json("POST", "/bulk/delete", ["b", "c"]);
    await write(["aa", "bb"]);
    expect(await kv.names(`?limit=2&cursor=${result_info.cursor}`)).toEqual(["bb", "d"]);
  });

  it("keeps to its own namespace", async () => {
    await write(["a"]);
    await kv.server.createNamespace("before");
    await kv.server.createNamespace("after");
    expect(await kv.names()).toEqual(["a"]);
  });

  it.each([
    ["limit=0", 400, 10028],
    ["limit=1001", 400, 10028],
    ["limit=-1", 400, 10028],
    ["limit=ten", 400, 10028],
    ["limit=1.5", 400, 10028],
    ["cursor=garbled!", 400, 10041],
    ["cursor=abcdef", 400, 10041],
    ["cursor=a", 400, 10041],
    [`prefix=${"x".repeat(513)}`, 400, 10030],
  ])("with %s is refused", async (query, status, code) => {
    expect(await kv.outcome("GET", `/keys?${query}`)).toEqual([status, code]);
  });
});

describe("a prefix", () => {
  it("is matched byte by byte, itself included", async () => {
    await write(["a", "a/", "a/b", "a0", "A/b", "b", "ÿ", "ÿz", "\u{10FFFF}", "\u{10FFFF}z"]);
    expect(await kv.names("?prefix=a")).toEqual(["a", "a/", "a/b", "a0"]);
    expect(await kv.names("?prefix=a%2F")).toEqual(["a/", "a/b"]);
    expect(await kv.names("?prefix=%C3%BF")).toEqual(["ÿ", "ÿz"]);
    expect(await kv.names("?prefix=%F4%8F%BF%BF")).toEqual(["\u{10FFFF}", "\u{10FFFF}z"]);
    expect(await kv.names("?prefix=c")).toEqual([]);
  });

  it("goes with a cursor, also one from another prefix", async () => {
    await write(["a1", "a2", "b1", "b2"]);
    const { result_info } = await kv.json("GET", "/keys?limit=1");
    expect(await kv.names(`?prefix=a&cursor=${result_info.cursor}`)).toEqual(["a2"]);
    expect(await kv.names(`?prefix=b&cursor=${result_info.cursor}`)).toEqual(["b1", "b2"]);
  });
});

describe("for any keys, prefix and limit", () => {
  const letters = fc.constantFrom("a", "b", "/", "\u0000", "\u007F", "é", "\uE000", "\uFFFF", "😀", "\u{10FFFF}", "%");
  const name = fc.string({ unit: letters, minLength: 1, maxLength: 4 });

  it("the pages are all keys with the prefix, in order, each once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { minLength: 1, maxLength: 25 }),
        fc.string({ unit: letters, maxLength: 2 }),
        fc.integer({ min: 1, max: 10 }),
        async (keys, prefix, limit) => {
          await write(keys);
          const found = await pages(`limit=${limit}&prefix=${encodeURIComponent(prefix)}`);
          await kv.json("POST", "/bulk/delete", keys);
          expect(found.flat()).toEqual(keys.filter((key) => key.startsWith(prefix)).toSorted(byBytes));
        },
      ),
      { numRuns: 60 },
    );
  });
});
