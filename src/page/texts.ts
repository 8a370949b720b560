// What is written of names and moments: pure. A name may hold anything, and what a person cannot see must not pass for something else.

import { visible } from "../core/errors.ts";
import { renderDuration } from "../core/units.ts";

// Marks of direction, and characters without a width, which the rule of the command line leaves alone: a terminal shows them as they come.
// oxlint-disable-next-line no-misleading-character-class -- each of them is looked for by itself
const HIDDEN = /[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200c\u200e\u200f\u2060-\u2064\u3164\ufeff\ufff9-\ufffb]/g;

/** `text` with control characters, marks of direction and what has no width made visible. */
export function shown(text: string): string {
  return visible(text).replace(HIDDEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** In the time zone of the browser: `2026-11-29 07:05:00`. */
export function localTime(at: number): string {
  const date = new Date(at);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** `just now`, `20s ago`, `3m ago`, `in 1h 5m`: in steps that do not flicker. */
export function distance(ms: number): string {
  const length = Math.abs(ms);
  if (length < 10_000) return ms > 1000 ? "in a moment" : "just now";
  const step = length < 60_000 ? 10_000 : length < 3_600_000 ? 60_000 : 300_000;
  const text = renderDuration(Math.floor(length / step) * step);
  return ms > 0 ? `in ${text}` : `${text} ago`;
}
