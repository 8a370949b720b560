// A migration: its phase, its age, how far it is, and what the last comparison of both sides said.

import { count, counted } from "../core/counted.ts";
import { renderByteCount } from "../core/units.ts";
import type { MigrationStatus } from "./contract.ts";
import { type Content, h, type Shape } from "./dom.ts";
import { type Fact, facts, progress } from "./parts.ts";
import { badge, name, prose, type Tone, when } from "./words.ts";

type State = MigrationStatus["state"];

const PHASES: Readonly<Record<State, { readonly word: string; readonly mark: string; readonly tone: Tone }>> = {
  planned: { word: "planned", mark: "…", tone: "idle" },
  copying: { word: "copying", mark: "↻", tone: "busy" },
  "catching-up": { word: "catching up", mark: "↻", tone: "busy" },
  ready: { word: "ready to cut over", mark: "!", tone: "warn" },
  "cutting-over": { word: "cutting over", mark: "↻", tone: "busy" },
  proving: { word: "proving", mark: "↻", tone: "busy" },
  done: { word: "done", mark: "✓", tone: "good" },
  aborted: { word: "aborted", mark: "✕", tone: "bad" },
  undone: { word: "undone", mark: "■", tone: "idle" },
};

const VERDICTS: Readonly<Record<string, string>> = {
  equal: "both sides are equal",
  "changed-since": "equal but for what changed since",
  incomplete: "not all of it could be compared",
  different: "both sides differ",
};

const OVER: ReadonlySet<State> = new Set(["done", "aborted", "undone"]);

export function migrationCard(status: MigrationStatus): Shape {
  const { migration, source, destination, state, running, startedAt, endedAt, namespaces, failure, verdict } = status;
  const { keys, bytes, failedKeys } = status;
  const isStopped = !running && !OVER.has(state) && state !== "planned";
  const rows: readonly Fact[] = [
    ["From, to", name(source), " → ", name(destination)],
    ["Begun", when(startedAt)],
    endedAt !== null && ["Ended", when(endedAt)],
    [
      "Namespaces",
      `${count(namespaces.copied)} of ${count(namespaces.total)} copied`,
      namespaces.failed > 0 && `, ${count(namespaces.failed)} failed`,
    ],
    ["Keys", `${count(keys)}, ${renderByteCount(bytes)}`, failedKeys > 0 && `, ${count(failedKeys)} failed`],
    ["Proof", verdict === null ? "none yet" : (VERDICTS[verdict] ?? verdict)],
  ];
  return h(
    "section",
    { key: migration, class: "card", "aria-label": `Migration ${migration}` },
    h("h2", null, name(migration)),
    h("p", null, badge(PHASES[state]), isStopped && " no process works on it"),
    pass(status),
    failure === null || running || OVER.has(state)
      ? null
      : h(
          "p",
          { class: "note bad" },
          "It ended ",
          when(failure.at),
          " with: ",
          prose(failure.message),
          ` (${failure.code})`,
        ),
    facts(rows),
  );
}

function pass({ migration, progress: done }: MigrationStatus): Content {
  if (done === null) return null;
  const { keys, keysTotal, bytes, requests } = done;
  const of = keysTotal === null ? "" : ` of ${count(keysTotal)}`;
  return h(
    "div",
    { class: "working" },
    `This pass: ${count(keys)}${of} keys, ${renderByteCount(bytes)}, ${counted(requests, "request")}`,
    progress(`This pass of migration ${migration}`, keys, keysTotal),
  );
}
