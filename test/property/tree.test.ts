// Trees of hostile names on a real file system: every key there and back, in order.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compareUtf8, keyFault } from "../../src/core/key.ts";
import type { NameScheme } from "../../src/core/names/name-scheme.ts";
import { decodePath } from "../../src/core/names/path-codec.ts";
import { compileFilter } from "../../src/core/filter.ts";
import { codeOf, filesBelow, TreeFixture } from "../support/tree-fixture.ts";
import { hostileText } from "../support/hostile-text.ts";
import { collect, pagesOf } from "../support/values.ts";
import { HOSTILE_KEYS } from "../conformance/replica-suite.ts";

let fixture: TreeFixture;
beforeEach(() => {
  fixture = new TreeFixture();
});
afterEach(() => fixture.close());

const hostileKey = hostileText.filter((text) => keyFault(text) === undefined);
const hostileName = hostileText
  .map((text) => text.replaceAll(/[\0/]/g, "_"))
  .filter((text) => !["", ".", ".."].includes(text) && Buffer.byteLength(text) <= 255);

describe("a walk", () => {
  it("yields what the names say, in key order, whatever the tree", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(hostileName, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 25 }),
        async (paths) => {
          const tree = new TreeFixture();
          for (const path of paths) {
            try {
              mkdirSync(dirname(join(tree.root, ...path)), { recursive: true });
              if (!existsSync(join(tree.root, ...path))) writeFileSync(join(tree.root, ...path), "");
            } catch (error) {
              // A file where a folder would be: this path is not in the tree then.
              expect(["EEXIST", "ENOTDIR", "ENAMETOOLONG"]).toContain((error as NodeJS.ErrnoException).code);
            }
          }
          const { keys, problems, unknown } = await tree.list();
          const twice = new Set(unknown.flatMap((place) => ("key" in place ? [place.key as string] : [])));
          const expected = Object.keys(filesBelow(tree.root))
            .map((path) => decodePath(path, "posix"))
            .flatMap((decoded) => (decoded.kind === "value" ? [decoded.key] : []))
            .filter((key) => keyFault(key) === undefined && !twice.has(key))
            .sort(compareUtf8);
          expect(keys).toEqual(expected);
          for (const key of twice) expect(keys).not.toContain(key);
          for (const told of problems) expect(told).toMatch(/^(name-|key-invalid|metadata-invalid|not-a-file)/);
          tree.close();
        },
      ),
      { numRuns: 150 },
    );
  });

  it("with a filter yields just what passes it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(hostileKey, { maxLength: 15 }),
        fc.array(pattern, { maxLength: 3 }),
        async (keys, exclude) => {
          const filter = compileFilter({ exclude });
          const tree = new TreeFixture();
          await writeAll(tree, keys);
          const filtered = new TreeFixture({ root: tree.root, filter });
          expect((await filtered.list()).keys).toEqual(keys.filter((key) => filter(key)).sort(compareUtf8));
          tree.close();
          filtered.close();
        },
      ),
      { numRuns: 60 },
    );
  });
});

const pattern = fc.constantFrom("a", "a/", "*a*", "/a/**", "b", "!a/b", "k*", "?", "/%/", "**/..");

async function writeAll(tree: TreeFixture, keys: readonly string[]): Promise<void> {
  const writes = keys.map((key, i) => ({
    value: tree.value(key, `value of ${key}`, i % 3 === 0 ? { metadata: JSON.stringify(key) } : {}),
    expected: undefined,
  }));
  const outcomes = await collect(tree.tree.write(pagesOf(writes)));
  expect(outcomes.filter((outcome) => outcome.kind !== "written")).toEqual([]);
}

async function expectAll(tree: TreeFixture, keys: readonly string[]): Promise<void> {
  const { entries, problems } = await tree.list();
  expect(problems).toEqual([]);
  expect(entries.map((entry) => entry.key)).toEqual([...keys].sort(compareUtf8));
  const outcomes = await collect(tree.tree.read(pagesOf(entries)));
  const found = outcomes.map((outcome) => [
    outcome.key,
    outcome.kind === "value" ? Buffer.from(outcome.value.bytes).toString() : codeOf(outcome),
  ]);
  expect(new Map(found as [string, string][])).toEqual(new Map(keys.map((key) => [key, `value of ${key}`])));
  expect(new Map(entries.map((entry) => [entry.key as string, entry.metadata]))).toEqual(
    new Map(keys.map((key, i) => [key, i % 3 === 0 ? JSON.stringify(key) : undefined])),
  );
}

describe.each<NameScheme>(["posix", "portable"])("values, names %s", (names) => {
  it("are there and back, and gone without a trace", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(hostileKey, { maxLength: 20 }), async (keys) => {
        const tree = new TreeFixture({ names });
        await writeAll(tree, keys);
        await expectAll(tree, keys);
        const outcomes = await tree.remove(...(await tree.list()).entries);
        expect(outcomes.filter((outcome) => outcome.kind !== "removed")).toEqual([]);
        expect(tree.files()).toEqual({});
        tree.close();
      }),
      { numRuns: 60 },
    );
  });
});

it("10,000 random keys and all the hostile ones are there and back", async () => {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(fixture.clock.random() * items.length)]!;
  const name = (): string =>
    Array.from({ length: fixture.clock.random() < 0.01 ? 300 : pick([0, 1, 2, 3, 4]) }, () => pick(ALPHABET)).join("");
  // Not too many folders: a disk takes its time for each.
  const folders = [
    "",
    ...Array.from({ length: 60 }, () => `${name()}/`),
    ...Array.from({ length: 60 }, () => `${name()}/${name()}/`),
  ];
  const random = Array.from({ length: 10_000 }, (_, i) => `${pick(folders)}${name()}${i % 2 === 0 ? i : ""}`);
  const keys = [...new Set([...HOSTILE_KEYS, ...random])].filter((key) => keyFault(key) === undefined);
  expect(keys.length).toBeGreaterThan(8000);
  await writeAll(fixture, keys);
  await expectAll(fixture, keys);
});

const ALPHABET = Array.from("aabbccdde0123%%..--__ ~A\u00e9\u{1f600}\ue000\uffff");
