// The first screen: how many mappings stand how, the ones that need a person, the rest, and whether backups and accounts are well.

import { count, counted } from "../core/counted.ts";
import { syncNow } from "./actions.ts";
import type { App, Screen } from "./app.ts";
import type { DaemonStatus, MappingStatus } from "./contract.ts";
import { type Content, h, type Shape } from "./dom.ts";
import { compareMappings, type Group, GROUP_TONES, GROUP_WORDS, GROUPS, isIn, needsPerson } from "./mapping-facts.ts";
import { mappingRow, type RowMemory } from "./mapping-row.ts";
import { button, link } from "./parts.ts";
import { hrefOf, type Route } from "./route.ts";
import { listed, name, when } from "./words.ts";

/** These are told of when there are none, too. */
const ALWAYS: ReadonlySet<Group> = new Set(["all", "hold", "failing", "in-step"]);
const FILTER_FROM = 6;

export function openMappingsScreen(app: App, route: Route): Screen {
  const memory: RowMemory = { rows: new Map() };
  let text = route.query["text"] ?? "";
  let group = groupOf(route);

  const choose = (): void => {
    app.replace(hrefOf("mappings", { text, group: group === "all" ? undefined : group }));
    app.redraw();
  };
  const draw = (status: DaemonStatus): Content => {
    const { mappings } = status;
    const found = mappings
      .filter((mapping) => isIn(group, mapping) && hasText(mapping, text))
      .toSorted(compareMappings);
    const [needy, others] = [found.filter(needsPerson), found.filter((mapping) => !needsPerson(mapping))];
    const isFiltered = found.length < mappings.length;
    return [
      h("h1", null, "Mappings"),
      chips(mappings, group, (chosen) => {
        group = chosen;
        choose();
      }),
      warnings(status),
      h(
        "div",
        { class: "bar" },
        mappings.length < FILTER_FROM && text === ""
          ? null
          : h(
              "label",
              { class: "field filter" },
              h("span", null, "Filter by name, folder or namespace"),
              h("input", {
                type: "search",
                autocomplete: "off",
                spellcheck: "false",
                init: (element) => void ((element as HTMLInputElement).value = text),
                on: {
                  input: ({ target }) => {
                    text = (target as HTMLInputElement).value;
                    choose();
                  },
                },
              }),
            ),
        app.mayChange && mappings.length > 1
          ? button(app, {
              name: "sync all",
              label: "Sync all now",
              busyLabel: "Syncing all…",
              press: () => syncNow(app, []),
            })
          : null,
      ),
      h(
        "p",
        { class: "quiet", role: "status" },
        isFiltered ? `${count(found.length)} of ${counted(mappings.length, "mapping")} shown` : "",
      ),
      rows(app, memory, needy, "Need you"),
      rows(app, memory, others, needy.length > 0 ? "The others" : "All of them"),
      mappings.length === 0 ? h("p", null, "The config names no mappings.") : null,
    ];
  };
  return {
    title: "Mappings",
    draw: () => (app.status === undefined ? null : [draw(app.status), others(app.status)]),
    go(next) {
      // A step back, or the link in the header; typing changes the address by itself.
      const input = document.querySelector<HTMLInputElement>(".filter input");
      text = next.query["text"] ?? "";
      group = groupOf(next);
      if (input !== null && input.value !== text) input.value = text;
      return true;
    },
  };
}

function groupOf({ query }: Route): Group {
  return GROUPS.find((known) => known === query["group"]) ?? "all";
}

function hasText({ mapping, folder, account, namespace }: MappingStatus, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  return [mapping, folder, `${account}:${namespace}`].some((one) => one.toLowerCase().includes(wanted));
}

function chips(mappings: readonly MappingStatus[], chosen: Group, choose: (group: Group) => void): Shape {
  return h(
    "div",
    { class: "chips", role: "group", "aria-label": "Show only" },
    GROUPS.map((group) => {
      const number = mappings.filter((mapping) => isIn(group, mapping)).length;
      if (number === 0 && group !== chosen && !ALWAYS.has(group)) return null;
      return h(
        "button",
        {
          key: group,
          type: "button",
          class: `chip ${number === 0 ? "none" : GROUP_TONES[group]}`,
          "aria-pressed": String(group === chosen),
          on: { click: () => choose(group === chosen ? "all" : group) },
        },
        h("strong", null, count(number)),
        " ",
        GROUP_WORDS[group],
      );
    }),
  );
}

function rows(app: App, memory: RowMemory, mappings: readonly MappingStatus[], title: string): Content {
  if (mappings.length === 0) return null;
  return h(
    "section",
    { key: title, "aria-label": title },
    h("h2", { class: "group-title" }, `${title} (${count(mappings.length)})`),
    h(
      "ul",
      { class: "rows mappings" },
      mappings.map((mapping) => mappingRow(app, memory, mapping)),
    ),
  );
}

/** What concerns the daemon as a whole. */
function warnings({ skippedFolders, stuck }: DaemonStatus): Content {
  return [
    skippedFolders.length === 0
      ? null
      : h(
          "p",
          { class: "note warn" },
          "Skipped, since their names cannot name a mapping: ",
          listed(skippedFolders.map((folder) => name(folder))),
        ),
    stuck.length === 0
      ? null
      : h("p", { class: "note bad" }, "No sign of life for long: ", listed(stuck.map((loop) => name(loop)))),
  ];
}

/** Backups and accounts in a line each. */
function others({ backups, accounts }: DaemonStatus): Content {
  return h(
    "section",
    { class: "beside", "aria-label": "Backups and accounts" },
    backups.map(({ backup, failure, lastCompleteAt, runningSince }) =>
      h(
        "p",
        { key: `backup ${backup}` },
        link(hrefOf("backups"), ["Backup ", name(backup)]),
        ": ",
        failure === null ? null : h("strong", { class: "bad-text" }, "failing, "),
        runningSince === null ? null : "running, ",
        lastCompleteAt === null ? "never complete yet" : ["complete ", when(lastCompleteAt)],
      ),
    ),
    accounts.map(({ account, budget, budgetLeft, waiting, retrying }) =>
      h(
        "p",
        { key: `account ${account}` },
        link(hrefOf("accounts"), ["Account ", name(account)]),
        ": ",
        retrying === null ? null : h("strong", { class: "bad-text" }, "does not answer well, "),
        budget === null || budgetLeft === null
          ? "no request limit"
          : `${count(budgetLeft)} of ${count(budget.requests)} requests left`,
        waiting > 0 ? `, ${counted(waiting, "request waits", "requests wait")}` : null,
      ),
    ),
  );
}
