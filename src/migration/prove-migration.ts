// The end of a migration: each namespace is compared, several side by side, and the report is written.

import pLimit from "p-limit";
import { allEnded } from "../core/all-ended.ts";
import type { DurationMs } from "../core/clock.ts";
import type { AppError } from "../core/errors.ts";
import { openBase } from "../journal/base.ts";
import type { KvApi } from "../kv/kv-api.ts";
import { checkClock } from "./check-clock.ts";
import { estimateCost } from "./cost.ts";
import { identityOf, openSides } from "./copy/open-sides.ts";
import { withPatience } from "./copy/patience.ts";
import { isGoneForGood } from "./gone-for-good.ts";
import type { MigrationRecord, NamespaceRecord } from "./migration-record.ts";
import type { MigrationStore } from "./migration-store.ts";
import type { RefusedNewcomer } from "./newcomers.ts";
import { failureOf, type PassDeps, type PassOutcome } from "./pass-namespaces.ts";
import { LISTINGS_AT_ONCE, type ProofDeps, type ProofProgress, PROOFS_AT_ONCE } from "./proof/proving.ts";
import { proveNamespace } from "./proof/prove-namespace.ts";
import type { NamespaceProof, ProofVerdict } from "./proof/proof.ts";
import { parseVerifyDepth } from "./proof/verify-depth.ts";
import {
  buildReport,
  type MigrationReport,
  type ReportedNamespace,
  type ReportFacts,
} from "./report/migration-report.ts";
import { requestsSince } from "../kv/request-counts.ts";
import { type ReportFiles, writeReport } from "./report/write-report.ts";

export interface ProveDeps extends PassDeps {
  /** `kvsync 0.1.0` */
  readonly by: string;
  readonly files: ReportFiles;
  /** Since the run began. */
  readonly requests: () => ReportFacts["requests"];
  readonly exitCodeOf: (verdict: ProofVerdict) => number;
}

export interface ProofOutcome {
  /** By the title at the source: namespaces that are gone for good, and are not compared. */
  readonly failures: ReadonlyMap<string, AppError>;
}

export interface ToProve extends Pick<PassOutcome, "problems" | "failures"> {
  /** Namespaces that were to be moved, and are not in the record. */
  readonly refused: readonly RefusedNewcomer[];
}

/** `outcome`: of the last pass. Throws what a listing or a read fails with as a whole: the migration then is still to be proved. */
export async function proveMigration(
  deps: ProveDeps,
  store: MigrationStore,
  outcome: ToProve,
): Promise<ProofOutcome & { readonly report: MigrationReport }> {
  const { clock, files, by, requests, exitCodeOf, events } = deps;
  const record = store.current();
  const keys = new Map<number, number>();
  let namespacesDone = 0;
  const tell = (): void =>
    events.onProgress({
      phase: "proving",
      namespaces: record.namespaces.length,
      namespacesDone,
      keys: [...keys.values()].reduce((a, b) => a + b, 0),
      keysTotal: undefined,
      bytes: 0,
    });
  const atOnce = pLimit(PROOFS_AT_ONCE);
  const inTurn = pLimit(LISTINGS_AT_ONCE);
  const failures = new Map(outcome.failures);
  const namespaces = await allEnded(
    deps.signal,
    record.namespaces.map(
      (namespace, index) => (signal) =>
        atOnce(async () => {
          signal.throwIfAborted();
          const { title } = namespace.source;
          const prove = (): Promise<NamespaceProof> =>
            proveOne({ ...deps, signal }, record, namespace, {
              problems: outcome.problems.get(index),
              inTurn,
              onProgress: (progress) => {
                keys.set(index, progress.keys);
                tell();
              },
            });
          let proof: NamespaceProof | null = null;
          try {
            const onRetry = (error: AppError, waitMs: DurationMs): void => events.onRetry(title, error, waitMs);
            const patience = { clock, signal, mayRetry: () => true, onRetry };
            if (!failures.has(title)) proof = await withPatience(patience, prove);
          } catch (error) {
            if (!isGoneForGood(error)) throw error;
            failures.set(title, error);
            store.setNamespace(index, { failure: failureOf(error, clock) });
          }
          namespacesDone++;
          tell();
          store.setNamespace(index, { verdict: proof?.verdict ?? null });
          return reported(namespace, proof, failures.get(title));
        }),
    ),
  );
  checkClock([deps.source, deps.destination]);
  const spent = requests();
  const report = buildReport(
    {
      by,
      name: record.name,
      command: "migrate",
      source: record.asked.source,
      destination: record.asked.destination,
      startedAt: new Date(record.startedAt).toISOString(),
      finishedAt: new Date(clock.now()).toISOString(),
      runs: record.runs,
      rename: record.asked.rename,
      filter: record.asked.filter,
      follow: record.follow,
      namespaces: [...namespaces, ...outcome.refused.map(notMoved)],
      requests: spent,
      cost: costOf(record, spent),
    },
    exitCodeOf,
  );
  writeReport(files, report);
  return { report, failures };
}

