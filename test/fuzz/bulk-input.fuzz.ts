// The readers of bulk input against JSON.parse and String.split: whatever the form, however the bytes are cut into chunks.

import { strict as assert } from "node:assert";
import { detectKeyForm, type KeyForm, plainFault } from "../../src/cli/input/key-form.ts";
import { type InputItem, readItems, textOf } from "../../src/kv/json-items.ts";
import { parseListedKey, parsePair } from "../../src/cli/input/bulk-input.ts";
import { readPairsObject } from "../../src/kv/pairs-object.ts";
import { AppError } from "../../src/core/errors.ts";
import type { Json } from "../../src/core/json-value.ts";
import { parseKey } from "../../src/core/key.ts";
import type { FuzzRun } from "./fuzzer.ts";
import { type Random, runCases } from "./random.ts";

export const name = "lists of keys and pairs, and JSON.parse and String.split";

const PARTS = [
  "user",
  "a",
  " ",
  "\t",
  "\r",
  "\n",
  "\0",
  '"',
  "[",
  "]",
  "{",
  "}",
  ",",
  ":",
  "\\",
  "\ufeff",
  "ключ",
  "\u{1f600}",
];
const WHOLE = [
  '{"name":"a"}',
  '["a"]',
  '"a"',
  "[slug].html",
  "{brace}",
  '{"id":5}',
  "[[x]]",
  "[]",
  "{}",
  '{"key":"b"}',
];
const MARK = "\ufeff";
const BLANKS = ["", " ", "\n", "\r\n", "\t \r\n"];

export function run(options: FuzzRun): Promise<number> {
  return runCases("bulk input", options, async (random) => {
    await random.pick([lines, printed, arrays, lineJson, pairs, keyObjects])(random);
  });
}

/** Any text as names, a line or a NUL byte each. */
async function lines(random: Random): Promise<void> {
  const form = random.pick<KeyForm>(["lines", "null"]);
  const text = Array.from({ length: random.below(20) }, () => random.pick([...PARTS, "\n", "\0"])).join("");
  const [ending, whole] = form === "lines" ? ["\n", text.replace(/^\ufeff/, "")] : ["\0", text];
  const expected = whole.split(ending);
  const all =
    form === "lines" && expected.some((line) => line.endsWith("\r"))
      ? undefined
      : expected.filter((line) => line !== "");
  const read = await orRefused(() => texts(readItems(cut(random, text), "f", { form, mayBeCut: false })));
  assert.deepEqual(read, all, JSON.stringify({ form, text }));
}

