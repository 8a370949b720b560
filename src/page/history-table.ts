// Lines of the history as a table: what was done to which key, when and why.

import { renderByteCount } from "../core/units.ts";
import type { HistoryEvent, HistoryLine } from "./contract.ts";
import { type Content, h, type Shape } from "./dom.ts";
import { cell, link, table, tableRow } from "./parts.ts";
import { hrefOf } from "./route.ts";
import { exactly, name, prose, type Tone } from "./words.ts";

const EVENTS: Readonly<Record<HistoryEvent, { readonly word: string; readonly tone: Tone }>> = {
  added: { word: "added", tone: "good" },
  changed: { word: "changed", tone: "busy" },
  removed: { word: "removed", tone: "bad" },
  conflict: { word: "conflict", tone: "warn" },
  resolved: { word: "conflict resolved", tone: "good" },
  restored: { word: "restored", tone: "good" },
  held: { word: "held", tone: "bad" },
  approved: { word: "approved", tone: "good" },
  discarded: { word: "discarded", tone: "warn" },
  lifted: { word: "hold lifted", tone: "good" },
  paused: { word: "paused", tone: "idle" },
  resumed: { word: "resumed", tone: "good" },
  failed: { word: "failed", tone: "bad" },
  "backed-up": { word: "backed up", tone: "good" },
  more: { word: "more", tone: "idle" },
};

export const EVENT_WORDS: readonly (readonly [HistoryEvent, string])[] = Object.entries(EVENTS).map(
  ([event, { word }]) => [event as HistoryEvent, word] as const,
);

export function historyTable(
  lines: readonly HistoryLine[],
  { withMapping }: { readonly withMapping: boolean },
): Content {
  if (lines.length === 0) return null;
  const columns = ["When", "What", ...(withMapping ? ["Mapping"] : []), "Key", "Side", "Why"];
  return table(
    "What was done, the newest first",
    columns,
    lines.map((line) => row(line, withMapping)),
  );
}

function row({ id, at, mapping, key, side, event, reason, bytes }: HistoryLine, withMapping: boolean): Shape {
  const { word, tone } = EVENTS[event] ?? { word: event, tone: "idle" };
  return tableRow(
    String(id),
    cell("when", exactly(at)),
    cell("what", h("span", { class: `event ${tone}` }, word)),
    ...(withMapping ? [cell("mapping", name(mapping))] : []),
    cell("key", key === undefined || key === null ? "" : link(hrefOf("history", { mapping, key }), name(key))),
    cell("side", side ?? ""),
    cell("why", prose(reason), bytes === undefined || bytes === null ? "" : `, ${renderByteCount(bytes)}`),
  );
}
