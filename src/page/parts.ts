// The small parts that screens are made of: buttons, notes, gauges, lists of facts.

import { count } from "../core/counted.ts";
import type { App, Notice } from "./app.ts";
import type { Loaded } from "./loaded.ts";
import { type Content, h, type Props, type Shape } from "./dom.ts";
import { prose } from "./words.ts";

export interface ButtonOptions {
  /** What is under way while it is pressed: see {@link App.busy}. */
  readonly name?: string;
  readonly label: string;
  /** What it says while that is so. */
  readonly busyLabel?: string;
  /** To what, for those who hear it out of its place. */
  readonly about?: string;
  readonly kind?: "plain" | "main" | "danger";
  readonly press: () => void;
}

/** It keeps the focus while it is busy, which a disabled button would lose. */
export function button(app: App, { name, label, busyLabel, about, kind = "plain", press }: ButtonOptions): Shape {
  const isBusy = name !== undefined && app.busy.has(name);
  const text = isBusy ? (busyLabel ?? label) : label;
  return h(
    "button",
    {
      type: "button",
      class: kind,
      "aria-label": about === undefined ? undefined : `${text}: ${about}`,
      "aria-disabled": isBusy ? "true" : undefined,
      on: { click: () => !isBusy && press() },
    },
    text,
  );
}

/** Stands where buttons would, for who may not press them. */
export function loginNote(what: string): Shape {
  return h(
    "p",
    { class: "login-note" },
    `To ${what}, log in: run `,
    h("code", null, "kvsync page"),
    " on the machine that runs kvsync, and open the link that it prints.",
  );
}

export function problemBox({ tone, text, hint }: Notice, extra?: Content): Shape {
  return h(
    "div",
    { class: `note ${tone}`, role: tone === "bad" ? "alert" : undefined },
    h("p", null, prose(text)),
    hint === null ? null : h("p", { class: "hint" }, "hint: ", prose(hint)),
    extra,
  );
}

/** What stands where an answer will: that it is asked for, or why it could not be had. */
export function loadedNote<T>({ isLoading, problem, value }: Loaded<T>, retry: () => void): Content {
  if (problem !== undefined) {
    return problemBox(problem, h("button", { type: "button", on: { click: retry } }, "Try again"));
  }
  return isLoading && value === undefined ? h("p", { class: "quiet" }, "Loading…") : null;
}

/** What shows the lines before those that are shown; null: there are none. */
export function olderButton(
  { value, isLoading }: Loaded<{ readonly isLast: boolean }>,
  loadOlder: () => void,
): Content {
  if (value === undefined || value.isLast) return null;
  const text = isLoading ? "Loading…" : "Show older ones";
  return h("div", { class: "actions" }, h("button", { type: "button", on: { click: loadOlder } }, text));
}

export type Fact = readonly [term: string, ...description: Content[]] | false | null;

/** Terms and what is to be said of each. */
export function facts(rows: readonly Fact[]): Shape {
  const given = rows.filter((row) => row !== null && row !== false);
  return h(
    "dl",
    { class: "facts" },
    given.map(([term, ...description]) => h("div", { key: term }, h("dt", null, term), h("dd", null, description))),
  );
}

/** `label` is for those who cannot see it; what it says is to stand beside it as text. */
export function gauge(label: string, value: number, max: number): Shape {
  const share = max <= 0 ? 0 : Math.max(0, Math.min(1, value / max));
  return h(
    "div",
    {
      class: `gauge ${share < 0.1 ? "low" : share < 0.3 ? "short" : "enough"}`,
      role: "meter",
      "aria-label": label,
      "aria-valuemin": 0,
      "aria-valuemax": max,
      "aria-valuenow": Math.max(0, Math.min(max, value)),
      "aria-valuetext": `${count(value)} of ${count(max)}`,
    },
    h("div", { style: { width: `${(share * 100).toFixed(1)}%` } }),
  );
}

/** `max` null: nobody knows how much there is. */
export function progress(label: string, value: number, max: number | null): Shape {
  const bounds = max === null || max <= 0 ? {} : { value: Math.min(value, max), max };
  return h("progress", { "aria-label": label, ...bounds });
}

export function link(href: string, content: Content, props: Props = {}): Shape {
  return h("a", { href, ...props }, content);
}

export function field(label: string, control: Shape): Shape {
  return h("label", { class: "field" }, h("span", null, label), control);
}

/** Rows below headings. It says what it is: a narrow screen shows it as blocks, which browsers then take for no table. */
export function table(caption: string, columns: readonly string[], rows: readonly Shape[]): Shape {
  return h(
    "table",
    { class: "lines", role: "table" },
    h("caption", { class: "visually-hidden" }, caption),
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        columns.map((title) => h("th", { key: title, scope: "col", role: "columnheader" }, title)),
      ),
    ),
    h("tbody", { role: "rowgroup" }, rows),
  );
}

export function tableRow(key: string, ...cells: readonly Shape[]): Shape {
  return h("tr", { key, role: "row" }, cells);
}

export function cell(className: string, ...content: readonly Content[]): Shape {
  return h("td", { class: className, role: "cell" }, content);
}
