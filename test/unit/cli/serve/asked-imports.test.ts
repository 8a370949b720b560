// What --import asks for, and what it refuses before anything is opened.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { askedImports } from "../../../../src/cli/serve/asked-imports.ts";
import { fileNameOfTitle } from "../../../../src/cli/round/title-path.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-asked-imports-"));
  mkdirSync(join(dir, "all"));
  mkdirSync(join(dir, "none"));
  for (const name of ["b.ndjson.zst", "a%2Fb.json", "%2Ehidden.ndjson", "c.ndjson.zst.part", "README.md", ".d.json"])
    writeFileSync(join(dir, "all", name), "");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test.each([
  ["app.ndjson.zst", "app", "app.ndjson.zst"],
  ["./x/app.json", "app", "./x/app.json"],
  ["live=./x/app.json", "live", "./x/app.json"],
  ["a title=app.txt", "a title", "app.txt"],
  ["a=b=c.json", "a", "b=c.json"],
  ["./a=b/c.json", "c", "./a=b/c.json"],
  ["live=-", "live", "-"],
  ["100%.ndjson", "100%", "100%.ndjson"],
  ["a:b.ndjson.gz", "a:b", "a:b.ndjson.gz"],
])("%s is the namespace %s, from %s", (text, title, file) => {
  expect(askedImports([text], dir)).toEqual([{ title, file }]);
});

test("of a folder every archive is meant, and its name is the title that export gave it", () => {
  expect(askedImports(["all"], dir)).toEqual([
    { title: ".hidden", file: "all/%2Ehidden.ndjson" },
    { title: "a/b", file: "all/a%2Fb.json" },
    { title: "b", file: "all/b.ndjson.zst" },
  ]);
});

test.each(["a/b", ".hidden", "100%25", "%2F", "\0", "ünï", "a=b"])("the title %j comes back from its name", (title) => {
  expect(askedImports([`./${fileNameOfTitle(title, ".ndjson.zst")}`], dir)[0]?.title).toBe(title);
});

test.each([
  [["a.json", "a.ndjson"], "a.json and a.ndjson are both to be the namespace"],
  [["a=b.json", "./a.json"], "b.json and ./a.json are both"],
  [["all/README.md"], "all/README.md has no name that ends in"],
  [["./nothing/"], "could not read ./nothing/: there is no such file or folder"],
  [["-"], "stdin has no name"],
  [["=a.json"], "a namespace needs a title"],
  [["x=all"], "all is a folder"],
  [["none"], "there is no archive in the folder none"],
  [["%import-1=a.json"], "no namespace can be imported under"],
  [[`${"x".repeat(513)}=a.json`], "is too long"],
])("%j is refused", (given, message) => {
  expect(() => askedImports(given, dir)).toThrow(message);
});
