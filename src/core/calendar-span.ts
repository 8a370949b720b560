// Spans of the calendar as retention rules write them, `2y5m7d3h`, and the moment that lies one before another.
//
// Own code: a DurationMs has no months. The letters are restic's, where m is a month; in other durations of kvsync m is a minute.

import type { EpochMs } from "./clock.ts";
import type { Parsed } from "./units.ts";

export interface CalendarSpan {
  readonly years: number;
  readonly months: number;
  readonly days: number;
  readonly hours: number;
}

/** Whole numbers with y, m, d or h, the larger unit first, each at most once: `2y5m7d3h`, `30d`. */
export function parseCalendarSpan(text: string): Parsed<CalendarSpan> {
  const match = /^(?:(\d{1,4})y)?(?:(\d{1,5})m)?(?:(\d{1,6})d)?(?:(\d{1,7})h)?$/.exec(text);
  const digits: readonly (string | undefined)[] = match?.slice(1) ?? [];
  const [years = 0, months = 0, days = 0, hours = 0] = digits.map((amount) => Number(amount ?? 0));
  if (match === null || years + months + days + hours === 0) {
    const message = `${JSON.stringify(text)} is no span of time: write years, months, days and hours, as in 2y5m7d3h or 30d`;
    return { kind: "fault", message };
  }
  return { kind: "value", value: { years, months, days, hours } };
}

export function renderCalendarSpan({ years, months, days, hours }: CalendarSpan): string {
  const parts = [
    [years, "y"],
    [months, "m"],
    [days, "d"],
    [hours, "h"],
  ] as const;
  return parts.map(([amount, unit]) => (amount === 0 ? "" : `${amount}${unit}`)).join("");
}

/** The moment a span before `end`, by the calendar of UTC. A month before the 31st of March is the last day of February. */
export function spanBefore({ years, months, days, hours }: CalendarSpan, end: EpochMs): EpochMs {
  const date = new Date(end);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() - months - 12 * years);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return (date.getTime() - (days * 24 + hours) * 3_600_000) as EpochMs;
}
