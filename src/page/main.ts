// The page as a whole: it listens to the daemon, keeps what is known, opens the screen that the address names, and draws.

import { type App, type Notice, noticeOf, type Screen } from "./app.ts";
import { announceChanges } from "./announce.ts";
import { logOut } from "./ask.ts";
import { calm } from "./calm.ts";
import { daemonNow, every } from "./clock.ts";
import type { DaemonStatus } from "./contract.ts";
import { closeDialogs } from "./dialog.ts";
import { type Content, draw, h } from "./dom.ts";
import { drawFrame } from "./frame.ts";
import { type Connection, openLive } from "./live.ts";
import { parseRoute, type Route, type ScreenName } from "./route.ts";
import { openAccountsScreen } from "./screen-accounts.ts";
import { openBackupsScreen } from "./screen-backups.ts";
import { openConflictScreen } from "./screen-conflict.ts";
import { openConflictsScreen } from "./screen-conflicts.ts";
import { openHistoryScreen } from "./screen-history.ts";
import { openMappingScreen } from "./screen-mapping.ts";
import { openMappingsScreen } from "./screen-mappings.ts";
import { openTrashScreen } from "./screen-trash.ts";
import { shown } from "./texts.ts";
import { tellTimes } from "./words.ts";

const SCREENS: Readonly<Record<ScreenName, (app: App, route: Route) => Screen>> = {
  mappings: openMappingsScreen,
  mapping: openMappingScreen,
  conflicts: openConflictsScreen,
  conflict: openConflictScreen,
  history: openHistoryScreen,
  trash: openTrashScreen,
  backups: openBackupsScreen,
  accounts: openAccountsScreen,
};

const TICK_MS = 1000;
const NEWS_MS = 1000;

const top = document.querySelector("#top")!;
const main = document.querySelector<HTMLElement>("#main")!;
const foot = document.querySelector("#foot")!;

let status: DaemonStatus | undefined;
let connection: Connection = "connecting";
let mayChange = false;
let route = parseRoute(location.hash);
let notice: Notice | undefined;
let toldAt = 0;
const busy = new Set<string>();
let isDrawAsked = false;

const app: App = {
  get status() {
    return status;
  },
  get connection() {
    return connection;
  },
  get mayChange() {
    return mayChange;
  },
  get route() {
    return route;
  },
  busy,
  redraw() {
    if (isDrawAsked) return;
    isDrawAsked = true;
    requestAnimationFrame(() => {
      isDrawAsked = false;
      drawAll();
    });
  },
  tell(told) {
    notice = told;
    toldAt = daemonNow();
    app.redraw();
  },
  replace(href) {
    history.replaceState(null, "", href);
    route = parseRoute(href);
  },
  async run(name, work) {
    if (busy.has(name)) return;
    busy.add(name);
    app.redraw();
    try {
      app.tell({ tone: "good", text: await work(), hint: null });
    } catch (error) {
      app.tell(noticeOf(error));
    } finally {
      busy.delete(name);
      app.redraw();
    }
  },
};

let screen = SCREENS[route.screen](app, route);
/** Counts screens: one does not become the next. */
let turn = 0;

function drawAll(): void {
  drawFrame(app, top, () => void leave());
  draw(main, h("div", { key: `screen ${turn}`, class: "screen" }, body()));
  draw(foot, footContent());
  document.title = `${shown(screen.title)} · kvsync`;
  tellTimes(document);
}

function body(): Content {
  if (connection === "closed-out") {
    return [
      h("h1", null, "Log in"),
      h(
        "p",
        null,
        "This address shows nothing without a login. On the machine that runs kvsync, ",
        h("code", null, "kvsync page"),
        " prints a link that logs you in, once.",
      ),
    ];
  }
  if (status === undefined && connection === "connecting") return h("p", { class: "quiet" }, "Asking the daemon…");
  return screen.draw();
}

function footContent(): Content {
  if (notice === undefined) return null;
  const { tone, text, hint } = notice;
  const shut = (): void => {
    notice = undefined;
    app.redraw();
  };
  return h(
    "div",
    { class: `toast ${tone}` },
    h("p", null, shown(text)),
    hint === null ? null : h("p", { class: "hint" }, "hint: ", shown(hint)),
    h("button", { type: "button", "aria-label": "Close this message", on: { click: shut } }, "✕"),
  );
}

async function leave(): Promise<void> {
  await app.run("log out", async () => {
    await logOut();
    location.reload();
    return "logged out";
  });
}

addEventListener("hashchange", () => {
  const before = route;
  route = parseRoute(location.hash);
  if (route.screen !== before.screen || screen.go?.(route) !== true) {
    screen = SCREENS[route.screen](app, route);
    turn++;
    // As a new page would: from its top, and read out from there.
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  closeDialogs();
  // What was decided on one screen may lead to another, and is still told there.
  if (daemonNow() - toldAt > NEWS_MS) notice = undefined;
  app.redraw();
});

// The address after `#` says which screen is shown: it is not for this.
document.querySelector("#skip")!.addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

openLive({
  onStatus(told) {
    const now = calm(status, told);
    announceChanges(status, now);
    status = now;
    screen.onStatus?.();
    app.redraw();
  },
  onEvent: (event) => screen.onEvent?.(event),
  onSession(now) {
    mayChange = now;
    screen.onStatus?.();
    app.redraw();
  },
  onConnection(now) {
    connection = now;
    app.redraw();
  },
});
every(TICK_MS, () => {
  if (!document.hidden) tellTimes(document);
});
app.redraw();
