import { expect, test } from "vitest";
import { DEFAULT_EXCLUDES, looksSecret, mayBeExcludedByDefault } from "../../../src/core/default-excludes.ts";
import { compileFilter } from "../../../src/core/filter.ts";

const OUT = [
  ".git",
  ".git/config",
  "a/.git/objects/00/1",
  ".hg/store",
  ".svn/entries",
  ".env",
  "a/.env",
  ".env.production",
  "node_modules/x/index.js",
  "a/node_modules/x",
  ".a.txt.swp",
  "a/.b.swo",
  ".a.txt.swx",
  ".swp",
  "a/.swo",
  ".a.json.kate-swp",
  "a.json.vsctmp",
  "a/b.json.crswap",
  "#a#",
  "a/#b#",
  ".#a",
  ".goutputstream-X1Y2",
  ".~lock.a.odt#",
  "a.ts___jb_tmp___",
  "a.ts___jb_old___",
  "a~",
  "a~/b",
  "a/.DS_Store",
  "Thumbs.db",
  "kvsync.yaml",
  ".kvsync/journal.sqlite",
];
const IN = [
  "a",
  "4913",
  "a.tmp",
  "node_modules",
  ".gitignore",
  ".github/workflows/ci.yml",
  ".environment",
  "env",
  "a~b",
  "#a",
  ".well-known/x",
  "git/config",
  "my.kvsync.yaml",
  ".swift",
  "a.swp",
  "a.vsctmp.txt",
  "sedab12cd",
];

test("the default excludes hide what they list, and nothing else", () => {
  const passes = compileFilter({ excludeDefaults: true });
  expect(OUT.filter(passes)).toEqual([]);
  expect(IN.filter((key) => !passes(key))).toEqual([]);
  expect(passes.mayContain(".git/")).toBe(false);
  expect(passes.mayContain("a/node_modules/x/")).toBe(false);
  expect(passes.mayContain("a/b/")).toBe(true);
});

test("no key that a default pattern matches is spared by the quick look", () => {
  const slow = compileFilter({ exclude: DEFAULT_EXCLUDES });
  for (const key of [...OUT, ...IN]) {
    expect([key, slow(key)]).toEqual([key, compileFilter({ excludeDefaults: true })(key)]);
    expect([key, slow(key) || mayBeExcludedByDefault(key)]).toEqual([key, true]);
  }
});

test("a mapping's own patterns add to them, and may take one back", () => {
  const passes = compileFilter({ exclude: ["*.log", "!.env.example"], excludeDefaults: true });
  expect([".env.example", "a.log", ".env", "a"].map((key) => passes(key))).toEqual([true, false, false, true]);
  expect(compileFilter({ exclude: ["*.log"] })(".env")).toBe(true);
});

test("names that secrets are kept under", () => {
  for (const key of [
    "id_rsa",
    "keys/id_ed25519",
    "tls/server.key",
    "a.PEM",
    ".npmrc",
    "a/credentials.json",
    ".aws/credentials",
  ])
    expect([key, looksSecret(key)]).toEqual([key, true]);
  for (const key of ["id_rsa.pub", "keys", "monkey", "a.keys", "credentials/readme"])
    expect([key, looksSecret(key)]).toEqual([key, false]);
});
