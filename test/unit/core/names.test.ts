// The table of names: what key has what path, and what each file is to kvsync.

import { describe, expect, it } from "vitest";
import { tempNameOf } from "../../../src/core/names/temp-name.ts";
import type { EpochMs } from "../../../src/core/clock.ts";
import type { NameScheme } from "../../../src/core/names/name-scheme.ts";
import {
  conflictPath,
  conflictSidecarPath,
  decodePath,
  encodeKey,
  sidecarPath,
  valueSuffixedPath,
} from "../../../src/core/names/path-codec.ts";

const K = (n: number): string => "k".repeat(n);

const POSIX: readonly (readonly [key: string, path: string])[] = [
  ["a/b.json", "a/b.json"],
  ["...", "..."],
  [".kvsync", ".kvsync"],
  ["foo%20bar", "foo%20bar"],
  ["%2F", "%2F"],
  ["100%", "100%"],
  ["%%", "%%"],
  ['<>:"\\|?*', '<>:"\\|?*'],
  ["caf\u00e9", "caf\u00e9"],
  ["cafe\u0301", "cafe\u0301"],
  ["\u{1f600}", "\u{1f600}"],
  ["line\nbreak", "line\nbreak"],
  ["", "%"],
  [".", "%2E"],
  ["..", "%2E%2E"],
  ["/", "%/%"],
  ["//", "%/%/%"],
  ["/a", "%/a"],
  ["a/", "a/%"],
  ["a//b", "a/%/b"],
  ["a/../b", "a/%2E%2E/b"],
  ["../../etc/passwd", "%2E%2E/%2E%2E/etc/passwd"],
  ["a\0b", "a%00b"],
  ["a%00b", "a%2500b"],
  ["a%2500b", "a%252500b"],
  ["%", "%25"],
  ["%25", "%2525"],
  ["x%", "x%"],
  ["x%25", "x%25"],
  ["%2E", "%252E"],
  ["%2E%2E", "%252E%2E"],
  ["%2E%2E%2E", "%2E%2E%2E"],
  ["a%value", "a%25value"],
  ["a%25value", "a%2525value"],
  ["a%value/b", "a%25value/b"],
  ["a%values", "a%values"],
  ["a%meta", "a%25meta"],
  ["%meta", "%25meta"],
  ["a%value%meta", "a%value%25meta"],
  ["a%+", "a%25+"],
  ["%tmp-1a", "%25tmp-1a"],
  ["%tmp-1A", "%tmp-1A"],
  ["a%conflict-20261123T101112Z-1", "a%25conflict-20261123T101112Z-1"],
  ["a%conflict-20261123", "a%conflict-20261123"],
  [K(255), K(255)],
  [K(256), `${K(240)}%+/${K(16)}`],
  [K(512), `${K(240)}%+/${K(240)}%+/${K(32)}`],
  [`${K(256)}/x`, `${K(240)}%+/${K(16)}/x`],
  ["\u00e9".repeat(128), `${"\u00e9".repeat(120)}%+/${"\u00e9".repeat(8)}`],
  [`x${"\u{1f600}".repeat(64)}`, `x${"\u{1f600}".repeat(59)}%+/${"\u{1f600}".repeat(5)}`],
];

const PORTABLE: readonly (readonly [key: string, path: string])[] = [
  ["a/b.json", "a/b.json"],
  ["foo%20bar", "foo%20bar"],
  ["a:b", "a%3Ab"],
  ["a%3Ab", "a%253Ab"],
  ["a%3ab", "a%3ab"],
  ['<>:"\\|?*', "%3C%3E%3A%22%5C%7C%3F%2A"],
  ["tab\there", "tab%09here"],
  ["a\0b", "a%00b"],
  ["a.", "a%2E"],
  ["a ", "a%20"],
  ["a..", "a.%2E"],
  ["a%2E", "a%252E"],
  ["a%20", "a%2520"],
  [".", "%2E"],
  ["..", ".%2E"],
  ["%2E%2E", "%2E%252E"],
  ["a/../b", "a/.%2E/b"],
  ["", "%"],
  ["con", "%con"],
  ["CON.txt", "%CON.txt"],
  ["con .txt", "%con .txt"],
  ["con ", "con%20"],
  ["%con", "%25con"],
  ["console", "console"],
  ["com\u00b9", "%com\u00b9"],
  ["lpt0.x", "%lpt0.x"],
  ["x/aux/nul.a.b", "x/%aux/%nul.a.b"],
  ["a%META", "a%25META"],
  // The rest of a cut name is a name of its own, and no device's either.
  [`${K(240)}con.${K(20)}`, `${K(239)}%+/kcon.${K(20)}`],
];

