// Rules that say which snapshots are kept, as they are written behind `--keep-...` and in the config. A snapshot that any one
// rule keeps is kept. The names and what they mean are restic's.

import { type CalendarSpan, parseCalendarSpan } from "./calendar-span.ts";
import type { Parsed } from "./units.ts";

const RETENTION_PERIODS = ["hourly", "daily", "weekly", "monthly", "yearly"] as const;
export type RetentionPeriod = (typeof RETENTION_PERIODS)[number];

export type RetentionRule =
  /** The newest snapshots. `count` may be Infinity. */
  | { readonly kind: "last"; readonly count: number }
  /** The newest snapshot of each of the newest `count` periods that have one. `count` may be Infinity. */
  | { readonly kind: "periods"; readonly period: RetentionPeriod; readonly count: number }
  /** All snapshots made within `span` of the newest. */
  | { readonly kind: "within"; readonly span: CalendarSpan }
  /** Of these, the newest of each period. */
  | { readonly kind: "periods-within"; readonly period: RetentionPeriod; readonly span: CalendarSpan }
  /** Snapshots that have all of these tags. */
  | { readonly kind: "tags"; readonly tags: readonly string[] };

/** The names of the rules, as they are written: `keep-last`, `keep-daily`, `keep-within`, `keep-within-daily`, `keep-tag`. */
export const RETENTION_NAMES: readonly string[] = [
  "keep-last",
  ...RETENTION_PERIODS.map((period) => `keep-${period}`),
  "keep-within",
  ...RETENTION_PERIODS.map((period) => `keep-within-${period}`),
  "keep-tag",
];

/** One rule of its name and what is written behind it. Undefined for a count of 0, which keeps nothing. */
export function parseRetentionRule(name: string, text: string): Parsed<RetentionRule | undefined> {
  if (name === "keep-tag") return parseTags(text);
  const [, isWithin, named] = /^keep-(within)?-?(\w*)$/.exec(name) ?? [];
  const period = RETENTION_PERIODS.find((each) => each === named);
  if (isWithin !== undefined) {
    const span = parseCalendarSpan(text);
    if (span.kind === "fault") return span;
    const rule = { span: span.value };
    return {
      kind: "value",
      value: period === undefined ? { kind: "within", ...rule } : { kind: "periods-within", period, ...rule },
    };
  }
  if (!/^\d{1,9}$|^unlimited$/.test(text))
    return {
      kind: "fault",
      message: `${JSON.stringify(text)} is no number of snapshots: write a whole number or unlimited`,
    };
  const count = text === "unlimited" ? Infinity : Number(text);
  if (count === 0) return { kind: "value", value: undefined };
  return { kind: "value", value: period === undefined ? { kind: "last", count } : { kind: "periods", period, count } };
}

/** Tags with commas between: a snapshot must have all of them. */
function parseTags(text: string): Parsed<RetentionRule> {
  const tags = text.split(",");
  if (tags.includes(""))
    return { kind: "fault", message: `${JSON.stringify(text)} is no tag: write one, or several as in a,b` };
  return { kind: "value", value: { kind: "tags", tags } };
}
