// A .json as people feed it: what wrangler writes, what jq rearranged, and what was typed. Taken are exactly the pairs that it
// says, in the order of keys; what is not understood is refused with the place named.

import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AppError } from "../../../src/core/errors.ts";
import { type ArchiveAllowances, NO_ALLOWANCES } from "../../../src/replica/archive/check-archive.ts";
import { isPairFile, openPairs } from "../../../src/replica/archive/pairs/pairs-replica.ts";
import { archiveOf, type ArchiveFolder, memoryOf, openArchiveFolder } from "../../support/archive-fixture.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { collect, pagesOf, valueOf } from "../../support/values.ts";

const clock = new FakeClock({ now: Date.now() });
let folder: ArchiveFolder;
let path = "";

beforeAll(() => {
  folder = openArchiveFolder();
});
afterAll(() => folder.remove());
beforeEach(() => {
  const own = join(folder.path, "own");
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own);
  path = join(own, "x.json");
});

const open = (allowed: Partial<ArchiveAllowances> = {}) =>
  openPairs({ clock, path, label: "x.json", allowed: { ...NO_ALLOWANCES, ...allowed } });

interface Taken {
  readonly pairs: readonly (readonly [string, string])[];
  readonly told: readonly string[];
  readonly warnings: readonly string[];
}

async function taken(allowed: Partial<ArchiveAllowances> = {}): Promise<Taken> {
  const { replica, warnings } = await open(allowed);
  const told: string[] = [];
  const entries = await collect(
    replica.list({ onProblem: ({ subject, message }) => told.push(`${subject} ${message}`) }),
  );
  const outcomes = await collect(replica.read(pagesOf(entries)));
  await replica.close();
  const pairs = outcomes.map((outcome) => {
    if (outcome.kind !== "value") throw new Error(`${outcome.key}: ${outcome.kind}`);
    return [outcome.key, Buffer.from(outcome.value.bytes).toString()] as const;
  });
  return { pairs, told, warnings };
}

async function refusal(text: string | Uint8Array): Promise<string> {
  writeFileSync(path, text);
  try {
    const { replica } = await open();
    await replica.close();
    return "taken";
  } catch (error) {
    expect((error as AppError).code).toBe("archive-refused");
    return (error as AppError).message;
  }
}

const AB = [
  ["a", "1"],
  ["b", "2"],
];

