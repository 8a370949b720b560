// Polling keeps to its share of the budget, whatever there is to poll.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pollStretch } from "../../../src/core/poll-interval.ts";

const minute = 60_000;
const cloudflare = { requests: 960, windowMs: 5 * minute, share: 0.5 };

describe("pollStretch", () => {
  it("leaves polls that fit as they are asked for", () => {
    expect(pollStretch([{ intervalMs: minute, requests: 1 }], cloudflare)).toBe(1);
    expect(pollStretch([], cloudflare)).toBe(1);
  });

  it("keeps a namespace of 1,000,000 keys to half of the budget", () => {
    // 1,000 requests a look, 480 allowed in five minutes.
    expect(pollStretch([{ intervalMs: minute, requests: 1000 }], cloudflare)).toBeCloseTo(5000 / 480);
  });

  it("never stretches where there is no limit", () => {
    const free = { requests: Number.POSITIVE_INFINITY, windowMs: minute, share: 0.5 };
    expect(pollStretch([{ intervalMs: 1000, requests: 100_000 }], free)).toBe(1);
  });

  it("keeps any number of namespaces to the share together", () => {
    const demand = fc.record({
      intervalMs: fc.integer({ min: 1000, max: 3_600_000 }),
      requests: fc.integer({ min: 1, max: 5000 }),
    });
    fc.assert(
      fc.property(fc.array(demand, { maxLength: 50 }), (demands) => {
        const factor = pollStretch(demands, cloudflare);
        const spent = demands.reduce(
          (sum, { intervalMs, requests }) => sum + (requests * cloudflare.windowMs) / (intervalMs * factor),
          0,
        );
        expect(factor).toBeGreaterThanOrEqual(1);
        expect(spent).toBeLessThanOrEqual(cloudflare.requests * cloudflare.share * 1.000_001);
      }),
    );
  });
});
