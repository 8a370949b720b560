// Writing values: all of one or nothing of it, over what was listed or over nothing.

import {
  appendFileSync,
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tempNameOf } from "../../../src/core/names/temp-name.ts";
import { compileFilter } from "../../../src/core/filter.ts";
import { codeOf, filesBelow, TreeFixture } from "../../support/tree-fixture.ts";
import { collect, pagesOf } from "../../support/values.ts";

let fixture: TreeFixture;
beforeEach(() => {
  fixture = new TreeFixture({ durable: true });
});
afterEach(() => fixture.close());

describe("a new value", () => {
  it("is written with its folders and its sidecar, and nothing is left over", async () => {
    const attributes = { metadata: '{"a":[1]}', expiration: 1_900_000_000 };
    const outcome = await fixture.write("a/b/c", "text", attributes);
    expect(fixture.files()).toEqual({
      "a/b/c": "text",
      "a/b/c%meta": '{\n  "metadata": {\n    "a": [\n      1\n    ]\n  },\n  "expiration": 1900000000\n}\n',
    });
    const listed = await fixture.entry("a/b/c");
    if (outcome.kind !== "written") throw new Error("not written");
    expect({ ...listed, fingerprint: outcome.entry.fingerprint, binary: false }).toEqual(outcome.entry);
    expect(statSync(fixture.path("a/b/c")).mode & 0o777).toBe(0o644 & ~process.umask());
  });

  it("expires when its rule's time to live is over, counted from now", async () => {
    await fixture.write("a", "1", { ttlSeconds: 60 });
    expect((await fixture.entry("a")).expiration).toBe(Math.floor(fixture.clock.now() / 1000) + 60);
  });

  it("goes beside a folder of its name, whichever comes first", async () => {
    await fixture.write("a/b", "1");
    await fixture.write("a", "2", { metadata: "1" });
    await fixture.write("x", "3", { metadata: "1" });
    const before = await fixture.entry("x");
    await fixture.write("x/y/z", "4");
    expect(Object.keys(fixture.files())).toEqual(["a%meta", "a%value", "a/b", "x%meta", "x%value", "x/y/z"]);
    // Moving it aside was our own doing: what was listed before still stands.
    expect(codeOf(await fixture.write("x", "5", { expected: before }))).toBe("written");
    expect((await fixture.list()).keys).toEqual(["a", "a/b", "x", "x/y/z"]);
  });

  it("goes beside a folder of its name in one group, and with a name that must be cut for it", async () => {
    const long = "k".repeat(252);
    const writes = ["a", "a/b", "a/b/c", long, `${long}/x`].map((key) => ({
      value: fixture.value(key, key),
      expected: undefined,
    }));
    const outcomes = await collect(fixture.tree.write(pagesOf(writes)));
    expect(outcomes.map(codeOf)).toEqual(["written", "written", "written", "written", "written"]);
    expect((await fixture.list()).keys).toEqual(["a", "a/b", "a/b/c", long, `${long}/x`]);
    expect(Object.keys(fixture.files())).toContain(`${"k".repeat(240)}%+/${"k".repeat(12)}%value`);
  });

  it("does not overwrite what came meanwhile, but takes what is equal", async () => {
    fixture.file("other", "mine");
    fixture.file("equal", "same");
    expect(codeOf(await fixture.write("other", "theirs"))).toBe("changed-on-disk");
    expect(codeOf(await fixture.write("equal", "same"))).toBe("written");
    expect(codeOf(await fixture.write("equal", "same"))).toBe("written");
    expect(fixture.files()).toEqual({ equal: "same", other: "mine" });
  });

  it("takes the place of a sidecar that waits for a value, which is kept beside it", async () => {
    for (const name of ["a", "b", "c"]) fixture.file(`${name}%meta`, '{"metadata": "waits"}');
    const outcomes = [
      await fixture.write("a", "1"),
      await fixture.write("b", "1", { metadata: '"new"' }),
      await fixture.write("c", "1", { metadata: '"waits"' }),
    ];
    expect((await fixture.list()).entries.map(({ metadata }) => metadata)).toEqual([undefined, '"new"', '"waits"']);
    const kept = outcomes.map((outcome) => outcome.kind === "written" && outcome.keptAside);
    expect(kept).toEqual([
      expect.stringMatching(/^a%conflict-.*%meta$/),
      expect.stringMatching(/^b%conflict-.*%meta$/),
      undefined,
    ]);
    for (const path of kept.slice(0, 2)) expect(fixture.files()[String(path)]).toBe('{"metadata": "waits"}');
  });
});

