// One round between two replicas, with a journal in memory and what it did kept for assertions.

import { type Clock, toEpochSeconds } from "../../src/core/clock.ts";
import type { GuardLimits } from "../../src/core/guards.ts";
import type { Key } from "../../src/core/key.ts";
import type { Problem } from "../../src/core/problem.ts";
import type { DeletePolicy } from "../../src/core/reconcile.ts";
import type { Decide } from "../../src/engine/plan/verdict.ts";
import type { Done } from "../../src/engine/plan/action.ts";
import { runRound } from "../../src/engine/round.ts";
import { type RoundResult } from "../../src/engine/round-request.ts";
import { openBase } from "../../src/journal/base.ts";
import { type Journal, openScratchJournal } from "../../src/journal/journal.ts";
import type { PairStore, Loss, Trash } from "../../src/engine/ports.ts";
import { openSpool } from "../../src/journal/spool.ts";
import type { ReadableReplica, Replica } from "../../src/replica/replica.ts";

export interface Pair {
  readonly clock: Clock;
  readonly source: ReadableReplica;
  readonly destination: Replica;
  readonly base: PairStore;
  readonly journal: Journal;
  readonly trashed: { key: string; content: string; reason: Loss["reason"] }[];
}

export function openPair(clock: Clock, source: ReadableReplica, destination: Replica): Pair {
  const journal = openScratchJournal();
  return { clock, source, destination, base: openBase(journal, "test"), journal, trashed: [] };
}

export interface RoundOptions {
  readonly delete?: DeletePolicy;
  readonly decide?: Decide;
  readonly only?: readonly Key[];
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly base?: PairStore;
  readonly trash?: Trash;
  readonly maxOverwrite?: GuardLimits["maxOverwrite"];
}

export async function round(
  pair: Pair,
  options: RoundOptions = {},
): Promise<RoundResult & { readonly problems: readonly Problem[]; readonly done: readonly Done[] }> {
  const problems: Problem[] = [];
  const done: Done[] = [];
  const trash: Trash = {
    async save(values, { reason }) {
      for (const { entry, bytes } of values)
        pair.trashed.push({ key: entry.key, content: Buffer.from(bytes).toString(), reason });
    },
  };
  const result = await runRound({
    clock: pair.clock,
    source: pair.source,
    destination: pair.destination,
    base: options.base ?? pair.base,
    trash: options.trash ?? trash,
    spool: openSpool(pair.journal, 1),
    decide: options.decide ?? {
      twoWay: false,
      delete: options.delete ?? "owned",
      save: pair.destination.traits.readsCostRequests ? "foreign" : "all",
      now: toEpochSeconds(pair.clock.now()),
    },
    settleWindowMs: 60_000,
    guards: { maxDelete: { share: 0.25 }, maxOverwrite: options.maxOverwrite ?? "not-all" },
    ...(options.only !== undefined && { only: options.only }),
    force: options.force ?? false,
    dryRun: options.dryRun ?? false,
    events: { onProblem: (problem) => problems.push(problem), onDone: (item) => done.push(item) },
  });
  return { ...result, problems, done };
}
