// Conflicts as the command line, the control socket and the status page are told of them: plain data. The JSON form is a contract with
// scripts, as that of the status is: fields are added, and never change their meaning.

import type { EpochMs, EpochSeconds } from "../core/clock.ts";

/** "waiting": both sides changed the key and neither was touched (`conflict: hold`). "copy": the remote's version has the name, and
 * the local one lies beside it as a conflict copy, which is never synced. */
type ConflictKind = "waiting" | "copy";

interface ConflictSide {
  readonly size: number | null;
  /** Null: nobody has read the value yet. */
  readonly fingerprint: string | null;
  /** JSON. */
  readonly metadata: unknown;
  readonly expiration: EpochSeconds | null;
  /** When its file was last written to; null: not known, as of what is in a namespace. */
  readonly modifiedAt: EpochMs | null;
}

export interface ConflictLine {
  readonly mapping: string;
  readonly key: string;
  readonly kind: ConflictKind;
  /** When a round first found both sides changed, or made the copy. */
  readonly since: EpochMs | null;
  /** The path of the conflict copy, relative to the folder; null of a conflict that waits. */
  readonly copy: string | null;
  /** Of a copy: what the copy holds. */
  readonly local: ConflictSide | null;
  /** Of a copy: what has the key's name now, in the folder. Null: there is nothing. */
  readonly remote: ConflictSide | null;
}

/** A value as it is shown: at most 256 KiB of it. */
interface ShownValue {
  readonly encoding: "utf8" | "base64";
  readonly text: string;
  /** Of the whole value. */
  readonly bytes: number;
  readonly truncated: boolean;
}

/** Both versions; null: that side has no value. */
export interface ConflictView extends ConflictLine {
  readonly localValue: ShownValue | null;
  readonly remoteValue: ShownValue | null;
}

type Keep = "local" | "remote" | "both";

export interface Resolved {
  readonly mapping: string;
  readonly key: string;
  readonly keep: Keep;
  /** What was done, in lower case, for people. */
  readonly done: string;
}
