// What is around every screen: the name, the ways to the screens, the connection, and who one is.

import type { App } from "./app.ts";
import { type Content, draw, h } from "./dom.ts";
import type { Connection } from "./live.ts";
import { link } from "./parts.ts";
import { hrefOf, type ScreenName } from "./route.ts";
import { needsPerson } from "./mapping-facts.ts";
import { count } from "../core/counted.ts";
import { when } from "./words.ts";

const TABS: readonly { readonly screen: ScreenName; readonly title: string; readonly also: readonly ScreenName[] }[] = [
  { screen: "mappings", title: "Mappings", also: ["mapping"] },
  { screen: "conflicts", title: "Conflicts", also: ["conflict"] },
  { screen: "history", title: "History", also: [] },
  { screen: "trash", title: "Trash", also: [] },
  { screen: "backups", title: "Backups", also: [] },
  { screen: "accounts", title: "Accounts", also: [] },
];

const CONNECTIONS: Readonly<
  Record<Connection, { readonly word: string; readonly mark: string; readonly tone: string }>
> = {
  connecting: { word: "connecting", mark: "…", tone: "busy" },
  live: { word: "live", mark: "●", tone: "good" },
  reconnecting: { word: "reconnecting", mark: "○", tone: "bad" },
  "closed-out": { word: "not logged in", mark: "○", tone: "idle" },
};

export function drawFrame(app: App, top: Element, leave: () => void): void {
  draw(top, nav(app), connection(app), session(app, leave));
}

function nav({ route, status }: App): Content {
  const needy = status?.mappings.filter(needsPerson).length ?? 0;
  const conflicts = status?.mappings.reduce((sum, { conflicts }) => sum + conflicts, 0) ?? 0;
  const failing = status?.backups.filter(({ failure }) => failure !== null).length ?? 0;
  const numbers: Partial<Record<ScreenName, readonly [number, string]>> = {
    mappings: [needy, "need you"],
    conflicts: [conflicts, "wait"],
    backups: [failing, "failing"],
  };
  return h(
    "nav",
    { "aria-label": "Screens" },
    h(
      "ul",
      null,
      TABS.map(({ screen, title, also }) => {
        const [number, word] = numbers[screen] ?? [0, ""];
        const isHere = route.screen === screen || also.includes(route.screen);
        const shown =
          number === 0
            ? null
            : h("span", { class: "number" }, count(number), h("span", { class: "visually-hidden" }, ` ${word}`));
        return h(
          "li",
          { key: screen },
          link(hrefOf(screen), [title, shown === null ? null : [" ", shown]], {
            "aria-current": isHere ? "page" : undefined,
          }),
        );
      }),
    ),
  );
}

function connection({ connection, status }: App): Content {
  const { word, mark, tone } = CONNECTIONS[connection];
  return h(
    "div",
    { class: "connection" },
    h(
      "span",
      { class: `badge ${tone}`, role: "status" },
      h("span", { class: "mark", "aria-hidden": "true" }, mark),
      word,
    ),
    connection === "reconnecting" && status !== undefined
      ? h("span", { class: "quiet" }, "as of ", when(status.now))
      : null,
    connection === "live" && status !== undefined
      ? h(
          "span",
          { class: "quiet version", title: `process ${status.pid}` },
          `kvsync ${status.version}, started `,
          when(status.startedAt),
        )
      : null,
  );
}

function session({ mayChange, connection }: App, leave: () => void): Content {
  if (connection !== "live") return null;
  if (mayChange)
    return h("div", { class: "session" }, h("button", { type: "button", on: { click: leave } }, "Log out"));
  return h(
    "p",
    { class: "session login-note" },
    "You may look. To change something, log in: run ",
    h("code", null, "kvsync page"),
    " on the machine that runs kvsync, and open the link that it prints.",
  );
}
