// A page and the entries that it was made of are the same thing; and where pages end depends on the keys there, not on what is before.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePage, encodePageEntry } from "../../src/backup/page/page-lines.ts";
import { type EncodedPage, openPageSplitter } from "../../src/backup/page/split-pages.ts";
import type { PageEntry } from "../../src/backup/repository/repository.ts";
import type { EpochSeconds } from "../../src/core/clock.ts";
import { endsRange } from "../../src/core/content-root.ts";
import { sha256Of } from "../../src/core/fingerprint.ts";
import { canonicalJson } from "../../src/core/json.ts";
import type { Json } from "../../src/core/json-value.ts";
import { compareUtf8, keyFault, type Key } from "../../src/core/key.ts";

const key = fc
  .oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }))
  .filter((text) => keyFault(text) === undefined)
  .map((text) => text as Key);
const entry: fc.Arbitrary<PageEntry> = fc.record({
  key,
  sha256: fc.uint8Array().map((bytes) => sha256Of(bytes)),
  size: fc.nat(26_214_400),
  binary: fc.boolean(),
  expiration: fc.option(
    fc.integer({ min: 1, max: 4_000_000_000 }).map((at) => at as EpochSeconds),
    { nil: undefined },
  ),
  metadata: fc
    .option(
      fc.jsonValue({ maxDepth: 3 }).map((json) => canonicalJson(json as Json)),
      { nil: undefined },
    )
    .filter((text) => text !== "null"),
});
const entries = fc
  .uniqueArray(entry, { selector: (each) => each.key, minLength: 1, maxLength: 20 })
  .map((list) => list.toSorted((a, b) => compareUtf8(a.key, b.key)));

function pagesOf(list: readonly PageEntry[]): readonly EncodedPage[] {
  const splitter = openPageSplitter();
  return [...list.map((each) => splitter.add(each, endsRange(each.key))), splitter.end()].filter(
    (page) => page !== undefined,
  );
}

describe("a page", () => {
  it("is decoded to the entries that it was encoded from", () => {
    fc.assert(
      fc.property(entries, (list) => {
        const bytes = Buffer.from(list.map(encodePageEntry).join(""));
        expect(decodePage(bytes)).toEqual(list);
        expect(bytes.toString().split("\n")).toHaveLength(list.length + 1);
      }),
    );
  });

  it.each([
    ["nothing", ""],
    ["a line without its end", '{"key":"a","sha256":"ab"}'],
    ["no hash", '{"key":"a","size":1}\n'],
    ["a key that is none", `{"key":"..","sha256":"${"0".repeat(64)}","size":1}\n`],
    ["a negative size", `{"key":"a","sha256":"${"0".repeat(64)}","size":-1}\n`],
    ["no JSON", "page\n"],
    ["a tab in a key", `{"key":"a\tb","sha256":"${"0".repeat(64)}","size":1}\n`],
    ["a hash of capitals", `{"key":"a","sha256":"${"A".repeat(64)}","size":1}\n`],
    ["metadata that is none", `{"key":"a","sha256":"${"0".repeat(64)}","size":1,"metadata":{"a":}}\n`],
  ])("with %s is refused", (_, text) => {
    expect(() => decodePage(Buffer.from(text))).toThrow(expect.objectContaining({ code: "repository-damaged" }));
  });

  it.each([
    ["in another order", `{"size":1,"sha256":"${"0".repeat(64)}","key":"a"}`, { key: "a", metadata: undefined }],
    ["with an escape", `{"key":"\\u0061","sha256":"${"0".repeat(64)}","size":1}`, { key: "a", metadata: undefined }],
    ["with blanks", `{ "key":"a", "sha256":"${"0".repeat(64)}", "size":1 }`, { key: "a", metadata: undefined }],
    [
      "with metadata that is not canonical, and more behind it",
      `{"key":"a","sha256":"${"0".repeat(64)}","size":1,"metadata":{"b":1,"a":[2 ]},"later":"x"}`,
      { key: "a", metadata: '{"a":[2],"b":1}' },
    ],
  ])("is read though somebody else wrote it %s", (_, line, expected) => {
    expect(decodePage(Buffer.from(`${line}\n`))[0]).toMatchObject({ size: 1, ...expected });
  });

  it("ends where its keys say, so that what is added elsewhere leaves it as it is", () => {
    const numbered = (from: number, to: number): PageEntry[] =>
      Array.from({ length: to - from }, (_, i) => ({
        key: `k${String(from + i).padStart(6, "0")}` as Key,
        sha256: sha256Of(Buffer.from(`${from + i}`)),
        size: 1,
        binary: false,
        expiration: undefined,
        metadata: undefined,
      }));
    const whole = pagesOf(numbered(0, 20_000));
    expect(whole.reduce((sum, page) => sum + page.entries, 0)).toBe(20_000);
    expect(whole.length).toBeGreaterThan(10);
    const ids = new Set(pagesOf([...numbered(0, 7000), ...numbered(7001, 20_000)]).map(({ id }) => id));
    // The page that lacks the key; and the next one too, if the key ended a page.
    expect(whole.filter(({ id }) => !ids.has(id)).length).toBeLessThanOrEqual(2);
  });
});