describe("pairs are taken", () => {
  it.each([
    ["as an array", '[{"key":"a","value":"1"},{"key":"b","value":"2"}]'],
    ["in another order", '[{"key":"b","value":"2"},{"key":"a","value":"1"}]'],
    ["behind a byte order mark", '\ufeff [{"key":"b","value":"2"},\n{"key":"a","value":"1"}]\n'],
    ["as lines", '{"key":"b","value":"2"}\n\n{"key":"a","value":"1"}'],
    ["as lines behind a byte order mark", '\ufeff{"key":"b","value":"2"}\r\n{"key":"a","value":"1"}\r\n'],
    [
      "as a person indents them",
      JSON.stringify(
        [
          { value: "2", key: "b" },
          { key: "a", value: "1" },
        ],
        undefined,
        2,
      ),
    ],
    ["with base64 as a string", '[{"key":"b","value":"Mg","base64":"true"},{"key":"a","value":"1","base64":"false"}]'],
    ["as wrangler kv bulk get prints them", '{\n  "b": "2",\n  "a": "1"\n}\n'],
    ["as the API gives them in bulk", '{"b":{"value":"2","metadata":{"x":1}},"a":{"value":"1"}}'],
  ])("%s", async (_, text) => {
    writeFileSync(path, text);
    expect(isPairFile(path, "x.json")).toBe(true);
    expect(await taken()).toEqual({ pairs: AB, told: [], warnings: [] });
  });

  it("with all that belongs to them", async () => {
    const sha256 = createHash("sha256").update("1").digest("hex");
    writeFileSync(
      path,
      JSON.stringify([
        { key: "a", value: "1", expiration: 1_999_999_999, metadata: { b: 1, a: 2 }, sha256 },
        { key: "b", value: "/w==", base64: true, expiration_ttl: 300, expiration: 1_999_999_999 },
        { key: "c", value: "", metadata: null, expiration: 1_999_999_999_000 },
      ]),
    );
    const { replica } = await open();
    const [a, b, c] = await collect(replica.list({ onProblem: () => {} }));
    expect(a).toMatchObject({ metadata: '{"a":2,"b":1}', expiration: 1_999_999_999, size: 1, binary: false });
    expect(b).toMatchObject({ metadata: undefined, expiration: undefined, ttlSeconds: 300, size: 1, binary: true });
    expect(c).toMatchObject({ metadata: undefined, expiration: 1_999_999_999_000, ttlSeconds: undefined, size: 0 });
    await replica.close();
  });

  it.each([
    ["in an array", (pairs: readonly object[]) => JSON.stringify(pairs)],
    ["as lines", (pairs: readonly object[]) => pairs.map((pair) => JSON.stringify(pair)).join("\n")],
    [
      "by their keys",
      (pairs: readonly { key: string; value: string }[]) =>
        JSON.stringify(Object.fromEntries(pairs.map(({ key, value }) => [key, value]))),
    ],
  ])("though they are large: %s", async (_, write) => {
    const values = ["c", "a", "b", "d"].map((key, i) => ({
      key,
      value: `${key}\u00e9"`.repeat([900_000, 10, 500_000, 700_000][i]!),
    }));
    writeFileSync(path, write(values));
    const expected = values.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ key, value }) => [key, value]);
    expect((await taken()).pairs.map(([key, value]) => [key, value.length])).toEqual(
      expected.map(([key, value]) => [key, value!.length]),
    );
    expect((await taken()).pairs).toEqual(expected);
  });

  it("but not from a file in which there is nothing at all", async () => {
    expect(await refusal("")).toContain("x.json is empty");
    writeFileSync(path, "[]");
    expect((await taken()).pairs).toEqual([]);
  });

  it("and what means nothing is told", async () => {
    writeFileSync(path, '[{"key":"a","value":"1","note":1},{"key":"b","value":"2","note":2}]');
    expect((await taken()).warnings).toEqual([
      'x.json: the property "note" of 2 pairs means nothing to KV and is left out',
    ]);
    writeFileSync(path, '{"a":"1","gone":null,"b":"2"}');
    expect(await taken()).toEqual({
      pairs: AB,
      told: [],
      warnings: ["x.json: 1 key with no value (null) is left out"],
    });
  });
});

describe("refused is", () => {
  it.each([
    ["a number", '[{"key":"n","value":42}]', 'item 1 ("n") of x.json has a value that is no string but the number 42'],
    [
      "an object",
      '{"key":"o","value":{}}\n{"key":"p","value":"1"}',
      'line 1 ("o") of x.json has a value that is no string but an object',
    ],
    [
      "a key twice",
      '[{"key":"a","value":"1"},{"key":"b","value":"1"},{"key":"a","value":"1"}]',
      'x.json has the key "a" twice, in item 1 and item 3',
    ],
    [
      "keys twice",
      '{"key":"a","value":"1"}\n{"key":"b","value":"1"}\n{"key":"b","value":"1"}\n{"key":"a","value":"1"}',
      'x.json has the key "a" twice, in line 1 and line 4; likewise "b"',
    ],
    [
      "an array that was cut off",
      '[{"key":"a","value":"1"},{"key":"b","va',
      "x.json ends in the middle of its array, after 1 items",
    ],
    ["an array without its bracket", '[{"key":"a","value":"1"}', "x.json ends in the middle of its array"],
    ["a line that was cut off", '{"key":"a","value":"1"}\n{"key":"b","va', "line 2 of x.json is not JSON"],
    ["a list of keys", '[{"name":"a"}]', 'item 1 of x.json has a "name" and no value: this is a list of keys'],
    ["a list of names", '["a"]', "item 1 of x.json is no JSON object"],
    ["an array behind another", '[{"key":"a","value":"1"}][]', "goes on after its array has ended"],
    ["a near miss", '[{"key":"a","value":"1","expirationTtl":60}]', 'its name is "expiration_ttl"'],
    [
      "an edited line of an archive",
      `{"key":"a","value":"1","sha256":"${"0".repeat(64)}"}`,
      'line 1 ("a") of x.json has a value that is not the one that its sha256 is of',
    ],
    ["no UTF-8", Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), "item 1 of x.json is not valid UTF-8"],
  ])("%s", async (_, text, message) => {
    expect(await refusal(text)).toContain(message);
  });

  it("a file that changes after it was checked", async () => {
    writeFileSync(path, '[{"key":"a","value":"1"},{"key":"b","value":"2"}]');
    const { replica } = await open();
    writeFileSync(path, '[{"key":"a","value":"1"},{"key":"b","value":"3"}]');
    const entries = await collect(replica.list({ onProblem: () => {} }));
    await expect(collect(replica.read(pagesOf(entries)))).rejects.toThrow("x.json changed while it was read");
    await replica.close();
  });
});

