// What people read: names made safe to look at, ages, sizes, and the words for states. A name or a text of somebody else only gets onto the
// page through `name`.

import { isoTime } from "../core/iso-time.ts";
import { daemonNow } from "./clock.ts";
import type { MappingStatus } from "./contract.ts";
import { type Content, h, type Shape } from "./dom.ts";
import { distance, localTime, shown } from "./texts.ts";

/** A name of somebody else: it wraps, and its direction does not reach beyond it. */
export function name(text: string, className = "name"): Shape {
  return h("bdi", { class: className, dir: "ltr" }, text === "" ? "(empty)" : shown(text));
}

/** A text of the program about somebody's names: the same, as prose. */
export function prose(text: string): Shape {
  return name(text, "prose");
}

/** A moment as its distance from now, which goes on as time does: see {@link tellTimes}. */
export function when(at: number): Shape {
  return h("time", { datetime: isoTime(at), title: isoTime(at), "data-at": at });
}

/** A moment as it is, without its distance from now. */
export function exactly(at: number): Shape {
  return h("time", { datetime: isoTime(at), title: isoTime(at) }, localTime(at));
}

/** Writes the distance from now into each moment on the page. */
export function tellTimes(root: ParentNode): void {
  const now = daemonNow();
  for (const element of root.querySelectorAll("time[data-at]")) {
    const text = distance(Number(element.getAttribute("data-at")) - now);
    if (element.textContent !== text) element.textContent = text;
  }
}

export type Tone = "good" | "busy" | "warn" | "bad" | "idle";

interface StateWord {
  readonly word: string;
  readonly mark: string;
  readonly tone: Tone;
}

export const STATES: Readonly<Record<MappingStatus["state"], StateWord>> = {
  starting: { word: "starting", mark: "…", tone: "busy" },
  "in-step": { word: "in step", mark: "✓", tone: "good" },
  working: { word: "working", mark: "↻", tone: "busy" },
  waiting: { word: "waiting for the budget", mark: "…", tone: "warn" },
  behind: { word: "behind", mark: "…", tone: "warn" },
  incomplete: { word: "in step, but for some", mark: "!", tone: "warn" },
  hold: { word: "on hold", mark: "◆", tone: "bad" },
  error: { word: "failing", mark: "✕", tone: "bad" },
  paused: { word: "paused", mark: "‖", tone: "idle" },
  stopped: { word: "not running", mark: "■", tone: "idle" },
};

export function badge({ word, mark, tone }: StateWord): Shape {
  return h("span", { class: `badge ${tone}` }, h("span", { class: "mark", "aria-hidden": "true" }, mark), word);
}

export const ARROWS = { push: "→", pull: "←", "two-way": "⇄" } as const;
export const MODES = { push: "push", pull: "pull", "two-way": "two-way" } as const;

/** `a, b and c`, of contents. */
export function listed(parts: readonly Content[], separator = ", "): Content {
  return parts.map((part, i) => (i === 0 ? part : [separator, part]));
}
