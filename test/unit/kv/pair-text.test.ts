import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EpochSeconds } from "../../../src/core/clock.ts";
import { openPairArena, pairsBody, type PairSlice } from "../../../src/kv/pair-arena.ts";
import type { Pair } from "../../../src/kv/pair-text.ts";
import { keyOf } from "../../support/values.ts";

const pair = (key: string, bytes: Uint8Array, rest: Partial<Pair> = {}): Pair => ({
  key: keyOf(key),
  bytes,
  metadata: undefined,
  expiration: undefined,
  ttlSeconds: undefined,
  ...rest,
});

const textOf = (slices: readonly PairSlice[]): string => {
  const body = pairsBody(slices);
  const sent = Buffer.concat([...(body.chunks() as Iterable<Uint8Array>)]);
  expect(sent.byteLength).toBe(body.byteLength);
  expect(isUtf8(sent)).toBe(true);
  return sent.toString();
};

interface Decoded {
  readonly key: string;
  readonly value: string;
  readonly base64?: boolean;
}

const decode = (text: string): readonly Decoded[] => JSON.parse(text) as Decoded[];
const bytesOf = ({ value, base64 }: Decoded): Buffer => Buffer.from(value, base64 === true ? "base64" : "utf8");

const anyKey = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 40 })
  .filter((key) => key !== "." && key !== "..");
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.string({ unit: "binary", maxLength: 200 }).map((text) => Buffer.from(text)),
  fc
    .array(fc.constantFrom('"', "\\", "\n", "\u0000", "\u001f", "\u007f", "a", "\u00e9", "\u{1f600}", "\u2028"), {
      maxLength: 200,
    })
    .map((parts) => Buffer.from(parts.join(""))),
);

describe("a pair as JSON", () => {
  it("is read back as the bytes it was made of, whatever they are", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyKey, anyBytes), { minLength: 1, maxLength: 20 }), (items) => {
        const arena = openPairArena();
        const decoded = decode(textOf(items.map(([key, bytes]) => arena.add(pair(key, bytes)))));
        expect(decoded.map((item) => item.key)).toEqual(items.map(([key]) => key));
        decoded.forEach((item, i) => expect(bytesOf(item).equals(items[i]![1])).toBe(true));
      }),
    );
  });

  it("is the same whether it is written in one pass or measured first, as at the end of a buffer", () => {
    fc.assert(
      fc.property(anyKey, anyBytes, (key, bytes) => {
        const item = pair(key, bytes, { metadata: '{"a":1}' });
        const [measured, atOnce] = [openPairArena(), openPairArena()];
        // The first pair of an arena is always measured.
        atOnce.add(pair("first", Buffer.from("x")));
        expect(textOf([atOnce.add(item)])).toBe(textOf([measured.add(item)]));
      }),
    );
  });

  it("holds every byte there is, alone and in a row", () => {
    const arena = openPairArena();
    const each = Array.from({ length: 256 }, (_, byte) => Buffer.of(byte));
    const decoded = decode(textOf(each.map((bytes, i) => arena.add(pair(`k${i}`, bytes)))));
    decoded.forEach((item, i) => expect(bytesOf(item)).toEqual(each[i]));
    const ascii = Buffer.from(Array.from({ length: 128 }, (_, byte) => byte));
    expect(bytesOf(decode(textOf([arena.add(pair("k", ascii))]))[0]!)).toEqual(ascii);
  });

  it("is exactly what JSON.stringify would make of text", () => {
    const arena = openPairArena();
    const value = 'a "quoted"\\ line\n\ttab \u0001 \u00e9 \u{1f600}';
    expect(textOf([arena.add(pair("key", Buffer.from(value)))])).toBe(JSON.stringify([{ key: "key", value }]));
  });

  it("carries metadata as JSON, and an expiration or a time to live", () => {
    const arena = openPairArena();
    const bytes = Buffer.from("v");
    const expiration = 1_999_999_999 as EpochSeconds;
    const slices = [
      arena.add(pair("a", bytes, { metadata: '{"x":[1,"\u00e9"]}', expiration })),
      arena.add(pair("b", Buffer.of(255), { ttlSeconds: 300, expiration })),
    ];
    expect(JSON.parse(textOf(slices))).toEqual([
      { key: "a", value: "v", expiration, metadata: { x: [1, "\u00e9"] } },
      { key: "b", value: "/w==", base64: true, expiration_ttl: 300 },
    ]);
  });

  it("sends text that is mostly control characters as base64, which is shorter", () => {
    const arena = openPairArena();
    const [item] = decode(textOf([arena.add(pair("k", Buffer.alloc(1000, 1)))]));
    expect(item?.base64).toBe(true);
    expect(bytesOf(item!)).toEqual(Buffer.alloc(1000, 1));
  });

  it("needs no room in its buffer but its own, at any size", () => {
    const arena = openPairArena();
    const sizes = [0, 1, 2, 3, 100_000, 127_000, 131_072, 200_000, 49_151, 49_152, 49_153, 3_000_000];
    for (const fill of [0x61, 0x22, 0xff, 0x01]) {
      const slices = sizes.map((size, i) => arena.add(pair(`k${i}`, Buffer.alloc(size, fill))));
      decode(textOf(slices)).forEach((item, i) =>
        expect(bytesOf(item).equals(Buffer.alloc(sizes[i]!, fill))).toBe(true),
      );
    }
  });
});

describe("pairs that are kept while others are released", () => {
  it("hold no more than their own bytes, and stay as they were", () => {
    const arena = openPairArena();
    const slices = Array.from({ length: 2000 }, (_, i) =>
      arena.add(pair(`k${i}`, Buffer.alloc(10_000, 97 + (i % 26)))),
    );
    expect(arena.heldBytes()).toBeGreaterThan(20_000_000);
    const kept = slices.filter((_, i) => i % 100 === 0);
    const before = textOf(kept);
    const after = kept.map((slice) => arena.keep(slice));
    for (const [i, slice] of slices.entries()) if (i % 100 !== 0) arena.release(slice);
    expect(arena.heldBytes()).toBeLessThanOrEqual(2 * 1024 * 1024);
    expect(textOf(after)).toBe(before);
    // What was released is written over.
    for (let i = 0; i < 2000; i++) arena.add(pair(`o${i}`, Buffer.alloc(10_000, "-")));
    expect(textOf(after)).toBe(before);
  });
});

describe("a body of pairs", () => {
  it("is any selection of them, in any order, as often as it is asked for", () => {
    const arena = openPairArena();
    const slices = Array.from({ length: 500 }, (_, i) => arena.add(pair(`k${i}`, Buffer.alloc(i * 20, 0x61))));
    fc.assert(
      fc.property(fc.subarray(slices, { minLength: 1 }), fc.boolean(), (chosen, reversed) => {
        const order = reversed ? chosen.toReversed() : chosen;
        const decoded = decode(textOf(order));
        expect(decoded.map((item) => item.key)).toEqual(order.map((slice) => `k${slices.indexOf(slice)}`));
      }),
      { numRuns: 50 },
    );
  });

  it("goes out in a few large pieces, even when every other pair is left out", () => {
    const arena = openPairArena();
    const slices = Array.from({ length: 10_000 }, (_, i) => arena.add(pair(`key-${i}`, Buffer.alloc(200, 0x61))));
    const pieces = (chosen: readonly PairSlice[]): number =>
      [...(pairsBody(chosen).chunks() as Iterable<Uint8Array>)].length;
    expect(pieces(slices)).toBeLessThan(10);
    expect(pieces(slices.filter((_, i) => i % 2 === 0))).toBeLessThan(40);
  });
});
