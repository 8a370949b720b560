// The proof of one namespace: that the destination holds what the source holds. Both are listed once. What the listings do not show as
// equal is read directly after the settle window, so that nothing is called different that was only late. In the end both sides have
// a root, one digest of all their keys, and the roots are equal if and only if every key is.

import type { Key } from "../../core/key.ts";
import { FINDINGS_PER_CLASS_MAX, openFindings, verdictOf } from "./findings.ts";
import { compareListings } from "./compare-listings.ts";
import type { NamespaceProof } from "./proof.ts";
import { openProofScratch } from "./proof-scratch.ts";
import type { ProofDeps, ProofRequest, ProofSides, Proving } from "./proving.ts";
import { rootsOf } from "./range-roots.ts";
import { settleDifferences } from "./settle-differences.ts";
import { renderVerifyDepth } from "./verify-depth.ts";

/** Throws what a listing or a read fails with as a whole, and the reason of an aborted signal. */
export async function proveNamespace(deps: ProofDeps, sides: ProofSides, how: ProofRequest): Promise<NamespaceProof> {
  const { clock, settleWindowMs } = deps;
  const { verify, mayHoldMore } = how;
  const startedAt = new Date(clock.now()).toISOString();
  const scratch = openProofScratch();
  const found = openFindings();
  const onExcluded = (key: Key, reason: string): void =>
    found.add({
      key,
      class: "excluded",
      differs: [],
      changedAt: null,
      source: null,
      destination: null,
      reason,
    });
  const proving: Proving = {
    ...deps,
    ...sides,
    source: typeof sides.source === "function" ? sides.source(onExcluded) : sides.source,
    ...how,
    rootKind: verify.kind === "values" ? "values" : "fingerprints",
    scratch,
    findings: found,
    tally: {
      keys: { source: 0, destination: 0 },
      bytes: 0,
      equalBy: { stamps: 0, noted: 0, read: 0, "looked-at": 0 },
      sampled: 0,
      lookedAt: 0,
      unknown: 0,
    },
  };
  const { tally, findings, rootKind } = proving;
  try {
    const { inTurn = atOnce } = deps;
    const listedAt = await inTurn(async () => {
      await compareListings(proving);
      return clock.monotonic();
    });
    await settleDifferences(proving, listedAt);
    const counts = findings.counts();
    const equal = Object.values(tally.equalBy).reduce((sum, count) => sum + count, 0);
    const roots = tally.unknown > 0 ? { source: null, destination: null } : rootsOf(scratch);
    return {
      verdict: verdictOf(counts, mayHoldMore),
      startedAt,
      finishedAt: new Date(clock.now()).toISOString(),
      verify: renderVerifyDepth(verify),
      seed: verify.kind === "sample" ? verify.seed : null,
      mayHoldMore,
      settleWindowMs,
      keys: tally.keys,
      bytes: tally.bytes,
      counts: { equal, ...counts },
      equalBy: tally.equalBy,
      sampled: tally.sampled,
      lookedAt: tally.lookedAt,
      root: { kind: rootKind, ...roots },
      findings: findings.kept(),
      findingsPerClassMax: FINDINGS_PER_CLASS_MAX,
    };
  } finally {
    scratch.close();
  }
}

function atOnce<T>(work: () => Promise<T>): Promise<T> {
  return work();
}
