import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MonotonicMs } from "../../../src/core/clock.ts";
import {
  blockTokens,
  observePolicies,
  observeRemaining,
  openRequestWindow,
  outlookMs,
  recentTokens,
  returnToken,
  settleToken,
  takeToken,
  type RequestWindow,
  waitMs,
} from "../../../src/core/request-window.ts";

const at = (ms: number): MonotonicMs => (1_000_000 + ms) as MonotonicMs;
const WINDOW = 300_000;

/** Sends and answers `count` requests at `ms`. */
function spend(window: RequestWindow, count: number, ms: number): void {
  for (let i = 0; i < count; i++) {
    expect(waitMs(window, at(ms))).toBe(0);
    takeToken(window);
    settleToken(window, at(ms));
  }
}

describe("the token window", () => {
  it("allows the whole budget at once, and nothing more until the window is over", () => {
    const window = openRequestWindow([{ quota: 1200, windowMs: WINDOW }]);
    spend(window, 1200, 0);
    expect(waitMs(window, at(0))).toBe(WINDOW);
    expect(waitMs(window, at(100_000))).toBe(200_000);
    spend(window, 1200, WINDOW);
  });

  it("waits for an answer while all of the budget is in flight", () => {
    const window = openRequestWindow([{ quota: 2, windowMs: WINDOW }]);
    takeToken(window);
    takeToken(window);
    expect(waitMs(window, at(0))).toBe(Number.POSITIVE_INFINITY);
    settleToken(window, at(50));
    expect(waitMs(window, at(50))).toBe(WINDOW);
    returnToken(window);
    expect(waitMs(window, at(50))).toBe(0);
  });

  it("never lets the server see more than the quota in any window, wherever it counts a request", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.tuple(fc.nat(40), fc.nat(30), fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 120 }),
        (quota, windowMs, steps) => {
          const window = openRequestWindow([{ quota, windowMs }]);
          const seen: number[] = [];
          const inFlight: number[] = [];
          let now = 0;
          const settleUntil = (until: number): void => {
            for (const due of inFlight.splice(0).sort((a, b) => a - b)) {
              if (due <= until) settleToken(window, at(due));
              else inFlight.push(due);
            }
          };
          for (const [pause, latency, where] of steps) {
            now += pause;
            settleUntil(now);
            const wait = waitMs(window, at(now));
            if (wait > 0) continue;
            takeToken(window);
            inFlight.push(now + latency);
            seen.push(now + latency * where);
          }
          seen.sort((a, b) => a - b);
          for (let i = quota; i < seen.length; i++)
            expect(seen[i]! - seen[i - quota]!).toBeGreaterThanOrEqual(windowMs - 1e-6);
        },
      ),
    );
  });

  it("holds to several policies at once", () => {
    const window = openRequestWindow([
      { quota: 1200, windowMs: WINDOW },
      { quota: 10, windowMs: 1000 },
    ]);
    spend(window, 10, 0);
    expect(waitMs(window, at(0))).toBe(1000);
    spend(window, 10, 1000);
  });

  it("keeps a reserve for those more urgent, but always lets one through", () => {
    const window = openRequestWindow([{ quota: 100, windowMs: WINDOW }]);
    spend(window, 80, 0);
    expect(waitMs(window, at(0), 0.2)).toBe(WINDOW);
    expect(waitMs(window, at(0))).toBe(0);
    expect(waitMs(openRequestWindow([{ quota: 1, windowMs: WINDOW }]), at(0), 0.9)).toBe(0);
  });

  it("stops when the server says so", () => {
    const window = openRequestWindow([{ quota: 1200, windowMs: WINDOW }]);
    blockTokens(window, at(0), 7000);
    expect(waitMs(window, at(1000))).toBe(6000);
    expect(waitMs(window, at(7000))).toBe(0);
  });

  it("believes the server's count of what is left, less what is in flight", () => {
    const window = openRequestWindow([{ quota: 1200, windowMs: WINDOW }]);
    takeToken(window);
    observeRemaining(window, at(0), 2, 30_000);
    expect(waitMs(window, at(0))).toBe(0);
    takeToken(window);
    expect(waitMs(window, at(0))).toBe(30_000);
    // An older answer of the same window does not raise it again; a new window does.
    observeRemaining(window, at(100), 50, 30_000);
    expect(waitMs(window, at(100))).toBeGreaterThan(0);
    observeRemaining(window, at(30_000), 50, 60_000);
    expect(waitMs(window, at(30_000))).toBe(0);
  });

  it("holds to policies that the server announces, which replace those it announced before", () => {
    const window = openRequestWindow([{ quota: 5, windowMs: WINDOW }]);
    observePolicies(window, [{ quota: 2, windowMs: 60_000 }]);
    spend(window, 2, 0);
    expect(waitMs(window, at(0))).toBe(60_000);
    observePolicies(window, [{ quota: 10, windowMs: 60_000 }]);
    spend(window, 3, 1);
    expect(waitMs(window, at(1))).toBe(WINDOW - 1);
  });

  it("ignores policies that are none", () => {
    const window = openRequestWindow([{ quota: 5, windowMs: WINDOW }]);
    observePolicies(window, [
      { quota: 0, windowMs: 60_000 },
      { quota: 1e9, windowMs: 60_000 },
      { quota: 3, windowMs: 0 },
    ]);
    spend(window, 5, 0);
  });

  it("goes on where another process stopped", () => {
    const before = openRequestWindow([{ quota: 3, windowMs: WINDOW }]);
    spend(before, 2, 0);
    takeToken(before);
    const after = openRequestWindow([{ quota: 3, windowMs: WINDOW }], recentTokens(before, at(1000)));
    expect(waitMs(after, at(1000))).toBe(WINDOW - 1000);
    expect(recentTokens(before, at(WINDOW + 1))).toHaveLength(1);
  });

  it("does not believe a server that asks for days", () => {
    const window = openRequestWindow([{ quota: 100, windowMs: WINDOW }]);
    spend(window, 1, 0);
    observeRemaining(window, at(0), 0, 1e12);
    observePolicies(window, [{ quota: 1, windowMs: 1e12 }]);
    expect(waitMs(window, at(0))).toBeLessThanOrEqual(900_000);
  });

  it("allows everything without policies", () => {
    const window = openRequestWindow([]);
    spend(window, 5000, 0);
  });

  it("knows when the last of many requests will have been sent", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 100, max: 200 }),
        fc.array(fc.nat(150), { maxLength: 20 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 0, max: 8 }),
        fc.nat(50),
        (quota, windowMs, sent, requests, paceMs, blockedMs) => {
          const window = openRequestWindow([{ quota, windowMs }]);
          let now = 0;
          for (const moment of sent.sort((a, b) => a - b)) {
            now = Math.max(now, moment);
            now += waitMs(window, at(now));
            takeToken(window);
            settleToken(window, at(now));
          }
          blockTokens(window, at(now), blockedMs);
          const said = outlookMs(window, at(now), requests, paceMs);
          const asked = now;
          for (let i = 0; i < requests; i++) {
            if (i > 0) now += paceMs;
            now += waitMs(window, at(now));
            takeToken(window);
            settleToken(window, at(now));
          }
          expect(Math.abs(said - (now - asked))).toBeLessThanOrEqual(quota * paceMs);
          if (paceMs === 0) expect(said).toBe(now - asked);
        },
      ),
    );
  });

  it("reckons with what the server said is left", () => {
    const window = openRequestWindow([{ quota: 100, windowMs: WINDOW }]);
    observeRemaining(window, at(0), 10, 30_000);
    expect(outlookMs(window, at(1000), 10, 0)).toBe(0);
    expect(outlookMs(window, at(1000), 11, 0)).toBe(29_000);
  });
});
