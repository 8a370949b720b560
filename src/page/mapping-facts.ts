// What is to be said of a mapping, wherever it is shown: how it stands, what waits, whether it needs a person.

import { count, counted } from "../core/counted.ts";
import { renderDuration } from "../core/units.ts";
import type { WatchState } from "../mapping/status.ts";
import { isPaused } from "./actions.ts";
import type { MappingStatus } from "./contract.ts";
import { type Content, h, type Shape } from "./dom.ts";
import { progress } from "./parts.ts";
import { ARROWS, badge, listed, MODES, name, prose, STATES, type Tone, when } from "./words.ts";

/** Kinds of mappings that one may look at by themselves. */
export const GROUPS = ["all", "hold", "failing", "conflicts", "problems", "way", "paused", "in-step"] as const;

export type Group = (typeof GROUPS)[number];

export const GROUP_WORDS: Readonly<Record<Group, string>> = {
  all: "all",
  hold: "on hold",
  failing: "failing",
  conflicts: "with conflicts",
  problems: "with problems",
  way: "on the way",
  paused: "paused",
  "in-step": "in step",
};

export const GROUP_TONES: Readonly<Record<Group, Tone>> = {
  all: "idle",
  hold: "bad",
  failing: "bad",
  conflicts: "warn",
  problems: "warn",
  way: "busy",
  paused: "idle",
  "in-step": "good",
};

const ON_THE_WAY: ReadonlySet<MappingStatus["state"]> = new Set(["starting", "working", "waiting", "behind"]);

export function isIn(group: Group, mapping: MappingStatus): boolean {
  const { state, conflicts, problemCount } = mapping;
  switch (group) {
    case "all":
      return true;
    case "hold":
      return mapping.hold !== null;
    case "failing":
      return mapping.error !== null;
    case "conflicts":
      return conflicts > 0;
    case "problems":
      return problemCount > 0;
    case "way":
      return ON_THE_WAY.has(state);
    case "paused":
      return isPaused(mapping);
    case "in-step":
      return state === "in-step";
  }
}

export function needsPerson({ hold, error, conflicts, problems }: MappingStatus): boolean {
  const isHeld = hold !== null && !hold.approved;
  return isHeld || error !== null || conflicts > 0 || problems.some(({ passesByItself }) => !passesByItself);
}

/** The ones that need a person first, the gravest of them before the others; else by name. */
export function compareMappings(a: MappingStatus, b: MappingStatus): number {
  return gravity(b) - gravity(a) || (a.mapping < b.mapping ? -1 : 1);
}

function gravity(mapping: MappingStatus): number {
  if (!needsPerson(mapping)) return 0;
  if (mapping.error !== null) return 4;
  if (mapping.hold !== null) return 3;
  return mapping.conflicts > 0 ? 2 : 1;
}

export function stateBadge({ state, hold }: MappingStatus): Shape {
  if (state === "hold" && hold?.approved === true) return badge({ word: "approved", mark: "✓", tone: "busy" });
  return badge(STATES[state]);
}

/** Folder, direction and namespace, as the command line writes them. */
export function route({ folder, mode, account, namespace }: MappingStatus): Shape {
  return h(
    "p",
    { class: "route" },
    name(folder),
    h("span", { class: "arrow", role: "img", "aria-label": MODES[mode], title: MODES[mode] }, ` ${ARROWS[mode]} `),
    name(`${account}:${namespace}`),
  );
}

/** How long ago it was looked at. */
export function freshness({ localLookedAt, lastRound }: MappingStatus): Content {
  if (localLookedAt !== null) return ["looked at ", when(localLookedAt)];
  if (lastRound === null) return "not looked at yet";
  return ["looked at for a plan only, ", when(lastRound.startedAt)];
}

/** What is under way or waits, in a few words each. */
export function waits(mapping: MappingStatus): readonly Content[] {
  const { pending, beingWritten, removesLater, conflicts, problemCount } = mapping;
  const parts: Content[] = [];
  if (pending > 0) parts.push(`${count(pending)} pending`);
  if (beingWritten.length > 0) parts.push(`${count(beingWritten.length)} being written`);
  if (conflicts > 0) parts.push(counted(conflicts, "conflict waits", "conflicts wait"));
  if (problemCount > 0) parts.push(counted(problemCount, "problem"));
  if (removesLater !== null) {
    const { keys, dueAt } = removesLater;
    parts.push([`${count(keys)} gone, ${keys === 1 ? "" : "the first "}removed `, when(dueAt)]);
  }
  return parts;
}

const PHASES = {
  queued: "waiting for its turn",
  compare: "comparing",
  transfer: "transferring",
  remove: "removing",
} as const;

export function workingLine({ mapping, working }: MappingStatus): Content {
  if (working === null || working.phase === "queued") return null;
  const { phase, keys, keysTotal } = working;
  const of = keysTotal === null ? "" : ` of ${count(keysTotal)}`;
  return h(
    "div",
    { class: "working" },
    `${PHASES[phase]} ${count(keys)}${of}`,
    progress(`${PHASES[phase]} ${mapping}`, keys, keysTotal),
  );
}

export function pausedLine({ paused }: MappingStatus): Content {
  if (paused === null || paused === undefined) return null;
  const { since, reason } = paused;
  return h("p", null, "Paused ", when(since), reason === null ? null : [": ", prose(reason)]);
}

export function errorLines({ error }: MappingStatus): Content {
  if (error === null) return null;
  const { message, code, since, hint, retryAt } = error;
  return h(
    "div",
    { class: "note bad" },
    h("p", null, prose(message), ` (${code}, first `, when(since), ")"),
    hint === null ? null : h("p", { class: "hint" }, "hint: ", prose(hint)),
    retryAt === null ? null : h("p", { class: "quiet" }, "tries again ", when(retryAt)),
  );
}

/** How its folder is watched, where that is not by the system's events alone. */
export function watching(watcher: WatchState | null): Content {
  if (watcher === null) return null;
  switch (watcher.kind) {
    case "watching": {
      const { folders, alsoPolling, seenLate } = watcher;
      const base = `watched, ${counted(folders, "folder")}`;
      if (alsoPolling !== undefined)
        return [`${base}; also polled every ${renderDuration(alsoPolling.everyMs)}: `, prose(alsoPolling.reason)];
      if (seenLate !== undefined)
        return [
          `${base}; not told of all changes, which are seen within ${renderDuration(seenLate.everyMs)}: `,
          prose(seenLate.reason),
        ];
      return base;
    }
    case "polling":
    case "unwatched": {
      const how = watcher.kind === "polling" ? "polled" : "not watched, rescanned";
      const hint: Content = watcher.hint === undefined ? null : ["; hint: ", prose(watcher.hint)];
      return [`${how} every ${renderDuration(watcher.everyMs)}: `, prose(watcher.reason), hint];
    }
    case "off":
      return `not watched (watch: off), rescanned every ${renderDuration(watcher.everyMs)}`;
  }
}

/** Freshness and what waits, as one line. */
export function factLine(mapping: MappingStatus): Shape {
  return h("p", { class: "row-facts" }, listed([...waits(mapping), freshness(mapping)]));
}
