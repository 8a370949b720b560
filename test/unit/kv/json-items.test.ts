import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type InputItem, readItems, textOf } from "../../../src/kv/json-items.ts";

async function items(text: string | Uint8Array, cuts: readonly number[] = []): Promise<InputItem[]> {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  const all: InputItem[] = [];
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

const texts = async (text: string): Promise<string[]> => (await items(text)).map(textOf);

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
      { bytes: Buffer.from("1"), at: 1, number: 1, unit: "item" },
      { bytes: Buffer.from("2"), at: 4, number: 2, unit: "item" },
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

test("an array that was cut off gives what is whole of it to whoever asks for that", async () => {
  const cuts: string[] = [];
  const all: string[] = [];
  const pages = readItems(chunks(Buffer.from('[1, {"a":[2]}, {"a'), [5]), "x.json", {
    form: "json",
    mayBeCut: false,
    onCut: (where) => cuts.push(where),
  });
  for await (const page of pages) all.push(...page.map(textOf));
  expect(all).toEqual(["1", '{"a":[2]}']);
  expect(cuts).toEqual(["ends in the middle of its array, after 2 items"]);
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

test.each(["array", "lines"])(
  "large items come one after the other, and each is whole on its page: %s",
  async (form) => {
    const values = Array.from({ length: 7 }, (_, i) => `${i}`.repeat([2_000_000, 3, 1_500_000, 2_500_000][i % 4]! + i));
    const text = form === "array" ? JSON.stringify(values) : values.map((value) => `"${value}"`).join("\n");
    const bytes = Buffer.from(text);
    const cuts = Array.from({ length: Math.ceil(bytes.byteLength / 65_536) }, (_, i) => i * 65_536);
    const found: string[] = [];
    for await (const page of readItems(chunks(bytes, cuts), "x.json"))
      for (const item of page) {
        found.push(JSON.parse(textOf(item)) as string);
        expect(bytes.subarray(item.at, item.at + item.bytes.byteLength).equals(item.bytes)).toBe(true);
      }
    expect(found.map((value) => `${value[0]} ${value.length}`)).toEqual(
      values.map((value) => `${value[0]} ${value.length}`),
    );
    expect(found).toEqual(values);
  },
);

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
      fc.constantFrom("", "\ufeff"),
      async (values, cuts, indent, mark) => {
        const array = `${mark}${JSON.stringify(values, undefined, indent)}`;
        const asArray = await items(array, cuts);
        for (const { bytes, at } of asArray)
          expect(
            Buffer.from(array)
              .subarray(at, at + bytes.byteLength)
              .equals(bytes),
          ).toBe(true);
        expect(asArray.map((item) => JSON.parse(textOf(item)) as unknown)).toEqual(JSON.parse(JSON.stringify(values)));
        const objects = values.map((value) => ({ value }));
        const asLines = await items(objects.map((value) => JSON.stringify(value)).join("\n"), cuts);
        expect(asLines.map((item) => JSON.parse(textOf(item)) as unknown)).toEqual(JSON.parse(JSON.stringify(objects)));
      },
    ),
  );
});