describe("a value that replaces another", () => {
  it("keeps the file's mode and owner", async () => {
    fixture.file("a", "1");
    chmodSync(fixture.path("a"), 0o4640);
    if (process.getuid?.() === 0) chownSync(fixture.path("a"), 12, 34);
    chmodSync(fixture.path("a"), 0o640);
    const before = statSync(fixture.path("a"));
    const outcome = await fixture.write("a", "2", { expected: await fixture.entry("a"), metadata: "1" });
    const after = statSync(fixture.path("a"));
    expect(codeOf(outcome)).toBe("written");
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
    expect(statSync(fixture.path("a%meta")).mode).toBe(before.mode);
  });

  it("changes its sidecar with it, and leaves one that says the same as it is", async () => {
    fixture.file("a", "1");
    fixture.file("a%meta", '{"metadata":{"b":1,"a":2}}');
    const metadata = '{"a":2,"b":1}';
    expect(codeOf(await fixture.write("a", "2", { metadata, expected: await fixture.entry("a") }))).toBe("written");
    expect(fixture.files()).toEqual({ a: "2", "a%meta": '{"metadata":{"b":1,"a":2}}' });
    expect(codeOf(await fixture.write("a", "2", { metadata: "3", expected: await fixture.entry("a") }))).toBe(
      "written",
    );
    expect((await fixture.entry("a")).metadata).toBe("3");
    expect(codeOf(await fixture.write("a", "3", { expected: await fixture.entry("a") }))).toBe("written");
    expect(fixture.files()).toEqual({ a: "3" });
  });

  it.each<[string, (fixture: TreeFixture) => void]>([
    ["was edited", (on) => appendFileSync(on.path("a"), "!")],
    ["was removed", (on) => rmSync(on.path("a"))],
    [
      "was replaced by another of the same size and time",
      (on) => {
        const { atime, mtime } = statSync(on.path("a"));
        rmSync(on.path("a"));
        on.file("a", "X");
        utimesSync(on.path("a"), atime, mtime);
      },
    ],
    ["has a sidecar that was edited", (on) => on.file("a%meta", '{"metadata": "edited"}')],
    ["has a sidecar that is damaged", (on) => on.file("a%meta", "{")],
    ["became two files", (on) => on.file("a%value", "2")],
    [
      "became a symbolic link",
      (on) => {
        rmSync(on.path("a"));
        symlinkSync("elsewhere", on.path("a"));
      },
    ],
  ])("is not written if the file %s", async (_, change) => {
    fixture.file("a", "1");
    const expected = await fixture.entry("a");
    change(fixture);
    const before = fixture.files();
    const outcome = await fixture.write("a", "2", { expected });
    expect(outcome.kind).toBe("problem");
    expect(["changed-on-disk", "metadata-invalid", "name-collision", "not-a-file"]).toContain(codeOf(outcome));
    expect(fixture.files()).toEqual(before);
  });

  it("is written over a file that was only touched, if its content is known", async () => {
    const written = await fixture.write("a", "1");
    if (written.kind !== "written") throw new Error("not written");
    utimesSync(fixture.path("a"), 1, 1);
    expect(codeOf(await fixture.write("a", "2", { expected: written.entry }))).toBe("written");
  });

  it("accepts what a rule adds to the listing without a sidecar", async () => {
    fixture.file("a", "1");
    const expected = { ...(await fixture.entry("a")), metadata: '{"rule":1}', ttlSeconds: 60 };
    expect(codeOf(await fixture.write("a", "2", { expected }))).toBe("written");
  });
});

describe("symbolic links", () => {
  it("are not written through, at any place on the way", async () => {
    mkdirSync(fixture.outside("x/b"), { recursive: true });
    writeFileSync(fixture.outside("x/b/c"), "outside");
    symlinkSync(fixture.outside("x"), fixture.path("a"));
    fixture.file("d/e");
    symlinkSync(fixture.outside("x/b"), fixture.path("d/link"));
    symlinkSync(fixture.outside("x/b/c"), fixture.path("file"));
    for (const key of ["a/b/c", "a/b/new", "a/new/x", "d/link/c", "d/link/new", "file", "a", "file/x"])
      expect([key, codeOf(await fixture.write(key, "evil"))]).toEqual([key, "not-a-file"]);
    expect(filesBelow(fixture.outside("x"))).toEqual({ "b/c": "outside" });
    expect(lstatSync(fixture.path("a")).isSymbolicLink()).toBe(true);
  });

  it("are not written through when a folder becomes one between two pages", async () => {
    fixture.file("a/1", "1");
    mkdirSync(fixture.outside("x"));
    writeFileSync(fixture.outside("x/1"), "1");
    const expected = await fixture.entry("a/1");
    async function* pages() {
      yield [{ value: fixture.value("a/0", "0"), expected: undefined }];
      // Two pages may be under way: when the third is asked for, the first is done.
      yield [{ value: fixture.value("b/0", "0"), expected: undefined }];
      renameSync(fixture.path("a"), fixture.outside("was-a"));
      symlinkSync(fixture.outside("x"), fixture.path("a"));
      yield [
        { value: fixture.value("a/1", "evil"), expected },
        { value: fixture.value("a/2", "evil"), expected: undefined },
      ];
    }
    expect((await collect(fixture.tree.write(pages()))).map(codeOf)).toEqual([
      "written",
      "written",
      "not-a-file",
      "not-a-file",
    ]);
    expect(filesBelow(fixture.outside("x"))).toEqual({ "1": "1" });
  });

  it("are not written through when a folder becomes one while a page is written", async () => {
    mkdirSync(fixture.outside("x"));
    fixture.file("a/1", "1");
    const writes = Array.from({ length: 100 }, (_, i) => ({
      value: fixture.value(`a/n${i}`, "evil"),
      expected: undefined,
    }));
    const running = collect(fixture.tree.write(pagesOf(writes)));
    // The files are being synced now: they are complete, but not yet in their places.
    await new Promise((resolve) => setImmediate(resolve));
    renameSync(fixture.path("a"), fixture.path("moved"));
    symlinkSync(fixture.outside("x"), fixture.path("a"));
    const codes = new Set((await running).map(codeOf));
    expect(codes).toEqual(new Set(["changed-on-disk"]));
    expect([filesBelow(fixture.outside("x")), filesBelow(fixture.path("moved"))]).toEqual([{}, { "1": "1" }]);
  });
});

