// The steps of a plan: what is to become of one key, on which side, and what became of it.

import type { ByteCount } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import type { Key } from "../../core/key.ts";

/** The side that an action changes. One-way rounds change the destination only; in two-way sync the source is the local
 * side and the destination the remote one. */
export type Target = "source" | "destination";

export function otherSide(side: Target): Target {
  return side === "source" ? "destination" : "source";
}

export type Conflict = "copy" | "replace";

export interface WriteAction {
  readonly kind: "write";
  readonly to: Target;
  readonly key: Key;
  /** What is carried over, as its side lists it. */
  readonly from: Entry;
  /** What the target holds; undefined: nothing. */
  readonly replaces: Entry | undefined;
  /** Save what the target holds before it is replaced. */
  readonly save: boolean;
  /** The fingerprint of `from` is not known; if it turns out equal when read, only record it. */
  readonly ifDifferent: boolean;
  /** Both sides changed the key. "copy": what the target holds is kept as a conflict copy too. */
  readonly conflict: Conflict | undefined;
  /** The journal has a row of the key, or a tombstone: what is read of it may be what it was before. */
  readonly isKnown: boolean;
}

export interface RemoveAction {
  readonly kind: "remove";
  readonly to: Target;
  readonly key: Key;
  readonly replaces: Entry;
  readonly save: boolean;
}

/** Both sides are equal and the base does not say so yet. */
interface RecordAction {
  readonly kind: "record";
  readonly key: Key;
  readonly source: Entry;
  readonly destination: Entry;
}

/** Both sides are without a key that the base still has. */
interface ForgetAction {
  readonly kind: "forget";
  readonly key: Key;
}

export type Action = WriteAction | RemoveAction | RecordAction | ForgetAction;

export interface ActionLists {
  "write:source": WriteAction;
  "write:destination": WriteAction;
  "remove:source": RemoveAction;
  "remove:destination": RemoveAction;
  record: RecordAction;
  forget: ForgetAction;
}
export type ListName = keyof ActionLists;

/** One action has been carried out and confirmed. */
export interface Done {
  readonly kind: "written" | "removed" | "unchanged";
  readonly to: Target;
  readonly key: Key;
  readonly replaced: boolean;
  readonly bytes: ByteCount;
  /** Both sides had changed the key. */
  readonly isConflict?: boolean;
  /** Where in the folder the version that lost a conflict is kept, or what lay in the way of a new key. */
  readonly copy?: string | undefined;
}
