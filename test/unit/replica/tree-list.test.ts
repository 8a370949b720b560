// Listing a tree: what is a key, what is not, and what cannot be told.

import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tempNameOf } from "../../../src/core/names/temp-name.ts";
import { AppError } from "../../../src/core/errors.ts";
import { compileFilter } from "../../../src/core/filter.ts";
import { openTreeReplica } from "../../../src/replica/tree/tree-replica.ts";
import { readRootIdentity } from "../../../src/replica/tree/tree-root.ts";
import { probeFileSystem } from "../../../src/replica/tree/probe-file-system.ts";
import { ran, TreeFixture } from "../../support/tree-fixture.ts";
import { collect } from "../../support/values.ts";

let fixture: TreeFixture;
beforeEach(() => {
  fixture = new TreeFixture();
});
afterEach(() => fixture.close());

const K = (n: number): string => "k".repeat(n);

describe("the order", () => {
  it("is that of keys, not that of names", async () => {
    for (const name of ["a/b", "a-%value", "a.", "a0", "a/-", "a-/x", "a.b/c", "a%value", "b"]) fixture.file(name);
    const { keys, problems } = await fixture.list();
    expect(keys).toEqual(["a", "a-", "a-/x", "a.", "a.b/c", "a/-", "a/b", "a0", "b"]);
    expect(problems).toEqual([]);
  });

  it("is that of UTF-8 beyond the surrogates", async () => {
    for (const name of ["\u{1f600}", "\uffff", "\ue000/x", "z", "\ufffd"]) fixture.file(name);
    expect((await fixture.list()).keys).toEqual(["z", "\ue000/x", "\ufffd", "\uffff", "\u{1f600}"]);
  });

  it("holds across folders that only continue a name", async () => {
    const names = [
      `${K(240)}%+/${K(16)}`,
      `${K(240)}%+/${K(240)}%+/${K(20)}`,
      `${K(240)}a`,
      `${K(240)}%+/${K(16)}b/x`,
      K(250),
    ];
    for (const name of names) fixture.file(name);
    const { keys, problems } = await fixture.list();
    expect(keys).toEqual([`${K(240)}a`, K(250), K(256), `${K(256)}b/x`, K(500)]);
    expect(problems).toEqual([]);
  });
});

describe("an entry", () => {
  it("tells size and signature, and no fingerprint", async () => {
    fixture.file("a", "12345");
    const [entry] = (await fixture.list()).entries;
    expect(entry).toEqual({
      key: "a",
      fingerprint: undefined,
      metadata: undefined,
      expiration: undefined,
      ttlSeconds: undefined,
      size: 5,
      signature: { size: 5, mtimeMs: expect.any(Number), ctimeMs: expect.any(Number), inode: expect.any(Number) },
      binary: undefined,
    });
  });

  it("has the metadata and expiration of its sidecar", async () => {
    fixture.file("a");
    fixture.file("a%meta", '\ufeff{ "expiration": 1900000000, "metadata": {"z": 1, "a": [null]} }');
    fixture.file("b");
    fixture.file("b%meta", '{"metadata": null}');
    const { entries, problems } = await fixture.list();
    expect(entries.map(({ metadata, expiration }) => [metadata, expiration])).toEqual([
      ['{"a":[null],"z":1}', 1_900_000_000],
      [undefined, undefined],
    ]);
    expect(problems).toEqual([]);
  });

  it.each([
    ["no json", "is no JSON"],
    ["[]", "no JSON object"],
    ['{"metadata": 1, "ttl": 60}', 'has the property "ttl"'],
    ['{"expiration": "soon"}', 'has the expiration "soon"'],
    ['{"expiration": 1999999999000}', "which is in milliseconds; KV takes seconds"],
    ['{"expirationTtl": 300}', 'write "expiration", in seconds since 1970'],
    ['{"meta": {}}', 'its name is "metadata"'],
    [`{"metadata": "${"x".repeat(70_000)}"}`, "more than 65536 bytes"],
    [Buffer.from([0x7b, 0xff, 0x7d]), "is no JSON"],
  ])("is unknown, not without metadata, if its sidecar is damaged: %s", async (content, message) => {
    fixture.file("a");
    fixture.file("a%meta", content);
    const { keys, unknown, messages } = await fixture.list();
    expect(keys).toEqual([]);
    expect(unknown).toEqual([{ key: "a" }]);
    expect(messages).toMatchObject([{ code: "metadata-invalid", subject: "a", failure: true }]);
    expect(messages[0]?.message).toContain(message);
  });

  it("is not made of a sidecar alone", async () => {
    fixture.file("a%meta", "{}");
    fixture.file("b%meta", "{}");
    fixture.file("b/c");
    const { keys, problems, messages, unknown } = await fixture.list();
    expect([keys, problems, unknown]).toEqual([["b/c"], ["name-reserved a%meta", "name-reserved b%meta"], []]);
    expect(messages.map(({ failure }) => failure)).toEqual([false, false]);
  });
});

