// Globs over account ids and titles: the whole text, and no surprises.

import { expect, it } from "vitest";
import { compileGlob } from "../../../../src/server/access/glob.ts";

it.each([
  ["*", "", true],
  ["*", "any/thing", true],
  ["app", "app", true],
  ["app", "app2", false],
  ["app", "prod/app", false],
  ["app-*", "app-", true],
  ["app-*", "app-a/b", true],
  ["app-*", "xapp-a", false],
  ["*-prod", "app-prod", true],
  ["*-prod", "app-prod2", false],
  ["a*b*c", "a-b-b-c", true],
  ["a*b*c", "a-c-b", false],
  ["a?c", "a😀c", true],
  ["a?c", "ac", false],
  ["a[b]", "ab", false],
  ["a[b]", "a[b]", true],
  ["!app", "other", false],
  ["App", "app", false],
] as const)("%s and %j: %s", (glob, text, expected) => {
  expect(compileGlob(glob)(text)).toBe(expected);
});

it("takes no long time, whatever it is", () => {
  expect(compileGlob(`${"*a".repeat(200)}b`)("a".repeat(512))).toBe(false);
});
