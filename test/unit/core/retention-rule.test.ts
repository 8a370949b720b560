import { describe, expect, it } from "vitest";
import { parseCalendarSpan, renderCalendarSpan } from "../../../src/core/calendar-span.ts";
import { parseRetentionRule, RETENTION_NAMES } from "../../../src/core/retention-rule.ts";

describe("a span of the calendar", () => {
  it.each(["2y5m7d3h", "1y", "6m", "30d", "12h", "1y1h"])("is %s", (text) => {
    const parsed = parseCalendarSpan(text);
    expect(parsed.kind === "value" ? renderCalendarSpan(parsed.value) : parsed.message).toBe(text);
  });

  it.each(["", "0d", "7", "d", "5m2y", "1d1d", "-1d", "1.5d", "1w", "7 d", "7D", "1d\n"])("is not %j", (text) => {
    expect(parseCalendarSpan(text)).toEqual({
      kind: "fault",
      message: `${JSON.stringify(text)} is no span of time: write years, months, days and hours, as in 2y5m7d3h or 30d`,
    });
  });
});

describe("a rule of retention", () => {
  const span = { years: 0, months: 0, days: 7, hours: 0 };
  it.each([
    ["keep-last", "3", { kind: "last", count: 3 }],
    ["keep-last", "unlimited", { kind: "last", count: Infinity }],
    ["keep-last", "0", undefined],
    ["keep-weekly", "4", { kind: "periods", period: "weekly", count: 4 }],
    ["keep-within", "7d", { kind: "within", span }],
    ["keep-within-hourly", "7d", { kind: "periods-within", period: "hourly", span }],
    ["keep-tag", "a,b", { kind: "tags", tags: ["a", "b"] }],
  ])("%s %s", (name, text, rule) => {
    expect(RETENTION_NAMES).toContain(name);
    expect(parseRetentionRule(name, text)).toEqual({ kind: "value", value: rule });
  });

  it.each([
    ["keep-last", "-1", '"-1" is no number of snapshots: write a whole number or unlimited'],
    ["keep-daily", "7d", '"7d" is no number of snapshots: write a whole number or unlimited'],
    ["keep-daily", "", '"" is no number of snapshots: write a whole number or unlimited'],
    ["keep-within", "7", '"7" is no span of time: write years, months, days and hours, as in 2y5m7d3h or 30d'],
    ["keep-tag", "a,", '"a," is no tag: write one, or several as in a,b'],
    ["keep-tag", "", '"" is no tag: write one, or several as in a,b'],
  ])("is not %s %j", (name, text, message) => {
    expect(parseRetentionRule(name, text)).toEqual({ kind: "fault", message });
  });
});
