// A mapping as one of many: a line, and below it only what needs a person.

import { count, counted } from "../core/counted.ts";
import { askPause, isPaused, resume, syncNow } from "./actions.ts";
import type { App } from "./app.ts";
import type { MappingStatus } from "./contract.ts";
import { type Content, h, type Shape } from "./dom.ts";
import { errorLines, factLine, pausedLine, route, stateBadge, workingLine } from "./mapping-facts.ts";
import { button, link } from "./parts.ts";
import { hrefOf } from "./route.ts";
import { name, prose, when } from "./words.ts";

const PROBLEMS_SHOWN_MAX = 3;

export interface RowMemory {
  /** Rows as they were drawn last: most of many mappings have not changed since. */
  readonly rows: Map<string, { readonly of: string; readonly shape: Shape }>;
}

export function mappingRow(app: App, memory: RowMemory, status: MappingStatus): Shape {
  const { mapping } = status;
  const busy = [`sync ${mapping}`, `resume ${mapping}`].map((name) => app.busy.has(name));
  const of = JSON.stringify([status, busy, app.mayChange]);
  const known = memory.rows.get(mapping);
  if (known?.of === of) return known.shape;
  const shape = drawRow(app, status);
  memory.rows.set(mapping, { of, shape });
  return shape;
}

function drawRow(app: App, status: MappingStatus): Shape {
  const { mapping } = status;
  return h(
    "li",
    { key: mapping, class: "row" },
    stateBadge(status),
    h(
      "div",
      { class: "row-name" },
      h("h3", null, link(hrefOf("mapping", { name: mapping }), name(mapping))),
      route(status),
    ),
    h("div", { class: "row-state" }, factLine(status), workingLine(status)),
    app.mayChange ? h("div", { class: "actions" }, mappingButtons(app, status)) : null,
    detail(status),
  );
}

export function mappingButtons(app: App, status: MappingStatus): Content {
  const { mapping } = status;
  const about = mapping;
  if (isPaused(status)) {
    return button(app, {
      name: `resume ${mapping}`,
      label: "Resume",
      busyLabel: "Resuming…",
      about,
      press: () => resume(app, mapping),
    });
  }
  return [
    button(app, {
      name: `sync ${mapping}`,
      label: "Sync now",
      busyLabel: "Syncing…",
      about,
      press: () => syncNow(app, [mapping]),
    }),
    button(app, { label: "Pause", about, press: () => askPause(app, mapping) }),
  ];
}

function detail(status: MappingStatus): Content {
  const parts = [pausedLine(status), holdLines(status), errorLines(status), conflictLine(status), problemLines(status)];
  return parts.every((part) => part === null) ? null : h("div", { class: "row-detail" }, parts);
}

function holdLines({ mapping, hold }: MappingStatus): Content {
  if (hold === null) return null;
  const { plan, message, writes, removes, since, approved } = hold;
  return h(
    "div",
    { class: `note ${approved ? "good" : "bad"}` },
    h("p", null, prose(message)),
    h(
      "p",
      null,
      h("strong", null, `${count(removes)} to remove`),
      `, ${count(writes)} to write, held `,
      when(since),
      ". ",
      approved
        ? "Approved: it runs with the next round."
        : link(hrefOf("mapping", { name: mapping }), `Review plan ${plan}`),
    ),
  );
}

function conflictLine({ mapping, conflicts }: MappingStatus): Content {
  if (conflicts === 0) return null;
  return h(
    "p",
    { class: "note warn" },
    link(hrefOf("conflicts", { mapping }), counted(conflicts, "conflict waits", "conflicts wait")),
    " for you: both sides changed.",
  );
}

function problemLines({ mapping, problems, problemCount }: MappingStatus): Content {
  const first = problems.slice(0, PROBLEMS_SHOWN_MAX);
  if (first.length === 0) return null;
  return h(
    "div",
    { class: "note warn" },
    first.map(({ subject, message }) => h("p", null, name(subject), ": ", prose(message))),
    problemCount > first.length
      ? h("p", null, link(hrefOf("mapping", { name: mapping }), `and ${count(problemCount - first.length)} more`))
      : null,
  );
}
