// The content root is what docs/repository-format.md says, whatever is kept in one piece of memory to make it fast.

import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EpochSeconds } from "../../src/core/clock.ts";
import { endsRange, hashRange, type Leaf, openRootHash, rootOfRanges } from "../../src/core/content-root.ts";
import { sha256Of } from "../../src/core/fingerprint.ts";
import type { Key } from "../../src/core/key.ts";

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part);
  return sum.digest();
};

function bigEndian(bytes: number, value: number): Buffer {
  return Buffer.from(value.toString(16).padStart(bytes * 2, "0"), "hex");
}

function leafHash({ key, sha256: value, size, metadata, expiration }: Leaf): Buffer {
  const [name, more] = [Buffer.from(key), Buffer.from(metadata ?? "")];
  return sha256(
    Uint8Array.of(0),
    bigEndian(4, name.byteLength),
    bigEndian(8, size),
    bigEndian(8, expiration ?? 0),
    Uint8Array.of(metadata === undefined ? 0 : 1),
    bigEndian(4, more.byteLength),
    name,
    Buffer.from(value, "hex"),
    more,
  );
}

function rootHash(leaves: readonly Leaf[]): string {
  const ranges: Buffer[] = [];
  let range: Buffer[] = [];
  for (const [i, leaf] of leaves.entries()) {
    range.push(leafHash(leaf));
    const isEnd = sha256(Buffer.from(leaf.key)).readUInt32BE(0) % 1024 === 0;
    if (!isEnd && i < leaves.length - 1) continue;
    ranges.push(sha256(Uint8Array.of(1), ...range));
    range = [];
  }
  return sha256(Uint8Array.of(2), ...ranges).toString("hex");
}

const leaf: fc.Arbitrary<Leaf> = fc.record({
  key: fc.oneof(fc.string({ unit: "grapheme", minLength: 1 }), fc.string({ minLength: 1 })).map((text) => text as Key),
  sha256: fc.uint8Array().map((bytes) => sha256Of(bytes)),
  size: fc.oneof(fc.nat(), fc.maxSafeNat()),
  metadata: fc.option(
    fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.integer({ min: 1000, max: 6000 }).map((n) => "é".repeat(n)),
    ),
    { nil: undefined },
  ),
  expiration: fc.option(
    fc.nat().map((at) => at as EpochSeconds),
    { nil: undefined },
  ),
});

function rootOf(leaves: readonly Leaf[]): string {
  const root = openRootHash();
  for (const each of leaves) expect(root.add(each)).toBe(endsRange(each.key));
  return root.digest();
}

describe("the content root", () => {
  it("hashes leaves and ranges as the format says", () => {
    fc.assert(
      fc.property(fc.array(leaf, { maxLength: 10 }), (leaves) => {
        expect(rootOf(leaves)).toBe(rootHash(leaves));
      }),
    );
  });

  it("ends ranges behind keys whose hash says so, however many leaves they have", () => {
    const leaves = Array.from({ length: 12_000 }, (_, i): Leaf => {
      const key = `k${i}` as Key;
      return { key, sha256: sha256Of(Buffer.from(key)), size: i, metadata: undefined, expiration: undefined };
    });
    expect(rootOf(leaves)).toBe(rootHash(leaves));
    const end = leaves.findIndex(({ key }) => endsRange(key)) + 1;
    expect(end).toBeGreaterThan(0);
    const next = leaves.slice(end).findIndex(({ key }) => endsRange(key)) + end + 1;
    const ranges = [hashRange(leaves.slice(0, end)), hashRange(leaves.slice(end, next))];
    expect(rootOfRanges(ranges)).toBe(rootHash(leaves.slice(0, next)));
  });
});
