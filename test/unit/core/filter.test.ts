import process from "node:process";
// gitignore syntax over keys. The first table is the documentation of gitignore, sentence by sentence.

import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/core/errors.ts";
import { compileFilter, compileMatcher } from "../../../src/core/filter.ts";

type Row = readonly [patterns: readonly string[], key: string, matched: boolean];

const DOCUMENTED: readonly Row[] = [
  // A blank line matches no files; a line starting with # is a comment; \# is a plain one.
  [["", "   "], "a", false],
  [["#a"], "#a", false],
  [["\\#a"], "#a", true],
  // Trailing spaces are ignored unless they are quoted.
  [["a   "], "a", true],
  [["a\\ "], "a ", true],
  [["a\\ "], "a", false],
  // ... and a "\\" that is quoted itself quotes no space.
  [["a\\\\ "], "a\\", true],
  [["a\\\\ "], "a\\ ", false],
  // ! negates; \! is a plain one; what is in an excluded folder cannot be included again.
  [["*.txt", "!keep.txt"], "keep.txt", false],
  [["*.txt", "!keep.txt"], "other.txt", true],
  [["!keep.txt", "*.txt"], "keep.txt", true],
  [["\\!important!.txt"], "!important!.txt", true],
  [["folder/", "!folder/keep.txt"], "folder/keep.txt", true],
  [["folder/*", "!folder/keep.txt"], "folder/keep.txt", false],
  // A separator at the beginning or in the middle ties a pattern to the root.
  [["/a"], "a", true],
  [["/a"], "b/a", false],
  [["a/b"], "a/b", true],
  [["a/b"], "c/a/b", false],
  [["a"], "x/y/a", true],
  // A separator at the end matches folders only.
  [["a/"], "a", false],
  [["a/"], "a/b", true],
  [["a/"], "x/a/b/c", true],
  [["doc/frotz/"], "doc/frotz/x", true],
  [["doc/frotz/"], "a/doc/frotz/x", false],
  [["frotz/"], "frotz/x", true],
  [["frotz/"], "a/frotz/x", true],
  // * matches anything but a slash, ? one character, [a-zA-Z] one of a range.
  [["foo/*"], "foo/test.json", true],
  [["foo/*"], "foo/bar/hello.c", true],
  [["/foo/*.c"], "foo/bar/hello.c", false],
  [["a?c"], "abc", true],
  [["a?c"], "ac", false],
  [["a?c"], "a/c", false],
  [["a?c"], "a\u{1f600}c", true],
  [["[a-c]x"], "bx", true],
  [["[a-c]x"], "dx", false],
  [["[!a-c]x"], "dx", true],
  [["[^a-c]x"], "ax", false],
  [["[]-]"], "]", true],
  [["[]-]"], "-", true],
  [["[\\]]"], "]", true],
  [["[[:digit:]]x"], "7x", true],
  [["[[:digit:]]x"], "ax", false],
  [["[[:a]x"], ":x", true],
  [["hello.*"], "hello.txt", true],
  [["hello.*"], "a/hello.java", true],
  [["/hello.*"], "hello.c", true],
  [["/hello.*"], "a/hello.java", false],
  // "**/" in all folders, "/**" everything inside, "/**/" any number of folders; elsewhere a plain star.
  [["**/foo"], "foo", true],
  [["**/foo"], "a/b/foo", true],
  [["**/foo/bar"], "x/foo/bar", true],
  [["**/foo/bar"], "foo/x/bar", false],
  [["abc/**"], "abc/x/y", true],
  [["abc/**"], "abc", false],
  [["abc/**"], "x/abc/y", false],
  [["a/**/b"], "a/b", true],
  [["a/**/b"], "a/x/b", true],
  [["a/**/b"], "a/x/y/b", true],
  [["a/**/b"], "a/x/y/c", false],
  [["a**b"], "axxb", true],
  [["x/a**b"], "x/a/b", false],
  // The documentation's last examples.
  [["*.[oa]", "*.html", "!foo.html"], "a.o", true],
  [["*.[oa]", "*.html", "!foo.html"], "foo.html", false],
  [["/*", "!/foo", "/foo/*", "!/foo/bar"], "foo/bar/x", false],
  [["/*", "!/foo", "/foo/*", "!/foo/bar"], "foo/baz", true],
  [["/*", "!/foo", "/foo/*", "!/foo/bar"], "baz", true],
];

/** Keys that are no paths, and that glob libraries trip over. */
const OVER_KEYS: readonly Row[] = [
  [["a"], "A", false],
  [["x"], "/x", true],
  [["/x"], "/x", false],
  [["//x"], "/x", true],
  [["a/"], "a/", true],
  [["a/*"], "a/", true],
  [["a/**"], "a/", true],
  [["*.json"], "../a.json", true],
  [["../*"], "../a", true],
  [["a/../b"], "a/../b", true],
  [["a//b"], "a//b", true],
  [["a/*/b"], "a//b", true],
  [["*.log"], "line\nbreak.log", true],
  [["."], "a/./b", true],
  [["\u{1f600}*"], "\u{1f600}x", true],
  [["[\u{1f600}-\u{1f64f}]"], "\u{1f609}", true],
  [["a\\*b"], "a*b", true],
  [["a\\*b"], "axb", false],
  [["*"], "anything/at\0all", true],
];

