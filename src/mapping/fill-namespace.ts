// A namespace of one's own, made to hold what a source holds, by the round that every pair goes through: a drill restores a snapshot so,
// and a server begins with archives so. Nobody else writes to it meanwhile, and nothing is remembered of it afterwards.

import { type Clock, type DurationMs, toEpochSeconds } from "../core/clock.ts";
import type { Problem } from "../core/problem.ts";
import { STABLE_AFTER_MS, STABLE_MAX_MS } from "../core/rest.ts";
import type { Progress, RoundResult } from "../engine/round-request.ts";
import { openJournal } from "../journal/journal.ts";
import { MovingFiles } from "../replica/moving-files.ts";
import type { ReadableReplica, Replica } from "../replica/replica.ts";
import { runPairRound } from "./pair.ts";

export interface FillDeps {
  readonly clock: Clock;
  /** Of this fill alone, and removed by the caller: what the round notes of each key. */
  readonly folder: string;
}

export interface Fill {
  readonly source: ReadableReplica;
  readonly namespace: Replica;
  readonly signal: AbortSignal;
  readonly onProblem: (problem: Problem) => void;
  /** Told how much is written by now. */
  readonly onWritten: (written: Pick<Progress, "keys" | "keysTotal" | "bytes">) => void;
}

const SETTLE_WINDOW_MS: DurationMs = 60_000;

/** What the namespace holds already, as the source has it, stays; the rest of it goes. Throws what either side fails with. */
export async function fillNamespace({ clock, folder }: FillDeps, fill: Fill): Promise<RoundResult> {
  const { source, namespace, signal, onProblem, onWritten } = fill;
  const journal = openJournal({ stateDir: folder, clock });
  try {
    return await runPairRound(
      { clock, journal, scratch: journal, stateDir: folder },
      { name: "fill", identity: "fill", source, destination: namespace, isManaged: undefined },
      {
        decide: { twoWay: false, delete: "all", save: "foreign", now: toEpochSeconds(clock.now()) },
        settleWindowMs: SETTLE_WINDOW_MS,
        rest: { stableAfterMs: STABLE_AFTER_MS, stableMaxMs: STABLE_MAX_MS },
        moving: new MovingFiles(clock),
        trustStamps: true,
        guards: { maxDelete: { count: 0 }, maxOverwrite: { count: 0 } },
        dryRun: false,
        // It is all ours.
        force: true,
        signal,
        events: {
          onProblem,
          onProgress: (progress) => {
            if (progress.phase === "transfer") onWritten(progress);
          },
        },
      },
    );
  } finally {
    journal.close();
  }
}
