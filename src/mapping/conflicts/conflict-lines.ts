// Conflicts as the command line, the control socket and the status page are told of them: plain data. The JSON form is a contract with
// scripts, as that of the status is: fields are added, and never change their meaning.

import type { EpochMs, EpochSeconds } from "../../core/clock.ts";
import type { Keep } from "../../core/reconcile-two-way.ts";

/** "waiting": both sides changed the key and neither was touched (`conflict: hold`). "copy": the remote's version has the name, and
 * the local one lies beside it as a conflict copy, which is never synced. */
type ConflictKind = "waiting" | "copy";

export interface ConflictSide {
  readonly size: number | null;
  /** Null: nobody has read the value yet. */
  readonly fingerprint: string | null;
  /** JSON. */
  readonly metadata: unknown;
  readonly expiration: EpochSeconds | null;
  /** When its file was last written to; of a remote, when a round first saw the version. */
  readonly modifiedAt: EpochMs | null;
}

export interface ConflictLine {
  readonly mapping: string;
  readonly key: string;
  readonly kind: ConflictKind;
  /** When a round first found both sides changed, or made the copy. */
  readonly since: EpochMs | null;
  /** Which side was changed last; null: that cannot be told. */
  readonly newer: "local" | "remote" | null;
  /** The path of the conflict copy, relative to the folder; null of a conflict that waits. */
  readonly copy: string | null;
  /** Of a copy: what the copy holds. */
  readonly local: ConflictSide | null;
  /** Of a copy: what has the key's name now, in the folder. Null: there is nothing. */
  readonly remote: ConflictSide | null;
}

export interface ConflictList {
  /** Those that wait first, then the copies, each in the order of their keys. */
  readonly conflicts: readonly ConflictLine[];
  /** How many there are besides. */
  readonly more: number;
}

/** A value as it is shown: at most 256 KiB of it. */
export interface ShownValue {
  readonly encoding: "utf8" | "base64";
  readonly text: string;
  /** Of the whole value. */
  readonly bytes: number;
  readonly truncated: boolean;
}

/** Both versions, as they are now; null: that side has no value. */
export interface ConflictView extends ConflictLine {
  readonly localValue: ShownValue | null;
  readonly remoteValue: ShownValue | null;
}

export type { Keep };

/** In place of a fingerprint: nothing was there. */
export const NO_VALUE = "none";

export interface ResolveChoice {
  readonly key: string;
  /** Which conflict copy, by its path in the folder; undefined: the conflict that waits, or else the only copy. */
  readonly copy?: string | undefined;
  readonly keep: Keep;
  /** The fingerprints of the values that were shown, or {@link NO_VALUE}: it is refused (`plan-outdated`) if a side holds another value by
   * now. Metadata and expiration are not compared. */
  readonly local?: string | undefined;
  readonly remote?: string | undefined;
}

export interface Resolved {
  readonly mapping: string;
  readonly key: string;
  readonly keep: Keep;
  /** What was done, in lower case, for people. */
  readonly done: string;
}
