import { describe, expect, it } from "vitest";
import { hrefOf, parseRoute } from "../../../src/page/route.ts";
import { distance, shown } from "../../../src/page/texts.ts";
import { localInput, momentOf } from "../../../src/page/time-input.ts";

describe("a name", () => {
  it.each([
    ["plain/key.txt", "plain/key.txt"],
    ["<script>alert(1)</script>", "<script>alert(1)</script>"],
    ["a\u0000b\nc\u001b[31m", "a\\x00b\\x0ac\\x1b[31m"],
    ["user\u202egnp.exe", "user\\u202egnp.exe"],
    ["a\u200fb\u200bc\ufeffd\u061ce", "a\\u200fb\\u200bc\\ufeffd\\u061ce"],
    ["שלום", "שלום"],
    ["👩‍🚀", "👩‍🚀"],
  ])("%j is shown as %j", (name, text) => {
    expect(shown(name)).toBe(text);
  });
});

describe("an age", () => {
  it.each([
    [0, "just now"],
    [-9999, "just now"],
    [5000, "in a moment"],
    [-10_000, "10s ago"],
    [-29_000, "20s ago"],
    [-61_000, "1m ago"],
    [-3_725_000, "1h ago"],
    [-4_000_000, "1h 5m ago"],
    [90_000, "in 1m"],
    [-200_000_000, "2d 7h ago"],
  ])("of %d ms is told as %j", (ms, text) => {
    expect(distance(ms)).toBe(text);
  });
});

describe("the address of a screen", () => {
  it("holds any name, and gives it back", () => {
    const query = { mapping: "app", key: "a b&c=d?#%/\u0000é👩", text: "" };
    expect(parseRoute(hrefOf("history", query))).toEqual({
      screen: "history",
      query: { mapping: query.mapping, key: query.key },
    });
  });

  it.each(["", "#", "#/nowhere", "#/__proto__", "#main"])("%j is that of the first screen", (hash) => {
    expect(parseRoute(hash).screen).toBe("mappings");
  });
});

describe("a moment that is typed", () => {
  const now = Date.parse("2026-11-29T12:00:00Z");

  it.each([
    ["-1h", now - 3_600_000],
    ["-7d", now - 7 * 86_400_000],
    ["2026-11-29T10:00:00.000Z", Date.parse("2026-11-29T10:00:00Z")],
    ["", undefined],
    ["soon", undefined],
  ])("%j is %j", (text, at) => {
    expect(momentOf(text, now)).toBe(at);
  });

  it("is what the input shows, in the time zone of the browser", () => {
    const shownThere = localInput("-1h", now);
    expect(shownThere).toMatch(/^2026-11-\d\dT\d\d:00$/);
    expect(momentOf(shownThere, now)).toBe(now - 3_600_000);
  });
});
