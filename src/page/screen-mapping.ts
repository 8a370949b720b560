// One mapping: how it stands, the plan it is held with, conflicts, problems, and what was done last.

import { count } from "../core/counted.ts";
import { renderDuration } from "../core/units.ts";
import { askApprove, askDiscard, isPaused } from "./actions.ts";
import { ask } from "./ask.ts";
import type { App, Screen } from "./app.ts";
import { conflictList } from "./conflict-list.ts";
import type { ConflictList, HeldPlan, HistoryLine, MappingStatus } from "./contract.ts";
import { type Content, h, type Shape } from "./dom.ts";
import { historyTable } from "./history-table.ts";
import { openLoaded } from "./loaded.ts";
import { errorLines, freshness, pausedLine, route, stateBadge, waits, watching, workingLine } from "./mapping-facts.ts";
import { mappingButtons } from "./mapping-row.ts";
import { button, facts, link, loadedNote, loginNote } from "./parts.ts";
import { planList, planTotals } from "./plan-list.ts";
import { hrefOf, type Route } from "./route.ts";
import { listed, MODES, name, prose, when } from "./words.ts";

const HISTORY_LINES = 10;

export function openMappingScreen(app: App, opened: Route): Screen {
  const mapping = opened.query["name"] ?? "";
  const plan = openLoaded<HeldPlan>(app);
  const conflicts = openLoaded<ConflictList>(app);
  const history = openLoaded<readonly HistoryLine[]>(app);
  let planSeen = "";
  let roundSeen = "";

  const find = (): MappingStatus | undefined => app.status?.mappings.find((one) => one.mapping === mapping);
  const loadPlan = (): void => plan.load(() => ask("plan", { mapping }));
  const loadRest = (): void => {
    conflicts.load(() => ask("conflicts", { mapping }));
    history.load(() => ask("history", { mapping, limit: HISTORY_LINES }));
  };
  /** Asks again for what a round, or a person, may have changed. */
  const follow = (): void => {
    const status = find();
    if (status === undefined) return;
    const { hold, lastRound } = status;
    if (hold !== null && hold.plan !== planSeen) loadPlan();
    planSeen = hold?.plan ?? "";
    const round = JSON.stringify([lastRound?.startedAt, status.conflicts, hold, status.paused]);
    if (round !== roundSeen) loadRest();
    roundSeen = round;
  };
  follow();

  const draw = (status: MappingStatus): Content => [
    h("h1", null, name(mapping)),
    h("div", { class: "headline" }, stateBadge(status), route(status)),
    app.mayChange
      ? h("div", { class: "actions" }, mappingButtons(app, status))
      : loginNote("sync it now, pause it or decide anything"),
    pausedLine(status),
    workingLine(status),
    errorLines(status),
    holdSection(app, status, plan.value, loadedNote(plan, loadPlan)),
    (conflicts.value?.conflicts.length ?? 0) === 0 && conflicts.problem === undefined
      ? null
      : h(
          "section",
          null,
          h("h2", null, "Conflicts"),
          loadedNote(conflicts, loadRest),
          conflictList(conflicts.value?.conflicts ?? []),
        ),
    problemSection(status),
    h("section", null, h("h2", null, "How it stands"), factsOf(status)),
    h(
      "section",
      null,
      h("h2", null, "Last changes"),
      loadedNote(history, loadRest),
      historyTable(history.value ?? [], { withMapping: false }),
      h(
        "p",
        null,
        link(hrefOf("history", { mapping }), "All of its history"),
        " · ",
        link(hrefOf("trash", { mapping }), "Its trash"),
      ),
    ),
  ];
  return {
    title: mapping,
    draw() {
      if (app.status === undefined) return null;
      const status = find();
      if (status !== undefined) return draw(status);
      return [
        h("h1", null, name(mapping)),
        h("p", null, "There is no mapping of this name. ", link(hrefOf("mappings"), "All mappings")),
      ];
    },
    go: ({ query }) => query["name"] === mapping,
    onStatus: follow,
  };
}

