// What the last rounds of a mapping came to, kept in the journal from one process to the next: for `kvsync status` while no
// daemon runs, and so that a problem is as old as it is.

import type { MappingConfig } from "../config/config.ts";
import type { Clock, EpochMs } from "../core/clock.ts";
import type { AppError, ErrorCode } from "../core/errors.ts";
import { type AlikeNames, NONE_ALIKE } from "../core/names/alike-names.ts";
import type { Journal } from "../journal/journal.ts";
import { openOutcomes } from "../journal/outcomes.ts";
import { openWaitingConflicts } from "../journal/waiting-conflicts.ts";
import { roundStatus } from "./round-status.ts";
import type { RoundReport } from "./round-port.ts";
import { NO_PROBLEMS, type RoundProblems, standingAfter, type StandingProblems } from "./standing-problems.ts";
import type { RemovesLater, RoundStatus } from "./status.ts";

export interface MappingOutcome {
  /** Which folder and namespace it is about; what happened at another place says nothing. */
  readonly place: string;
  readonly namespaceId: string | null;
  /** When the last complete look at both sides began. */
  readonly lookedAt: EpochMs | null;
  readonly lastRound: RoundStatus | null;
  /** Keys that the last look left: held, failed, or not shown yet by a listing that lags. */
  readonly pending: number;
  readonly conflicts: number;
  /** Absent: an older kvsync kept it. */
  readonly removesLater?: RemovesLater | null;
  /** Why the last round failed as a whole; null: it did not. */
  readonly error: OutcomeError | null;
  readonly standing: StandingProblems;
  /** Names that are one name to other systems; absent in what an older version kept. */
  readonly alike?: AlikeNames | undefined;
}

export interface OutcomeError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | null;
  readonly since: EpochMs;
}

export interface OutcomeKeeper {
  /** The mapping is at this place now. To be called before the others. */
  at(place: string): void;
  /** A round ended, and met these problems. `leavesError`: it was about a key that a person decided about, and says nothing of why the
   * round before it failed. Returns what stands now. */
  roundEnded(
    report: Omit<RoundReport, "standing">,
    problems: RoundProblems & { readonly leavesError?: boolean },
  ): StandingProblems;
  failed(error: AppError): void;
  /** What the last look at all keys found of names that are one name to other systems. */
  alike(): AlikeNames;
  /** How many conflicts waited after the last round. */
  conflicts(): number;
  lookedAt(): EpochMs | null;
  /** Some keys could not be synced when they were last looked at. */
  hasProblems(): boolean;
}

export function openOutcomeKeeper(deps: {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly mapping: MappingConfig;
}): OutcomeKeeper {
  const { clock, journal, mapping } = deps;
  const outcomes = openOutcomes(journal);
  let outcome: MappingOutcome | undefined;
  const put = (next: MappingOutcome): void => {
    outcome = next;
    outcomes.put(mapping.name, JSON.stringify(next));
  };
  return {
    at: (place) => {
      if (outcome?.place === place) return;
      const kept = readMappingOutcome(journal, mapping.name);
      if (kept !== undefined && kept.place !== place) openWaitingConflicts(journal).clear(mapping.name);
      outcome = kept?.place === place ? kept : { ...NOTHING_YET, place };
    },
    roundEnded: (report, problems) => {
      const before = outcome!;
      const standing = standingAfter(before.standing, problems, clock.now());
      const { result, startedAt, isFull, namespace } = report;
      put({
        ...before,
        namespaceId: namespace?.id ?? null,
        lastRound: roundStatus(report),
        error: problems.leavesError === true ? before.error : null,
        standing,
        removesLater: report.removesLater,
        alike: report.alike,
        conflicts: report.waitingConflicts,
        ...(isFull && {
          lookedAt: startedAt,
          pending: result.held + result.failed + result.lagging,
        }),
      });
      return standing;
    },
    alike: () => outcome?.alike ?? NONE_ALIKE,
    conflicts: () => outcome?.conflicts ?? 0,
    lookedAt: () => outcome?.lookedAt ?? null,
    hasProblems: () => outcome !== undefined && outcome.standing.known.length + outcome.standing.more > 0,
    failed: ({ code, message, hint = null }) => {
      const before = outcome!;
      put({ ...before, error: { code, message, hint, since: before.error?.since ?? clock.now() } });
    },
  };
}

const NOTHING_YET: Omit<MappingOutcome, "place"> = {
  namespaceId: null,
  lookedAt: null,
  lastRound: null,
  pending: 0,
  conflicts: 0,
  error: null,
  standing: NO_PROBLEMS,
};

/** Undefined: the journal knows of no round of the mapping. */
export function readMappingOutcome(journal: Journal, mapping: string): MappingOutcome | undefined {
  const text = openOutcomes(journal).get(mapping);
  return text === undefined ? undefined : (JSON.parse(text) as MappingOutcome);
}
