// Symbolic links in a folder, where they are followed: what they lead to is read as if it were there, and never written.

import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileFilter } from "../../../src/core/filter.ts";
import { openLinkIndex } from "../../../src/replica/tree/links/link-index.ts";
import type { Key } from "../../../src/core/key.ts";
import type { Entry } from "../../../src/core/entry.ts";
import type { TreeOptions } from "../../../src/replica/tree/tree-replica.ts";
import { TreeFixture } from "../../support/tree-fixture.ts";
import { collect, pagesOf } from "../../support/values.ts";

const index = openLinkIndex();
let fixture: TreeFixture;
afterEach(() => fixture.close());

function open(symlinks: TreeOptions["symlinks"], more: Partial<TreeOptions> = {}): TreeFixture {
  fixture = new TreeFixture({ symlinks, filter: compileFilter({ symlinks }), linkIndex: index, ...more });
  return fixture;
}

function link(target: string, path: string): void {
  mkdirSync(fixture.path(path).replace(/\/[^/]*$/, ""), { recursive: true });
  symlinkSync(target, fixture.path(path));
}

/** As the kubelet writes a ConfigMap. */
function writeConfigMap(version: number, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) fixture.file(`..v${version}/${name}`, content);
  symlinkSync(`..v${version}`, fixture.path("..data_tmp"));
  renameSync(fixture.path("..data_tmp"), fixture.path("..data"));
  rmSync(fixture.path(`..v${version - 1}`), { recursive: true, force: true });
}

async function read(entries: readonly Entry[]): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for await (const page of fixture.tree.read(pagesOf([...entries])))
    for (const outcome of page)
      found[outcome.key] = outcome.kind === "value" ? Buffer.from(outcome.value.bytes).toString() : outcome.kind;
  return found;
}

/** Keys by a listing, and values by their keys alone, as a watcher's round finds them. */
async function values(): Promise<Readonly<Record<string, string>>> {
  const { entries, keys } = await fixture.list();
  const looked = await fixture.tree.lookup!(keys as Key[], { onProblem: () => {}, onUnknown: () => {} });
  expect(looked).toEqual(entries);
  return read(entries);
}

