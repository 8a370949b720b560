// Filters against `git check-ignore`: the same patterns ignore the same paths.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "../../src/core/errors.ts";
import { compileFilter } from "../../src/core/filter.ts";
import { type FuzzOptions, type Random, runCases } from "./random.ts";

export const name = "filter";

/** Each case has so many paths: git takes 5 ms to start. */
const PATHS = 80;
const CHARACTERS = ["a", "b", "c", ".", "-", "]", "!", " ", "\\", "#", "~"];
const TOKENS = [
  "a",
  "b",
  "ab",
  ".",
  "-",
  "x",
  "*",
  "*",
  "?",
  "[ab]",
  "[!a]",
  "[^b]",
  "[a-x]",
  "[]-]",
  "[[:alpha:]]",
  "[[:space:]]",
  "\\*",
  "\\a",
  "\\\\",
  "\\ ",
  " ",
  "!",
  "#",
  "\\#",
  "\\!",
  "~",
  "[\\]]",
];

export async function run(options: FuzzOptions): Promise<number> {
  const repository = mkdtempSync(join(tmpdir(), "kvsync-fuzz-filter-"));
  try {
    execFileSync("git", ["init", "--quiet"], { cwd: repository });
    return await runCases(name, options, (random) => compare(repository, random));
  } finally {
    rmSync(repository, { recursive: true, force: true });
  }
}

function compare(repository: string, random: Random): void {
  const patterns = Array.from({ length: 1 + random.below(5) }, () => patternOf(random)).filter(isTaken);
  const paths = [...new Set(Array.from({ length: PATHS }, () => pathOf(random)))];
  const passes = compileFilter({ exclude: patterns });
  const ours = paths.filter((path) => !passes(path)).sort();
  const theirs = ignoredByGit(repository, patterns, paths).sort();
  if (ours.join("\0") === theirs.join("\0")) return;
  const odd = [...ours.filter((path) => !theirs.includes(path)), ...theirs.filter((path) => !ours.includes(path))];
  throw new Error(`${JSON.stringify(patterns)} differs from git at ${JSON.stringify(odd)}`);
}

function patternOf(random: Random): string {
  const names = Array.from({ length: 1 + random.below(3) }, () =>
    random.oneIn(5) ? "**" : Array.from({ length: 1 + random.below(3) }, () => random.pick(TOKENS)).join(""),
  );
  return `${random.oneIn(4) ? "!" : ""}${random.oneIn(4) ? "/" : ""}${names.join("/")}${random.pick(["", "", "/", " ", "  ", "\\ "])}`;
}

/** git takes "a**" followed by "/" for "**" by mistake (it compares pointers into two texts); its documentation says what we
 * do. And what can never match is an error to us. */
function isTaken(pattern: string): boolean {
  // A "!" negates at the very beginning only: "/!**/" is one of those.
  const parts = pattern.replaceAll(/\\./g, "_").replace(/^!/, "").split("/");
  if (parts.some((part) => part.includes("**") && !/^\*+ *$/.test(part))) return false;
  try {
    compileFilter({ exclude: [pattern] });
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** One that git can have: no empty segment, no "." and no "..". */
function pathOf(random: Random): string {
  return Array.from({ length: 1 + random.below(4) }, () => {
    const segment = Array.from({ length: 1 + random.below(3) }, () => random.pick(CHARACTERS)).join("");
    return /^\.\.?$/.test(segment) ? "x" : segment;
  }).join("/");
}

function ignoredByGit(repository: string, patterns: readonly string[], paths: readonly string[]): string[] {
  writeFileSync(join(repository, ".git", "info", "exclude"), `${patterns.join("\n")}\n`);
  const { stdout, stderr, status } = spawnSync("git", ["check-ignore", "--no-index", "--stdin", "-z"], {
    cwd: repository,
    input: paths.map((path) => `./${path}`).join("\0"),
    encoding: "utf8",
    env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
  });
  if (status !== 0 && status !== 1) throw new Error(`git check-ignore: ${stderr}`);
  return stdout
    .split("\0")
    .filter((line) => line !== "")
    .map((line) => line.slice(2));
}