it("lists a key of 512 bytes that ends in a slash", async () => {
  const key = `${K(255)}/${K(255)}/`;
  await fixture.write(key, "1");
  expect((await fixture.list()).keys).toEqual([key]);
});

describe("what is no key", () => {
  it("is told, once and with its path", async () => {
    for (const name of ["x/a%value%meta", "x%+/y", "%meta", "ok"]) fixture.file(name);
    fixture.file("%");
    fixture.file(`${"d".repeat(200)}/${"e".repeat(200)}/${"f".repeat(200)}`);
    fixture.file(`${"g".repeat(255)}/${"h".repeat(255)}/${"i".repeat(255)}/j`);
    const { keys, problems, unknown } = await fixture.list();
    expect(keys).toEqual(["ok"]);
    expect(problems.toSorted()).toEqual([
      "key-invalid %",
      `key-invalid ${"d".repeat(200)}/${"e".repeat(200)}/${"f".repeat(200)}`,
      `key-invalid ${"g".repeat(255)}/${"h".repeat(255)}/${"i".repeat(255)}`,
      "name-reserved %meta",
      "name-reserved x%+",
      "name-reserved x/a%value%meta",
    ]);
    expect(unknown).toEqual([]);
  });

  it("may be one with the mapping's prefix, or too long with it", async () => {
    fixture.file("%", "1");
    fixture.file("%2E", "2");
    fixture.file(`${"d".repeat(255)}/${"e".repeat(253)}`);
    const tree = openTreeReplica({ clock: fixture.clock, root: fixture.root, label: "t", prefix: "pre/" });
    const problems: string[] = [];
    const listed = await collect(tree.list({ onProblem: ({ code }) => problems.push(code) }));
    expect(listed.map((entry) => entry.key)).toEqual(["", "."]);
    expect(problems).toEqual(["key-invalid"]);
  });

  it("is passed over if it is ours: copies of conflicts, files being written", async () => {
    for (const name of ["a", "a%conflict-20261123T101112Z-1", "a%conflict-20261123T101112Z-1%meta", tempNameOf("1a0")])
      fixture.file(name);
    const { keys, problems } = await fixture.list();
    expect([keys, problems]).toEqual([["a"], []]);
  });

  it("is told if it only looks like one that is being written", async () => {
    for (const name of ["a", "%tmp-backup", "notes%tmp-old/b"]) fixture.file(name);
    const { keys, problems } = await fixture.list();
    expect([keys, problems]).toEqual([["a"], ["name-reserved %tmp-backup", "name-reserved notes%tmp-old"]]);
  });

  it("is a name that is not UTF-8", async () => {
    fixture.file("ok\ufffd");
    writeFileSync(Buffer.concat([Buffer.from(`${fixture.root}/bad-`), Buffer.from([0xff, 0xfe])]), "x");
    const { keys, problems } = await fixture.list();
    expect([keys, problems]).toEqual([["ok\ufffd"], ["name-not-utf8 bad-\ufffd\ufffd"]]);
  });
});

