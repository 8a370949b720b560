// The comparison of a report, done again from the report alone: the same namespaces, keys and sample. Nothing is known of the copy any
// more, so what differs is told as it is; what the report says of the earlier time tells which side has changed since.

import pLimit from "p-limit";
import { allEnded } from "../../core/all-ended.ts";
import { isGoneForGood } from "../gone-for-good.ts";
import type { NamespaceProof } from "../proof/proof.ts";
import { proveNamespace } from "../proof/prove-namespace.ts";
import {
  LISTINGS_AT_ONCE,
  type ProofDeps,
  type ProofProgress,
  type ProofRequest,
  PROOFS_AT_ONCE,
  type ProofSides,
} from "../proof/proving.ts";
import { parseVerifyDepth, type VerifyDepth } from "../proof/verify-depth.ts";
import type { MigrationReport, ReportedNamespace, ReportFacts } from "./migration-report.ts";

export interface VerifyDeps extends ProofDeps {
  /** `kvsync 0.1.0` */
  readonly by: string;
  readonly openSides: (namespace: ReportedNamespace) => Promise<VerifiedSides>;
  readonly requests: () => ReportFacts["requests"];
}

interface VerifiedSides extends ProofSides, Pick<ProofRequest, "excludedBecause"> {
  close(): Promise<void>;
}

export interface Verified {
  /** What a new report is made of. */
  readonly facts: ReportFacts;
  readonly changes: readonly NamespaceChanges[];
}

/** What is otherwise than in the report. */
export interface NamespaceChanges {
  readonly title: string;
  /** Whether the side holds what it held then; null: it cannot be told, since the report has no digest of it of the same kind. */
  readonly isSame: { readonly source: boolean | null; readonly destination: boolean | null };
  /** Keys that differed then and differ now, that only differ now, and that only differed then; as far as both name them. */
  readonly still: number;
  readonly fresh: number;
  readonly gone: number;
}

/** `verify`: undefined: as deep as the report. Throws what opening or reading a side fails with. */
export async function verifyReport(deps: VerifyDeps, report: MigrationReport, verify?: VerifyDepth): Promise<Verified> {
  const { clock, by, requests } = deps;
  const startedAt = new Date(clock.now()).toISOString();
  const atOnce = pLimit(PROOFS_AT_ONCE);
  const inTurn = pLimit(LISTINGS_AT_ONCE);
  const listed = new Map<ReportedNamespace, number>();
  const verifyOne = async (namespace: ReportedNamespace, signal: AbortSignal): Promise<ReportedNamespace> => {
    signal.throwIfAborted();
    const { proof: before } = namespace;
    // It was not moved: there is nothing to hold it against.
    if (namespace.destination.id === "") return { ...namespace, copied: null, proof: null };
    const sides = await deps.openSides(namespace);
    try {
      const onProgress = (progress: ProofProgress): void => {
        listed.set(namespace, progress.keys);
        deps.onProgress?.({ ...progress, keys: [...listed.values()].reduce((a, b) => a + b, 0) });
      };
      const proof = await proveNamespace({ ...deps, signal, onProgress, inTurn }, sides, {
        verify: verify ?? depthOf(before),
        excludedBecause: sides.excludedBecause,
        mayHoldMore: before?.mayHoldMore ?? namespace.keysBefore > 0,
      });
      return { ...namespace, copied: null, failure: null, proof };
    } catch (error) {
      if (!isGoneForGood(error)) throw error;
      return { ...namespace, copied: null, failure: error.message, proof: null };
    } finally {
      await sides.close();
    }
  };
  const namespaces = await allEnded(
    deps.signal,
    report.namespaces.map((namespace) => (signal) => atOnce(() => verifyOne(namespace, signal))),
  );
  const changes = namespaces.map(({ proof }, index) => changesOf(report.namespaces[index]!, proof));
  const { name, source, destination, rename, filter, follow } = report;
  const facts: ReportFacts = {
    by,
    name,
    command: "verify",
    source,
    destination,
    startedAt,
    finishedAt: new Date(clock.now()).toISOString(),
    runs: 1,
    rename,
    filter,
    follow,
    namespaces,
    requests: requests(),
    cost: null,
  };
  return { facts, changes };
}

function depthOf(proof: NamespaceProof | null): VerifyDepth {
  return parseVerifyDepth(proof?.verify ?? "listing", proof?.seed ?? "");
}

function changesOf({ source, proof: before }: ReportedNamespace, proof: NamespaceProof | null): NamespaceChanges {
  const [then, now] = [differing(before), differing(proof)];
  const still = [...now].filter((key) => then.has(key)).length;
  return {
    title: source.title,
    isSame: { source: sameRoot(before, proof, "source"), destination: sameRoot(before, proof, "destination") },
    still,
    fresh: now.size - still,
    gone: then.size - still,
  };
}

function sameRoot(
  before: NamespaceProof | null,
  proof: NamespaceProof | null,
  side: "source" | "destination",
): boolean | null {
  if (before === null || proof === null || before.root.kind !== proof.root.kind) return null;
  const [then, now] = [before.root[side], proof.root[side]];
  return then === null || now === null ? null : then === now;
}

/** Keys that are not equal, but for those that nobody expects to be. */
function differing(proof: NamespaceProof | null): ReadonlySet<string> {
  const findings = proof?.findings ?? [];
  return new Set(findings.filter((one) => one.class !== "expired" && one.class !== "excluded").map(({ key }) => key));
}
