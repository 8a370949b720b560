// What prune is to do with each pack. Pure: of how much of a pack is needed, how old it and its mark are, and nothing else.
//
// - A pack is removed only if it was marked longer ago than the grace. What a snapshot needs of it is copied first.
// - A pack is marked only if it is older than the grace: a younger one may be the work of a writer whose snapshot is to come.
// - What is marked stays marked.

import type { ByteCount, DurationMs, EpochMs } from "../../core/clock.ts";
import type { PackFacts } from "../repository/repository.ts";

export interface PackUse extends PackFacts {
  /** When it was marked; undefined: it is not. */
  readonly marked: EpochMs | undefined;
  /** What a snapshot needs and this pack is to keep, as stored. */
  readonly needed: ByteCount;
  /** What nobody needs, or another pack keeps. */
  readonly unused: ByteCount;
}

export type PackVerdict =
  | { readonly kind: "keep" }
  /** Marked, and its mark is older than the grace. */
  | { readonly kind: "remove" }
  /** Marked, and it can be removed `from` then on. */
  | { readonly kind: "wait"; readonly from: EpochMs }
  /** Nothing of it is needed: to be marked. */
  | { readonly kind: "mark" }
  /** Too much of it is unused: what is needed is to be copied, and the pack to be marked. */
  | { readonly kind: "rewrite" }
  /** Nothing of it is needed, but it is younger than the grace. */
  | { readonly kind: "young"; readonly until: EpochMs };

export interface PrunePolicy {
  /** By the store's clock, taken before the marks were listed. */
  readonly now: EpochMs;
  readonly grace: DurationMs;
  /** From 0 to 1: the share of a pack that may be unused before it is rewritten. */
  readonly maxUnused: number;
}

/** How long a prune that a person or a schedule began waits for a listing that lags behind what was forgotten. */
export const LISTING_PATIENCE_MS: DurationMs = 60_000;

/** `maxUnused`, unless told otherwise. */
export const MAX_UNUSED = 0.05;

export function judgePack(
  { marked, modified, needed, unused }: PackUse,
  { now, grace, maxUnused }: PrunePolicy,
): PackVerdict {
  if (marked !== undefined) {
    const from = (marked + grace) as EpochMs;
    return from <= now ? { kind: "remove" } : { kind: "wait", from };
  }
  const isFull = needed > 0 && unused <= maxUnused * (needed + unused);
  if (isFull) return { kind: "keep" };
  const until = (modified + grace) as EpochMs;
  if (until <= now) return { kind: needed > 0 ? "rewrite" : "mark" };
  return needed > 0 ? { kind: "keep" } : { kind: "young", until };
}
