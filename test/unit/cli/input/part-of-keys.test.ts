import { describe, expect, test } from "vitest";
import { parsePart } from "../../../../src/cli/input/part-of-keys.ts";
import type { Key } from "../../../../src/core/key.ts";

const KEYS = Array.from({ length: 10_000 }, (_, index) => `k/${index}` as Key);
const sampleOf = (sample: string, seed?: string): readonly Key[] => {
  const { isManaged } = parsePart({ sample, ...(seed !== undefined && { seed }) })!;
  return KEYS.filter((key) => isManaged!(key));
};

test("a sample has about its share of the keys, the same each time, and a larger one has all of a smaller one", () => {
  const keys = sampleOf("5%");
  expect(keys.length).toBeGreaterThan(400);
  expect(keys.length).toBeLessThan(600);
  expect(sampleOf("5%")).toEqual(keys);
  expect(sampleOf("5%", "1")).toEqual(keys);
  expect(sampleOf("5%", "2")).not.toEqual(keys);
  const more = new Set(sampleOf("20%"));
  expect(keys.every((key) => more.has(key))).toBe(true);
  expect(sampleOf("100%")).toHaveLength(KEYS.length);
});

test.each([
  [{}, undefined],
  [{ limit: "100" }, { keysMax: 100, words: ["--limit", "100"], said: "only the first 100 keys" }],
  [{ limit: "1" }, { keysMax: 1, said: "only the first key" }],
  [
    { sample: "5%" },
    { keysMax: undefined, words: ["--sample", "5%"], said: "only a sample of 5% of the keys, with the seed 1" },
  ],
  [
    { limit: "9", sample: "0.5%", seed: "a b" },
    {
      keysMax: 9,
      words: ["--limit", "9", "--sample", "0.5%", "--seed", "'a b'"],
      said: "only the first 9 keys of a sample of 0.5% of the keys, with the seed a b",
    },
  ],
])("%j", (options, part) => {
  if (part === undefined) expect(parsePart(options)).toBeUndefined();
  else expect(parsePart(options)).toMatchObject(part);
});

describe("is refused", () => {
  test.each([
    [{ limit: "0" }, '--limit: "0" is no number of keys'],
    [{ limit: "-1" }, "is no number of keys"],
    [{ limit: "1k" }, "is no number of keys"],
    [{ limit: "99999999999999999999" }, "is no number of keys"],
    [{ sample: "0%" }, "0% of the keys are none"],
    [{ sample: "5" }, '--sample: "5" needs a percent sign'],
    [{ sample: "101%" }, "is over 100%"],
    [{ seed: "x" }, "--seed is of a sample, and there is none"],
    [{ limit: "5", seed: "x" }, "--seed is of a sample"],
  ])("%j", (options, message) => expect(() => parsePart(options)).toThrow(message));
});
