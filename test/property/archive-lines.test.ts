// A line of an archive and what it was made of are the same thing, for every value, key and metadata.

import fc from "fast-check";
import { isUtf8 } from "node:buffer";
import { describe, expect, it } from "vitest";
import type { EpochSeconds } from "../../src/core/clock.ts";
import { canonicalJson } from "../../src/core/json.ts";
import type { Json } from "../../src/core/json-value.ts";
import { keyFault, type Key } from "../../src/core/key.ts";
import { sha256Of } from "../../src/core/fingerprint.ts";
import { countBytes, encodeEntry } from "../../src/replica/archive/encode-entry.ts";
import { type ArchivedEntry, decodeEntryLine, parseLine } from "../../src/replica/archive/entry-line.ts";
import { decodeEnd, encodeEnd, isEnd } from "../../src/replica/archive/frame-lines.ts";

/** Pieces are in memory that is used again. */
function encodeEntryLine(entry: ArchivedEntry): Buffer {
  const encoded = encodeEntry(entry);
  const line = Buffer.concat([...copies(encoded.pieces())]);
  expect(countBytes(encoded)).toBe(line.byteLength);
  return line;
}

function* copies(pieces: Iterable<Buffer>): Generator<Buffer, void> {
  for (const piece of pieces) yield Buffer.from(piece);
}

const key = fc
  .oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }))
  .filter((text) => keyFault(text) === undefined)
  .map((text) => text as Key);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.string({ unit: "binary", maxLength: 300 }).map((text) => Buffer.from(text)),
);
const metadata = fc
  .option(
    fc.jsonValue({ maxDepth: 3 }).map((json) => canonicalJson(json as Json)),
    { nil: undefined },
  )
  .filter((text) => text !== "null" && (text === undefined || Buffer.byteLength(text) <= 1024));
const expiration = fc.option(
  fc.oneof(fc.integer({ min: 1, max: 4_000_000_000 }), fc.maxSafeNat()).map((at) => Math.max(1, at) as EpochSeconds),
  { nil: undefined },
);

describe("a line of an archive", () => {
  it("is decoded to the entry that it was encoded from", () => {
    fc.assert(
      fc.property(fc.record({ key, bytes, metadata, expiration }), (entry) => {
        const sealed = { ...entry, sha256: sha256Of(entry.bytes) };
        const line = encodeEntryLine(sealed);
        // No reader of lines finds more than one in it.
        expect(line.toString().split(/\r\n|[\n\u2028\u2029]/)).toHaveLength(2);
        const found = decodeEntryLine(line.subarray(0, -1));
        if ("fault" in found) throw new Error(found.fault);
        expect({ ...found, bytes: Buffer.from(found.bytes) }).toEqual({ ...sealed, bytes: Buffer.from(entry.bytes) });
        expect(line.includes('"base64":true')).toBe(!isUtf8(entry.bytes));
      }),
    );
  });

  it.each([
    ["binary", Buffer.alloc(2_500_001, Buffer.from([0, 255, 7, 128, 1]))],
    ["text", Buffer.from('h\u00e9llo \u{1f600} \u2028 \\ " \u0001'.repeat(90_000))],
    ["text that is base64", Buffer.alloc(1_500_000, "QUJD")],
  ])("is that of a large value too: %s", (_, bytes) => {
    // Its key looks like what stands before a value.
    const name = ',"value":"","base64":true' as Key;
    const sealed = { key: name, bytes, metadata: '{"a":1}', expiration: undefined, sha256: sha256Of(bytes) };
    const line = encodeEntryLine(sealed);
    const found = decodeEntryLine(line.subarray(0, -1));
    if ("fault" in found) throw new Error(found.fault);
    expect([found.key, found.metadata, found.sha256]).toEqual([name, '{"a":1}', sealed.sha256]);
    expect(Buffer.compare(found.bytes, bytes)).toBe(0);
    const damaged = Buffer.from(line.subarray(0, -1));
    damaged[1_200_000] = 0x0a;
    const fault = decodeEntryLine(damaged);
    expect("fault" in fault ? fault.fault : "none").toMatch(/is not JSON|is not base64/);
  });

  it.each([
    ["[]", "is no JSON object"],
    ['{"value":"v"}', "has no key"],
    ['{"key":"..","value":"v"}', "has a key that is not legal (dot)"],
    ['{"key":"a","value":1}', "has a value that is no string"],
    ['{"key":"a","value":"x","base64":true}', "has a value that is not base64"],
    ['{"key":"a","value":"","base64":"yes"}', 'has a "base64" that is neither true nor false'],
    ['{"key":"a","value":"","expiration":1.5}', "has an expiration that is no number of seconds since 1970"],
    ['{"key":"a","value":"","sha256":"12"}', 'has a "sha256" that is none'],
    ['{"key":"a","value":"","expires":1}', 'has a property "expires", which no entry has'],
    ['{"key":"a","value":"","metadata":1e999}', "has metadata that has the number 1e999"],
  ])("is refused where it is %s", (text, fault) => {
    const found = decodeEntryLine(Buffer.from(text));
    expect("fault" in found ? found.fault : "none").toContain(fault);
  });
});

describe("the end line", () => {
  it("is decoded to what it was encoded from", () => {
    const hex = sha256Of(Buffer.from("x"));
    const listed = ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z"] as const;
    const end = { entries: 3, bytes: 9, listed, complete: true, problems: 0, root: hex, digest: hex };
    const json = parseLine(encodeEnd(end).subarray(0, -1));
    expect(isEnd(json) && decodeEnd(json)).toEqual(end);
  });
});
