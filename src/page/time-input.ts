// Moments as one types and links them: the local date and time of an input, or a distance from now (`-1d`).

import type { EpochMs } from "../core/clock.ts";

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Epoch milliseconds; undefined: none is given, or it is no moment. */
export function momentOf(text: string | undefined, now: number): EpochMs | undefined {
  if (text === undefined || text === "") return undefined;
  const distance = /^-(\d{1,6})([mhd])$/.exec(text);
  if (distance !== null) return (now - Number(distance[1]) * (UNITS[distance[2] ?? ""] ?? 0)) as EpochMs;
  const at = new Date(text).getTime();
  return Number.isNaN(at) ? undefined : (at as EpochMs);
}

/** As an input of type datetime-local takes it: in the time zone of the browser. */
export function localInput(text: string | undefined, now: number): string {
  const at = momentOf(text, now);
  if (at === undefined) return "";
  const date = new Date(at);
  const local = new Date(at - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
