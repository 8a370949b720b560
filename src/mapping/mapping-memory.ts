// What the journal keeps of one mapping from round to round: its hold, what its folder and namespace were, its history, how its
// last round ended, and what of its trash is still to be kept.

import type { MappingConfig } from "../config/config.ts";
import type { Clock, EpochMs, MonotonicMs } from "../core/clock.ts";
import type { AppError } from "../core/errors.ts";
import type { Key } from "../core/key.ts";
import type { RoundResult } from "../engine/round-request.ts";
import { type History, type HistoryEvent, openHistory } from "../journal/history.ts";
import { type Holds, openHolds } from "../journal/holds.ts";
import type { Journal } from "../journal/journal.ts";
import { operationErrorOf } from "../journal/operation-error.ts";
import { openMappingFacts, type MappingFacts } from "../journal/mapping-facts.ts";
import { openTrashIndex } from "../journal/trash-index.ts";
import { openWaitingConflicts } from "../journal/waiting-conflicts.ts";
import { type FoundConflicts, rememberConflicts } from "./conflicts/remember-conflicts.ts";
import { filterOf } from "./mapping-facts.ts";
import { openOutcomeKeeper, type OutcomeKeeper } from "./mapping-outcome.ts";

export interface MappingMemory {
  readonly holds: Holds;
  readonly history: History;
  readonly outcome: OutcomeKeeper;
  /** The filters of the mapping as they are compared from round to round. */
  readonly filter: string;
  /** What was seen at this place when the last look at everything was done. */
  seenAt(place: string): MappingFacts | undefined;
  /** A look at everything is done. */
  see(what: Omit<MappingFacts, "mapping" | "filter">): void;
  /** All that was seen of this and other mappings. */
  readonly facts: ReturnType<typeof openMappingFacts>;
  /** The keys that are known to wait. */
  waitingKeys(): ReadonlySet<Key>;
  /** Keeps the conflicts that a round over `keys` (undefined: over all) found to wait. Returns how many wait now. */
  conflictsAfter(found: FoundConflicts, keys: readonly Key[] | undefined, startedAt: EpochMs): number;
  /** A line of history about the mapping as a whole. */
  tell(event: HistoryEvent, reason: string): void;
  /** For the history, and for a status without a daemon. Never throws for what is wrong with the state folder's disk. */
  noteFailure(error: AppError): void;
  /** Lets go what the trash need not keep: after rounds that put something there, and else now and then. */
  prune(result: Pick<RoundResult, "written" | "removed">): void;
}

const PRUNE_INTERVAL_MS = 3_600_000;

export function openMappingMemory(deps: {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly stateDir: string;
  readonly mapping: MappingConfig;
}): MappingMemory {
  const { clock, journal, stateDir, mapping } = deps;
  const { name } = mapping;
  const facts = openMappingFacts(journal);
  const history = openHistory(journal);
  const outcome = openOutcomeKeeper(deps);
  const trash = openTrashIndex(journal, stateDir);
  const conflicts = openWaitingConflicts(journal);
  const filter = filterOf(mapping);
  let prunedAt: MonotonicMs | undefined;

  const tell = (event: HistoryEvent, reason: string): void => {
    const about = { mapping: name, key: undefined, side: undefined, bytes: undefined };
    history.append([{ ...about, at: clock.now(), event, reason }]);
  };
  return {
    holds: openHolds(journal),
    history,
    outcome,
    filter,
    facts,
    seenAt: (place) => facts.get(name, place),
    see: (what) => facts.put({ ...what, mapping: name, filter }),
    waitingKeys: () => new Set(outcome.conflicts() === 0 ? [] : conflicts.list(name).map(({ key }) => key)),
    conflictsAfter: (found, keys, startedAt) => {
      const before = outcome.conflicts();
      return rememberConflicts(conflicts, {
        mapping: name,
        found,
        keys,
        startedAt,
        lookedAt: outcome.lookedAt(),
        before,
      });
    },
    tell,
    noteFailure(error) {
      try {
        tell("failed", error.message);
        outcome.failed(error);
      } catch (thrown) {
        // The disk of the state folder is full, say. What the round failed of is told in any case.
        if (operationErrorOf(thrown) === undefined) throw thrown;
      }
    },
    prune({ written, removed }) {
      const now = clock.monotonic();
      if (written + removed === 0 && prunedAt !== undefined && now - prunedAt < PRUNE_INTERVAL_MS) return;
      prunedAt = now;
      trash.prune(name, mapping.trash, clock);
    },
  };
}
