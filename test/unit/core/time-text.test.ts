import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import { parseTime, parseTimeOrAge } from "../../../src/core/time-text.ts";

const local = (...parts: [number, number, number, number?, number?, number?, number?]): number =>
  new Date(...parts).getTime();

describe("a time", () => {
  it.each([
    ["2026-11-01", local(2026, 10, 1), local(2026, 10, 2) - 1],
    ["2026-11-01 12:00", local(2026, 10, 1, 12), local(2026, 10, 1, 12, 1) - 1],
    ["2026-11-01T12:00:07", local(2026, 10, 1, 12, 0, 7), local(2026, 10, 1, 12, 0, 8) - 1],
    ["2026-11-01 12:00:07.25", local(2026, 10, 1, 12, 0, 7, 250), local(2026, 10, 1, 12, 0, 7, 250)],
    ["2026-11-01 12:00:07Z", Date.UTC(2026, 10, 1, 12, 0, 7), Date.UTC(2026, 10, 1, 12, 0, 8) - 1],
    ["2026-11-01T12:00-08:00", Date.UTC(2026, 10, 1, 20), Date.UTC(2026, 10, 1, 20, 1) - 1],
  ])("%s is all of what it names", (text, from, until) => expect(parseTime(text)).toEqual({ from, until }));

  it.each(["2026-02-30", "2026-13-01", "2026-11-01T24:30", "2026-11-01Z", "11/01/2026", "now", "2h", ""])(
    "is nothing like %j",
    (text) => expect(parseTime(text)).toBeUndefined(),
  );
});

describe("a time or an age", () => {
  const now = Date.UTC(2026, 10, 29, 6) as EpochMs;

  it.each([
    ["2h", now - 7_200_000],
    ["3d", now - 3 * 86_400_000],
    ["0s", now],
  ])("%s is so long ago", (text, at) => expect(parseTimeOrAge(text, now)).toEqual({ from: at, until: at }));

  it("is also a time", () => expect(parseTimeOrAge("2026-11-01", now)).toEqual(parseTime("2026-11-01")));

  it.each(["2 h", "h", "-2h", "2w"])("is nothing like %j", (text) => expect(parseTimeOrAge(text, now)).toBeUndefined());
});
