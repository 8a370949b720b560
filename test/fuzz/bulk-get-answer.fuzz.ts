// The scanner of bulk get answers against JSON.parse: answers as the API gives them, and the same with bytes changed, cut,
// doubled or strange names and white space put in. Where the scanner says anything, it says what the slow way says; and of an
// answer as the API gives it, both say what went into it.

import { strict as assert } from "node:assert";
import fc from "fast-check";
import { parseBulkValues } from "../../src/kv/answers.ts";
import { scanBulkValues } from "../../src/kv/bulk-get-answer.ts";
import { parseEnvelope } from "../../src/kv/envelope.ts";
import type { BulkValue } from "../../src/kv/kv-api.ts";
import { chanceOf } from "../simulation/sim-clock.ts";
import type { FuzzRun } from "./fuzzer.ts";

export const name = "bulk get answers, and JSON.parse";

const PIECES = [
  '"',
  "\\",
  "\\u",
  "\\ud800",
  "\\udc00",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "null",
  "1e400",
  " ",
  "\ufeff",
  "\u0000",
  "9007199254740993",
  '"value":',
  '"value":"other",',
  '"":null,',
  "1".repeat(400),
  "-0.0e-0",
  "[".repeat(2000),
  '{"a":'.repeat(2000),
];

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.array(fc.constantFrom(...PIECES, "é", "\u{1f600}", "\n", "a"), { maxLength: 30 }).map((parts) => parts.join("")),
  fc.constant("x".repeat(70_000)),
);
/** As deep and deeper than KV lets metadata be. */
const nested = fc.constantFrom(200, 511, 512, 513, 3000).map((depth) => {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
});
const metadata = fc.oneof(
  { weight: 6, arbitrary: fc.constant(null) },
  { weight: 6, arbitrary: fc.jsonValue() },
  { weight: 1, arbitrary: nested },
);
const entry = fc.oneof(
  { weight: 8, arbitrary: fc.record({ value: text, metadata }) },
  { weight: 2, arbitrary: fc.record({ expiration: fc.integer({ min: 1 }), metadata: fc.constant(null), value: text }) },
  { weight: 1, arbitrary: fc.constant(null) },
);
const answers = fc.record({
  pairs: fc.array(fc.tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 20 }), entry), { maxLength: 6 }),
  isSpaced: fc.boolean(),
  isEscaped: fc.boolean(),
});

export async function run({ seed, deadlineMs }: FuzzRun): Promise<number> {
  const chance = chanceOf(seed);
  let cases = 0;
  for (let batch = 0; Date.now() < deadlineMs; batch++) {
    for (const { pairs, isSpaced, isEscaped } of fc.sample(answers, { seed: seed + batch, numRuns: 50 })) {
      const values = Object.fromEntries(pairs);
      const keys = Object.keys(values);
      const whole = { success: true, errors: [], messages: [], result: { values } };
      const json = JSON.stringify(whole, null, isSpaced ? 2 : 0);
      const answer = isEscaped ? json.replaceAll(/[^\0-\x7f]/g, escaped) : json;
      compare(Buffer.from(answer), keys, seed, true);
      checkMeaning(Buffer.from(answer), values, seed);
      for (let i = 0; i < 5; i++) compare(mutated(answer, chance), keys, seed, false);
      cases += 6;
    }
  }
  return cases;
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** `answer` cut, with a piece put in, a part twice or a byte changed. */
function mutated(answer: string, chance: () => number): Buffer {
  const at = Math.floor(chance() * answer.length);
  const piece = PIECES[Math.floor(chance() * PIECES.length)] ?? "";
  switch (Math.floor(chance() * 4)) {
    case 0:
      return Buffer.from(answer.slice(0, at));
    case 1:
      return Buffer.from(answer.slice(0, at) + piece + answer.slice(at));
    case 2:
      return Buffer.from(answer.slice(0, at) + answer.slice(Math.floor(chance() * answer.length)));
    default: {
      const bytes = Buffer.from(answer);
      if (bytes.length > 0) bytes[at % bytes.length] = Math.floor(chance() * 256);
      return bytes;
    }
  }
}

/** `isWhole`: the answer is right, and the scanner must not give up on it. */
function compare(bytes: Buffer, keys: readonly string[], seed: number, isWhole: boolean): void {
  const scanned = scanBulkValues(bytes, keys);
  if (scanned === undefined && !isWhole) return;
  const told = `seed ${seed}: ${JSON.stringify(bytes.toString("latin1").slice(0, 2000))}`;
  assert.notEqual(scanned, undefined, told);
  const envelope = parseEnvelope(bytes);
  assert.equal(envelope.kind, "success", told);
  if (envelope.kind !== "success" || scanned === undefined) return;
  const parsed = parseBulkValues(envelope.result, keys, "read");
  for (const key of keys) assert.deepEqual(plain(scanned.get(key)), plain(parsed.get(key)), told);
}

/** The values are those that the answer was made of. */
function checkMeaning(bytes: Buffer, values: Readonly<Record<string, Answered | null>>, seed: number): void {
  const keys = Object.keys(values);
  const scanned = scanBulkValues(bytes, keys);
  const told = `seed ${seed}: ${JSON.stringify(bytes.toString("latin1").slice(0, 2000))}`;
  for (const key of keys) {
    const [read, meant] = [scanned?.get(key), values[key]!];
    if (meant === null) assert.equal(read, null, told);
    else {
      assert.ok(read?.bytes !== undefined && Buffer.from(meant.value).equals(read.bytes), told);
      assert.equal(read.expiration, meant.expiration, told);
    }
  }
}

interface Answered {
  readonly value: string;
  readonly expiration?: number;
}

function plain(value: BulkValue | null | undefined): unknown {
  if (value === null || value === undefined) return value;
  return {
    ...value,
    bytes: value.bytes && Buffer.from(value.bytes).toString("hex"),
    metadata: JSON.stringify(value.metadata),
  };
}
