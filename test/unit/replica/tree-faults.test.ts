// The tree when the file system fails: full, or dead from one moment on, as after a crash. The n-th call fails, for
// n = 1, 2, 3, ... until the work succeeds; after each, nothing may be lost and nothing half done.

import fs, { mkdirSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, describe, expect, it } from "vitest";
import type { Entry } from "../../../src/core/entry.ts";
import type { WriteOutcome } from "../../../src/replica/replica.ts";
import { codeOf, ran, TreeFixture } from "../../support/tree-fixture.ts";
import { collect, pagesOf } from "../../support/values.ts";

const CHANGING = [
  "openSync",
  "writeSync",
  "mkdirSync",
  "renameSync",
  "linkSync",
  "unlinkSync",
  "rmdirSync",
  "fsync",
  "fsyncSync",
  "fchmodSync",
] as const;
const original = Object.fromEntries(
  [...CHANGING, "readdirSync" as const, "lstatSync" as const].map((name) => [name, fs[name]]),
);

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: simulated, as if by the disk`), { code, errno: -1, syscall: "test" });
}

/** Makes the n-th call that could change something fail, and all after it if the disk is `dead`. */
function failFrom(n: number, code: string, dead: boolean): { readonly failed: () => string | undefined } {
  let calls = 0;
  let failed: string | undefined;
  const fails = (name: string): boolean => {
    if (++calls === n) failed = name;
    return calls === n || (dead && calls > n);
  };
  for (const name of CHANGING) {
    const call = original[name] as (...args: unknown[]) => unknown;
    Object.assign(fs, {
      [name]: (...args: unknown[]): unknown => {
        if (!fails(name)) return call(...args);
        const callback = args.at(-1);
        if (typeof callback !== "function") throw systemError(code);
        setImmediate(() => (callback as (error: Error) => void)(systemError(code)));
        return undefined;
      },
    });
  }
  syncBuiltinESMExports();
  return { failed: () => failed };
}

function heal(): void {
  Object.assign(fs, original);
  syncBuiltinESMExports();
}

afterEach(heal);

const OLD = { metadata: '"old"', expiration: 1_900_000_000 };
const NEW = { metadata: '"new"', expiration: 1_950_000_000 };

/** So many that their folder is made as a whole. */
const IN_FOLDER = ["f/1", "f/2", "f/3", "f/4"];

/** Key `a` holds a value with attributes and is replaced; `a/b` makes it move aside; `new` comes; `bare` loses its sidecar. */
async function prepare(): Promise<{ fixture: TreeFixture; entries: readonly Entry[] }> {
  const fixture = new TreeFixture({ durable: true });
  for (const key of ["a", "bare"]) await fixture.write(key, "old", OLD);
  return { fixture, entries: (await fixture.list()).entries };
}

async function writeAll(fixture: TreeFixture, entries: readonly Entry[]): Promise<Map<string, string>> {
  const expected = (key: string): Entry | undefined => entries.find((entry) => entry.key === key);
  const writes = [
    { value: fixture.value("a", "new", NEW), expected: expected("a") },
    { value: fixture.value("a/b", "new", NEW), expected: undefined },
    { value: fixture.value("bare", "new"), expected: expected("bare") },
    { value: fixture.value("d/new", "new", NEW), expected: undefined },
    { value: fixture.value("d/plain", "new"), expected: undefined },
    ...IN_FOLDER.map((key) => ({ value: fixture.value(key, "new", NEW), expected: expected(key) })),
  ];
  const outcomes = await collect(fixture.tree.write(pagesOf(writes)));
  return new Map(outcomes.map((outcome) => [outcome.key, codeOf(outcome)]));
}

/** What is on disk now, by key: content, metadata, expiration. */
async function state(fixture: TreeFixture): Promise<Map<string, string>> {
  const { entries } = await fixture.list();
  const outcomes = await collect(fixture.tree.read(pagesOf(entries)));
  return new Map(
    outcomes.map((outcome) => {
      if (outcome.kind !== "value") throw new Error(codeOf(outcome));
      const { entry, bytes } = outcome.value;
      return [outcome.key, `${Buffer.from(bytes).toString()} ${entry.metadata} ${entry.expiration}`];
    }),
  );
}

const oldState = `old ${OLD.metadata} ${OLD.expiration}`;
const newState = `new ${NEW.metadata} ${NEW.expiration}`;
const bareState = "new undefined undefined";

/** What each key may be after a failure: all old, all new, or the old value with the new attributes; never a new value
 * with the old attributes. */
const ALLOWED: Readonly<Record<string, readonly (string | undefined)[]>> = {
  a: [oldState, `old ${NEW.metadata} ${NEW.expiration}`, newState],
  bare: [oldState, "old undefined undefined", bareState],
  "a/b": [undefined, newState],
  "d/new": [undefined, newState],
  "d/plain": [undefined, bareState],
  ...Object.fromEntries(IN_FOLDER.map((key) => [key, [undefined, newState]])),
};

describe.each([
  ["is dead from there on", true, "EIO"],
  ["fails once", false, "EIO"],
  ["is full once", false, "ENOSPC"],
] as const)("when the disk %s, at any moment", (_, dead, code) => {
  it("a write leaves each value whole, and tells what is written", async () => {
    let count = 0;
    for (let n = 1; ; n++) {
      const { fixture, entries } = await prepare();
      const fault = failFrom(n, code, dead);
      const outcomes = await writeAll(fixture, entries).catch((error: unknown) => {
        expect(error).toMatchObject({ code: "root-missing" });
        return new Map<string, string>();
      });
      const hasFailed = fault.failed();
      heal();
      const found = await state(fixture);
      for (const [key, allowed] of Object.entries(ALLOWED)) {
        expect([n, key, allowed]).toEqual([n, key, expect.arrayContaining([found.get(key)])]);
        if (outcomes.get(key) === "written") expect([n, key, found.get(key)]).toEqual([n, key, allowed.at(-1)]);
      }
      // Only a file that could not be removed is left.
      const leftovers = Object.keys(fixture.files()).filter((name) => name.includes("%tmp-"));
      if (!dead && hasFailed !== "unlinkSync") expect([n, leftovers]).toEqual([n, []]);
      // And the next round gets there.
      const listed = (await fixture.list()).entries;
      const again = await writeAll(fixture, listed);
      for (const key of ["a/b", "d/new", "d/plain", "a", "bare", ...IN_FOLDER]) {
        const isListed = listed.some((entry) => entry.key === key);
        if (isListed || !found.has(key)) expect([n, key, again.get(key)]).toEqual([n, key, "written"]);
      }
      fixture.close();
      if (hasFailed === undefined) break;
      count++;
    }
    expect(count).toBeGreaterThan(15);
  });

  it("a removal leaves a value with its attributes or none", async () => {
    for (let n = 1; ; n++) {
      const fixture = new TreeFixture({ durable: true });
      await fixture.write("x/y/a", "old", OLD);
      await fixture.write("x/b", "old", OLD);
      const { entries } = await fixture.list();
      const fault = failFrom(n, code, dead);
      const outcomes = await fixture.remove(...entries).catch((error: unknown) => {
        expect(error).toMatchObject({ code: "root-missing" });
        return [];
      });
      const hasFailed = fault.failed();
      heal();
      const found = await state(fixture);
      for (const [, value] of found) expect(value).toBe(oldState);
      for (const outcome of outcomes) if (outcome.kind === "removed") expect(found.has(outcome.key)).toBe(false);
      expect((await fixture.remove(...entries)).map(codeOf)).toEqual(["removed", "removed"]);
      expect(fixture.files()).toEqual({});
      fixture.close();
      if (hasFailed === undefined) break;
    }
  });
});

/** Makes calls of `name` fail for the path that ends in `end`. */
function failAt(name: "readdirSync" | "lstatSync" | "openSync", end: string, code: string): void {
  const call = fs[name] as (...args: unknown[]) => unknown;
  Object.assign(fs, {
    [name]: (...args: unknown[]): unknown => {
      if (String(args[0]).endsWith(end)) throw systemError(code);
      return call(...args);
    },
  });
  syncBuiltinESMExports();
}

describe("what cannot be read", () => {
  it("is unknown in a listing, and everything else is listed", async () => {
    const fixture = new TreeFixture();
    const long = "k".repeat(300);
    for (const key of ["a/b", "c", "d/e", long, "z"]) await fixture.write(key, key);
    failAt("readdirSync", "/a", "EACCES");
    failAt("readdirSync", "%+", "EIO");
    failAt("lstatSync", "/c", "EACCES");
    const { keys, problems, unknown } = await fixture.list();
    heal();
    fixture.close();
    expect(keys).toEqual(["d/e", "z"]);
    expect(problems.toSorted()).toEqual(["unreadable a", "unreadable c", `unreadable ${"k".repeat(240)}%+`]);
    expect(unknown).toEqual(
      expect.arrayContaining([{ prefix: "a/" }, { key: "c" }, { prefix: "c/" }, { prefix: "k".repeat(240) }]),
    );
  });

  it("fails the listing if it is the root", async () => {
    const fixture = new TreeFixture();
    failAt("readdirSync", "/root", "EACCES");
    await expect(fixture.list()).rejects.toMatchObject({ code: "root-missing" });
    heal();
    fixture.close();
  });

  it("is a problem of its key when it is read, and of the others nothing", async () => {
    const fixture = new TreeFixture();
    for (const key of ["a", "b"]) await fixture.write(key, key);
    const { entries } = await fixture.list();
    failAt("openSync", "/a", "EACCES");
    const outcomes = await collect(fixture.tree.read(pagesOf(entries)));
    heal();
    fixture.close();
    expect(outcomes.map(codeOf)).toEqual(["unreadable", "value"]);
  });
});

const mounted = mountSmall();

function mountSmall(): TreeFixture | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const fixture = new TreeFixture();
  const root = fixture.outside("small");
  mkdirSync(root);
  const isMounted = ran("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", root);
  fixture.close = () => {
    ran("umount", root);
    TreeFixture.prototype.close.call(fixture);
  };
  if (isMounted) return fixture;
  fixture.close();
  return undefined;
}

// Mounting takes root.
describe.skipIf(mounted === undefined)("a disk that is really full", () => {
  afterEach(() => mounted?.close());

  it("keeps the old values, says which keys are concerned, asks for no more, and leaves nothing behind", async () => {
    const fixture = new TreeFixture({ root: mounted!.outside("small"), durable: true });
    expect(codeOf(await fixture.write("a", "old"))).toBe("written");
    const old = await fixture.entry("a");
    const writes = [
      { value: fixture.value("a", Buffer.alloc(150_000)), expected: old },
      ...Array.from({ length: 900 }, (_, i) => ({
        value: fixture.value(`b${i}`, Buffer.alloc(8000)),
        expected: undefined,
      })),
      { value: fixture.value("c", "small"), expected: undefined },
    ];
    const outcomes: WriteOutcome[] = [];
    const writing = async (): Promise<void> => {
      for await (const page of fixture.tree.write(pagesOf(writes))) outcomes.push(...page);
    };
    await expect(writing()).rejects.toMatchObject({ code: "disk-full", retryable: true });
    // One group, of which some fitted.
    expect(outcomes.length).toBeLessThan(writes.length);
    expect(new Set(outcomes.map(codeOf))).toEqual(new Set(["written", "write-failed"]));
    const last = outcomes.findLast((outcome) => outcome.kind === "problem");
    expect(last).toMatchObject({ problem: { message: "not tried, since the disk is full" } });
    const written = outcomes.filter((outcome) => outcome.kind === "written").map((outcome) => outcome.key as string);
    expect(Object.keys(fixture.files()).sort()).toEqual([...new Set(["a", ...written])].sort());
    fixture.close();
  });
});