describe("what cannot be told is unknown, not absent", () => {
  it("a symbolic link, to a file or to a folder", async () => {
    mkdirSync(fixture.outside("other"));
    writeFileSync(fixture.outside("other/secret"), "s");
    symlinkSync(fixture.outside("other"), fixture.path("folder"));
    symlinkSync(fixture.outside("other/secret"), fixture.path("file"));
    symlinkSync("nowhere", fixture.path("broken"));
    const { keys, problems, messages, unknown } = await fixture.list();
    expect(keys).toEqual([]);
    expect(problems).toEqual(["not-a-file broken", "not-a-file file", "not-a-file folder"]);
    expect(messages.every(({ failure }) => !failure)).toBe(true);
    for (const name of ["broken", "file", "folder"])
      expect(unknown).toEqual(expect.arrayContaining([{ key: name }, { prefix: `${name}/` }]));
  });

  it("a FIFO and a socket", async () => {
    expect(ran("mkfifo", fixture.path("fifo"))).toBe(true);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(fixture.path("socket"), resolve));
    const { keys, problems, unknown } = await fixture.list();
    server.close();
    expect([keys, problems]).toEqual([[], ["not-a-file fifo", "not-a-file socket"]]);
    expect(unknown).toContainEqual({ key: "fifo" });
  });

  it("a key with two files", async () => {
    fixture.file("a", "1");
    fixture.file("a%value", "2");
    const { keys, problems, unknown } = await fixture.list();
    expect([keys, problems, unknown]).toEqual([[], ["name-collision a"], [{ key: "a" }]]);
  });

  it("a folder in place of a value's or a sidecar's file", async () => {
    mkdirSync(fixture.path("a%value"));
    fixture.file("b");
    mkdirSync(fixture.path("b%meta"));
    const { keys, problems, unknown } = await fixture.list();
    expect([keys, problems]).toEqual([[], ["not-a-file a%value", "metadata-invalid b"]]);
    expect(unknown).toEqual(expect.arrayContaining([{ key: "a" }, { key: "b" }]));
  });

  it("a folder that vanishes while the tree is listed", async () => {
    fixture.file("b/x");
    fixture.file("b!");
    for (let i = 0; i < 1000; i++) fixture.file(`a/${i}`);
    const unknown: unknown[] = [];
    const keys: string[] = [];
    for await (const page of fixture.tree.list({
      onProblem: () => {},
      onUnknown: ({ notice: _, ...place }) => unknown.push(place),
    })) {
      if (keys.length === 0) {
        renameSync(fixture.path("b"), fixture.outside("b"));
        rmSync(fixture.path("b!"));
      }
      keys.push(...page.map((entry) => entry.key));
    }
    expect(keys.filter((key) => !key.startsWith("a/"))).toEqual([]);
    expect(unknown).toEqual(expect.arrayContaining([{ key: "b!" }, { prefix: "b!/" }, { key: "b" }, { prefix: "b/" }]));
  });
});

describe("a filter", () => {
  it("hides keys, and problems of what it hides", async () => {
    const tree = new TreeFixture({ filter: compileFilter({ exclude: [".git/", "*.tmp", "link"] }) });
    for (const name of [".git/HEAD", "a.tmp", "a", "b/c.tmp", "b/d"]) tree.file(name);
    symlinkSync("nowhere", tree.path("link"));
    symlinkSync("nowhere", tree.path(".git/link"));
    const { keys, problems } = await tree.list();
    tree.close();
    expect([keys, problems]).toEqual([["a", "b/d"], []]);
  });
});

describe("folders that are not part of the tree", () => {
  it("are skipped, and what would be in them is unknown", async () => {
    const tree = new TreeFixture({ ignorePaths: [".kvsync", "/elsewhere", "..", "a/b"] });
    for (const name of [".kvsync/journal", ".kvsync-not", "a/b/c", "a/d"]) tree.file(name);
    const { keys, unknown } = await tree.list();
    const refused = await tree.write(".kvsync/journal", "evil");
    tree.close();
    expect(keys).toEqual([".kvsync-not", "a/d"]);
    expect(unknown).toEqual([{ prefix: ".kvsync/" }, { prefix: "a/b/" }]);
    expect(refused).toMatchObject({ kind: "problem", problem: { code: "name-reserved" } });
  });
});

describe("the root", () => {
  it.each(["missing", "a file"])("fails the listing if it is %s", async (what) => {
    const root = fixture.outside("other");
    if (what === "a file") writeFileSync(root, "");
    const tree = openTreeReplica({ clock: fixture.clock, root, label: "t" });
    await expect(collect(tree.list({ onProblem: () => {} }))).rejects.toThrow(AppError);
    await expect(collect(tree.list({ onProblem: () => {} }))).rejects.toMatchObject({ code: "root-missing" });
  });

  it("may be a symbolic link, and has an identity", async () => {
    fixture.file("a");
    symlinkSync(fixture.root, fixture.outside("link"));
    const tree = openTreeReplica({ clock: fixture.clock, root: fixture.outside("link"), label: "t" });
    expect(await collect(tree.list({ onProblem: () => {} }))).toHaveLength(1);
    expect(readRootIdentity(fixture.outside("link"))).toEqual(readRootIdentity(fixture.root));
  });

  it("is on a file system that can be probed", () => {
    expect(probeFileSystem(fixture.root)).toEqual({ caseSensitive: true, normalises: false });
    expect(probeFileSystem(fixture.outside("missing/deep"))).toBeUndefined();
    expect(fixture.files()).toEqual({});
  });
});

it("lists a value over the limit: reading it says what is wrong", async () => {
  fixture.file("big");
  truncateSync(fixture.path("big"), 26_214_401);
  expect((await fixture.list()).entries[0]?.size).toBe(26_214_401);
});
