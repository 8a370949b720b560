// When a backup is due: intervals and times of the day, over restarts, changes of summer time and clocks that jump; and what is tried again.

import { describe, expect, test } from "vitest";
import { dueIn, nextTimeOfDay, retryIn } from "../../../src/backups/backup-schedule.ts";
import type { EpochMs, MonotonicMs } from "../../../src/core/clock.ts";

const HOUR = 3_600_000;
const at = (text: string): EpochMs => Date.parse(text) as EpochMs;
const iso = (time: number): string => new Date(time).toISOString();

describe("a time of the day", () => {
  test.each<[string, string, string, number, string]>([
    ["later today", "UTC", "2026-11-28T01:00Z", 3 * 60, "2026-11-28T03:00:00.000Z"],
    ["tomorrow, when it is over", "UTC", "2026-11-28T03:00:01Z", 3 * 60, "2026-11-29T03:00:00.000Z"],
    ["tomorrow, in the very minute of it", "UTC", "2026-11-28T03:00:00Z", 3 * 60, "2026-11-29T03:00:00.000Z"],
    ["a minute later", "UTC", "2026-11-28T02:59:59Z", 3 * 60, "2026-11-28T03:00:00.000Z"],
    ["midnight", "UTC", "2026-12-31T12:00Z", 0, "2027-01-01T00:00:00.000Z"],
    ["in another time zone", "Asia/Kolkata", "2026-11-28T12:00Z", 3 * 60 + 5, "2026-11-28T21:35:00.000Z"],
    [
      "that summer time leaves out: when the clock has gone on",
      "Europe/Berlin",
      "2026-03-28T12:00Z",
      150,
      "2026-03-29T01:00:00.000Z",
    ],
    ["the day after that", "Europe/Berlin", "2026-03-29T01:00:05Z", 150, "2026-03-30T00:30:00.000Z"],
    ["that the clock shows twice: the first", "Europe/Berlin", "2026-10-24T12:00Z", 150, "2026-10-25T00:30:00.000Z"],
    ["and not the second", "Europe/Berlin", "2026-10-25T00:30:05Z", 150, "2026-10-26T01:30:00.000Z"],
    ["where summer time begins at midnight", "America/Santiago", "2026-09-05T12:00Z", 0, "2026-09-06T04:00:00.000Z"],
  ])("%s (%s)", (_, zone, after, minutes, expected) =>
    expect(iso(nextTimeOfDay(minutes, at(after), zone))).toBe(expected),
  );
});

describe("a backup is due", () => {
  const every = { kind: "every", everyMs: 6 * HOUR } as const;
  const daily = { kind: "daily", atMinutes: 180 } as const;
  const now = { wall: at("2026-11-28T12:00Z"), monotonic: (100 * HOUR) as MonotonicMs };
  const ran = (ago: number, monotonicAgo?: number) => ({
    since: (now.wall - ago) as EpochMs,
    sinceMonotonic: monotonicAgo === undefined ? undefined : ((now.monotonic - monotonicAgo) as MonotonicMs),
    hasRun: true,
  });

  test.each([
    ["every: at once where it has never run", every, { ...ran(0), hasRun: false }, 0],
    ["every: so long after the last run began", every, ran(HOUR, HOUR), 5 * HOUR],
    ["every: at once where it was missed while nothing ran", every, ran(50 * HOUR), -44 * HOUR],
    ["every: after a restart, what is left", every, ran(2 * HOUR), 4 * HOUR],
    ["every: whatever is done to the clock meanwhile", every, ran(-1000 * HOUR, HOUR), 5 * HOUR],
    ["every: a last run in the future was just now", every, ran(-1000 * HOUR), 6 * HOUR],
    ["at: where it has never run, at its time", daily, { ...ran(0), hasRun: false }, 15 * HOUR],
    ["at: at once where it was known by then, and never ran", daily, { ...ran(20 * HOUR), hasRun: false }, -9 * HOUR],
    ["at: at once where it was missed, however often", daily, ran(80 * HOUR), -57 * HOUR],
    ["at: the next day, where it has run", daily, ran(9 * HOUR - 5000), 15 * HOUR],
    ["at: a last run in the future keeps it from no later one", daily, ran(-1000 * HOUR), 15 * HOUR],
  ] as const)("%s", (_, schedule, times, expected) => expect(dueIn(schedule, times, now, "UTC")).toBe(expected));
});

describe("a run that failed is tried again", () => {
  test("after waits that grow, up to half an hour", () => {
    const waits = [1, 2, 5, 40].map((attempts) => retryIn({ attempts, isIncomplete: false }, 0) ?? 0);
    expect(waits.map((wait) => Math.round(wait / 1000))).toEqual([15, 30, 240, 1800]);
    expect(retryIn({ attempts: 1, isIncomplete: false }, 0.999999)).toBeCloseTo(12_000, 0);
  });
  test("a few times where it only lacks keys", () => {
    expect([1, 3, 4, 9].map((attempts) => retryIn({ attempts, isIncomplete: true }, 0))).toEqual([
      15_000,
      60_000,
      undefined,
      undefined,
    ]);
  });
});
