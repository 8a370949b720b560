// Durations, sizes, ratios and rates as people write them (`5m`, `1GiB`, `25%`, `1200/5m`), and back.
//
// Own code: the parsers on npm guess. `bytes.parse("25MiB")` is 25 and `ms("5")` is 5 ms, and a guess in a limit or an
// interval is a bug that shows itself months later. Here a number without a unit, an unknown unit or a fraction is a
// fault that says what was meant.

import type { ByteCount, DurationMs } from "./clock.ts";

export type Parsed<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "fault"; readonly message: string };

/** Longest first where it matters to `render`; names are as written in config files. */
const durationUnits: Readonly<Record<string, DurationMs>> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
};

const byteUnits: Readonly<Record<string, ByteCount>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** A whole number and one of `ms s m h d`, as in `500ms`, `60s`, `30d`; the value is in milliseconds. */
export function parseDuration(text: string): Parsed<DurationMs> {
  return parseQuantity(text, durationUnits, {
    noun: "duration",
    wanted: "a whole number and ms, s, m, h or d, as in 60s or 5m",
    example: (amount) => `${amount}s, ${amount}m, ${amount}h or ${amount}d`,
  });
}

/** A whole number and one of `B KB MB GB TB` (thousands) or `KiB MiB GiB TiB` (1,024s). */
export function parseByteCount(text: string): Parsed<ByteCount> {
  return parseQuantity(text, byteUnits, {
    noun: "size",
    wanted: "a whole number and B, KB, MB, GB, KiB, MiB or GiB, as in 100MB or 1GiB",
    example: (amount) => `${amount}B, ${amount}MB or ${amount}MiB`,
  });
}

/** `0%` to `100%`, fractions allowed; the value is from 0 to 1. */
export function parseRatio(text: string): Parsed<number> {
  const match = /^(\d{1,3}(?:\.\d+)?)(%?)$/.exec(text);
  if (match === null) return fault(`${quote(text)} is no percentage: write 0% to 100%, as in 25%`);
  if (match[2] === "") return fault(`${quote(text)} needs a percent sign: write ${text}%`);
  const value = Number(match[1]) / 100;
  return value <= 1 ? { kind: "value", value } : fault(`${quote(text)} is over 100%`);
}

export interface Rate {
  readonly requests: number;
  readonly windowMs: DurationMs;
}

/** A whole number of requests and the time they may be spent in, as in `1200/5m`. */
export function parseRate(text: string): Parsed<Rate> {
  const match = /^(\d+)\/(.+)$/.exec(text);
  const requests = Number(match?.[1]);
  if (match === null || !Number.isSafeInteger(requests) || requests < 1) {
    return fault(`${quote(text)} is no rate: write requests and a duration, as in 1200/5m`);
  }
  const window = parseDuration(match[2] ?? "");
  if (window.kind === "fault") return window;
  if (window.value === 0) return fault(`${quote(text)} is no rate: its duration is zero`);
  return { kind: "value", value: { requests, windowMs: window.value } };
}

/** In the two largest units that tell something: `0s`, `350ms`, `2.4s`, `1m 5s`, `3h 20m`, `30d`. */
export function renderDuration(duration: DurationMs): string {
  if (duration < 1000) return duration < 1 ? "0s" : `${Math.floor(duration)}ms`;
  if (duration < 10_000 && duration % 1000 >= 100) return `${Math.floor(duration / 100) / 10}s`;
  const wholeSeconds = duration - (duration % 1000);
  const parts: string[] = [];
  let rest = wholeSeconds;
  for (const unit of ["d", "h", "m", "s"]) {
    const size = durationUnits[unit] ?? 1;
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${amount}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

/** With at most one decimal, in units of 1,024: `0 B`, `999 B`, `1.5 KiB`, `25 MiB`. */
export function renderByteCount(count: ByteCount): string {
  let amount = count;
  let index = 0;
  while (amount >= 1023.95 && index < binaryUnits.length - 1) {
    amount /= 1024;
    index++;
  }
  return `${index === 0 ? amount : Math.round(amount * 10) / 10} ${binaryUnits[index]}`;
}

const binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

interface QuantityWords {
  readonly noun: string;
  readonly wanted: string;
  readonly example: (amount: string) => string;
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>, words: QuantityWords): Parsed<number> {
  const match = /^(\d+)([A-Za-z]*)$/.exec(text);
  if (match === null) return fault(`${quote(text)} is no ${words.noun}: write ${words.wanted}`);
  const [, amount = "", unit = ""] = match;
  if (unit === "") return fault(`${quote(text)} needs a unit: write ${words.example(amount)}`);
  const size = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (size === undefined) return fault(`${quote(text)} has an unknown unit: write ${words.wanted}`);
  const value = Number(amount) * size;
  return Number.isSafeInteger(value) ? { kind: "value", value } : fault(`${quote(text)} is too large`);
}

function fault(message: string): { readonly kind: "fault"; readonly message: string } {
  return { kind: "fault", message };
}

function quote(text: string): string {
  return JSON.stringify(text);
}