describe.each(["inside", "follow"] as const)("symlinks: %s", (policy) => {
  beforeEach(() => void open(policy));

  it("reads a ConfigMap by its links, and after a swap what it holds then", async () => {
    writeConfigMap(1, { "app.json": "1", "app.json%meta": '{"metadata":"m"}', other: "o" });
    for (const name of ["app.json", "app.json%meta", "other"]) link(`..data/${name}`, name);
    const first = await fixture.list();
    expect(first.entries.map(({ key, metadata }) => [key, metadata])).toEqual([
      ["app.json", '"m"'],
      ["other", undefined],
    ]);
    expect([first.problems, first.unknown]).toEqual([[], []]);
    expect(await values()).toEqual({ "app.json": "1", other: "o" });
    writeConfigMap(2, { "app.json": "2", "app.json%meta": '{"metadata":"n"}', other: "o" });
    expect(await values()).toEqual({ "app.json": "2", other: "o" });
    const [before, after] = [first.entries[0], (await fixture.list()).entries[0]];
    expect(after?.signature).not.toEqual(before?.signature);
    expect(index.links()).toContainEqual({
      path: "app.json",
      target: "..v2/app.json",
      through: ["app.json", "..data"],
    });
  });

  it("reads what is below a link to a folder, in the order of keys", async () => {
    fixture.file("real/deep/x", "x");
    fixture.file("real/y", "y");
    link("real", "a");
    link("../real/deep", "b/c");
    link(fixture.path("real/y"), "z");
    expect(await values()).toEqual({
      "a/deep/x": "x",
      "a/y": "y",
      "b/c/x": "x",
      "real/deep/x": "x",
      "real/y": "y",
      z: "y",
    });
    const [absent] = [await fixture.tree.lookup!(["a/none", "a/y/none", "b/c/none"] as Key[], LOUD)];
    expect(absent).toEqual([]);
  });

  it("tells of links that lead to nothing or in a circle, once, and does not know what they stand for", async () => {
    fixture.file("d/x", "x");
    for (let i = 0; i < 8; i++) fixture.file(`ok${i}`);
    link("nowhere", "dangling");
    link("nowhere/x", "below");
    link("me", "me");
    link("..", "d/up");
    link("../e", "d/e");
    link("../d", "e/d");
    link("d/x/y", "file-as-folder");
    const { keys, problems, unknown, messages } = await fixture.list();
    expect(keys.filter((key) => !key.startsWith("ok"))).toEqual(["d/x", "e/d/x"]);
    const lost = ["below", "d/e/d", "d/up", "dangling", "e/d/e", "e/d/up", "file-as-folder", "me"];
    expect(problems.toSorted()).toEqual(lost.map((path) => `not-a-file ${path}`));
    expect(messages.every(({ failure }) => failure)).toBe(true);
    for (const path of ["below", "dangling", "me"])
      expect(unknown).toEqual(expect.arrayContaining([{ key: path }, { prefix: `${path}/` }]));
    expect(unknown).toContainEqual({ prefix: "d/up/" });
    const told: string[] = [];
    const keysOfLost = ["dangling", "me", "d/up/ok1", "d/e/d/x", "file-as-folder"] as Key[];
    const unknownKeys: unknown[] = [];
    const found = await fixture.tree.lookup!(keysOfLost, {
      onProblem: ({ subject }) => told.push(subject),
      onUnknown: (place) => unknownKeys.push(place),
    });
    expect([found, told, unknownKeys]).toEqual([[], keysOfLost, keysOfLost.map((key) => ({ key }))]);
  });

  it("writes to nothing that a link leads to, removes nothing of it, and leaves the link", async () => {
    fixture.file("real/x", "x");
    link("real", "a");
    link("real/x", "file");
    const { entries } = await fixture.list();
    const entryOf = (key: string): Entry => entries.find((entry) => entry.key === key)!;
    const writes = ["a/x", "a/new", "file"].map((key) => ({
      value: fixture.value(key, "evil"),
      expected: entries.find((entry) => entry.key === key),
    }));
    const written = await collect(fixture.tree.write(pagesOf(writes)));
    expect(written.map((outcome) => outcome.kind === "problem" && outcome.problem.code)).toEqual(
      writes.map(() => "not-a-file"),
    );
    const removed = await collect(fixture.tree.remove(pagesOf([entryOf("a/x"), entryOf("file")])));
    expect(removed.map(({ kind }) => kind)).toEqual(["problem", "problem"]);
    expect(await values()).toEqual({ "a/x": "x", file: "x", "real/x": "x" });
  });

  it("does not read kvsync's own folder by a link", async () => {
    open(policy, { ignorePaths: [".state"] });
    fixture.file(".state/journal", "secret");
    link(".state/journal", "a");
    link(".state", "b");
    const { keys, unknown } = await fixture.list();
    expect(keys).toEqual([]);
    expect(unknown).toEqual(expect.arrayContaining([{ key: "a" }, { prefix: "b/" }]));
    expect(await fixture.tree.lookup!(["a", "b/journal"] as Key[], { onProblem: () => {} })).toEqual([]);
  });
});

const LOUD = {
  onProblem: (problem: unknown) => {
    throw new Error(JSON.stringify(problem));
  },
};

