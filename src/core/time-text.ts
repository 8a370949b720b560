// Times as people type them: `2026-11-29`, `2026-11-29 18:30`, `2026-11-29T18:30:05Z`, or, where an age makes sense, `2h` ago.
//
// A time names all of the day, the minute or the second that it is written to: "until Sunday" has all of Sunday. Own code: `Date.parse`
// takes the 30th of February for the 2nd of March, and a day for midnight in Greenwich.

import type { EpochMs } from "./clock.ts";
import { parseDuration } from "./units.ts";

/** Both are part of it. */
export interface TimeSpan {
  readonly from: EpochMs;
  readonly until: EpochMs;
}

/** In local time, unless `text` names a zone. Undefined: it is no time. */
export function parseTime(text: string): TimeSpan | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, milli, zone] = match;
  const length = hour === undefined ? DAY_MS : second === undefined ? 60_000 : milli === undefined ? 1000 : 1;
  const date = `${year}-${month}-${day}`;
  const time = `${hour ?? "00"}:${minute ?? "00"}:${second ?? "00"}.${(milli ?? "0").padEnd(3, "0")}`;
  // The parser takes the 30th of February for the 2nd of March.
  if (new Date(`${date}T00:00:00Z`).getUTCDate() !== Number(day)) return undefined;
  const start = new Date(`${date}T${time}${zone ?? ""}`);
  const from = start.getTime();
  if (Number.isNaN(from)) return undefined;
  // A day has 23 or 25 hours where clocks are changed.
  const end = length === DAY_MS ? new Date(start).setDate(start.getDate() + 1) : from + length;
  return { from: from as EpochMs, until: (end - 1) as EpochMs };
}

/** As {@link parseTime}, or an age: `2h` is two hours before `now`. */
export function parseTimeOrAge(text: string, now: EpochMs): TimeSpan | undefined {
  const age = parseDuration(text);
  if (age.kind === "fault") return parseTime(text);
  const at = (now - age.value) as EpochMs;
  return { from: at, until: at };
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(Z|[+-]\d\d:\d\d)?)?$/;
const DAY_MS = 86_400_000;
