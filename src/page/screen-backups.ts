// Backups and migrations: how old the last complete one is, what comes next, how far a run is, and what failed.

import { count, counted } from "../core/counted.ts";
import { renderByteCount, renderDuration } from "../core/units.ts";
import { backUpNow } from "./actions.ts";
import type { App, Screen } from "./app.ts";
import type { BackupStatus } from "./contract.ts";
import { type Content, h, type Shape } from "./dom.ts";
import { migrationCard } from "./migration-card.ts";
import { button, facts, loginNote, progress } from "./parts.ts";
import { badge, listed, name, prose, when } from "./words.ts";

const STATES = {
  waiting: { word: "in order", mark: "✓", tone: "good" },
  running: { word: "running", mark: "↻", tone: "busy" },
  failing: { word: "failing", mark: "✕", tone: "bad" },
  stopped: { word: "not running", mark: "■", tone: "idle" },
} as const;

export function openBackupsScreen(app: App): Screen {
  return {
    title: "Backups",
    draw() {
      if (app.status === undefined) return null;
      const { backups, migrations } = app.status;
      return [
        h("h1", null, "Backups"),
        app.mayChange || backups.length === 0 ? null : loginNote("back up now"),
        backups.length === 0 ? h("p", null, "The config names no backups that run by themselves.") : null,
        h(
          "div",
          { class: "cards" },
          backups.map((backup) => card(app, backup)),
        ),
        h("h1", null, "Migrations"),
        migrations.length === 0 ? h("p", null, "There are none.") : null,
        h("div", { class: "cards" }, migrations.map(migrationCard)),
      ];
    },
  };
}

function card(app: App, status: BackupStatus): Shape {
  const { backup, repository, sources, schedule, state, nextAt, lastCompleteAt, failure } = status;
  const isFailing = failure !== null && state !== "running";
  return h(
    "section",
    { key: backup, class: "card", "aria-label": `Backup ${backup}` },
    h("h2", null, name(backup)),
    h("p", null, badge(STATES[isFailing ? "failing" : state])),
    running(status),
    failureNote(status),
    facts([
      ["Last complete", lastCompleteAt === null ? "never yet" : when(lastCompleteAt)],
      ["Next", nextAt === null ? (state === "running" ? "it runs" : "when it is asked for") : when(nextAt)],
      ["Schedule", schedule ?? "only when it is asked for"],
      ["Sources", listed(sources.map((source) => name(source)))],
      ["Repository", name(repository)],
      ...lastRun(status),
    ]),
    app.mayChange
      ? h(
          "div",
          { class: "actions" },
          button(app, {
            name: `back-up ${backup}`,
            label: "Back up now",
            busyLabel: "Asking…",
            about: backup,
            press: () => backUpNow(app, backup),
          }),
        )
      : null,
  );
}

function running({ backup, runningSince, progress: done }: BackupStatus): Content {
  if (runningSince === null) return null;
  const label = `Progress of backup ${backup}`;
  if (done === null || done === undefined)
    return h("div", { class: "working" }, "Running since ", when(runningSince), progress(label, 0, null));
  const { source, keys, keysTotal, bytesRead } = done;
  const of = keysTotal === null ? "" : ` of ${count(keysTotal)}`;
  return h(
    "div",
    { class: "working" },
    name(source),
    `: ${count(keys)}${of} keys, ${renderByteCount(bytesRead)} read, since `,
    when(runningSince),
    progress(label, keys, keysTotal),
  );
}

function failureNote({ backup, failure }: BackupStatus): Content {
  if (failure === null) return null;
  const { message, code, since, attempts, hint } = failure;
  const times = attempts === 1 ? "" : `, ${count(attempts)} times`;
  return h(
    "div",
    { class: "note bad" },
    h("p", null, prose(message), ` (${code}, first `, when(since), `${times})`),
    h("p", { class: "hint" }, "hint: ", prose(hint ?? `try it by hand: kvsync backup ${backup}`)),
  );
}

function lastRun({ lastRun, lastDrill }: BackupStatus): readonly (readonly [string, ...Content[]])[] {
  const rows: (readonly [string, ...Content[]])[] = [];
  if (lastRun !== null) {
    const { startedAt, durationMs, keys, bytes, bytesStored, failed } = lastRun;
    const problems = failed > 0 ? `, ${count(failed)} could not be read` : "";
    rows.push([
      "Last run",
      when(startedAt),
      `: ${counted(keys, "key")}, ${renderByteCount(bytes)}, ${renderByteCount(bytesStored)} added, in ${renderDuration(durationMs)}${problems}`,
    ]);
  }
  if (lastDrill !== null) {
    const { at, proven, message } = lastDrill;
    rows.push([
      "Restore drill",
      proven ? "proven " : "failed ",
      when(at),
      message === null ? null : [": ", prose(message)],
    ]);
  }
  return rows;
}