interface OneProof {
  /** Of keys that the last pass could not copy; undefined: this run made no pass. */
  readonly problems: ReadonlyMap<string, string> | undefined;
  readonly onProgress: (progress: ProofProgress) => void;
  readonly inTurn: NonNullable<ProofDeps["inTurn"]>;
}

async function proveOne(
  deps: ProveDeps,
  record: MigrationRecord,
  { source, destination, before, counts }: NamespaceRecord,
  { problems, onProgress, inTurn }: OneProof,
): Promise<NamespaceProof> {
  const { clock, signal, settleWindowMs, pair } = deps;
  const sides = openSides(deps, record.asked, {
    source,
    destination,
    destinationId: () => destination.id,
  });
  try {
    return await proveNamespace(
      { clock, signal, settleWindowMs, onProgress, inTurn },
      { source: sides.provedSource, destination: sides.destination },
      {
        verify: parseVerifyDepth(record.verify, String(record.seed)),
        copied: {
          base: openBase(pair.journal, identityOf(record, source.id), settleWindowMs),
          // A key that was not copied may be one that failed, unless all that failed are known.
          isComplete: problems === undefined ? counts.failed === 0 : problems.size >= counts.failed,
          problems: problems ?? new Map(),
        },
        excludedBecause: (key) => sides.excludedBecause(key),
        mayHoldMore: before.keys > 0,
      },
    );
  } finally {
    await sides.close();
  }
}

function reported(
  { source, destination, isNew, before, counts }: NamespaceRecord,
  proof: NamespaceProof | null,
  failure: AppError | undefined,
): ReportedNamespace {
  const { written, removed, unchanged, failed } = counts;
  return {
    source: { id: source.id, title: source.title },
    destination: { id: destination.id ?? "", title: destination.title },
    isNew,
    keysBefore: before.keys,
    copied: { written, removed, unchanged, failed },
    proof,
    failure: failure?.message ?? null,
  };
}

function notMoved({ source: { id, title }, error }: RefusedNewcomer): ReportedNamespace {
  return {
    source: { id, title },
    destination: { id: "", title },
    isNew: false,
    keysBefore: 0,
    copied: null,
    proof: null,
    failure: error.message,
  };
}

/** Keys that a bulk get reads, at the most (docs). */
const BULK_GET_KEYS = 100;

/** Of copy and comparison: what was written and removed is known, and what was read is at the most this. */
function costOf({ namespaces }: MigrationRecord, { source, destination }: ReportFacts["requests"]): number {
  const sum = (of: (namespace: NamespaceRecord) => number): number =>
    namespaces.reduce((total, namespace) => total + of(namespace), 0);
  const both = (name: "list" | "read" | "bulkGet"): number => source[name] + destination[name];
  return estimateCost({
    reads: both("read") + both("bulkGet") * BULK_GET_KEYS,
    writes: sum(({ counts }) => counts.written),
    deletes: sum(({ counts }) => counts.removed),
    lists: both("list"),
  });
}

/** Requests of both accounts from now on. Where both are one account, all of them are the source's. */
export function countBoth(
  source: Pick<KvApi, "counts">,
  destination: Pick<KvApi, "counts">,
): () => ReportFacts["requests"] {
  const before = { source: source.counts(), destination: destination.counts() };
  return () => ({
    source: requestsSince(before.source, source.counts()),
    destination: requestsSince(
      source === destination ? destination.counts() : before.destination,
      destination.counts(),
    ),
  });
}
