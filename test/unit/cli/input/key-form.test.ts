import { expect, test } from "vitest";
import { detectKeyForm, plainFault } from "../../../../src/cli/input/key-form.ts";
import { type InputItem, readItems } from "../../../../src/kv/json-items.ts";
import { parseListedKey } from "../../../../src/cli/input/bulk-input.ts";

async function* bytesOf(text: string, size: number): AsyncGenerator<Uint8Array, void> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.byteLength; start += size) yield bytes.subarray(start, start + size);
}

async function keys(text: string, size = 1): Promise<readonly string[]> {
  const { form, chunks } = await detectKeyForm(bytesOf(text, size), "l");
  const all: InputItem[] = [];
  for await (const page of readItems(chunks, "l", { form, mayBeCut: false })) all.push(...page);
  return all.map((item) => parseListedKey(item, "l"));
}

test.each([
  ["user \n user\n\tuser\n  \n", ["user ", " user", "\tuser", "  "]],
  ["[slug].html\n[[slug]].html\n{brace}\n", ["[slug].html", "[[slug]].html", "{brace}"]],
  ['"quoted"\nuser\n', ['"quoted"', "user"]],
  ['user\n"quoted"\n{"id":5}\n', ["user", '"quoted"', '{"id":5}']],
  ["a\n\nb", ["a", "b"]],
  ["\ufeffa\n", ["a"]],
  ["a\rb\n", ["a\rb"]],
  ['["a", {"name": " b"}]', ["a", " b"]],
  ['\ufeff\r\n [\n"a"\n]\n', ["a"]],
  ["[ ]", []],
  ["", []],
  ['{"name":"a ","metadata":{}}\r\n{"key":"b"}\n', ["a ", "b"]],
])("%j is a list of %j", async (text, expected) => {
  expect(await keys(text)).toEqual(expected);
  expect(await keys(text, 65_536)).toEqual(expected);
});

test.each([
  ['"a"\n"b"\n', 'every line of l begins with "'],
  ['"a"\n{"name":"b"}\n', 'every line of l begins with "'],
  ['{"id":5}\nuser\n', "line 1 of l is no key"],
  ['{"name":"a","key":"b"}\n', "line 1 of l is no key"],
  ['["a","b"', "ends in the middle of its array"],
  ["[]\nuser\n", "goes on after its array"],
  ["a\r\nb\r\n", "line 1 of l ends with a carriage return"],
])("%j is refused", async (text, message) => {
  await expect(keys(text)).rejects.toThrow(message);
  await expect(keys(text, 65_536)).rejects.toThrow(message);
});

test.each([
  ["a\nb", "holds a line break"],
  ["a\r", "ends with a carriage return"],
  ["\ufeffa", "begins with a byte order mark"],
  ['["a"]', "begins as a JSON array does"],
  [" [", "begins as a JSON array does"],
  ['{"name":"a"}', "is a JSON object with a name"],
])("a line cannot carry %j", (name, fault) => expect(plainFault(name, false)).toBe(fault));

test("a NUL byte cannot end a name that holds one, and ends all others", () => {
  expect(plainFault("a\0", true)).toBe("holds a NUL byte");
  expect(plainFault('["a\r\n', true)).toBeUndefined();
});
