import { expect, test } from "vitest";
import { fileNameOfTitle } from "../../../../src/cli/round/title-path.ts";

test.each([
  ["app-config", "app-config"],
  ["a/b", "a%2Fb"],
  ["a%2Fb", "a%252Fb"],
  [".", "%2E"],
  ["..", "%2E."],
  [".git", "%2Egit"],
  ["a.b", "a.b"],
  ["größe 🎉", "größe 🎉"],
  ["a\0b", "a%00b"],
])("the title %j is the name %j", (title, name) => expect(fileNameOfTitle(title)).toBe(name));

test("a title that is too long for a name is refused, with its extension counted", () => {
  expect(fileNameOfTitle("x".repeat(250))).toHaveLength(250);
  expect(() => fileNameOfTitle("x".repeat(250), ".json")).toThrow("cannot be the name of a file");
  expect(() => fileNameOfTitle("ü".repeat(126))).toThrow("cannot be the name of a file");
});
