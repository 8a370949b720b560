// When two versions are the same, as tables: the comparison that every decision rests on.

import { describe, expect, it } from "vitest";
import { type Comparison, compareVersions, expiresTooSoon, isRecorded } from "../../../src/core/compare.ts";
import type { EpochMs, EpochSeconds } from "../../../src/core/clock.ts";
import type { BaseRow, Entry } from "../../../src/core/entry.ts";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import type { Key } from "../../../src/core/key.ts";

const key = "k" as Key;
const one = fingerprintOf(Buffer.from("one"));
const two = fingerprintOf(Buffer.from("two"));

const entry = (fields: Partial<Entry> = {}): Entry => ({
  key,
  fingerprint: one,
  metadata: undefined,
  expiration: undefined,
  ttlSeconds: undefined,
  size: 3,
  signature: undefined,
  binary: undefined,
  ...fields,
});
const at = (seconds: number): EpochSeconds => seconds as EpochSeconds;
const unread = { fingerprint: undefined } as const;

describe("two versions are", () => {
  it.each<[Comparison, string, Partial<Entry>, Partial<Entry>]>([
    ["same", "of one value", {}, {}],
    ["different", "of two values", {}, { fingerprint: two }],
    ["different", "of one value with other metadata", {}, { metadata: '{"a":1}' }],
    ["different", "of one value with metadata null and none", { metadata: "null" }, {}],
    ["different", "of one value with an expiration and without", { expiration: at(1000) }, {}],
    ["same", "of one value with expirations two seconds apart", { expiration: at(1000) }, { expiration: at(1002) }],
    [
      "different",
      "of one value with expirations three seconds apart",
      { expiration: at(1000) },
      { expiration: at(1003) },
    ],
    ["same", "a rule's time to live and an expiration", { ttlSeconds: 60 }, { expiration: at(1000) }],
    ["same", "two rules' times to live", { ttlSeconds: 60 }, { ttlSeconds: 90 }],
    ["different", "a rule's time to live and none", { ttlSeconds: 60 }, {}],
    ["unknown", "of one size, and one was not read", {}, unread],
    ["unknown", "not read, of unknown sizes", { ...unread, size: undefined }, { ...unread, size: undefined }],
    ["unknown", "not read, of one known size", { ...unread, size: undefined }, unread],
    ["different", "not read, of two sizes", unread, { size: 4 }],
    ["different", "not read, with other metadata", unread, { metadata: "1" }],
    ["same", "of one value, whatever sizes are told", { size: undefined }, { size: 3 }],
  ])("%s: %s", (expected, _, a, b) => {
    expect(compareVersions(entry(a), entry(b))).toBe(expected);
    expect(compareVersions(entry(b), entry(a))).toBe(expected);
  });
});

describe("the base says all that both sides do", () => {
  const signature = { size: 3, mtimeMs: 1_000_001, ctimeMs: 1_000_001, inode: 7 };
  const base: BaseRow = {
    key,
    fingerprint: one,
    metadata: undefined,
    expiration: undefined,
    size: 3,
    binary: undefined,
    signature,
    hashedAt: 2_000_000 as EpochMs,
    agreedAt: 2_000_000 as EpochMs,
    previous: undefined,
  };
  const file = entry({ signature });

  it.each<[boolean, string, Entry, Entry, BaseRow]>([
    [true, "of a file that is as it was when it was hashed", file, entry(), base],
    [true, "of a file at the destination", entry(), file, base],
    [true, "of two namespaces", entry(), entry(), { ...base, signature: undefined }],
    [false, "but for another value", entry({ signature, fingerprint: two }), entry(), base],
    [false, "but for a touched file", entry({ signature: { ...signature, mtimeMs: 1_000_002 } }), entry(), base],
    [false, "but has no signature of the file", file, entry(), { ...base, signature: undefined }],
    [
      false,
      "but hashed the file in the moment in which it changed",
      file,
      entry(),
      { ...base, hashedAt: 1_000_010 as EpochMs },
    ],
  ])("%s: %s", (expected, _, source, destination, row) => {
    expect(isRecorded(source, destination, row)).toBe(expected);
  });
});

describe("KV refuses an expiration", () => {
  it.each([
    [true, -1],
    [true, 0],
    [true, 59],
    [false, 60],
    [false, 61],
  ])("%s: %i seconds ahead", (expected, ahead) => {
    expect(expiresTooSoon(at(1_000_000 + ahead), at(1_000_000))).toBe(expected);
  });

  it("never where there is none", () => expect(expiresTooSoon(undefined, at(1))).toBe(false));
});
