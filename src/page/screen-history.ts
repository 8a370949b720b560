// The history: all of it, or what a filter leaves, a page at a time. What happens meanwhile is told of, and shown when one asks for it: lines
// that move away under the eyes cannot be read.

import { ask } from "./ask.ts";
import type { App, Screen } from "./app.ts";
import { daemonNow } from "./clock.ts";
import type { Asks, HistoryLine } from "./contract.ts";
import { filledIn } from "./dialog.ts";
import { type Content, h, type Shape } from "./dom.ts";
import { EVENT_WORDS, historyTable } from "./history-table.ts";
import type { ToldEvent } from "./live.ts";
import { openLoaded } from "./loaded.ts";
import { field, link, loadedNote, olderButton } from "./parts.ts";
import { hrefOf, type Route } from "./route.ts";
import { localInput, momentOf } from "./time-input.ts";
import { name } from "./words.ts";

const PAGE_LINES = 100;
/** What a line is written of. */
const TOLD_OF: ReadonlySet<string> = new Set([
  "held",
  "lifted",
  "failed",
  "paused",
  "resumed",
  "discarded",
  "conflict-resolved",
  "restored",
  "backup-ended",
]);

function isWritten({ event, written, removed, conflicts, repeats }: ToldEvent): boolean {
  if (event === "round-ended") return [written, removed, conflicts].some((number) => (number ?? 0) > 0);
  return TOLD_OF.has(event) && (repeats ?? 0) === 0;
}

interface Page {
  readonly lines: readonly HistoryLine[];
  readonly isLast: boolean;
}

export function openHistoryScreen(app: App, opened: Route): Screen {
  let query = opened.query;
  const page = openLoaded<Page>(app);
  let isOlder = false;

  const filter = (): Omit<Asks["history"], "limit"> => ({
    mapping: given("mapping"),
    key: given("key"),
    text: given("text"),
    event: EVENT_WORDS.find(([event]) => event === query["event"])?.[0],
    since: momentOf(query["since"], daemonNow()),
    until: momentOf(query["until"], daemonNow()),
  });
  const given = (field: string): string | undefined => (query[field] === "" ? undefined : query[field]);
  const load = (): void => {
    isOlder = false;
    page.load(async () => {
      const lines = await ask("history", { ...filter(), limit: PAGE_LINES });
      return { lines, isLast: lines.length < PAGE_LINES };
    });
  };
  const loadOlder = (): void => {
    const before = page.value?.lines ?? [];
    page.load(async () => {
      const lines = await ask("history", { ...filter(), before: before.at(-1)?.id, limit: PAGE_LINES });
      return { lines: [...before, ...lines], isLast: lines.length < PAGE_LINES };
    });
  };
  load();
  return {
    title: "History",
    draw: () => [
      h("h1", null, query["key"] === undefined ? "History" : ["History of ", name(query["key"])]),
      query["key"] === undefined
        ? null
        : h(
            "p",
            null,
            link(hrefOf("trash", { mapping: query["mapping"], key: query["key"] }), "Its older versions in the trash"),
            " · ",
            link(hrefOf("history", { mapping: query["mapping"] }), "All keys"),
          ),
      filterForm(app, query, load),
      isOlder
        ? h(
            "p",
            { class: "note busy", role: "status" },
            "Something happened since. ",
            h("button", { type: "button", on: { click: load } }, "Show the newest"),
          )
        : null,
      loadedNote(page, load),
      page.value?.lines.length === 0 ? h("p", null, "Nothing in the history is all of this.") : null,
      historyTable(page.value?.lines ?? [], { withMapping: true }),
      olderButton(page, loadOlder),
    ],
    go(next) {
      query = next.query;
      load();
      return true;
    },
    onEvent(event) {
      if (page.value === undefined || isOlder || !isWritten(event)) return;
      isOlder = true;
      app.redraw();
    },
  };
}

function filterForm(app: App, query: Route["query"], load: () => void): Shape {
  const submit = (event: Event): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const asked = ["mapping", "text", "event", "since", "until"].map(
      (field) => [field, filledIn(form, field)] as const,
    );
    const href = hrefOf("history", { ...Object.fromEntries(asked), key: query["key"] });
    // An address that is no other one is not gone to.
    if (location.hash === href) load();
    else location.hash = href;
  };
  const mappings = app.status?.mappings.map(({ mapping }) => mapping).toSorted() ?? [];
  const chosen = query["mapping"] ?? "";
  const options = mappings.includes(chosen) || chosen === "" ? mappings : [chosen, ...mappings];
  // A form is made anew when one goes to another filter: what stands in it is what is shown.
  return h(
    "form",
    { key: JSON.stringify(query), class: "filters", role: "search", on: { submit } },
    field("Mapping", select("mapping", [["", "all"], ...options.map((one) => [one, one] as const)], chosen)),
    query["key"] === undefined ? field("Part of the key", input("text", "search", query["text"])) : null,
    field("What", select("event", [["", "all"], ...EVENT_WORDS], query["event"] ?? "")),
    field("From", input("since", "datetime-local", localInput(query["since"], daemonNow()))),
    field("Until", input("until", "datetime-local", localInput(query["until"], daemonNow()))),
    h("div", { class: "actions" }, h("button", { type: "submit", class: "main" }, "Show"), quick(query)),
  );
}

/** Often wanted ranges. */
function quick(query: Route["query"]): Content {
  const ranges = [
    ["last hour", "-1h"],
    ["last day", "-1d"],
    ["last week", "-7d"],
    ["all", ""],
  ] as const;
  return h(
    "span",
    { class: "quick" },
    ranges.map(([word, since]) => [link(hrefOf("history", { ...query, since, until: "" }), word), " "]),
  );
}

function input(field: string, type: string, value = ""): Shape {
  return h("input", {
    name: field,
    type,
    value,
    autocomplete: "off",
    spellcheck: "false",
  });
}

function select(field: string, options: readonly (readonly [value: string, word: string])[], chosen: string): Shape {
  return h(
    "select",
    { name: field },
    options.map(([value, word]) => h("option", { key: value, value, selected: value === chosen }, word)),
  );
}
