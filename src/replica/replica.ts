// The Replica port: a place that holds keys with their values, metadata and expirations. The engine knows the two sides of a
// round only through it. What sides can do differs, and each says so as data, in its traits and its type: a side of a type
// without `write` and `remove` cannot be given to code that changes it.
//
// What every side promises, and test/conformance/ checks for each kind and each wrapper:
//
// - Listing. `list` yields pages of entries in strictly ascending UTF-8 byte order of key [I1], each key once. A page may be
//   empty. A listing that fails throws: the pages before the failure prove nothing about keys that were not listed [I3].
// - Outcomes. `read`, `write` and `remove` take pages and yield pages of outcomes: one outcome for each key asked for, in
//   any order, and not page for page. If one key fails, its outcome is a problem and the others go on. A method throws only
//   what concerns the whole side: no network (KvError), a refused token (AppError), a missing folder (AppError
//   `root-missing`), or the reason of an aborted `signal`.
// - Repeating. Each call may be repeated: the side is then the same as after one call.
// - Writing. `write` replaces value, metadata and expiration of a key together. The outcome is "written" only after the side
//   has confirmed it [I4].
// - Concurrency. At most one `write` or `remove` of a side runs at a time. Everything else may run beside it, and beside
//   itself: listings, reads, and `keepConflictCopy`. The pages given to `write` or `remove` may be made from such calls to the
//   same side. Other programs may change the place at any time.
// - Memory. Each call holds a bounded number of bytes of values, whatever the number of keys.
// - Who owns the bytes of a page. Bytes that `read` and `fetch` give belong to the caller for good. With the option
//   `reusesBytes` they are the caller's only until it asks for the next page; then `read` fills the same memory again. Bytes
//   that are given to `write` stay the caller's, who must not change them while the side needs them: the trait
//   `needsBytesUntil` says how long. So a caller may pass pages from a `read` with `reusesBytes` on to a `write` whose trait is
//   "next-page", and must not do so if it is "outcome".

import type { Clock, DurationMs, EpochMs } from "../core/clock.ts";
import type { Entry } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import type { Problem } from "../core/problem.ts";

interface ReplicaTraits {
  /** A listing or a read may show what the side held before the last writes [I7]. */
  readonly eventuallyConsistent: boolean;
  /** To read a value costs a request from a budget. */
  readonly readsCostRequests: boolean;
  /** The order in which one call of `read` may ask for keys. "any": in any order, a key again too. "as-listed": in the order of
   * the listing and each once, since the side is read forward from its beginning; a new call begins there again. Such a side
   * has neither `lookup` nor `fetch`. */
  readonly readOrder: "any" | "as-listed";
  /** "in-place": keys are written and removed one by one, as often as needed. "once": the side is empty, takes one `write` of
   * all its keys in ascending order, and has no `remove`. "never": it has neither `write` nor `remove`. */
  readonly writing: "in-place" | "once" | "never";
}

interface WriteTraits extends ReplicaTraits {
  /** How long `write` needs the bytes of a page: until it asks for the next page, or until it has given the outcomes of all
   * keys of the page. */
  readonly needsBytesUntil: "next-page" | "outcome";
}

export interface ListOptions {
  readonly signal?: AbortSignal;
  /** Is told what cannot be listed as a key (a symbolic link, a name that is not UTF-8). The listing goes on. */
  readonly onProblem: (problem: Problem) => void;
  /** Is told where this side cannot say what it holds (a folder that it cannot read, two files for one key), before the page
   * that passes that place in the order. Nothing may be concluded from a key that is not listed there [I3]. */
  readonly onUnknown?: (unknown: Unknown) => void;
  /** Is told a key that this side holds and would neither write nor remove, as one that a symbolic link leads to: before the page that
   * has it. */
  readonly onFixed?: (key: Key) => void;
  /** For `lookup`: a key that is not there is looked for again until its absence has lasted: programs that save a file may take
   * it away for a moment. Default: false. */
  readonly waits?: boolean;
}

/** One key, all keys that begin with a prefix, or all keys between two others (undefined: from the first, to the last). */
export type Unknown = (
  | { readonly key: Key }
  | { readonly prefix: string }
  | { readonly after: Key | undefined; readonly before: Key | undefined }
) & {
  /** The problem of a key that the other side holds in this place: the key cannot be compared, and fails with this problem.
   * Not given if `onProblem` was told a failure for this place already. */
  readonly notice?: Problem;
};

export interface TransferOptions {
  readonly signal?: AbortSignal;
  /** Nobody waits for these values: they are read only to compare them. Requests that carry a change go first. */
  readonly inBackground?: boolean;
  /** For `read`: the caller is done with the bytes of a page when it asks for the next page, so `read` may use their memory
   * again. (The garbage collector would free it late.) Default: false. */
  readonly reusesBytes?: boolean;
  /** For `write` and `remove` of sides behind a network: the side sends each change at most once, and does not send a change
   * that has waited for longer than `withinMs`. A change without a confirmation is a problem "unconfirmed". The caller looks
   * at the key before it asks for the change again: somebody may have written the key meanwhile. */
  readonly once?: { readonly withinMs: DurationMs } | undefined;
  /** For `read` and `fetch`: is told a version that one request showed, before the side sends another request to confirm it.
   * The caller so knows of the version even if the call fails halfway. */
  readonly onShown?: (version: ShownVersion) => void;
  /** For `fetch`: what the caller believes some keys to hold. The side chooses by it how to ask for each key. If a value is
   * the expected one, and a listing does not show its key yet, the side takes the expected metadata to be its metadata. */
  readonly expected?: ReadonlyMap<Key, Entry>;
}

