// What a proof of one namespace comes to, as data: it goes into the report as it is, so everything in it is JSON. Its fields are
// described in docs/migration-report.md.

import type { ByteCount, DurationMs } from "../../core/clock.ts";
import type { FindingClass } from "./classify-key.ts";
import type { Aspect, Held, RootKind } from "./held.ts";

/** "changed-since": equal but for what was written at the source after it was copied. "incomplete": some keys could not be read. */
export const PROOF_VERDICTS = ["equal", "changed-since", "incomplete", "different"] as const;
export type ProofVerdict = (typeof PROOF_VERDICTS)[number];

export interface NamespaceProof {
  readonly verdict: ProofVerdict;
  /** When the listings began, and when the last difference was decided, as ISO 8601. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** As `--verify` takes it. */
  readonly verify: string;
  /** Of the sample; null: there was none. */
  readonly seed: string | null;
  /** The destination held keys before, and may hold more than the source. */
  readonly mayHoldMore: boolean;
  readonly settleWindowMs: DurationMs;
  /** Keys that each side holds, without those that were left out on purpose. */
  readonly keys: { readonly source: number; readonly destination: number };
  /** Of the values of keys that are equal. */
  readonly bytes: ByteCount;
  readonly counts: Readonly<Record<"equal" | FindingClass, number>>;
  /** How it was found that values are equal, by number of keys. */
  readonly equalBy: Readonly<Record<Evidence, number>>;
  /** Keys whose values were read at both sides though their stamps are equal. */
  readonly sampled: number;
  /** Keys that the listings did not show as equal, and that were read directly. */
  readonly lookedAt: number;
  readonly root: {
    readonly kind: RootKind;
    /** Null: the values of some keys are not known. */
    readonly source: string | null;
    readonly destination: string | null;
  };
  /** The first thousand of each class, in order of class and key. */
  readonly findings: readonly Finding[];
  readonly findingsPerClassMax: number;
}

/** "stamps": both listings carry the checksum. "noted": the source's was noted when the value was copied, and the destination's
 * listing carries the same. "read": a value was read just now, at one side or both. "looked-at": the listings differed, and direct reads
 * do not. */
export const EVIDENCE = ["stamps", "noted", "read", "looked-at"] as const;
export type Evidence = (typeof EVIDENCE)[number];

export interface Finding {
  readonly key: string;
  readonly class: FindingClass;
  readonly differs: readonly Aspect[];
  /** Who has changed the key since it was copied; null: nobody, or it is not known. */
  readonly changedAt: "source" | "destination" | "both" | null;
  /** Null: the side does not hold the key, or nothing is known of it. */
  readonly source: ShownVersion | null;
  readonly destination: ShownVersion | null;
  readonly reason: string | null;
}

export interface ShownVersion {
  readonly fingerprint: string;
  readonly size: ByteCount;
  /** Canonical JSON text of the user's own, without the stamp. */
  readonly metadata: string | null;
  /** In seconds since 1970. */
  readonly expiration: number | null;
}

export function shownVersion(held: Held | undefined): ShownVersion | null {
  if (held === undefined) return null;
  const { fingerprint, size, metadata, expiration } = held;
  return { fingerprint, size, metadata: metadata ?? null, expiration: expiration ?? null };
}

/** Whether a key of this class is a failure of the migration. */
export function isFault(as: FindingClass, mayHoldMore: boolean): boolean {
  switch (as) {
    case "missing":
    case "value":
    case "metadata":
    case "expiration":
      return true;
    case "extra":
      return !mayHoldMore;
    case "unreadable":
    case "changed-since":
    case "expired":
    case "excluded":
      return false;
  }
}
