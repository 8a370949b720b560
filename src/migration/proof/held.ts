// What one side holds of a key, as far as a proof looks at it, and in what two sides differ. Expirations are compared to the second:
// a round lets two seconds pass, a proof names them.

import type { ByteCount, EpochSeconds } from "../../core/clock.ts";
import { hashLeaf, hashVersionLeaf } from "../../core/content-root.ts";
import type { BaseRow, Entry } from "../../core/entry.ts";
import type { Fingerprint } from "../../core/fingerprint.ts";
import type { Key } from "../../core/key.ts";

/** A version whose value is known. */
export interface Held {
  readonly fingerprint: Fingerprint;
  /** Known only where the value was read. */
  readonly sha256: string | undefined;
  readonly size: ByteCount;
  readonly metadata: string | undefined;
  readonly expiration: EpochSeconds | undefined;
}

const ASPECTS = ["value", "metadata", "expiration"] as const;
/** What of a key can differ. */
export type Aspect = (typeof ASPECTS)[number];

type Version = Pick<Entry, "fingerprint" | "metadata" | "expiration">;

/** In what two versions differ. Unknown fingerprints count as different. */
export function differencesOf(a: Version, b: Version): readonly Aspect[] {
  const isSame: Readonly<Record<Aspect, boolean>> = {
    value: a.fingerprint !== undefined && a.fingerprint === b.fingerprint,
    metadata: a.metadata === b.metadata,
    expiration: a.expiration === b.expiration,
  };
  return ASPECTS.filter((aspect) => !isSame[aspect]);
}

/** Undefined: the listing does not tell the value. */
export function heldOfEntry({ fingerprint, size, metadata, expiration }: Entry): Held | undefined {
  if (fingerprint === undefined || size === undefined) return undefined;
  return { fingerprint, sha256: undefined, size, metadata, expiration };
}

export function heldOfBase({ fingerprint, size, metadata, expiration }: BaseRow): Held {
  return { fingerprint, sha256: undefined, size, metadata, expiration };
}

/** What a root is made of: fingerprints, or whole values, which makes it the content root of an archive and a snapshot. */
export type RootKind = "fingerprints" | "values";

/** The hash of one key in a root. */
export function leafOf(kind: RootKind, key: Key, held: Held): Buffer {
  const { sha256, fingerprint, size, metadata, expiration } = held;
  if (kind === "fingerprints") return hashVersionLeaf({ key, fingerprint, metadata, expiration });
  if (sha256 === undefined) throw new Error(`the value of ${key} was not read, and the root is one of values`);
  return hashLeaf({ key, sha256, size, metadata, expiration });
}
