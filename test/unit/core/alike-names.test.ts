// Names that are one name to macOS or Windows, found in a stream of keys in order.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareUtf8 } from "../../../src/core/key.ts";
import { openAlikeSearch, renderAlike } from "../../../src/core/names/alike-names.ts";

const COMPOSED = "caf\u00e9";
const DECOMPOSED = "cafe\u0301";

function find(keys: readonly string[], rememberedMax?: number) {
  const search = openAlikeSearch(rememberedMax);
  for (const key of [...new Set(keys)].sort((a, b) => compareUtf8(a, b))) search.add(key);
  return search.found();
}

describe("a search for names that are alike", () => {
  it.each<readonly [string, readonly string[], readonly (readonly [string, string])[]]>([
    ["none", ["a", "b", "a/b", "ab"], []],
    ["two keys in case", ["readme", "README", "other"], [["README", "readme"]]],
    [
      "three",
      ["a", "A", "aa", "aA"],
      [
        ["A", "a"],
        ["aA", "aa"],
      ],
    ],
    ["folders, once, whatever is in them", ["Img/x", "Img/y", "img/x", "img/z"], [["Img", "img"]]],
    [
      "deep in a folder",
      ["x/y/Z", "x/y/z", "x/Y"],
      [
        ["x/Y", "x/y"],
        ["x/y/Z", "x/y/z"],
      ],
    ],
    ["not in two folders", ["a/N", "b/n"], []],
    ["a file and a folder", ["A", "a/b"], [["A", "a"]]],
    ["a key and a folder of one name once", ["A", "a", "a-", "a/b"], [["A", "a"]]],
    ["a folder and a key of its own name", ["A", "A/b", "A-"], []],
    [
      "names that other names come between",
      ["A-/x", "A/x", "a-/x", "a/x"],
      [
        ["A-", "a-"],
        ["A", "a"],
      ],
    ],
    ["Unicode forms", [COMPOSED, DECOMPOSED], [[DECOMPOSED, COMPOSED]]],
    ["both at once", [COMPOSED, DECOMPOSED.toUpperCase()], [[DECOMPOSED.toUpperCase(), COMPOSED]]],
    ["letters of which the small one comes first", ["\u00ff", "\u0178"], [["\u00ff", "\u0178"]]],
  ])("finds %s", (_, keys, names) => {
    const found = find(keys);
    expect(found.pairs.map((pair) => pair.names)).toEqual(names);
    expect(found.count).toBe(names.length);
  });

  it("tells case from form, and shows what looks alike by its characters' numbers", () => {
    const [pair] = find([COMPOSED, DECOMPOSED]).pairs;
    expect(pair?.differ).toBe("form");
    expect(renderAlike(pair!)).toBe(
      String.raw`"cafe\u{301}" and "caf\u{e9}" differ only in their Unicode form: both are synced, but macOS and Windows can take them for one file`,
    );
    expect(renderAlike(find(["A", "a"]).pairs[0]!)).toContain('"A" and "a" differ only in upper and lower case');
  });

  it("names the first twenty, and counts all", () => {
    const found = find(Array.from({ length: 50 }, (_, i) => [`k${i}`, `K${i}`]).flat());
    expect([found.pairs.length, found.count]).toEqual([20, 50]);
  });

  it("remembers no more names than it may, and those of folders that are passed no more", () => {
    expect(find(["A", "B", "C", "a", "b", "c"], 2).count).toBe(2);
    const folders = Array.from({ length: 9 }, (_, i) => [`f${i}/A`, `f${i}/a`]).flat();
    expect(find(folders, 1).count).toBe(9);
  });

  it("finds what a comparison of all names with all others finds", () => {
    const name = fc.string({
      unit: fc.constantFrom("a", "A", "b", "\u00e9", "e\u0301", "\u00c9"),
      minLength: 1,
      maxLength: 3,
    });
    const key = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
    fc.assert(
      fc.property(fc.array(key, { maxLength: 30 }), (keys) => {
        const places = new Set(
          keys.flatMap((text) => text.split("/").map((_, i, all) => all.slice(0, i + 1).join("/"))),
        );
        const folded = new Set(
          [...places].map((place) => {
            const at = place.lastIndexOf("/") + 1;
            return place.slice(0, at) + place.slice(at).normalize("NFC").toLowerCase().normalize("NFC");
          }),
        );
        expect(find(keys).count > 0).toBe(folded.size < places.size);
      }),
    );
  });
});
