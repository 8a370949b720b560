// What a round of a mapping removes, kept for the guards of those that follow within ten minutes (core/recent-removals.ts): before the first
// of it is carried out, so that a round that is killed counts too, and put right when the round has ended.

import type { Mode } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { Done, Target } from "../engine/plan/action.ts";
import type { Plan } from "../engine/plan/plan.ts";
import type { PlanSeen, RoundRequest } from "../engine/round-request.ts";
import type { Journal } from "../journal/journal.ts";
import { openRecentRemovals } from "../journal/recent-removals.ts";
import { localSide } from "./hold-reason.ts";

export interface RemovalCount {
  /** What counts with the plan of this round. */
  readonly recent: NonNullable<RoundRequest["recent"]>;
  /** The plan is about to be carried out. */
  begin(plan: Plan, seen: PlanSeen): void;
  onDone(done: Done): void;
  /** The round has ended, or broken off. `isLetPass`: a person has said that it may remove what it did. */
  end(isLetPass: boolean): void;
}

const TARGETS: readonly Target[] = ["source", "destination"];

export function openRemovalCount(deps: {
  readonly clock: Clock;
  readonly journal: Journal;
  /** Names both sides of the mapping for good. */
  readonly place: string;
  readonly mode: Mode;
}): RemovalCount {
  const table = openRecentRemovals(deps.journal, deps.place, deps.clock);
  const sideOf = (to: Target): "local" | "remote" => (to === localSide(deps.mode) ? "local" : "remote");
  const begun = new Map<Target, number>();
  const removed = { source: 0, destination: 0 };
  return {
    recent: { source: table.recent(sideOf("source")), destination: table.recent(sideOf("destination")) },
    begin(plan, { known, lastingRemoves }) {
      for (const to of TARGETS) {
        const count = plan.counts[`remove:${to}`];
        if (count === 0 || begun.has(to)) continue;
        const lasting = Math.min(lastingRemoves[to], count);
        begun.set(to, table.begin({ side: sideOf(to), removed: count, lasting, known: known[to] }));
      }
    },
    onDone: ({ kind, to }) => {
      if (kind === "removed") removed[to]++;
    },
    end(isLetPass) {
      if (isLetPass && removed.source + removed.destination > 0) table.clear();
      else for (const [to, id] of begun) table.settle(id, removed[to]);
    },
  };
}