describe.each([
  ["the documentation of gitignore", DOCUMENTED],
  ["keys", OVER_KEYS],
] as const)("patterns, by %s", (_, rows) => {
  it.each(rows)("%j on %j: %s", (patterns, key, matched) => {
    expect(compileFilter({ exclude: patterns })(key)).toBe(!matched);
  });
});

describe("a filter", () => {
  it("lets everything pass without patterns", () => {
    const passes = compileFilter({});
    expect(passes("a/b")).toBe(true);
    expect(passes.mayContain("a/")).toBe(true);
  });

  it("lets pass what include matches and exclude does not", () => {
    const passes = compileFilter({ include: ["/config/", "*.json", "!x.json"], exclude: ["secret*"] });
    expect(
      ["config/a", "config/secret.yaml", "a/b.json", "x.json", "a.txt", "secret/a.json"].filter((key) => passes(key)),
    ).toEqual(["config/a", "a/b.json"]);
  });

  it("knows what folders cannot contain anything that passes", () => {
    const passes = compileFilter({
      include: ["/config/*.json", "/a/**/z", "/deep/er/"],
      exclude: [".git/", "/config/old/"],
    });
    const folders = [
      "",
      "config/",
      "config/old/",
      "config/new/",
      "b/",
      "a/",
      "a/x/y/",
      "a/.git/",
      "deep/",
      "deep/er/x/",
    ];
    expect(folders.filter((folder) => passes.mayContain(folder))).toEqual([
      "",
      "config/",
      "a/",
      "a/x/y/",
      "deep/",
      "deep/er/x/",
    ]);
    expect(compileFilter({ include: ["*.json"] }).mayContain("any/where/")).toBe(true);
  });

  it("decides by keys in any order", () => {
    const passes = compileFilter({ exclude: ["a/b/"] });
    expect(["a/b/c", "a/c", "a/b/d", "b", "a/b/c"].map((key) => passes(key))).toEqual([
      false,
      true,
      false,
      true,
      false,
    ]);
  });

  it("takes no time for patterns made to take long", () => {
    const passes = compileFilter({ exclude: [`${"*a".repeat(40)}b`, `${"**/a/".repeat(20)}b`] });
    const start = process.cpuUsage();
    for (let i = 0; i < 100; i++) expect(passes("a/".repeat(120) + "a".repeat(260))).toBe(true);
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(2000);
  });
});

describe("where symbolic links are followed", () => {
  it("names that begin with two dots never pass, whatever the patterns say", () => {
    const names = ["..data", "..v1/x", "a/..v1/x", "..", "a/../b", "...", "a..b", ".a", "x"];
    const passing = (symlinks: "skip" | "inside" | "follow") =>
      names.filter(compileFilter({ symlinks, include: ["*", "!nothing"], exclude: ["!..data"] }));
    expect(passing("skip")).toEqual(names);
    for (const symlinks of ["inside", "follow"] as const) {
      expect(passing(symlinks)).toEqual(["..", "a/../b", "a..b", ".a", "x"]);
      const { mayContain } = compileFilter({ symlinks });
      expect(["..v1/", "a/..v1/", "../", "a/"].map(mayContain)).toEqual([false, false, true, true]);
    }
  });
});

describe("a rule's match", () => {
  it("is one pattern", () => {
    const matches = compileMatcher("sessions/**");
    expect(["sessions/a", "sessions/a/b", "sessions", "x/sessions/a"].filter(matches)).toEqual([
      "sessions/a",
      "sessions/a/b",
    ]);
    expect(["tmp/a", "a/tmp/b", "tmp"].filter(compileMatcher("tmp/"))).toEqual(["tmp/a", "a/tmp/b"]);
  });
});

describe("a pattern that could never match is refused", () => {
  it.each([
    ["[abc", 'the pattern "[abc" has a "[" without a "]"'],
    ["a\\", 'the pattern "a\\" ends in a \\ that escapes nothing'],
    ["[[:word:]]", 'the pattern "[[:word:]]" has an unknown class [:word:]'],
  ])("%s", (pattern, message) => {
    expect(() => compileFilter({ exclude: [pattern] })).toThrow(message);
    expect(() => compileFilter({ exclude: [pattern] })).toThrow(AppError);
  });

  it("where nothing is left to include", () => {
    expect(() => compileFilter({ include: ["!a"] })).toThrow('all patterns of "include" begin with "!"');
  });

  it.each(["", "#a", "!a"])("as a rule's match: %j", (pattern) => {
    expect(() => compileMatcher(pattern)).toThrow(AppError);
  });
});
