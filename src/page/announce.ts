// What a screen reader says of itself: that a mapping came to stand otherwise. Politely, and of many only how many.

import type { DaemonStatus } from "./contract.ts";
import { shown } from "./texts.ts";
import { STATES } from "./words.ts";

const SAID_MAX = 3;
/** Worth to be said: not each time that it works for a moment. */
const SAID = new Set(["hold", "error", "incomplete", "in-step", "paused"]);

/** How each mapping stood when it was last worth to be said. */
const stood = new Map<string, string>();

/** `before` undefined: the page has just been opened, and shows it. */
export function announceChanges(before: DaemonStatus | undefined, now: DaemonStatus): void {
  const told: string[] = [];
  for (const { mapping, state } of now.mappings) {
    if (!SAID.has(state) || stood.get(mapping) === state) continue;
    if (before !== undefined) told.push(`${shown(mapping)}: ${STATES[state].word}`);
    stood.set(mapping, state);
  }
  if (told.length === 0) return;
  const text = told.length > SAID_MAX ? `${told.length} mappings stand otherwise` : told.join(". ");
  document.querySelector("#said")!.textContent = text;
}
