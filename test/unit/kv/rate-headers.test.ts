import { describe, expect, it } from "vitest";
import { parseRateHeaders, parseRetryAfter } from "../../../src/kv/rate-headers.ts";

describe("rate limit headers", () => {
  it.each([
    ['"default";r=50;t=30', { left: 50, resetMs: 30_000 }],
    ['"default"; r=0; t=1', { left: 0, resetMs: 1000 }],
    ['"burst";r=9;t=5, "default";r=3;t=300', { left: 3, resetMs: 300_000 }],
    ['"default";r=x;t=30', undefined],
    ['"default";r=5', undefined],
    ["", undefined],
    [undefined, undefined],
  ])("%o leave %o", (ratelimit, remaining) => {
    expect(parseRateHeaders({ ratelimit }).remaining).toEqual(remaining);
  });

  it("announce policies", () => {
    const policies = parseRateHeaders({
      "ratelimit-policy": ['"burst";q=100;w=60', '"default";q=1200;w=300'],
    }).policies;
    expect(policies).toEqual([
      { quota: 100, windowMs: 60_000 },
      { quota: 1200, windowMs: 300_000 },
    ]);
    expect(parseRateHeaders({ "ratelimit-policy": "nonsense" }).policies).toEqual([]);
  });

  it.each([
    ["7", 7000],
    ["0", 0],
    ["Fri, 15 Jan 2027 08:00:10 GMT", 10_000],
    ["Fri, 15 Jan 2027 07:00:00 GMT", 0],
    ["soon", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("ask to retry after %o, in %o ms", (value, wait) => {
    expect(parseRetryAfter({ "retry-after": value, date: "Fri, 15 Jan 2027 08:00:00 GMT" })).toBe(wait);
  });

  it("that hold a date say nothing without the server's own time: ours may be set wrong", () => {
    expect(parseRetryAfter({ "retry-after": "Fri, 15 Jan 2027 08:00:10 GMT" })).toBeUndefined();
  });
});