describe("a link that leads out of the folder", () => {
  const makeOutside = (): void => {
    mkdirSync(fixture.outside("o/d"), { recursive: true });
    writeFileSync(fixture.outside("o/secret"), "s");
    writeFileSync(fixture.outside("o/d/e"), "e");
    symlinkSync("d", fixture.outside("o/l"));
    link(fixture.outside("o"), "folder");
    link("../o/secret", "file");
    link("folder/secret", "by-way");
  };

  it("is told and unknown with symlinks: inside", async () => {
    open("inside");
    makeOutside();
    const { keys, problems, messages } = await fixture.list();
    expect([keys, problems]).toEqual([[], ["not-a-file by-way", "not-a-file file", "not-a-file folder"]]);
    for (const { message } of messages) expect(message).toContain("leads out of the folder");
  });

  it("is read with symlinks: follow", async () => {
    open("follow");
    makeOutside();
    link("..", "folder-of-all");
    const { problems, keys } = await fixture.list();
    expect(problems).toEqual(["not-a-file folder-of-all/root"]);
    expect(keys).toContain("folder-of-all/o/secret");
    unlinkSync(fixture.path("folder-of-all"));
    expect(await values()).toEqual({
      "by-way": "s",
      file: "s",
      "folder/d/e": "e",
      "folder/l/e": "e",
      "folder/secret": "s",
    });
    expect(readFileSync(fixture.outside("o/secret"), "utf8")).toBe("s");
  });
});

describe("a link to a folder elsewhere that holds nothing", () => {
  it("is told, and nothing follows: its disk may not be mounted", async () => {
    open("follow");
    mkdirSync(fixture.outside("mnt"));
    link(fixture.outside("mnt"), "data");
    fixture.file("own", "1");
    const { keys, problems, unknown } = await fixture.list();
    expect([keys, problems, unknown]).toEqual([["own"], ["unreadable data"], [{ prefix: "data/" }]]);
    writeFileSync(fixture.outside("mnt/x"), "x");
    expect((await fixture.list()).keys).toEqual(["data/x", "own"]);
  });
});

describe("a file that tells no size", () => {
  it.skipIf(process.platform !== "linux")("is no empty value", async () => {
    open("follow");
    link("/proc/uptime", "up");
    const { entries } = await fixture.list();
    const outcomes = await collect(fixture.tree.read(pagesOf(entries)));
    expect(outcomes.map((outcome) => outcome.kind === "problem" && outcome.problem.code)).toEqual(["not-a-file"]);
  });
});

describe("a key that is reached by a link", () => {
  it("is told as one that would not be written, by a listing and by a look at it", async () => {
    open("inside");
    fixture.file("real/x", "1");
    link("real", "alias");
    link("real/x", "file");
    const fixed: string[] = [];
    const options = { onProblem: () => {}, onFixed: (key: Key) => fixed.push(key) };
    const listed = await collect(fixture.tree.list(options));
    expect(fixed).toEqual(["alias/x", "file"]);
    await fixture.tree.lookup!(
      listed.map(({ key }) => key),
      options,
    );
    expect(fixed).toEqual(["alias/x", "file", "alias/x", "file"]);
  });
});

describe("links to folders of links", () => {
  it("are followed until there are too many ways, and what is behind the others is unknown", async () => {
    open("inside");
    for (let i = 0; i < 20; i++) {
      link(`../d${i + 1}`, `d${i}/x`);
      link(`../d${i + 1}`, `d${i}/y`);
    }
    fixture.file("d20/f", "1");
    const { keys, problems, unknown } = await fixture.list();
    expect(keys).toContain("d20/f");
    expect(new Set(problems.map((told) => told.split(" ")[0]))).toEqual(new Set(["not-a-file"]));
    expect(unknown.length).toBe(problems.length);
  });
});

describe("symlinks: skip", () => {
  it("is a failure of a source that holds hardly anything but links", async () => {
    open("skip", { failsOnSkippedLinks: true });
    writeConfigMap(1, { "app.json": "1" });
    link("..data/app.json", "app.json");
    fixture.file("few/a");
    fixture.file("few/b");
    link("a", "few/c");
    link("x", "many/x");
    link("y", "many/y");
    const { messages } = await fixture.list();
    const failures = messages.filter(({ failure }) => failure);
    expect(failures.map(({ code, subject }) => `${code} ${subject}`)).toEqual(["not-a-file many/"]);
    expect(failures[0]?.message).toContain("holds 2 symbolic links in 2 names");
    expect(failures[0]?.message).toContain("symlinks: inside");
    rmSync(fixture.path("few"), { recursive: true });
    rmSync(fixture.path("many"), { recursive: true });
    expect((await fixture.list()).problems).toContain("not-a-file ./");
  });
});
