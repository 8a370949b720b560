// The Replica port: anything that holds keys. The engine knows sides only through it.
//
// Contract, which test/conformance/ holds every kind to:
// - `list` yields pages in strictly ascending UTF-8 byte order of key [I1], each key once. A listing that fails throws;
//   the pages before the failure prove nothing about what is absent [I3]. Pages may be empty.
// - `read`, `write` and `remove` take pages and yield pages of outcomes, exactly one outcome for each key asked for, in
//   any order. A key that fails is a problem in its outcome; only what concerns the whole side (no network, wrong
//   token) throws. All three may be repeated: the result is the same.
// - `write` replaces value, metadata and expiration together. An outcome "written" is given only after the side has
//   confirmed it [I4].
// - Memory: each holds at most a bounded number of bytes of values at a time, whatever the number of keys.

import type { Clock, DurationMs, EpochMs } from "../core/clock.ts";
import type { Entry } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import type { Problem } from "../core/problem.ts";

interface ReplicaTraits {
  /** A listing may lag behind writes. */
  readonly eventuallyConsistent: boolean;
  /** Reading a value costs a request from a budget. */
  readonly readsCostRequests: boolean;
  /** `write` is done with the bytes of a page when it asks for the next one. */
  readonly copiesWrites: boolean;
}

export interface ListOptions {
  readonly signal?: AbortSignal;
  /** Told about what cannot be listed as a key (a symbolic link, a name that is not UTF-8): the rest goes on. */
  readonly onProblem: (problem: Problem) => void;
  /** Told, before the page that passes that place in the order, where this side cannot say what it holds (a folder that
   * cannot be read, two files for one key): nothing may be concluded from an absence there [I3]. */
  readonly onUnknown?: (unknown: Unknown) => void;
}

/** One key, or all keys that begin with a prefix. */
export type Unknown = ({ readonly key: Key } | { readonly prefix: string }) & {
  /** A notice that is none for a key that the other side has there: that key cannot be compared, and fails with this. Not
   * given where a failure tells of the place already. */
  readonly notice?: Problem;
};

export interface TransferOptions {
  readonly signal?: AbortSignal;
  /** Only to compare, while nobody waits: whatever carries a change over goes first. */
  readonly inBackground?: boolean;
  /** For `read`: whoever asks for the next page is done with the bytes of this one, so that their memory may be used again.
   * (Memory that is left to the garbage collector is free only at its next turn.) */
  readonly reusesBytes?: boolean;
  /** For `write` and `remove` of sides behind a network: nothing is sent a second time, nor at all after it had to wait for
   * longer than that. What is not confirmed then is a problem "unconfirmed", and whoever asked looks what has become of it
   * before it is asked for again: somebody may have written the key meanwhile. */
  readonly once?: { readonly withinMs: DurationMs } | undefined;
  /** For `read` and `fetch`: told of a version that one request showed and another is to confirm, before that is sent: what was seen
   * is seen, also if the rest does not come to its end. */
  readonly onSight?: (sight: Sight) => void;
  /** For `fetch`: what some keys are believed to hold. How each is best asked for follows from it; and where a value is the
   * expected one, and a listing does not show its key yet, its metadata is taken to be the expected one, too. */
  readonly expected?: ReadonlyMap<Key, Entry>;
}

/** A value with all that belongs to it: `entry` has fingerprint, size and binary set, and a tree's signature. */
export interface Value {
  readonly entry: Entry;
  readonly bytes: Uint8Array;
  /** When the value was read (and a tree's signature taken). */
  readonly readAt: EpochMs;
}

/** A version that a side showed. Loose: its bytes came without metadata and expiration, which are those of the listing. */
export interface Sight {
  readonly entry: Entry;
  readonly isLoose: boolean;
}

/** `seen`: versions besides the one that was asked for, which this side showed as well. */
export type ReadOutcome =
  | {
      readonly kind: "value";
      readonly key: Key;
      readonly value: Value;
      /** As a {@link Sight}'s: no stamp ties value and listing together, so they may be of different times. */
      readonly isLoose?: boolean;
      readonly seen?: readonly Sight[];
    }
  | { readonly kind: "absent"; readonly key: Key; readonly seen?: readonly Sight[] }
  | {
      readonly kind: "problem";
      readonly key: Key;
      readonly problem: Problem;
      readonly seen?: readonly Sight[];
      /** What the key holds, where nothing but its stamp speaks against that. Whoever is about to destroy it takes it for what it
       * is. */
      readonly unstamped?: Value;
      /** Its metadata did not come with it, but from a listing, which may lag: a fact only if it stays so for a settle window. */
      readonly isApart?: boolean;
    };

export interface Write {
  readonly value: Value;
  /** What this side is believed to hold now (from its listing); undefined: nothing. A tree refuses to overwrite
   * anything else ("changed-on-disk"); a namespace cannot know, and writes. */
  readonly expected: Entry | undefined;
}

export type WriteOutcome =
  /** `entry` is what a listing of this side would now show (with a tree's new signature). */
  | { readonly kind: "written"; readonly key: Key; readonly entry: Entry; readonly confirmedAt: EpochMs }
  | { readonly kind: "problem"; readonly key: Key; readonly problem: Problem };

export type RemoveOutcome =
  /** Also when it was absent already. */
  | { readonly kind: "removed"; readonly key: Key }
  | { readonly kind: "problem"; readonly key: Key; readonly problem: Problem };

export type Pages<T> = AsyncIterable<readonly T[]>;

export interface Replica {
  readonly kind: "tree" | "namespace" | "memory" | "archive";
  /** For people: `./example` or `prod:app-config`. */
  readonly label: string;
  readonly traits: ReplicaTraits;
  list(options: ListOptions): Pages<Entry>;
  /** What a listing would show of these keys now, without one: of sides that can look a key up for nothing (a tree). In
   * the order of `keys`, without those that it does not hold; what cannot be told is reported as `list` does. */
  lookup?(keys: readonly Key[], options: ListOptions): Promise<readonly Entry[]>;
  /** What this side holds of these keys now, value, metadata and expiration, though nothing was listed: of sides where
   * that takes requests. One outcome a key, as `read` gives them. */
  fetch?(keys: readonly Key[], options?: TransferOptions): Pages<ReadOutcome>;
  /** `entries` as this side listed them. */
  read(entries: Pages<Entry>, options?: TransferOptions): Pages<ReadOutcome>;
  write(writes: Pages<Write>, options?: TransferOptions): Pages<WriteOutcome>;
  /** `entries` as this side listed them; a tree refuses to remove anything else. */
  remove(entries: Pages<Entry>, options?: TransferOptions): Pages<RemoveOutcome>;
  /** Keeps a value that lost a conflict beside its key, as a copy that is itself never synced: of sides that people look
   * into (a tree). */
  keepConflictCopy?(value: Value): Promise<KeptCopy>;
  close(): Promise<void>;
}

export type KeptCopy =
  | { readonly kind: "kept"; readonly path: string }
  | { readonly kind: "problem"; readonly problem: Problem };

/** What every replica is given. */
export interface ReplicaDeps {
  readonly clock: Clock;
}
