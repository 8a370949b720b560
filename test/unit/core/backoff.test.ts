import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffMs } from "../../../src/core/backoff.ts";

const options = { baseMs: 500, capMs: 30_000 };

describe("backoff", () => {
  it("doubles its bound with each retry, up to the cap", () => {
    const bounds = [0, 1, 2, 3, 10].map((retry) => backoffMs(retry, options, 1));
    expect(bounds).toEqual([500, 1000, 2000, 4000, 30_000]);
  });

  it("spreads over all of the time below its bound", () => {
    fc.assert(
      fc.property(fc.nat(40), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (retry, random) => {
        const wait = backoffMs(retry, options, random);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(Math.min(30_000, 500 * 2 ** retry));
        expect(wait).toBe(backoffMs(retry, options, 1) * random);
      }),
    );
  });
});