describe("to be salvaged", () => {
  it.each([
    [
      "cut off",
      '[{"key":"b","value":"2"},{"key":"a","value":"1"},{"key":"c',
      ["x.json ends in the middle of its array, after 2 items: what followed is lost"],
    ],
    [
      "faulty",
      '[{"key":"b","value":"2"},{"key":"n","value":42},{"key":"a","value":"1"}]',
      ["n is left out: item 2 has a value that is no string but the number 42"],
    ],
    [
      "repeated",
      '[{"key":"b","value":"2"},{"key":"a","value":"1"},{"key":"b","value":"3"}]',
      ["b is there twice: what item 3 says is left out"],
    ],
  ])("is what is whole of pairs that are %s", async (_, text, told) => {
    writeFileSync(path, text);
    expect(await taken({ salvage: true })).toEqual({ pairs: AB, told, warnings: [] });
  });
});

describe("parts of an export", () => {
  const part = (number: number, pairs: readonly object[]): void =>
    writeFileSync(path.replace(".json", `-${number}.json`), JSON.stringify(pairs));

  it("are one file by the name of the whole", async () => {
    part(1, [{ key: "b", value: "2" }]);
    part(2, [{ key: "a", value: "1" }]);
    writeFileSync(path.replace("x.json", "x-y.json"), "no part");
    expect(isPairFile(path, "x.json")).toBe(true);
    expect((await taken()).pairs).toEqual(AB);
    part(2, [{ key: "b", value: "1" }]);
    await expect(open()).rejects.toThrow('x.json has the key "b" twice, in item 1 of x-1.json and item 1 of x-2.json');
  });

  it("of which one is missing are refused", async () => {
    part(1, [{ key: "b", value: "2" }]);
    part(3, [{ key: "a", value: "1" }]);
    await expect(open()).rejects.toThrow("x-2.json is not there, and x-3.json is");
  });

  it("are left alone where the whole is there", async () => {
    writeFileSync(path, '[{"key":"a","value":"1"},{"key":"b","value":"2"}]');
    part(1, [{ key: "c", value: "2" }]);
    expect((await taken()).pairs).toEqual(AB);
  });
});

describe("whether a file is pairs", () => {
  it.each([
    ["x.json", '[{"key":', true],
    ["x.json", '{"key":"a","value":""}', true],
    ["x.json", '{"kvsync":"archive","version":1}\n', false],
    ["x.json", '\ufeff{"kvsync":"archive","version":2}\n', false],
    ["x.ndjson", "[", false],
    ["stdin", "  [", true],
    ["stdin", '{"kvsync":"archive","version":1}\n', false],
    ["stdin", '{"key":"a","value":""}', false],
  ])("%s that begins with %j: %s", (label, text, isPairs) => {
    writeFileSync(path, text);
    expect(isPairFile(path, label)).toBe(isPairs);
  });
});

it("what is written is a JSON array in the order of keys, without sha256", async () => {
  const values = ["b", "a", "c"].map((key) => valueOf(clock, key, `of ${key}`, { metadata: '{"m":1}' }));
  await archiveOf(await memoryOf(clock, values), path, "json");
  expect(await taken()).toMatchObject({
    pairs: [
      ["a", "of a"],
      ["b", "of b"],
      ["c", "of c"],
    ],
    told: [],
  });
});
