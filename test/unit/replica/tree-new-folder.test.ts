// Values in folders that do not exist yet, which are made whole under a hidden name: the outcome is that of writing them one by
// one.

import fs, { existsSync, lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, describe, expect, it } from "vitest";
import { tempNameOf } from "../../../src/core/names/temp-name.ts";
import type { Write, WriteOutcome } from "../../../src/replica/replica.ts";
import { codeOf, TreeFixture } from "../../support/tree-fixture.ts";
import { collect, pagesOf } from "../../support/values.ts";

let fixture: TreeFixture;
const { renameSync } = fs;
afterEach(() => {
  Object.assign(fs, { renameSync });
  syncBuiltinESMExports();
  fixture.close();
});

function writesOf(keys: readonly string[]): Write[] {
  return keys.map((key) => ({ value: fixture.value(key, `value of ${key}`), expected: undefined }));
}

async function write(writes: readonly Write[]): Promise<WriteOutcome[]> {
  return collect(fixture.tree.write(pagesOf(writes)));
}

/** Runs `before` just before the first folder takes its place. */
function beforePlacing(before: () => void): void {
  let isDone = false;
  Object.assign(fs, {
    renameSync: (from: string, to: string) => {
      if (!isDone) {
        isDone = true;
        before();
      }
      renameSync(from, to);
    },
  });
  syncBuiltinESMExports();
}

/** The numbers of the folders that were renamed into place. */
function countFolders(): { count: number } {
  const folders = { count: 0 };
  Object.assign(fs, {
    renameSync: (from: string, to: string) => {
      if (lstatSync(from).isDirectory()) folders.count++;
      renameSync(from, to);
    },
  });
  syncBuiltinESMExports();
  return folders;
}

