// How mappings stood when a daemon, or a single round, last dealt with them: what the journal knows while no daemon runs, in
// the form of a status.

import type { MappingConfig } from "../config/config.ts";
import type { EpochMs } from "../core/clock.ts";
import { NONE_ALIKE } from "../core/names/alike-names.ts";
import { type Hold, openHolds } from "../journal/holds.ts";
import type { Journal } from "../journal/journal.ts";
import { listPauses, type Pause } from "../journal/pauses.ts";
import { type MappingOutcome, readMappingOutcome } from "./mapping-outcome.ts";
import { pausedStatus } from "./paused.ts";
import { holdStatus, problemStatuses } from "./round-status.ts";
import type { MappingState, MappingStatus } from "./status.ts";

/** `journal` undefined: there is none yet. */
export function knownStatus(
  mappings: readonly MappingConfig[],
  journal: Journal | undefined,
): readonly MappingStatus[] {
  const holds = journal === undefined ? undefined : openHolds(journal);
  const pauses = new Map(journal && listPauses(journal).map((pause) => [pause.mapping, pause]));
  return mappings.map((mapping) => {
    const outcome = journal === undefined ? undefined : readMappingOutcome(journal, mapping.name);
    return statusOf(mapping, outcome, { hold: holds?.get(mapping.name), pause: pauses.get(mapping.name) });
  });
}

interface Waiting {
  readonly hold: Hold | undefined;
  readonly pause: Pause | undefined;
}

function statusOf(
  mapping: MappingConfig,
  outcome: MappingOutcome | undefined,
  { hold, pause }: Waiting,
): MappingStatus {
  const { lastRound = null, error = null, lookedAt = null } = outcome ?? {};
  const problems = problemStatuses(outcome?.standing, []);
  return {
    mapping: mapping.name,
    mode: mapping.mode,
    account: mapping.account,
    namespace: mapping.namespace,
    namespaceId: outcome?.namespaceId ?? null,
    folder: mapping.folder,
    state: stateOf(outcome, { hold, pause }),
    since: (pause?.since ?? hold?.since ?? error?.since ?? lastRound?.startedAt ?? lookedAt ?? 0) as EpochMs,
    localLookedAt: lookedAt,
    remoteLookedAt: lookedAt,
    pending: outcome?.pending ?? 0,
    beingWritten: [],
    conflicts: outcome?.conflicts ?? 0,
    removesLater: outcome?.removesLater ?? null,
    working: null,
    lastRound,
    hold: hold === undefined ? null : holdStatus(hold),
    paused: pause === undefined ? null : pausedStatus(pause),
    error: error === null ? null : { ...error, retryAt: null },
    ...problems,
    alike: outcome?.alike ?? NONE_ALIKE,
    watcher: null,
    pollIntervalMs: null,
    feed: null,
  };
}

function stateOf(outcome: MappingOutcome | undefined, { hold, pause }: Waiting): MappingState {
  if (pause !== undefined) return "paused";
  if (hold !== undefined) return "hold";
  return (outcome?.error ?? null) === null ? "stopped" : "error";
}
