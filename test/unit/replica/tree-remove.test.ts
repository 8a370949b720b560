// Removing values: only what was listed, with its sidecar and the folders that are empty then.

import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import { codeOf, filesBelow, TreeFixture } from "../../support/tree-fixture.ts";

let fixture: TreeFixture;
beforeEach(() => {
  fixture = new TreeFixture({ durable: true });
});
afterEach(() => fixture.close());

describe("a removal", () => {
  it("takes the sidecar along, and the folders that are empty then", async () => {
    const long = `${"k".repeat(240)}%+/${"k".repeat(60)}`;
    for (const name of ["a/b/c", "a/b/d", "keep/x", "keep/y", "e%value", "e/f/g", long]) fixture.file(name);
    fixture.file("a/b/c%meta", '{"metadata": 1}');
    mkdirSync(fixture.path("empty/folder"), { recursive: true });
    const { entries } = await fixture.list();
    const outcomes = await fixture.remove(...entries.filter(({ key }) => !["keep/y", "e"].includes(key)));
    expect(new Set(outcomes.map(codeOf))).toEqual(new Set(["removed"]));
    expect(fixture.files()).toEqual({ "e%value": "e%value", "keep/y": "keep/y" });
    expect(readdirSync(fixture.root).sort()).toEqual(["e%value", "empty", "keep"]);
    expect((await fixture.list()).keys).toEqual(["e", "keep/y"]);
  });

  it("never takes the root", async () => {
    fixture.file("a");
    await fixture.remove(await fixture.entry("a"));
    expect((await fixture.list()).keys).toEqual([]);
  });

  it("of what is gone already is done, and clears up what a crash left", async () => {
    fixture.file("a/b");
    fixture.file("a/b%meta", '{"metadata": 1}');
    const entry = await fixture.entry("a/b");
    rmSync(fixture.path("a/b"));
    expect((await fixture.remove(entry)).map(codeOf)).toEqual(["removed"]);
    expect(readdirSync(fixture.root)).toEqual([]);
    expect((await fixture.remove(entry)).map(codeOf)).toEqual(["removed"]);
  });

  it("keeps a value that lies beside a folder of the same name", async () => {
    fixture.file("a%value", "1");
    fixture.file("a/b", "2");
    const entry = await fixture.entry("a");
    expect((await fixture.remove(entry)).map(codeOf)).toEqual(["removed"]);
    expect(fixture.files()).toEqual({ "a/b": "2" });
  });
});

describe("what is not as it was listed is not removed", () => {
  it.each<[string, (fixture: TreeFixture) => void]>([
    ["edited", (on) => appendFileSync(on.path("a/b"), "!")],
    ["a file with another sidecar", (on) => on.file("a/b%meta", '{"metadata": 2}')],
    ["two files", (on) => on.file("a/b%value", "2")],
    [
      "a symbolic link",
      (on) => {
        rmSync(on.path("a/b"));
        symlinkSync("elsewhere", on.path("a/b"));
      },
    ],
  ])("%s", async (_, change) => {
    fixture.file("a/b", "1");
    const entry = await fixture.entry("a/b");
    change(fixture);
    const before = fixture.files();
    expect((await fixture.remove(entry))[0]?.kind).toBe("problem");
    expect(fixture.files()).toEqual(before);
  });

  it("but what was only touched is, if its content is known", async () => {
    fixture.file("a", "1");
    const entry = { ...(await fixture.entry("a")), fingerprint: fingerprintOf(Buffer.from("1")) };
    utimesSync(fixture.path("a"), 1, 1);
    expect((await fixture.remove(entry)).map(codeOf)).toEqual(["removed"]);
  });

  it("nor is what lies behind a symbolic link", async () => {
    fixture.file("a/b", "1");
    const entry = await fixture.entry("a/b");
    mkdirSync(fixture.outside("x"));
    writeFileSync(fixture.outside("x/b"), "1");
    renameSync(fixture.path("a"), fixture.outside("was-a"));
    symlinkSync(fixture.outside("x"), fixture.path("a"));
    expect((await fixture.remove(entry)).map(codeOf)).toEqual(["not-a-file"]);
    expect(filesBelow(fixture.outside("x"))).toEqual({ b: "1" });
  });

  it("nor is what a folder of ours holds", async () => {
    const tree = new TreeFixture();
    tree.file(".kvsync/journal", "1");
    const entry = await tree.entry(".kvsync/journal");
    const guarded = new TreeFixture({ root: tree.root, ignorePaths: [`${tree.root}/.kvsync`] });
    expect((await guarded.remove(entry)).map(codeOf)).toEqual(["name-reserved"]);
    guarded.close();
    tree.close();
  });
});
