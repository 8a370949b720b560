// Two values side by side, or below each other where there is no room. What is alike is shown around what differs only.

import { counted } from "../core/counted.ts";
import { type Content, h, type Shape } from "./dom.ts";
import type { DiffLine, DiffRow, ValueDiff } from "./value-diff.ts";
import { NO_LINE_END } from "./value-diff.ts";
import { shown } from "./texts.ts";

const CONTEXT_LINES = 3;
/** A line that is longer than a screen is cut, around where it differs. */
const LINE_CHARS_MAX = 2000;

export interface DiffView {
  draw(diff: ValueDiff, redraw: () => void): Content;
}

export function openDiffView(): DiffView {
  /** Runs of like lines that one wants to see, by where they begin. */
  const open = new Set<number>();
  return {
    draw(diff, redraw) {
      const rows: Shape[] = [];
      for (const { start, end } of runsOf(diff.rows)) {
        const run = diff.rows.slice(start, end);
        const isFolded = run[0]?.kind === "same" && !open.has(start);
        const before = start === 0 ? 0 : CONTEXT_LINES;
        const after = end === diff.rows.length ? 0 : CONTEXT_LINES;
        const hidden = run.length - before - after;
        if (!isFolded || hidden < 2) {
          rows.push(...run.map((row, i) => drawRow(row, start + i)));
          continue;
        }
        rows.push(...run.slice(0, before).map((row, i) => drawRow(row, start + i)));
        const show = (): void => {
          open.add(start);
          redraw();
        };
        rows.push(fold(start, hidden, show));
        rows.push(...run.slice(run.length - after).map((row, i) => drawRow(row, end - after + i)));
      }
      return [
        diff.limit === undefined ? null : h("p", { class: "note warn" }, `Not all of it: ${diff.limit}.`),
        h(
          "table",
          { class: `diff${diff.isBinary ? " binary" : ""}` },
          h("caption", { class: "visually-hidden" }, "Both versions, line by line"),
          h(
            "colgroup",
            null,
            ["number", "line", "number", "line"].map((column) => h("col", { class: column })),
          ),
          h(
            "thead",
            null,
            h(
              "tr",
              null,
              h("th", { scope: "col", colspan: 2 }, "Local"),
              h("th", { scope: "col", colspan: 2 }, "Remote"),
            ),
          ),
          h("tbody", null, rows),
        ),
      ];
    },
  };
}

/** Rows that are all alike, or all not. */
function runsOf(rows: readonly DiffRow[]): readonly { readonly start: number; readonly end: number }[] {
  const runs: { start: number; end: number }[] = [];
  rows.forEach(({ kind }, i) => {
    const last = runs.at(-1);
    if (last !== undefined && (rows[i - 1]?.kind === "same") === (kind === "same")) last.end = i + 1;
    else runs.push({ start: i, end: i + 1 });
  });
  return runs;
}

function fold(start: number, hidden: number, show: () => void): Shape {
  return h(
    "tr",
    { key: `fold ${start}`, class: "fold" },
    h(
      "td",
      { colspan: 4 },
      h(
        "button",
        { type: "button", on: { click: show } },
        `Show ${counted(hidden, "line that is alike", "lines that are alike")}`,
      ),
    ),
  );
}

function drawRow({ kind, local, remote }: DiffRow, i: number): Shape {
  return h("tr", { key: String(i), class: kind }, cells(local, "local", kind), cells(remote, "remote", kind));
}

const MARKS = { local: "−", remote: "+" } as const;

function cells(line: DiffLine | undefined, side: "local" | "remote", kind: DiffRow["kind"]): Content {
  if (line === undefined) return [h("td", { class: `number ${side}` }), h("td", { class: `line none ${side}` })];
  const mark = kind === "same" ? "" : MARKS[side];
  return [
    h("td", { class: `number ${side}` }, line.number),
    h(
      "td",
      { class: `line ${side}` },
      mark === "" ? null : h("span", { class: "mark" }, mark, h("span", { class: "visually-hidden" }, ` ${side}: `)),
      lineText(line),
    ),
  ];
}

function lineText({ text, differs }: DiffLine): Content {
  const whole = text.endsWith(NO_LINE_END) ? text.slice(0, -1) : text;
  const end = whole === text ? null : h("span", { class: "quiet" }, " (no end of line)");
  const from = Math.max(0, Math.min((differs?.from ?? 0) - LINE_CHARS_MAX / 2, whole.length - LINE_CHARS_MAX));
  const to = from + LINE_CHARS_MAX;
  const part = (a: number, b: number): string => visibleLine(whole.slice(Math.max(a, from), Math.min(b, to)));
  const spans: Content =
    differs === undefined
      ? part(0, whole.length)
      : [
          part(0, differs.from),
          differs.to > differs.from ? h("mark", null, part(differs.from, differs.to)) : null,
          part(differs.to, whole.length),
        ];
  return h("bdi", { dir: "ltr" }, from > 0 ? "… " : null, spans, to < whole.length ? " …" : null, end);
}

/** Tabs stay tabs: a text has them. */
function visibleLine(text: string): string {
  return text.split("\t").map(shown).join("\t");
}