describe("a folder that cannot be made", () => {
  it("is a problem of the keys in it", async () => {
    const tree = new TreeFixture({ filter: compileFilter({ exclude: ["/a"] }) });
    tree.file("a", "not managed");
    tree.file("b", "1");
    tree.file("b%value", "2");
    expect(await tree.write("a/b", "1")).toMatchObject({ problem: { code: "write-failed", subject: "a/b" } });
    expect(codeOf(await tree.write("b/c", "1"))).toBe("name-collision");
    expect(tree.files()).toEqual({ a: "not managed", b: "1", "b%value": "2" });
    tree.close();
  });
});

describe("the root", () => {
  it("is not written to if it is not there, or not the same any more", async () => {
    async function* pages() {
      yield [{ value: fixture.value("a", "1"), expected: undefined }];
      renameSync(fixture.root, fixture.outside("moved"));
      mkdirSync(fixture.root);
      yield [{ value: fixture.value("b", "1"), expected: undefined }];
    }
    await expect(collect(fixture.tree.write(pages()))).rejects.toMatchObject({ code: "root-missing" });
    expect(fixture.files()).toEqual({});
    rmSync(fixture.root, { recursive: true });
    await expect(fixture.write("a", "1")).rejects.toMatchObject({ code: "root-missing" });
  });
});

describe("temporary files", () => {
  it("that a crash left are removed by the write after a listing, once they are an hour old", async () => {
    fixture.file(`a/${tempNameOf("old1")}`, "half");
    fixture.file(`${"k".repeat(240)}%+/${tempNameOf("old2")}`, "half");
    for (const name of ["mine%tmp-1", "a/%tmp-1", `a${tempNameOf("old3")}`]) fixture.file(name, "a person's");
    await fixture.list();
    await fixture.write("b", "1");
    expect(Object.keys(fixture.files())).toHaveLength(6);
    await fixture.clock.advance(3_700_000);
    await fixture.list();
    await fixture.write("c", "1");
    expect(Object.keys(fixture.files())).toEqual([`a${tempNameOf("old3")}`, "a/%tmp-1", "b", "c", "mine%tmp-1"]);
  });

  it("of another process are not taken for ours", async () => {
    const other = new TreeFixture({ root: fixture.root });
    const writes = (tree: TreeFixture, name: string) =>
      collect(
        tree.tree.write(
          pagesOf(
            Array.from({ length: 50 }, (_, i) => ({ value: tree.value(`${name}${i}`, name), expected: undefined })),
          ),
        ),
      );
    const outcomes = await Promise.all([writes(fixture, "a"), writes(other, "b")]);
    expect(new Set(outcomes.flat().map(codeOf))).toEqual(new Set(["written"]));
    expect(Object.keys(fixture.files())).toHaveLength(100);
    other.close();
  });
});

describe("a conflict copy", () => {
  it("is kept beside the file with its attributes, each under a new name, and is no key", async () => {
    fixture.file("a", "now");
    const value = fixture.value("a", "lost", { metadata: "1" });
    const first = await fixture.tree.keepConflictCopy(value);
    const second = await fixture.tree.keepConflictCopy(value);
    if (first.kind !== "kept" || second.kind !== "kept") throw new Error("not kept");
    expect(first.path).toMatch(/^a%conflict-\d{8}T\d{6}Z-1$/);
    expect(second.path).toBe(first.path.replace(/1$/, "2"));
    expect(readFileSync(fixture.path(first.path), "utf8")).toBe("lost");
    expect(Object.keys(fixture.files())).toHaveLength(5);
    expect((await fixture.list()).keys).toEqual(["a"]);
  });
});
