import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readItems, type TextItem } from "../../../../src/cli/input/json-items.ts";

async function items(text: string | Uint8Array, cuts: readonly number[] = []): Promise<TextItem[]> {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  const all: TextItem[] = [];
  for await (const page of readItems(chunks(bytes, cuts), "x.json")) all.push(...page);
  return all;
}

async function* chunks(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const cut of [...cuts.map((cut) => cut % (bytes.byteLength + 1)).sort((a, b) => a - b), bytes.byteLength]) {
    yield bytes.subarray(start, cut);
    start = cut;
  }
}

const texts = async (text: string): Promise<string[]> => (await items(text)).map((item) => item.text);

describe("a JSON array", () => {
  test.each([
    ["[]", []],
    [" [ ] ", []],
    ["[1]", ["1"]],
    ['\n[ {"a": [1, {"b": "]}"}]} , "x,y" ]\n', ['{"a": [1, {"b": "]}"}]}', '"x,y"']],
    ['["a\\"]","\\\\"]', ['"a\\"]"', '"\\\\"']],
  ])("%s", async (text, expected) => expect(await texts(text)).toEqual(expected));

  test("numbers its items", async () => {
    expect(await items("[1,\n2]")).toEqual([
      { text: "1", number: 1, unit: "item" },
      { text: "2", number: 2, unit: "item" },
    ]);
  });

  test.each([
    ["[1,2", /x\.json ends in the middle of its array/],
    ['["a]', /ends in the middle/],
    ["[1,,2]", /item 2 of x\.json is missing/],
    ["[1,]", /item 2 of x\.json is missing/],
    ["[}", /the array of x\.json is closed by }/],
    ['["a","b"}', /is closed by }/],
    ["[1] [2]", /goes on after its array has ended/],
  ])("%s is refused", async (text, message) => expect(items(text)).rejects.toThrow(message));
});

describe("lines", () => {
  test.each([
    ["", []],
    ["\n \r\n", []],
    ["a", ["a"]],
    ["a\n", ["a"]],
    ['{"a":1}\r\n\n{"b":2}', ['{"a":1}', '{"b":2}']],
    ["\ufeffa\nb", ["a", "b"]],
  ])("%j", async (text, expected) => expect(await texts(text)).toEqual(expected));

  test("are numbered as editors number them", async () => {
    expect((await items("\na\n\nb")).map(({ number }) => number)).toEqual([2, 4]);
  });
});

test("chunks that end inside the byte order mark, or are blank, change nothing", async () => {
  const expected = await items("\ufeff\n\na\nb");
  expect(expected.map(({ number }) => number)).toEqual([3, 4]);
  expect(await items("\ufeff\n\na\nb", [1, 2, 3, 4, 5])).toEqual(expected);
});

test("what is not UTF-8 is refused rather than mended", async () => {
  await expect(items(Buffer.from([0x61, 0x0a, 0xff, 0xfe, 0x0a]))).rejects.toThrow(
    "line 2 of x.json is not valid UTF-8",
  );
});

test("pages stay small", async () => {
  const pages: number[] = [];
  for await (const page of readItems(
    chunks(
      Buffer.from("1\n".repeat(10_000)),
      Array.from({ length: 99 }, (_, i) => i * 200),
    ),
    "x",
  ))
    pages.push(page.length);
  expect(Math.max(...pages)).toBeLessThan(1200);
  expect(pages.reduce((a, b) => a + b)).toBe(10_000);
});

test("any JSON comes back item by item, however it arrives in pieces", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue()),
      fc.array(fc.nat()),
      fc.constantFrom(undefined, 1, 2),
      async (values, cuts, indent) => {
        const asArray = await items(JSON.stringify(values, undefined, indent), cuts);
        expect(asArray.map(({ text }) => JSON.parse(text) as unknown)).toEqual(JSON.parse(JSON.stringify(values)));
        const objects = values.map((value) => ({ value }));
        const asLines = await items(objects.map((value) => JSON.stringify(value)).join("\n"), cuts);
        expect(asLines.map(({ text }) => JSON.parse(text) as unknown)).toEqual(JSON.parse(JSON.stringify(objects)));
      },
    ),
  );
});
