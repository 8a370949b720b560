// Filters against git itself, on paths that git can have.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileFilter } from "../../src/core/filter.ts";

const hasGit = spawnSync("git", ["--version"]).status === 0;
const parts = ["a", "b", "ab", "a.c", "x", "-", "]", "[", "!"];
const patternPart = fc
  .array(fc.constantFrom(...parts.slice(0, 6), "*", "?", "**", "[ab]", "[!a]", "[a-x]", "[]-]", "\\*", "[[:alpha:]]"), {
    minLength: 1,
    maxLength: 3,
  })
  .map((tokens) => tokens.join(""))
  // git takes "a**/" for "**/" by mistake (it compares pointers into two texts); its documentation says what we do.
  .filter((part) => /^\*+$/.test(part) || !part.replaceAll("\\*", "").includes("**"));
const pattern = fc
  .tuple(
    fc.constantFrom("", "", "!"),
    fc.constantFrom("", "", "/"),
    fc.array(fc.oneof(fc.constant("**"), patternPart, patternPart), { minLength: 1, maxLength: 3 }),
    fc.constantFrom("", "", "/"),
  )
  .map(([bang, start, names, end]) => bang + start + names.join("/") + end);
const path = fc
  .array(fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 4 })
  .map((names) => names.map((name) => name.join("")).join("/"));

describe.skipIf(!hasGit)("a filter", () => {
  let repository: string;
  beforeAll(() => {
    repository = mkdtempSync(join(tmpdir(), "kvsync-filter-"));
    execFileSync("git", ["init", "--quiet"], { cwd: repository });
  });
  afterAll(() => rmSync(repository, { recursive: true, force: true }));

  it("excludes what git ignores", () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { minLength: 1, maxLength: 5 }),
        fc.uniqueArray(path, { minLength: 1, maxLength: 60 }),
        (patterns, paths) => {
          const passes = compileFilter({ exclude: patterns });
          const found = paths.filter((key) => !passes(key)).sort();
          expect(found).toEqual(ignoredByGit(repository, patterns, paths).sort());
          for (const key of paths.filter((key) => passes(key)))
            for (let at = key.indexOf("/"); at >= 0; at = key.indexOf("/", at + 1))
              expect(passes.mayContain(key.slice(0, at + 1))).toBe(true);
          const included = patterns.every((text) => text.startsWith("!"))
            ? passes
            : compileFilter({ include: patterns });
          for (const key of paths.filter((key) => included(key)))
            for (let at = key.indexOf("/"); at >= 0; at = key.indexOf("/", at + 1))
              expect(included.mayContain(key.slice(0, at + 1))).toBe(true);
        },
      ),
      { numRuns: 250 },
    );
  });
});

function ignoredByGit(repository: string, patterns: readonly string[], paths: readonly string[]): string[] {
  writeFileSync(join(repository, ".git", "info", "exclude"), `${patterns.join("\n")}\n`);
  const { stdout } = spawnSync("git", ["check-ignore", "--no-index", "--stdin", "-z"], {
    cwd: repository,
    input: paths.join("\0"),
    encoding: "utf8",
    env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
  });
  return stdout.split("\0").filter((line) => line !== "");
}
