// What the steps of one proof share: what was asked, and what has been found so far.

import type { Clock, DurationMs } from "../../core/clock.ts";
import type { BaseStore } from "../../engine/ports.ts";
import type { Key } from "../../core/key.ts";
import type { ReadableReplica } from "../../replica/replica.ts";
import type { Findings } from "./findings.ts";
import type { RootKind } from "./held.ts";
import type { Evidence } from "./proof.ts";
import type { ProofScratch } from "./proof-scratch.ts";
import type { VerifyDepth } from "./verify-depth.ts";

export interface ProofDeps {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How long a listing or a read may show what was there before. */
  readonly settleWindowMs: DurationMs;
  readonly onProgress?: (progress: ProofProgress) => void;
  /** Of several proofs side by side: lets a few list at a time, since what they list is in memory; the others may wait for what may be
   * late meanwhile. Undefined: there is only this one. */
  readonly inTurn?: <T>(list: () => Promise<T>) => Promise<T>;
}

/** How many namespaces are compared side by side, and how many of these list at a time. */
export const PROOFS_AT_ONCE = 16;
export const LISTINGS_AT_ONCE = 3;

export interface ProofProgress {
  /** "waiting": for the settle window of what the listings did not show as equal. */
  readonly phase: "listing" | "waiting" | "looking";
  readonly keys: number;
  /** Keys that are not known to be equal yet. */
  readonly pending: number;
}

export interface ProofSides {
  /** With the names that its keys have at the destination. Where it lists only what was to be moved, it tells `onExcluded` of the others. */
  readonly source: ReadableReplica | ((onExcluded: (key: Key, reason: string) => void) => ReadableReplica);
  readonly destination: ReadableReplica;
}

export interface ProofRequest {
  readonly verify: VerifyDepth;
  /** What is known of the copy; undefined: nothing. */
  readonly copied?: Copied | undefined;
  /** Why a key was left out on purpose; undefined: it was not. */
  readonly excludedBecause?: ((key: Key) => string | undefined) | undefined;
  /** The destination held keys before, and the operator knows: keys that only it holds are no failure. */
  readonly mayHoldMore: boolean;
}

interface Copied {
  readonly base: Pick<BaseStore, "scan">;
  /** Its last round listed the source to the end. */
  readonly isComplete: boolean;
  /** What was said of keys that were not copied. */
  readonly problems: ReadonlyMap<string, string>;
}

export interface Proving extends ProofDeps, ProofSides, ProofRequest {
  readonly source: ReadableReplica;
  readonly rootKind: RootKind;
  readonly scratch: ProofScratch;
  readonly findings: Findings;
  readonly tally: ProofTally;
}

interface ProofTally {
  readonly keys: { source: number; destination: number };
  bytes: number;
  readonly equalBy: Record<Evidence, number>;
  sampled: number;
  lookedAt: number;
  /** Keys that stand in neither root, since nothing is known of them. */
  unknown: number;
}
