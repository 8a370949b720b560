// In which hour, day, week, month and year of a time zone a moment lies, as texts to be compared.

import type { EpochMs } from "../../core/clock.ts";
import type { RetentionPeriod } from "../../core/retention-rule.ts";

export type PeriodOf = (period: RetentionPeriod, time: EpochMs) => string;

/** `timeZone` is a name such as UTC or Europe/Berlin. Weeks are those of ISO 8601, from Monday. */
export function openCalendar(timeZone: string): PeriodOf {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "iso8601",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    hourCycle: "h23",
    // The hour that comes twice when summer time ends is two hours.
    timeZoneName: "longOffset",
  });
  return (period, time) => {
    const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, value]));
    const { year = "", month = "", day = "", hour = "", timeZoneName = "" } = parts;
    switch (period) {
      case "hourly":
        return `${year}-${month}-${day}T${hour} ${timeZoneName}`;
      case "daily":
        return `${year}-${month}-${day}`;
      case "weekly":
        return weekOf(Number(year), Number(month), Number(day));
      case "monthly":
        return `${year}-${month}`;
      case "yearly":
        return year;
    }
  };
}

/** Weeks are counted from one that began on Monday, 1969-12-29: no week is cut where a year ends. */
function weekOf(year: number, month: number, day: number): string {
  const days = Date.UTC(year, month - 1, day) / 86_400_000;
  return `week ${Math.floor((days + 3) / 7)}`;
}
