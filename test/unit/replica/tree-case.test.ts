// A file system where case and Unicode forms do not count, as on macOS and Windows: names that would be one file are
// problems, and nothing is overwritten. Simulated, since mounting a real one takes support in the kernel.

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { probeFileSystem } from "../../../src/replica/tree/probe-file-system.ts";
import { codeOf, TreeFixture } from "../../support/tree-fixture.ts";
import { collect, pagesOf } from "../../support/values.ts";

const ONE_PATH = ["openSync", "lstatSync", "statSync", "unlinkSync", "rmdirSync", "mkdirSync", "readdirSync"] as const;
const TWO_PATHS = ["renameSync", "linkSync"] as const;
const original = Object.fromEntries(
  [...ONE_PATH, ...TWO_PATHS].map((name) => [name, fs[name]]),
) as unknown as typeof fs;

const fold = (name: string): string => name.normalize("NFD").toLowerCase();

/** `path` with each name as the file system has it, where it has one that counts as the same. */
function resolved(path: unknown): unknown {
  const [start] = /^\/proc\/self\/fd\/\d+|^.*\/root(?=\/|$)/.exec(String(path)) ?? [];
  if (start === undefined) return path;
  let found = start;
  for (const name of String(path)
    .slice(start.length + 1)
    .split("/")) {
    if (name === "" || name === ".") continue;
    const isThere = original.lstatSync(`${found}/${name}`, { throwIfNoEntry: false }) !== undefined;
    const same = isThere ? name : original.readdirSync(found).find((other) => fold(other) === fold(name));
    found = `${found}/${same ?? name}`;
    if (same === undefined)
      return `${found}${String(path)
        .slice(start.length + 1)
        .split(name)
        .slice(1)
        .join(name)}`;
  }
  return found;
}

function simulate(): void {
  for (const name of ONE_PATH) {
    const call = original[name] as (...args: unknown[]) => unknown;
    Object.assign(fs, { [name]: (path: unknown, ...rest: unknown[]) => call(resolved(path), ...rest) });
  }
  for (const name of TWO_PATHS) {
    const call = original[name] as (...args: unknown[]) => unknown;
    Object.assign(fs, { [name]: (from: unknown, to: unknown) => call(resolved(from), resolved(to)) });
  }
  syncBuiltinESMExports();
}

let fixture: TreeFixture;
beforeEach(() => {
  fixture = new TreeFixture();
  simulate();
});
afterEach(() => {
  Object.assign(fs, original);
  syncBuiltinESMExports();
  fixture.close();
});

async function writeAll(...keys: readonly string[]): Promise<string[]> {
  const listed = (await fixture.list()).entries;
  const writes = keys.map((key) => ({
    value: fixture.value(key, `value of ${key}`),
    expected: listed.find((entry) => entry.key === key),
  }));
  const codes = new Map(
    (await collect(fixture.tree.write(pagesOf(writes)))).map((item) => [item.key as string, codeOf(item)]),
  );
  return keys.map((key) => codes.get(key) ?? "none");
}

describe("where case and Unicode forms do not count", () => {
  it("this is found out", () => {
    expect(probeFileSystem(fixture.root)).toEqual({ caseSensitive: false, normalises: true });
  });

  it("the second of two keys for one file is a problem, in one page or in two", async () => {
    expect(await writeAll("A", "a", "caf\u00e9", "cafe\u0301")).toEqual([
      "written",
      "name-collision",
      "written",
      "name-collision",
    ]);
    expect(await writeAll("a", "A")).toEqual(["name-collision", "written"]);
    expect(fixture.files()).toEqual({ A: "value of A", "caf\u00e9": "value of caf\u00e9" });
  });

  it("so it is if both have the same value", async () => {
    fixture.file("A", "value of a");
    expect(await writeAll("a")).toEqual(["name-collision"]);
  });

  it("a folder that is another's is not written into, and a file that is another's is not moved", async () => {
    expect(await writeAll("Dir/x", "File")).toEqual(["written", "written"]);
    expect(await writeAll("dir/y", "dir/sub/z", "file/x", "Dir/y", "File/x")).toEqual([
      "name-collision",
      "name-collision",
      "name-collision",
      "written",
      "written",
    ]);
    expect(Object.keys(fixture.files())).toEqual(["Dir/x", "Dir/y", "File%value", "File/x"]);
  });

  it("what is listed is replaced and removed as anywhere", async () => {
    await writeAll("A/b", "c");
    expect(await writeAll("A/b", "c")).toEqual(["written", "written"]);
    expect((await fixture.remove(...(await fixture.list()).entries)).map(codeOf)).toEqual(["removed", "removed"]);
    expect(fixture.files()).toEqual({});
  });
});
