import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePrefix, renderPrefix, renderRemote } from "../../../src/core/prefix.ts";

test.each([
  ["", ""],
  ["app", "app/"],
  ["app/", "app/"],
  ["app/eu", "app/eu/"],
  ["app*", "app"],
  ["app/*", "app/"],
  ["*", ""],
  ["a*b", "a*b/"],
  ["app**", "app*"],
  ["/", "/"],
])("%j stands for keys that begin with %j", (text, prefix) => expect(parsePrefix(text)).toBe(prefix));

test("what is shown is what may be typed", () => {
  fc.assert(fc.property(fc.string(), (prefix) => parsePrefix(renderPrefix(prefix)) === prefix));
  expect(renderRemote("prod", "ns", "eu")).toBe("prod:ns/eu*");
  expect(renderRemote("prod", "ns", "")).toBe("prod:ns");
});
