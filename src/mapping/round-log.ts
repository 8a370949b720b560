// What one round did, key by key: written to the history as it happens, and kept, up to a bound, for hooks and reports.

import type { Mode } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import type { Done } from "../engine/plan/action.ts";
import type { Plan } from "../engine/plan/plan.ts";
import type { Target } from "../engine/plan/action.ts";
import type { History, HistoryEvent, HistoryNote } from "../journal/history.ts";

export type SyncSide = "local" | "remote";

export interface Change {
  readonly key: Key;
  readonly side: SyncSide;
  readonly event: "added" | "changed" | "removed" | "conflict";
}

/** Changes kept one by one; a first push of a million keys is one line after that. */
const CHANGES_KEPT_MAX = 10_000;
const LINES_AT_ONCE = 500;

export interface RoundLog {
  /** The first of them, up to 10,000. */
  readonly changes: readonly Change[];
  /** How many there were besides. */
  more(): number;
  onPlan(plan: Plan): void;
  onDone(done: Done): void;
  /** Writes what is left to the history. */
  close(): void;
}

export function openRoundLog(deps: {
  readonly clock: Clock;
  readonly history: History;
  readonly mapping: string;
  readonly mode: Mode;
}): RoundLog {
  const { clock, history, mapping, mode } = deps;
  const changes: Change[] = [];
  const conflicts = new Set<Key>();
  let lines: HistoryNote[] = [];
  let more = 0;

  const flush = (): void => {
    history.append(lines);
    lines = [];
  };
  return {
    changes,
    more: () => more,
    onPlan(plan) {
      // To read a large plan back costs as much as to make it.
      if (plan.conflicts === 0) return;
      for (const to of ["source", "destination"] as const) {
        for (const page of plan.pages(`write:${to}`)) {
          for (const { key, conflict } of page) if (conflict && conflicts.size < CHANGES_KEPT_MAX) conflicts.add(key);
        }
      }
    },
    onDone(done) {
      if (done.kind === "unchanged") return;
      if (changes.length === CHANGES_KEPT_MAX) {
        more++;
        return;
      }
      const side = sideOf(done.to, mode);
      const event = eventOf(done, conflicts);
      const { key } = done;
      changes.push({ key, side, event });
      const bytes = done.kind === "written" ? done.bytes : undefined;
      lines.push({ at: clock.now(), mapping, key, side, event, reason: reasonOf(event, side), bytes });
      if (lines.length === LINES_AT_ONCE) flush();
    },
    close() {
      if (more > 0) {
        const reason = `and ${more} more keys in the same round`;
        const event: HistoryEvent = "more";
        lines.push({ at: clock.now(), mapping, key: undefined, side: undefined, event, reason, bytes: undefined });
      }
      flush();
    },
  };
}

/** The source is the local side, but in a pull. */
function sideOf(target: Target, mode: Mode): SyncSide {
  return (target === "source") === (mode === "pull") ? "remote" : "local";
}

function eventOf({ kind, replaced, key }: Done, conflicts: ReadonlySet<Key>): Change["event"] {
  if (kind === "removed") return "removed";
  if (conflicts.has(key)) return "conflict";
  return replaced ? "changed" : "added";
}

function reasonOf(event: Change["event"], side: SyncSide): string {
  const cause = side === "local" ? "key" : "file";
  switch (event) {
    case "added":
      return `the ${cause} is new`;
    case "changed":
      return `the ${cause} changed`;
    case "removed":
      return `the ${cause} is gone`;
    case "conflict":
      return side === "local" ? "both sides changed; the key won" : "both sides changed; the file won";
  }
}