describe.each<[NameScheme, readonly (readonly [string, string])[]]>([
  ["posix", POSIX],
  ["portable", PORTABLE],
])("names: %s", (scheme, table) => {
  it.each(table)("keeps %j as %j", (key, path) => {
    expect(encodeKey(key, scheme)).toBe(path);
    expect(decodePath(path, scheme)).toEqual({ kind: "value", key, suffixed: false });
  });

  it.each(table)("keeps the value of %j beside a folder, and its sidecar", (key) => {
    expect(decodePath(valueSuffixedPath(key, scheme), scheme)).toEqual({ kind: "value", key, suffixed: true });
    expect(decodePath(sidecarPath(key, scheme), scheme)).toEqual({ kind: "sidecar", key });
    const copy = { at: 1_795_428_672_999 as EpochMs, number: 12 };
    expect(decodePath(conflictPath(key, scheme, copy), scheme)).toEqual({ kind: "conflict", key });
    expect(decodePath(conflictSidecarPath(key, scheme, copy), scheme)).toEqual({ kind: "conflict", key });
  });
});

describe("the files beside a value", () => {
  it("have readable names", () => {
    expect(valueSuffixedPath("a/b", "posix")).toBe("a/b%value");
    expect(sidecarPath("a/b", "posix")).toBe("a/b%meta");
    expect(sidecarPath("a/", "posix")).toBe("a/%%meta");
    const copy = { at: Date.UTC(2026, 10, 23, 10, 11, 12) as EpochMs, number: 1 };
    expect(conflictPath("a/b", "posix", copy)).toBe("a/b%conflict-20261123T101112Z-1");
  });

  it("are cut as well", () => {
    expect(sidecarPath(K(255), "posix")).toBe(`${K(240)}%+/${K(15)}%meta`);
  });
});

describe("a name that kvsync would not give", () => {
  it.each([
    ["%meta"],
    ["a%value%meta"],
    ["a%meta%value"],
    ["a%meta%meta"],
    ["a%+"],
    ["a%+/b"],
    ["a%value/b"],
    ["a%meta/b"],
    [`${K(239)}%+/${K(17)}`],
    [`${K(240)}%+/${K(15)}`],
    [`${K(240)}%+/${K(16)}%+/x`],
    [K(256)],
    [`${K(239)}%%+/tmp-${K(20)}`],
  ])("is invalid: %s", (path) => {
    expect(decodePath(path, "posix").kind).toBe("invalid");
  });

  it.each(["a:b", "a.", "con", "Aux.txt", "a ", "a%META", "a\u0001", "a%VALUE"])(
    "is invalid in a portable tree: %j",
    (path) => {
      expect(decodePath(path, "portable").kind).toBe("invalid");
    },
  );

  it.each(["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a\0b"])("is no relative path: %j", (path) => {
    expect(decodePath(path, "posix")).toEqual({ kind: "invalid", reason: "is no relative path" });
  });
});

describe("a temporary file", () => {
  const own = tempNameOf("1a2b0");

  it.each([own, `a/${own}`, `${K(240)}%+/${own}`])("is one wherever it lies: %s", (path) => {
    expect(decodePath(path, "posix")).toEqual({ kind: "temp" });
  });

  const alike = ["%tmp-1a2b", "a/%tmp-backup", `a${own}`, own.slice(0, -1), `${own}0`, `${K(240)}%+/%tmp-zz`];
  it.each(alike)("is none if only its name looks like one: %s", (path) => {
    expect(decodePath(path, "posix")).toMatchObject({ kind: "invalid" });
  });
});
