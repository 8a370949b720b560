// Rules: what they add to an entry, what they take off again, and that one is the inverse of the other.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EpochSeconds } from "../../../src/core/clock.ts";
import type { Entry } from "../../../src/core/entry.ts";
import type { Key } from "../../../src/core/key.ts";
import { applyRules, asPulled, type Rule, toPull, withoutRules } from "../../../src/core/rule.ts";

const entry = (fields: Partial<Entry> = {}): Entry => ({
  key: "a" as Key,
  fingerprint: undefined,
  metadata: undefined,
  expiration: undefined,
  ttlSeconds: undefined,
  size: undefined,
  signature: undefined,
  binary: undefined,
  ...fields,
});
const rule = (fields: Partial<Rule>): Rule => ({
  matches: () => true,
  ttlSeconds: undefined,
  metadata: undefined,
  ...fields,
});
const never = { matches: () => false };
const expiration = 2_000_000_000 as EpochSeconds;

describe("an entry gets", () => {
  it.each<[string, readonly Rule[], Partial<Entry>, Partial<Entry>]>([
    ["nothing from rules that do not match", [rule({ ...never, ttlSeconds: 60 })], {}, {}],
    ["metadata and a time to live", [rule({ ttlSeconds: 60, metadata: "1" })], {}, { ttlSeconds: 60, metadata: "1" }],
    [
      "each from the last rule that sets it",
      [rule({ ttlSeconds: 60, metadata: "1" }), rule({ metadata: "2" })],
      {},
      { ttlSeconds: 60, metadata: "2" },
    ],
    ["no metadata where it has its own", [rule({ metadata: "1" })], { metadata: "9" }, { metadata: "9" }],
    ["no time to live where it has an expiration", [rule({ ttlSeconds: 60 })], { expiration }, { expiration }],
    [
      "the one that it lacks",
      [rule({ ttlSeconds: 60, metadata: "1" })],
      { metadata: "9" },
      { ttlSeconds: 60, metadata: "9" },
    ],
  ])("%s", (_, rules, given, expected) => expect(applyRules(rules, entry(given))).toEqual(entry(expected)));
});

describe("what is left for a sidecar is", () => {
  it.each<[string, readonly Rule[], Partial<Entry>, Partial<Entry>]>([
    ["nothing of what the rules say", [rule({ ttlSeconds: 60, metadata: "1" })], { expiration, metadata: "1" }, {}],
    ["metadata that they would not give", [rule({ metadata: "1" })], { metadata: "2" }, { metadata: "2" }],
    ["an expiration that no rule gives", [rule({ metadata: "1" })], { expiration }, { expiration }],
    ["all, where no rule matches", [rule({ ...never, metadata: "1" })], { metadata: "1" }, { metadata: "1" }],
  ])("%s", (_, rules, given, expected) => expect(withoutRules(rules, entry(given))).toEqual(entry(expected)));
});

describe("in a pull", () => {
  const rules = [rule({ ttlSeconds: 60, metadata: "1" })];
  it.each<[string, Partial<Entry>, Partial<Entry>]>([
    ["a key without what the rules give is as its file is", {}, { metadata: "1" }],
    ["a key with it, too", { expiration, metadata: "1" }, { metadata: "1" }],
    ["a key with metadata of its own keeps that", { metadata: "9" }, { metadata: "9" }],
  ])("%s", (_, given, expected) => {
    const shown = toPull(rules, entry(given));
    expect(shown).toEqual(entry(expected));
    expect(asPulled(rules, withoutRules(rules, shown))).toEqual(shown);
  });
  it("a sidecar's own expiration shows, so that the pull takes it away", () => {
    expect(asPulled(rules, entry({ expiration }))).toEqual(entry({ expiration, metadata: "1" }));
  });
});

it("taken off and applied again, rules give the metadata that was there", () => {
  const text = fc.option(fc.constantFrom("1", "2", "3"), { nil: undefined });
  const rules = fc.array(
    fc.record({
      matches: fc.constantFrom(
        () => true,
        () => false,
      ),
      ttlSeconds: fc.option(fc.constantFrom(60, 90), { nil: undefined }),
      metadata: text,
    }),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(rules, fc.constantFrom("1", "2", "3"), (given, metadata) => {
      const there = entry({ metadata });
      expect(applyRules(given, withoutRules(given, there)).metadata).toBe(metadata);
    }),
  );
});