/** A value with its attributes. In `entry`, fingerprint, size (in bytes) and binary are set; a tree sets the signature too. */
export interface Value {
  readonly entry: Entry;
  readonly bytes: Uint8Array;
  /** When the side read the value, by the time of day in milliseconds. A tree's signature is no older. */
  readonly readAt: EpochMs;
}

/** A version that a side showed. If it is loose, its bytes came without metadata and expiration: these are the listing's. */
export interface ShownVersion {
  readonly entry: Entry;
  readonly attributesAreListed: boolean;
}

/** What `read` and `fetch` say about a key. `alsoShown`: other versions of the key that the side showed on the way. */
export type ReadOutcome =
  | {
      readonly kind: "value";
      readonly key: Key;
      readonly value: Value;
      /** As in {@link ShownVersion}: no stamp ties the value to its listing, so the two may be of different times. */
      readonly attributesAreListed?: boolean;
      readonly alsoShown?: readonly ShownVersion[];
    }
  | { readonly kind: "absent"; readonly key: Key; readonly alsoShown?: readonly ShownVersion[] }
  | {
      readonly kind: "problem";
      readonly key: Key;
      readonly problem: Problem;
      readonly alsoShown?: readonly ShownVersion[];
      /** What the key holds, if only its stamp says otherwise. Code that is about to destroy the value saves this. */
      readonly unstamped?: Value;
      /** The stamp that came together with `unstamped` is of another value: a lag explains that of a listing, never this. */
      readonly isMisstamped?: boolean;
      /** The metadata of `unstamped` came from a listing, which may lag. It counts only if it stays so for a settle window. */
      readonly isApart?: boolean;
    };

export interface Write {
  readonly value: Value;
  /** What the caller believes this side to hold now, as the side listed it; undefined: nothing. A tree refuses to replace
   * anything else (problem "changed-on-disk"). A namespace cannot check this, and writes. */
  readonly expected: Entry | undefined;
}

export type WriteOutcome =
  /** `entry`: what a listing of this side shows from now on, with a tree's new signature. `confirmedAt`: the time of day, in
   * milliseconds. `keptAside`: where in the folder something is kept that lay in the way, and that nobody had listed. */
  | {
      readonly kind: "written";
      readonly key: Key;
      readonly entry: Entry;
      readonly confirmedAt: EpochMs;
      readonly keptAside?: string | undefined;
    }
  | { readonly kind: "problem"; readonly key: Key; readonly problem: Problem };

export type RemoveOutcome =
  /** Also if the side did not hold the key. */
  | { readonly kind: "removed"; readonly key: Key }
  | { readonly kind: "problem"; readonly key: Key; readonly problem: Problem };

/** A stream of pages. A page belongs to whoever receives it; only the bytes of values have a rule of their own, above. */
export type Pages<T> = AsyncIterable<readonly T[]>;

/** A side that can be listed and read, and that nobody changes through this type: what a one-way round needs of its source. */
export interface ReadableReplica {
  readonly kind: "tree" | "namespace" | "memory" | "archive" | "snapshot";
  /** Names the side for people: `./example` or `prod:app-config`. */
  readonly label: string;
  readonly traits: ReplicaTraits;
  list(options: ListOptions): Pages<Entry>;
  /** Gives what a listing would show of `keys` now, in the order of `keys`, without the keys that the side does not hold.
   * What the side cannot tell goes to `onProblem` and `onUnknown`, as in `list`. Undefined: the side cannot look a key up
   * without a request or a listing. */
  readonly lookup: ((keys: readonly Key[], options: ListOptions) => Promise<readonly Entry[]>) | undefined;
  /** Gives what the side holds of `keys` now (value, metadata, expiration), though nothing was listed: one outcome a key, as
   * `read` does. Undefined: the side cannot be asked for keys that it did not list. */
  readonly fetch: ((keys: readonly Key[], options?: TransferOptions) => Pages<ReadOutcome>) | undefined;
  /** Gives the values of `entries`, which this side has listed. A key that is gone meanwhile is "absent". */
  read(entries: Pages<Entry>, options?: TransferOptions): Pages<ReadOutcome>;
  /** Releases what the side holds open. No other call follows. */
  close(): Promise<void>;
}

/** A side that is written in place: what every round needs of its destination, and a two-way round of both sides. */
export interface Replica extends ReadableReplica {
  readonly traits: WriteTraits & { readonly writing: "in-place" };
  write(writes: Pages<Write>, options?: TransferOptions): Pages<WriteOutcome>;
  /** Removes `entries`, which this side has listed. A tree refuses to remove a file that is not as it was listed (problem
   * "changed-on-disk"). A key that is gone already counts as removed. */
  remove(entries: Pages<Entry>, options?: TransferOptions): Pages<RemoveOutcome>;
  /** Keeps a value that lost a conflict beside its key, as a copy that is never synced. Undefined: people do not look into
   * this side. */
  readonly keepConflictCopy: ((value: Value) => Promise<KeptCopy>) | undefined;
}

export function isWrittenInPlace(side: ReadableReplica): side is Replica {
  return side.traits.writing === "in-place";
}

export type KeptCopy =
  | { readonly kind: "kept"; readonly path: string }
  | { readonly kind: "problem"; readonly problem: Problem };

/** What every replica is given. */
export interface ReplicaDeps {
  readonly clock: Clock;
}
