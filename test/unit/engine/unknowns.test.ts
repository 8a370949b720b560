// Which keys lie in a place of which a side could not tell what it holds.

import { expect, it } from "vitest";
import { Unknowns } from "../../../src/engine/unknowns.ts";
import type { Unknown } from "../../../src/replica/replica.ts";
import { keyOf } from "../../support/values.ts";

const KEYS = ["a", "b", "b/c", "c", "\ue000", "\u{1f600}"];

it.each<[string, Unknown, readonly string[]]>([
  ["a key", { key: keyOf("b") }, ["b"]],
  ["a prefix", { prefix: "b" }, ["b", "b/c"]],
  ["between two keys", { after: keyOf("a"), before: keyOf("c") }, ["b", "b/c"]],
  ["up to a key", { after: undefined, before: keyOf("b") }, ["a"]],
  ["behind a key, in the order of UTF-8", { after: keyOf("\ue000"), before: undefined }, ["\u{1f600}"]],
])("%s", (_, unknown, expected) => {
  const unknowns = new Unknowns();
  unknowns.add(unknown);
  expect(KEYS.filter((key) => unknowns.find(keyOf(key)) !== undefined)).toEqual(expected);
});
