// When a backup runs next. Pure: of its schedule, of what is remembered of its runs, and of two clocks. What must be so many hours apart is
// measured by the clock that nobody sets; a time of the day is the wall's.
//
// - What was missed while nothing ran is made up for once.
// - A time of the day that a change to summer time leaves out comes when the clock has gone on; one that a change back shows twice
//   counts once.
// - A run that failed is tried again with growing waits, but never later than the next one is due. One that only lacks keys is tried
//   again a few times: they may be readable then.

import { backoffMs } from "../core/backoff.ts";
import type { DurationMs, EpochMs, MonotonicMs } from "../core/clock.ts";
import type { BackupSchedule } from "../config/config.ts";

export interface BackupTimes {
  /** When the last run began, or, of a backup that has not run, when it was first known. */
  readonly since: EpochMs;
  /** By the clock that nobody sets; undefined: in an earlier process. */
  readonly sinceMonotonic: MonotonicMs | undefined;
  readonly hasRun: boolean;
}

export interface ScheduleNow {
  readonly wall: EpochMs;
  readonly monotonic: MonotonicMs;
}

/** How long until the next run is due; not above 0: it has been for so long. `every` begins at once where it has never run; a time of the day is waited for. */
export function dueIn(
  schedule: BackupSchedule,
  { since, sinceMonotonic, hasRun }: BackupTimes,
  now: ScheduleNow,
  timeZone: string,
): DurationMs {
  if (schedule.kind === "every") {
    const passed = sinceMonotonic === undefined ? now.wall - since : now.monotonic - sinceMonotonic;
    // What happened in the future happened just now: a clock was wrong.
    return (hasRun ? schedule.everyMs : 0) - Math.max(0, passed);
  }
  const next = nextTimeOfDay(schedule.atMinutes, Math.min(since, now.wall) as EpochMs, timeZone);
  return next - now.wall;
}

const MINUTE_MS = 60_000;
/** Zones change their offsets at such times of the hour. */
const STRIDE_MINUTES = 15;

/** The first moment after `after` at which the wall clock of `timeZone` shows so many minutes since midnight, or more where it skips them. */
export function nextTimeOfDay(atMinutes: number, after: EpochMs, timeZone: string): EpochMs {
  const shownAt = openWallClock(timeZone);
  const start = Math.floor(after / MINUTE_MS);
  const now = shownAt(start);
  const today = withTime(now, atMinutes);
  const isOver = today <= now;
  let minute = start + STRIDE_MINUTES;
  // Tomorrow's, where today's is over: whatever the offsets do, a clock shows another date within two days.
  const isReached = (shown: string): boolean =>
    isOver
      ? shown.slice(0, DATE_CHARS) > today.slice(0, DATE_CHARS) && shown >= withTime(shown, atMinutes)
      : shown >= today;
  while (!isReached(shownAt(minute))) minute += STRIDE_MINUTES;
  while (minute > start + 1 && isReached(shownAt(minute - 1))) minute--;
  return (minute * MINUTE_MS) as EpochMs;
}

const DATE_CHARS = "2026-11-28".length;

/** The same day at another time. */
function withTime(shown: string, atMinutes: number): string {
  return `${shown.slice(0, DATE_CHARS)} ${digits(Math.floor(atMinutes / 60))}:${digits(atMinutes % 60)}`;
}

function digits(amount: number): string {
  return String(amount).padStart(2, "0");
}

/** `2026-11-28 03:00`, which is in the order of time but where the clock is set back. */
function openWallClock(timeZone: string): (minute: number) => string {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return (minute) => format.format(minute * MINUTE_MS);
}

const RETRY = { baseMs: 15_000, capMs: 1_800_000 };
/** So much of a wait may be chance: machines that failed together do not come back together, and none comes back at once. */
const RETRY_CHANCE = 0.2;
/** A key that was changed while it was read is read the next time; one that cannot be read is not worth a listing each half an hour. */
const INCOMPLETE_RETRIES_MAX = 3;

/** How long until a run that failed is tried again; undefined: not before the next one is due. `attempts`: failures in a row. */
export function retryIn(
  { attempts, isIncomplete }: { readonly attempts: number; readonly isIncomplete: boolean },
  random: number,
): DurationMs | undefined {
  if (isIncomplete && attempts > INCOMPLETE_RETRIES_MAX) return undefined;
  // In whole milliseconds: a rest that is too small to be added to a time would be waited for without end.
  return Math.round(backoffMs(attempts - 1, RETRY, 1 - RETRY_CHANCE * random));
}