function holdSection(app: App, status: MappingStatus, plan: HeldPlan | undefined, note: Content): Content {
  const { hold, mapping } = status;
  if (hold === null) return null;
  const { message, hint, since, approved } = hold;
  // A plan that another one has taken the place of is not to be judged.
  const isNewest = plan?.plan === hold.plan;
  return h(
    "section",
    { class: "hold", "aria-label": "The plan it is held with" },
    h("h2", null, "Held plan ", h("code", null, hold.plan)),
    h("p", null, prose(message)),
    h("p", { class: "hint" }, "hint: ", prose(hint)),
    h("p", null, h("strong", null, planTotals(hold)), ", held ", when(since)),
    approved ? h("p", { class: "note good" }, "Approved: it runs with the next round.") : null,
    note,
    app.mayChange && !approved
      ? h(
          "div",
          { class: "actions" },
          button(app, {
            label: "Approve…",
            kind: "main",
            about: `plan ${hold.plan}`,
            press: () => askApprove(app, mapping, hold),
          }),
          button(app, {
            label: "Discard…",
            kind: "danger",
            about: `plan ${hold.plan}`,
            press: () => askDiscard(app, mapping, hold),
          }),
        )
      : null,
    // Below what decides it: it may be long.
    isNewest ? planList(plan) : null,
  );
}

function problemSection({ problems, problemCount, beingWritten }: MappingStatus): Content {
  if (problems.length === 0 && beingWritten.length === 0) return null;
  return h(
    "section",
    null,
    h("h2", null, "Problems"),
    h(
      "ul",
      { class: "problems" },
      problems.map(({ subject, message, code, since, passesByItself }) =>
        h(
          "li",
          { key: `${subject} ${code}` },
          name(subject),
          ": ",
          prose(message),
          h(
            "span",
            { class: "quiet" },
            ` (${code}`,
            since === null ? null : [", first met ", when(since)],
            passesByItself ? ", may pass by itself" : null,
            ")",
          ),
        ),
      ),
      beingWritten.map((key) =>
        h("li", { key: `written ${key}` }, name(key), ": still being written, waits until it is at rest"),
      ),
    ),
    problemCount > problems.length
      ? h("p", { class: "quiet" }, `and ${count(problemCount - problems.length)} more`)
      : null,
  );
}

function factsOf(status: MappingStatus): Shape {
  const {
    since,
    mode,
    account,
    namespace,
    namespaceId,
    folder,
    remoteLookedAt,
    pollIntervalMs,
    feed,
    lastRound,
    alike,
  } = status;
  const waiting = waits(status);
  const watched = watching(status.watcher);
  return facts([
    ["State", stateBadge(status), " since ", when(since)],
    ["Waits", waiting.length === 0 ? "nothing" : listed(waiting)],
    ["Files", freshness(status)],
    ["Remote", remoteLookedAt === null ? "not looked at yet" : ["looked at ", when(remoteLookedAt)]],
    feed !== null && [
      "Changes",
      feed.state === "up" ? "told by the server" : "not told now",
      " since ",
      when(feed.since),
    ],
    pollIntervalMs !== null && ["Polled", `every ${renderDuration(pollIntervalMs)}`],
    ["Mode", MODES[mode]],
    ["Folder", name(folder), watched === null ? null : [" (", watched, ")"]],
    [
      "Namespace",
      name(`${account}:${namespace}`),
      namespaceId === null ? null : h("span", { class: "quiet" }, ` ${namespaceId}`),
    ],
    lastRound !== null && [
      "Last round",
      when(lastRound.startedAt),
      `: ${count(lastRound.written)} written, ${count(lastRound.removed)} removed, ${count(lastRound.unchanged)} alike, in ${renderDuration(lastRound.durationMs)}`,
    ],
    alike.count > 0 && [
      "Names alike",
      `${count(alike.count)} that macOS and Windows can take for one, such as `,
      listed(
        (alike.pairs[0]?.names ?? []).map((one) => name(one)),
        " and ",
      ),
    ],
    isPaused(status) && ["Paused", "until it is resumed"],
  ]);
}
