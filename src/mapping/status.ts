// How a mapping stands: plain data, the same for `kvsync status`, its JSON, metrics and the service manager.
// The JSON form is a contract with scripts: fields are added, and never change their meaning. Moments are epoch
// milliseconds; what is not known, or is not, is null.

import type { Mode } from "../config/config.ts";
import type { DurationMs, EpochMs } from "../core/clock.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { AlikeNames } from "../core/names/alike-names.ts";
import type { RoundResult } from "../engine/round-request.ts";

export type MappingState =
  /** Its first look at both sides is not done. */
  | "starting"
  | "in-step"
  | "working"
  /** Working, and waiting for the request budget. */
  | "waiting"
  /** Something is known to be left, and has its turn later: a listing that lags, a file that is being written. */
  | "behind"
  /** In step, but for keys that cannot be synced as they are: see `problems`. */
  | "incomplete"
  | "hold"
  | "error"
  /** A person asked that nothing be done until it is resumed. */
  | "paused"
  /** No daemon runs: what is told is how it stood when its last round ended. */
  | "stopped";

export interface MappingStatus {
  readonly mapping: string;
  readonly mode: Mode;
  readonly account: string;
  readonly namespace: string;
  readonly namespaceId: string | null;
  readonly folder: string;
  readonly state: MappingState;
  /** When it came to be in this state. */
  readonly since: EpochMs;
  /** When the last complete look at all files, and at all keys, began. */
  readonly localLookedAt: EpochMs | null;
  readonly remoteLookedAt: EpochMs | null;
  /** Keys and files that are known or suspected to differ: changed paths, held actions, keys that failed or lag. */
  readonly pending: number;
  /** Files that are still being written, as keys, the first of them: they are pushed when they are at rest. */
  readonly beingWritten: readonly string[];
  /** Keys that both sides changed, and that wait for a person (`conflict: hold`). */
  readonly conflicts: number;
  /** Keys that are gone at one side and are removed from the other later (`remove_after`); null: there are none. */
  readonly removesLater: RemovesLater | null;
  readonly working: WorkingStatus | null;
  readonly lastRound: RoundStatus | null;
  readonly hold: HoldStatus | null;
  /** Set from when a pause is asked for, also while the round that runs then ends. */
  readonly paused: PausedStatus | null;
  readonly error: ErrorStatus | null;
  /** Keys that could not be synced when they were last looked at, and those whose values the scrub found not to be what
   * their stamps say; the first of them, the oldest first. */
  readonly problems: readonly ProblemStatus[];
  /** How many there are in all. */
  readonly problemCount: number;
  /** Names that differ only in case or Unicode form, which macOS and Windows can take for one: the first of them, and how many. */
  readonly alike: AlikeNames;
  /** Null: its folder is not watched. */
  readonly watcher: WatchState | null;
  /** How often the remote is listed, stretched to keep to the budget, or for safety alone while its feed is up; null: never. */
  readonly pollIntervalMs: DurationMs | null;
  /** Whether the remote's server tells what changes there; null: it does not offer that, or is not looked at for it. */
  readonly feed: FeedStatus | null;
}

interface FeedStatus {
  /** "lost": it did, is asked for it again, and polled meanwhile. */
  readonly state: "up" | "lost";
  readonly since: EpochMs;
}

export interface RemovesLater {
  readonly keys: number;
  /** When the first of them is removed. */
  readonly dueAt: EpochMs;
}

/** How the folder of a mapping is watched. */
export type WatchState =
  | {
      readonly kind: "watching";
      readonly folders: number;
      /** Folders that may not be opened by this user; a scan cannot read them either. */
      readonly unreadable: number;
      /** Set where the file system does not tell of all changes: then the tree is looked at at intervals as well. */
      readonly alsoPolling: { readonly everyMs: DurationMs; readonly reason: string } | undefined;
      /** Set where it does not tell of all changes, and `watch: native` forbids to poll: these are seen this often only. */
      readonly seenLate?: { readonly everyMs: DurationMs; readonly reason: string } | undefined;
    }
  | {
      readonly kind: "polling";
      readonly everyMs: DurationMs;
      /** In lower case, for people. */
      readonly reason: string;
      /** What to do about it. */
      readonly hint: string | undefined;
    }
  | {
      /** It cannot be watched, and `watch: native` forbids to poll: changes are seen this often only. */
      readonly kind: "unwatched";
      readonly everyMs: DurationMs;
      readonly reason: string;
      readonly hint: string | undefined;
    }
  /** `watch: off`. Changes are seen this often only. */
  | { readonly kind: "off"; readonly everyMs: DurationMs };

export interface ProblemStatus {
  readonly code: string;
  readonly subject: string;
  readonly message: string;
  /** When a round first met it; null: not known. */
  readonly since: EpochMs | null;
  /** It may go without anyone doing anything: a file that is being written, a listing that lags. */
  readonly passesByItself: boolean;
}

export interface WorkingStatus {
  readonly step: "full" | "dirty";
  readonly phase: "queued" | "compare" | "transfer" | "remove";
  readonly startedAt: EpochMs;
  readonly keys: number;
  readonly keysTotal: number | null;
}

export interface RoundStatus extends Omit<
  RoundResult,
  "trip" | "removesLater" | "removesLaterAt" | "held" | "unknown" | "unseen" | "outdated" | "unsettled"
> {
  readonly startedAt: EpochMs;
  readonly durationMs: DurationMs;
}

export interface HoldStatus {
  readonly plan: string;
  readonly guard: string;
  /** In lower case, for people. */
  readonly message: string;
  /** What to do about it if it is not meant. */
  readonly hint: string;
  readonly writes: number;
  readonly removes: number;
  readonly since: EpochMs;
  readonly approved: boolean;
}

export interface PausedStatus {
  readonly since: EpochMs;
  /** As the person gave it. */
  readonly reason: string | null;
  readonly by: "person";
}

export interface ErrorStatus {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | null;
  readonly since: EpochMs;
  /** Null: no daemon runs that would try again, or the mapping is paused. */
  readonly retryAt: EpochMs | null;
}