/** Some of the lines that `key list` prints: exactly those keys, or a refusal. */
async function printed(random: Random): Promise<void> {
  const names = Array.from({ length: 1 + random.below(4) }, () =>
    random.oneIn(2)
      ? random.pick(WHOLE)
      : Array.from({ length: 1 + random.below(5) }, () => random.pick(PARTS)).join(""),
  ).filter((text) => parseKey(text) !== undefined && plainFault(text, false) === undefined);
  const text = names.map((each) => `${each}\n`).join("");
  const read = await orRefused(() => keys(random, text));
  if (read !== undefined) assert.deepEqual(read, names, JSON.stringify(text));
  const isPlain = names.every((each) => !/^[ \t\r]*["[{]/.test(each));
  if (isPlain) assert.notEqual(read, undefined, JSON.stringify(text));
}

async function arrays(random: Random): Promise<void> {
  const wanted = Array.from({ length: random.below(6) }, () => keyName(random));
  const json = wanted.map((key) => random.pick([key, { name: key }, { key, value: "]}" }]));
  let text = around(random, JSON.stringify(json, undefined, random.pick([undefined, 1, "\t"])));
  const isBroken = random.oneIn(4);
  if (isBroken) text = broken(random, text);
  const read = await orRefused(() => keys(random, text));
  if (!isBroken) assert.deepEqual(read, wanted, JSON.stringify(text));
  else if (read !== undefined && isJson(text)) assert.deepEqual(read, listOf(text), JSON.stringify(text));
}

async function lineJson(random: Random): Promise<void> {
  const wanted = Array.from({ length: 1 + random.below(6) }, () => keyName(random));
  const text = around(
    random,
    wanted.map((key) => JSON.stringify({ name: key })).join(random.pick(["\n", "\r\n", "\n\n"])),
  );
  assert.deepEqual(await keys(random, text), wanted, JSON.stringify(text));
}

async function pairs(random: Random): Promise<void> {
  const wanted = Array.from({ length: 1 + random.below(5) }, () => ({ key: keyName(random), value: keyName(random) }));
  const text = random.oneIn(2)
    ? JSON.stringify(wanted, undefined, random.pick([undefined, 2]))
    : wanted.map((pair) => JSON.stringify(pair)).join("\r\n");
  assert.deepEqual(await pairsOf(random, around(random, text)), wanted, JSON.stringify(text));
}

/** What `wrangler kv bulk get` prints. */
async function keyObjects(random: Random): Promise<void> {
  const wanted = new Map(Array.from({ length: 1 + random.below(5) }, () => [`k${keyName(random)}`, keyName(random)]));
  const object = Object.fromEntries([...wanted].map(([key, value]) => [key, random.oneIn(2) ? value : { value }]));
  const text = around(random, JSON.stringify(object, undefined, random.pick([undefined, 2])));
  const expected = [...wanted].map(([key, value]) => ({ key, value }));
  assert.deepEqual(await pairsOf(random, text), expected, JSON.stringify(text));
}

function keyName(random: Random): string {
  const text = Array.from({ length: 1 + random.below(6) }, () => random.pick([...PARTS, ...WHOLE])).join("");
  return parseKey(text) ?? "k";
}

/** With what editors put before and after it. */
function around(random: Random, text: string): string {
  return `${random.oneIn(3) ? MARK : ""}${random.pick(BLANKS)}${text}${random.pick(BLANKS)}`;
}

/** With a character too many or too few. */
function broken(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const end = random.oneIn(2) ? `${random.pick(PARTS)}${text.slice(at)}` : text.slice(at + 1);
  return `${text.slice(0, at)}${end}`.toWellFormed();
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text.replace(/^\ufeff/, ""));
    return true;
  } catch {
    return false;
  }
}

function listOf(text: string): readonly unknown[] {
  return (JSON.parse(text.replace(/^\ufeff/, "")) as readonly Json[]).map((item) => {
    const { name: named, key } = item as { readonly name?: string; readonly key?: string };
    return typeof item === "string" ? item : (named ?? key);
  });
}

async function keys(random: Random, text: string): Promise<readonly string[]> {
  const { form, chunks } = await detectKeyForm(cut(random, text), "f");
  return (await items(readItems(chunks, "f", { form, mayBeCut: false }))).map((item) => parseListedKey(item, "f"));
}

async function pairsOf(random: Random, text: string): Promise<readonly unknown[]> {
  const read = await readPairsObject(cut(random, text), "f");
  const all = "pairs" in read ? read.pairs : await items(readItems(read, "f"));
  return all.map((item) => {
    const { key, bytes } = parsePair(item, "f", new Map());
    return { key, value: Buffer.from(bytes).toString() };
  });
}

async function items(pages: AsyncIterable<readonly InputItem[]>): Promise<readonly InputItem[]> {
  const all: InputItem[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}

const texts = async (pages: AsyncIterable<readonly InputItem[]>) => (await items(pages)).map(textOf);

async function* cut(random: Random, text: string): AsyncGenerator<Uint8Array, void> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.byteLength;) {
    const end = start + (random.oneIn(8) ? 0 : 1 + random.below(random.pick([1, 3, 20, 1000])));
    yield bytes.subarray(start, end);
    start = end;
  }
}

/** Undefined: refused with a message. */
async function orRefused<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
