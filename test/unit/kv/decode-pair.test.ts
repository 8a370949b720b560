// One pair in wrangler's form, however somebody wrote it, is the same whether it is small or large.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { decodePair } from "../../../src/kv/decode-pair.ts";
import type { Pair } from "../../../src/kv/pair-text.ts";

const binary = Buffer.alloc(1_600_001, Buffer.from([0, 255, 7, 128, 1]));
const text = Buffer.from('h\u00e9llo \u{1f600} \u2028 \\ " \u0001 / \ufeff'.repeat(50_000));
const lineBreaks = (base64: string): string => base64.replace(/.{76}/g, "$&\n");

function pairOf(json: unknown, indent?: number): Pair {
  const pair = decodePair(Buffer.from(JSON.stringify(json, undefined, indent)));
  if ("fault" in pair) throw new Error(pair.fault);
  return pair;
}
const faultOf = (item: string): string => {
  const pair = decodePair(Buffer.from(item));
  return "fault" in pair ? pair.fault : "none";
};
const sameBytes = (pair: Pair, bytes: Uint8Array): boolean => Buffer.compare(pair.bytes, bytes) === 0;

describe.each([
  ["small", 300],
  ["large", 1_600_001],
])("a %s value", (_, size) => {
  it.each([
    ["binary", (all: Buffer) => ({ key: "k", value: all.toString("base64"), base64: true, metadata: [1] })],
    [
      "binary, with base64 first and as a string",
      (all: Buffer) => ({ base64: "true", value: all.toString("base64"), key: "k" }),
    ],
    [
      "binary without padding",
      (all: Buffer) => ({ key: "k", value: all.toString("base64").replace(/=+$/, ""), base64: true }),
    ],
    [
      "binary in lines",
      (all: Buffer) => ({ key: "k", value: `${lineBreaks(all.toString("base64"))}\n`, base64: true }),
    ],
  ])("that is %s is decoded", (__, json) => {
    const bytes = binary.subarray(0, size);
    for (const indent of [0, 2]) expect(sameBytes(pairOf(json(bytes), indent), bytes)).toBe(true);
  });

  it.each([
    ["text", (all: string) => ({ value: all, key: "k", expiration_ttl: 300 })],
    ["text with base64 as a string that says no", (all: string) => ({ key: "k", base64: "false", value: all })],
  ])("that is %s is decoded", (__, json) => {
    const bytes = Buffer.from(text.subarray(0, size).toString().replaceAll("\ufffd", ""));
    for (const indent of [0, 2]) expect(sameBytes(pairOf(json(bytes.toString()), indent), bytes)).toBe(true);
    const escaped = JSON.stringify(json(bytes.toString())).replace(
      /[^\0-\x7f]/g,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
    const pair = decodePair(Buffer.from(escaped));
    expect("fault" in pair ? pair.fault : sameBytes(pair, bytes)).toBe(true);
  });

  it("is checked against its sha256, where it has one", () => {
    const value = "x".repeat(size);
    const sha256 = createHash("sha256").update(value).digest("hex");
    expect(pairOf({ key: "k", value, sha256 }).bytes.byteLength).toBe(size);
    const edited = JSON.stringify({ key: "k", value: `${value}y`, sha256 });
    expect(faultOf(edited)).toContain("is not the one that its sha256 is of");
    expect("fault" in decodePair(Buffer.from(edited), { mayBeEdited: true })).toBe(false);
  });

  it.each([
    ["base64 that is none", `"${"A".repeat(size)}*","base64":true`, "is not base64"],
    ["a star in base64", `"${"A".repeat(size / 2)}*${"A".repeat(size / 2)}","base64":true`, "is not base64"],
    ["base64 for URLs", `"${"A".repeat(size / 2)}-${"A".repeat(size / 2)}","base64":true`, "is not base64"],
    [
      "a character beyond ASCII in base64",
      `"${"A".repeat(size / 2)}\u00e9${"A".repeat(size / 2)}","base64":true`,
      "is not base64",
    ],
    ["base64 of a wrong length", `"${"A".repeat(Math.ceil(size / 4) * 4 + 1)}","base64":true`, "is not base64"],
    ["base64 with padding in it", `"AA==${"A".repeat(Math.ceil(size / 4) * 4)}","base64":true`, "is not base64"],
    ["half of a surrogate pair", `"${"x".repeat(size)}\\ud800"`, "is not valid Unicode"],
    ["a line break", `"${"x".repeat(size)}\n"`, "is not JSON"],
    ["a number after it", `"${"x".repeat(size)}","value":7`, /is no string but the number 7|has two values/],
    ["no end", `"${"x".repeat(size)}`, "is not JSON"],
  ])("with %s is refused", (__, value, fault) => {
    expect(faultOf(`{"key":"k","value":${value}}`)).toMatch(fault);
  });
});

it("a value of over 25 MiB is refused", () => {
  expect(faultOf(`{"key":"k","value":"${"x".repeat(26_214_401)}"}`)).toContain("at most 26214400 are allowed");
});

it("a property __proto__ changes nothing", () => {
  const item = `{"__proto__":{"base64":true},"key":"k","value":"${"A".repeat(80_000)}"}`;
  expect(faultOf(item)).toBe("none");
  expect(sameBytes(decodePair(Buffer.from(item)) as Pair, Buffer.from("A".repeat(80_000)))).toBe(true);
});
