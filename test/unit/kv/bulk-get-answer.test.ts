// The fast way through a bulk get's answer: it says what JSON.parse says, or nothing at all.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBulkValues } from "../../../src/kv/answers.ts";
import { scanBulkValues } from "../../../src/kv/bulk-get-answer.ts";
import { parseEnvelope } from "../../../src/kv/envelope.ts";
import type { BulkValue } from "../../../src/kv/kv-api.ts";

function scan(text: string, keys: readonly string[]): ReadonlyMap<string, BulkValue | null> | undefined {
  return scanBulkValues(Buffer.from(text), keys);
}

/** The slow way. */
function parse(text: string, keys: readonly string[]): ReadonlyMap<string, BulkValue | null> {
  const envelope = parseEnvelope(Buffer.from(text));
  if (envelope.kind !== "success") throw new Error(envelope.kind);
  return parseBulkValues(envelope.result, keys, "read");
}

function answerOf(values: unknown, more: object = {}): object {
  return { success: true, errors: [], messages: [], result: { values }, ...more };
}

describe("an answer as the API gives it", () => {
  it("is read like JSON.parse reads it, whatever is in it and however it is written", () => {
    const value = fc.oneof(
      fc.record({
        value: fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme", maxLength: 40 }), fc.json()),
        metadata: fc.oneof(fc.constant(null), fc.jsonValue()),
      }),
      fc.record({
        expiration: fc.integer({ min: 1 }),
        metadata: fc.constant(null),
        value: fc.string({ unit: "binary-ascii" }),
      }),
      fc.constant(null),
    );
    const key = fc.string({ unit: "binary", minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value)), fc.boolean(), fc.boolean(), (pairs, isSpaced, isEscaped) => {
        const values = Object.fromEntries(pairs);
        const keys = Object.keys(values);
        const json = JSON.stringify(answerOf(values, { result_info: { n: [1, { a: '"}' }] } }), null, isSpaced ? 2 : 0);
        const text = isEscaped
          ? json.replaceAll(/[^\0-\x7f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
          : json;
        const scanned = scan(text, keys);
        const parsed = parse(text, keys);
        expect(scanned).toBeDefined();
        for (const name of keys) {
          const [one, other] = [scanned?.get(name), parsed.get(name)];
          expect(one === null ? null : { ...one, bytes: one?.bytes && Buffer.from(one.bytes) }).toEqual(other);
        }
      }),
    );
  });

  it.each([
    ["every escape", String.raw`"\"\\\/\b\f\n\r\t\u0000\u00e9\u20AC\ud83d\ude00"`, '"\\/\b\f\n\r\t\0é€😀'],
    ["an empty text", '""', ""],
    ["characters of all lengths, at all places", '"aé€😀aaé€😀aaaé€😀"', "aé€😀aaé€😀aaaé€😀"],
    ["a backslash beside a quote", String.raw`"\\\"\\"`, '\\"\\'],
  ])("has %s", (_, json, text) => {
    const answer = `{"result":{"values":{"a":{"value":${json},"metadata":null}}},"success":true}`;
    expect(Buffer.from(scan(answer, ["a"])!.get("a")!.bytes!).toString()).toBe(text);
  });

  it.each([String.raw`"\ud83d"`, String.raw`"\ude00\ud83d"`, String.raw`"a\ud83d\u0041"`, String.raw`"\ud83d\n"`])(
    "tells a value with half a surrogate pair: %s",
    (json) => {
      const answer = `{"success":true,"result":{"values":{"a":{"metadata":{"x":1},"value":${json}},"b":{"value":"b"}}}}`;
      expect(scan(answer, ["a", "b"])?.get("a")).toEqual({
        bytes: undefined,
        metadata: { x: 1 },
        expiration: undefined,
      });
      expect(Buffer.from(scan(answer, ["a", "b"])!.get("b")!.bytes!).toString()).toBe("b");
    },
  );
});

describe("any other answer", () => {
  const good = '{"success":true,"result":{"values":{"a":{"value":"text \\n","metadata":{"b":[1]}},"c":null}}}';

  it("is left to others: a failure, a key that is missing, values without metadata, null for a value", () => {
    expect(scan(good.replace("true", "false"), ["a"])).toBeUndefined();
    expect(scan(good.replace('"success":true,', ""), ["a"])).toBeUndefined();
    expect(scan(good, ["a", "d"])).toBeUndefined();
    expect(scan(good, ["a", "constructor"])).toBeUndefined();
    expect(scan('{"success":true,"result":{"values":{"a":"text"}}}', ["a"])).toBeUndefined();
    expect(scan('{"success":true,"result":{"values":{"a":{"value":null}}}}', ["a"])).toBeUndefined();
    expect(scan('{"success":true,"result":null}', [])).toBeUndefined();
    expect(scan("<html></html>", [])).toBeUndefined();
    expect(scan("", [])).toBeUndefined();
  });

  it.each([
    ["an expiration that is no time", { value: "v", metadata: null, expiration: "soon" }],
    ["an expiration that is nothing", { value: "v", metadata: null, expiration: -1 }],
    ["no value, but metadata of one", { value: null, metadata: { a: 1 } }],
    ["no value at all", { metadata: null }],
  ])("is not believed if it has %s", (_, item) => {
    const text = JSON.stringify(answerOf({ a: item }));
    expect(scan(text, ["a"])).toBeUndefined();
    expect(() => parse(text, ["a"])).toThrow(/the answer has/);
  });

  it("is left to others wherever it is cut, and where it goes on", () => {
    expect(scan(good, ["a", "c"])?.size).toBe(2);
    for (let end = 0; end < good.length; end++) expect(scan(good.slice(0, end), [])).toBeUndefined();
    expect(scan(`${good}}`, [])).toBeUndefined();
    expect(scan(`${good} `, ["a"])?.size).toBe(2);
  });

  it("is never taken for more than JSON.parse takes it for, whatever is changed in it", () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.string({ unit: "binary-ascii", maxLength: 2 }), (at, change) => {
        const text = good.slice(0, at) + change + good.slice(at + 1);
        if (scan(text, ["a"]) !== undefined) expect(() => parse(text, ["a"])).not.toThrow();
      }),
      { numRuns: 5000 },
    );
  });

  it("is left to others if it is not UTF-8", () => {
    const bytes = Buffer.from(good);
    bytes[good.indexOf("text")] = 0xff;
    expect(scanBulkValues(bytes, ["a"])).toBeUndefined();
  });
});
