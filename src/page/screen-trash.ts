// The trash: values that were replaced or removed, the newest first, and the way back for each. With a key, its older versions.

import { renderByteCount } from "../core/units.ts";
import { askRestore } from "./actions.ts";
import { ask } from "./ask.ts";
import type { App, Screen } from "./app.ts";
import type { TrashItem } from "./contract.ts";
import { filledIn } from "./dialog.ts";
import { type Content, h, type Shape } from "./dom.ts";
import { openLoaded } from "./loaded.ts";
import { button, cell, field, link, loadedNote, olderButton, loginNote, table, tableRow } from "./parts.ts";
import { hrefOf, type Route } from "./route.ts";
import { shown } from "./texts.ts";
import { exactly, name } from "./words.ts";

const PAGE_ITEMS = 100;

interface Page {
  readonly items: readonly TrashItem[];
  readonly isLast: boolean;
}

export function openTrashScreen(app: App, opened: Route): Screen {
  let { query } = opened;
  const page = openLoaded<Page>(app);
  const asked = (before: number | undefined) =>
    ask("trash", {
      mapping: query["mapping"] === "" ? undefined : query["mapping"],
      key: query["key"],
      prefix: query["prefix"] === "" ? undefined : query["prefix"],
      before,
      limit: PAGE_ITEMS,
    });
  const load = (): void =>
    page.load(async () => {
      const items = await asked(undefined);
      return { items, isLast: items.length < PAGE_ITEMS };
    });
  const loadOlder = (): void => {
    const before = page.value?.items ?? [];
    page.load(async () => {
      const items = await asked(before.at(-1)?.id);
      return { items: [...before, ...items], isLast: items.length < PAGE_ITEMS };
    });
  };
  load();
  return {
    title: "Trash",
    draw: () => [
      h("h1", null, query["key"] === undefined ? "Trash" : ["Versions of ", name(query["key"]), " in the trash"]),
      query["key"] === undefined
        ? null
        : h(
            "p",
            null,
            link(hrefOf("history", { mapping: query["mapping"], key: query["key"] }), "Its history"),
            " · ",
            link(hrefOf("trash", { mapping: query["mapping"] }), "All keys"),
          ),
      query["key"] === undefined ? filterForm(app, query, load) : null,
      app.mayChange ? null : loginNote("restore a value"),
      loadedNote(page, load),
      page.value?.items.length === 0 ? h("p", null, "The trash holds nothing of this.") : null,
      items(app, page.value?.items ?? [], load),
      olderButton(page, loadOlder),
    ],
    go(next) {
      query = next.query;
      load();
      return true;
    },
  };
}

function filterForm(app: App, query: Route["query"], load: () => void): Shape {
  const submit = (event: Event): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const href = hrefOf("trash", {
      mapping: filledIn(form, "mapping"),
      prefix: filledIn(form, "prefix"),
    });
    if (location.hash === href) load();
    else location.hash = href;
  };
  const chosen = query["mapping"] ?? "";
  const mappings = app.status?.mappings.map(({ mapping }) => mapping).toSorted() ?? [];
  const options = mappings.includes(chosen) || chosen === "" ? mappings : [chosen, ...mappings];
  return h(
    "form",
    { key: JSON.stringify(query), class: "filters", role: "search", on: { submit } },
    field(
      "Mapping",
      h(
        "select",
        { name: "mapping" },
        ["", ...options].map((one) =>
          h("option", { key: one, value: one, selected: one === chosen }, one === "" ? "all" : shown(one)),
        ),
      ),
    ),
    field(
      "Keys that begin with",
      h("input", { name: "prefix", type: "search", value: query["prefix"], autocomplete: "off", spellcheck: "false" }),
    ),
    h("div", { class: "actions" }, h("button", { type: "submit", class: "main" }, "Show")),
  );
}

function items(app: App, list: readonly TrashItem[], done: () => void): Content {
  if (list.length === 0) return null;
  return table(
    "Values in the trash, the newest first",
    ["Kept", "Mapping", "Key", "Lost by", "Size", ...(app.mayChange ? ["Restore"] : [])],
    list.map((item) => row(app, item, done)),
  );
}

function row(app: App, item: TrashItem, done: () => void): Shape {
  const { id, mapping, side, key, size, reason, savedAt, fingerprint, expiration } = item;
  return tableRow(
    String(id),
    cell("when", exactly(savedAt)),
    cell("mapping", name(mapping)),
    cell("key", link(hrefOf("trash", { mapping, key }), name(key))),
    cell("why", `${reason} at `, name(side)),
    cell(
      "size",
      h("span", fingerprint === null ? null : { title: `fingerprint ${fingerprint}` }, renderByteCount(size)),
      expiration === undefined || expiration === null ? null : [", expires ", exactly(expiration * 1000)],
    ),
    ...(app.mayChange
      ? [cell("do", button(app, { label: "Restore…", about: shown(key), press: () => askRestore(app, item, done) }))]
      : []),
  );
}