describe.each([true, false])("a new folder (durable: %s)", (durable) => {
  it("lies in one that is new as well, and beside others that are filled at the same time", async () => {
    fixture = new TreeFixture({ durable });
    const folders = ["a", "a/b", "a/b/c", "ab", "d", "d/e", "f", "g/h", "g/i"];
    const keys = folders.flatMap((folder) => Array.from({ length: 6 }, (_, i) => `${folder}/${i}`));
    const outcomes = await write(writesOf(keys));
    expect(outcomes).toHaveLength(keys.length);
    expect(new Set(outcomes.map(codeOf))).toEqual(new Set(["written"]));
    expect((await fixture.list()).keys.toSorted()).toEqual(keys.toSorted());
    const files = fixture.files();
    for (const key of keys) expect(files[key]).toBe(`value of ${key}`);
  });

  it("is put in place once, with values and sidecars, and leaves nothing over", async () => {
    fixture = new TreeFixture({ durable });
    const folders = countFolders();
    const keys = Array.from({ length: 90 }, (_, i) => `new/folder/${i}`);
    const writes = writesOf(keys);
    writes.push({ value: fixture.value("new/folder/x", "text", { metadata: '{"a":1}' }), expected: undefined });
    const outcomes = await write(writes);
    expect(new Set(outcomes.map(codeOf))).toEqual(new Set(["written"]));
    expect(folders.count).toBe(1);
    const files = fixture.files();
    expect(Object.keys(files)).toHaveLength(92);
    for (const key of keys) expect(files[key]).toBe(`value of ${key}`);
    expect(files["new/folder/x%meta"]).toContain('"a": 1');
    const listed = new Map((await fixture.list()).entries.map((entry) => [entry.key, entry.signature]));
    for (const outcome of outcomes)
      if (outcome.kind === "written") expect(outcome.entry.signature).toEqual(listed.get(outcome.key));
  });

  it("does not overwrite what came meanwhile", async () => {
    fixture = new TreeFixture({ durable });
    beforePlacing(() => fixture.file("f/1", "somebody else's"));
    const outcomes = await write(writesOf(["f/1", "f/2", "f/3", "f/4"]));
    expect(new Map(outcomes.map((outcome) => [outcome.key as string, codeOf(outcome)]))).toEqual(
      new Map([
        ["f/1", "changed-on-disk"],
        ["f/2", "written"],
        ["f/3", "written"],
        ["f/4", "written"],
      ]),
    );
    expect(fixture.files()).toMatchObject({ "f/1": "somebody else's", "f/2": "value of f/2" });
    expect(Object.keys(fixture.files())).toHaveLength(4);
  });

  it("does not take the place of a file that came meanwhile, which moves aside as ever", async () => {
    fixture = new TreeFixture({ durable });
    beforePlacing(() => fixture.file("f", "somebody else's"));
    const outcomes = await write(writesOf(["f/1", "f/2", "f/3", "f/4"]));
    expect(new Set(outcomes.map(codeOf))).toEqual(new Set(["written"]));
    expect(fixture.files()).toMatchObject({ "f%value": "somebody else's", "f/1": "value of f/1" });
  });

  it("is not put where its folder was before that moved away", async () => {
    fixture = new TreeFixture({ durable });
    mkdirSync(fixture.path("above"));
    fixture.file("above/x");
    const keys = Array.from({ length: 4 }, (_, i) => `above/new/${i}`);
    const { mkdirSync: mkdir } = fs;
    Object.assign(fs, {
      mkdirSync: (path: string) => {
        mkdir(path);
        if (path.includes("%tmp-") && !path.includes("probe") && existsSync(fixture.path("above/x"))) {
          renameSync(fixture.path("above"), fixture.path("moved"));
          mkdir(fixture.path("above"));
        }
      },
    });
    syncBuiltinESMExports();
    const outcomes = await write(writesOf(keys));
    Object.assign(fs, { mkdirSync: mkdir });
    expect(new Set(outcomes.map(codeOf))).toEqual(new Set(["changed-on-disk"]));
    expect(fixture.files()).toEqual({ "moved/x": "above/x" });
  });

  it("leaves out the value that has the name of another new folder", async () => {
    fixture = new TreeFixture({ durable });
    const keys = ["f/a", "f/b", "f/c", "f/d", "f/a/1", "f/a/2", "f/a/3", "f/a/4"];
    const outcomes = await write(writesOf(keys));
    expect(new Set(outcomes.map(codeOf))).toEqual(new Set(["written"]));
    const listed = await fixture.list();
    expect(listed.keys).toEqual(keys.toSorted());
    const signatures = new Map(listed.entries.map((entry) => [entry.key, entry.signature]));
    for (const outcome of outcomes)
      if (outcome.kind === "written") expect(outcome.entry.signature).toEqual(signatures.get(outcome.key));
  });

  it("is one of many, of a run of several groups", async () => {
    fixture = new TreeFixture({ durable });
    const keys = Array.from({ length: 2000 }, (_, i) => `d${Math.trunc(i / 50)}/${i}`);
    const outcomes = await write(writesOf(keys));
    expect(new Set(outcomes.map(codeOf))).toEqual(new Set(["written"]));
    const files = fixture.files();
    expect(Object.keys(files)).toHaveLength(2000);
    for (const key of keys) expect(files[key]).toBe(`value of ${key}`);
    const listed = new Map((await fixture.list()).entries.map((entry) => [entry.key, entry.signature]));
    for (const outcome of outcomes)
      if (outcome.kind === "written") expect(outcome.entry.signature).toEqual(listed.get(outcome.key));
  });
});

describe("a hidden folder that a crash left", () => {
  it("is no key, and goes with the next write after an hour, unless it holds what is not ours, or only looks like one", async () => {
    const own = (number: number): string => tempNameOf(`run${number}`);
    fixture = new TreeFixture();
    for (const name of [`a/${own(1)}/x`, `b/${own(2)}/sub/x`, "d/%tmp-1/x"]) fixture.file(name);
    mkdirSync(fixture.path(`c/${own(3)}`), { recursive: true });
    writeFileSync(fixture.path("c/y"), "y");
    expect((await fixture.list()).keys).toEqual(["c/y"]);
    await fixture.write("z", "1");
    expect(existsSync(fixture.path(`a/${own(1)}/x`))).toBe(true);
    await fixture.clock.advance(3_700_000);
    await fixture.list();
    await fixture.write("z2", "1");
    expect(Object.keys(fixture.files())).toEqual([`b/${own(2)}/sub/x`, "c/y", "d/%tmp-1/x", "z", "z2"]);
    expect(existsSync(fixture.path(`c/${own(3)}`))).toBe(false);
  });
});
