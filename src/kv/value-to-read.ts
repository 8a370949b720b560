// What is asked of a reader of many values, and what comes of each: shapes alone.

import type { ByteCount, EpochMs, EpochSeconds } from "../core/clock.ts";
import type { Json } from "../core/json-value.ts";
import type { Key } from "../core/key.ts";
import type { Problem } from "../core/problem.ts";

/** A key to read, what is known of its value, and a `tag` of the caller's that comes back in its outcome. */
export interface ValueToRead<Tag = undefined> {
  readonly key: Key;
  readonly size: ByteCount | undefined;
  readonly binary: boolean | undefined;
  readonly tag: Tag;
}

/** Metadata and expiration of the same moment as the value; metadata undefined: there is none. */
export interface ReadAttributes {
  readonly metadata: Json | undefined;
  readonly expiration: EpochSeconds | undefined;
}

export type ReadValue<Tag = undefined> =
  | {
      readonly kind: "value";
      readonly key: Key;
      readonly tag: Tag;
      readonly bytes: Uint8Array;
      /** Only a bulk get tells. */
      readonly attributes: ReadAttributes | undefined;
      readonly readAt: EpochMs;
    }
  | { readonly kind: "absent"; readonly key: Key; readonly tag: Tag }
  | { readonly kind: "problem"; readonly key: Key; readonly tag: Tag; readonly problem: Problem };
