// The rounds of one mapping as the loop knows them: asked for, and reported on. The loop decides when; what stands behind
// this port does the work, and a test swaps it.

import type { DurationMs, EpochMs } from "../core/clock.ts";
import type { AlikeNames } from "../core/names/alike-names.ts";
import type { Resolution } from "../core/reconcile-two-way.ts";
import type { Problem } from "../core/problem.ts";
import type { Progress, RoundEvents, RoundResult } from "../engine/round-request.ts";
import type { SavedActions } from "../engine/plan/follow-plan.ts";
import type { Hold } from "../journal/holds.ts";
import type { FeedCursor } from "../kv/changes/change-event.ts";
import type { KvApi, Namespace, NamespaceId } from "../kv/kv-api.ts";
import type { AccountConfig } from "../config/config.ts";
import type { Key } from "../core/key.ts";
import type { ConflictList, ConflictView, ResolveChoice, Resolved } from "./conflicts/conflict-lines.ts";
import type { HoldReason } from "./hold-reason.ts";
import type { Looked } from "./local-look.ts";
import type { Change } from "./round-log.ts";
import type { ScrubStep } from "./scrub-step.ts";
import type { RemovesLater } from "./status.ts";
import type { RestingFile } from "../replica/moving-files.ts";
import type { RestWait } from "../replica/with-rest.ts";
import type { StandingProblems } from "./standing-problems.ts";

export interface RoundCall {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Told besides: what a command line shows while it runs. */
  readonly events?: RoundEvents;
  /** Plan exactly, and change nothing. */
  readonly dryRun?: boolean;
  /** With `dryRun`: find the fingerprint of whatever the plan names, so that it can be kept and followed later. */
  readonly identify?: boolean;
  /** Told of the namespace before the round begins, undefined if there is none yet; what it throws ends the round. */
  readonly onOpened?: (namespace: Namespace | undefined) => void;
  /** Told of the remote before the round looks at it, which waits for it: whoever follows the remote's changes. */
  readonly onReached?: (remote: Remote) => Promise<void>;
  /** Do what this plan says, and nothing else; see RoundRequest. */
  readonly follow?: SavedActions;
  /** Apply even what a guard would hold. */
  readonly force?: boolean;
  /** Do to this one conflict what a person chose, and nothing else; of a round over its key. */
  readonly resolution?: Resolution;
  /** A person asked for it: that the namespace still has its name is not taken for granted. */
  readonly isAsked?: boolean;
  /** How long to wait for files that are being written, rather than to leave them for later. */
  readonly wait?: RestWait;
}

/** The namespace of a mapping, and whom to ask about it. */
export interface Remote {
  readonly api: KvApi;
  readonly namespaceId: NamespaceId;
}

export interface RoundReport {
  readonly result: RoundResult;
  /** When the round began to look; what changed later it may not have seen. */
  readonly startedAt: EpochMs;
  readonly durationMs: DurationMs;
  /** The hold that the mapping is in after this round. */
  readonly hold: Hold | undefined;
  /** Of a dry run: why the plan would be held. */
  readonly foretold: HoldReason | undefined;
  /** It was over all keys. */
  readonly isFull: boolean;
  /** Keys that failed in this round, the first of them. */
  readonly problems: readonly Problem[];
  /** What stands after it: also the problems of keys that this round did not look at. */
  readonly standing: StandingProblems;
  /** Failed keys that may do better when tried again, without anyone doing anything. */
  readonly transient: number;
  /** What waits to be removed after it; of a dry run, what would. */
  readonly removesLater: RemovesLater | null;
  /** Requests that it took to know what is to be done: listing, and reading values that no stamp tells of. */
  readonly readRequests: number;
  /** Keys that both sides changed, and that wait for a person after it; of a dry run, those that it found. */
  readonly waitingConflicts: number;
  /** What was done, the first of it. */
  readonly changes: readonly Change[];
  /** How many changes there were besides. */
  readonly moreChanges: number;
  /** Names that are one name to other systems, as the last look at all keys found them. */
  readonly alike: AlikeNames;
  /** Of these what no round before had met, as notices. */
  readonly newlyAlike: readonly Problem[];
  readonly namespace: Namespace | undefined;
}

export interface MappingRounds {
  /** One round over all keys. Throws AppError if a side fails as a whole. */
  full(call: RoundCall): Promise<RoundReport>;
  /** One round over the keys whose files these are, relative to the folder. As `full`. */
  dirty(paths: readonly string[], call: RoundCall): Promise<RoundReport>;
  /** One round over these keys, of which the remote has told that they changed. As `full`. */
  changed(keys: readonly Key[], call: RoundCall): Promise<RoundReport>;
  /** In place of the first round over all keys: one over the files that are not as they were, where `isFollowed` says, once the remote is
   * reached, that whatever changed there since the last round is told. Undefined: all keys are to be looked at. As `full`. */
  goOn(call: RoundCall, isFollowed: () => boolean): Promise<RoundReport | undefined>;
  /** The key of the mapping that is called so in its namespace; undefined: it has none of that name. */
  keyOf(name: string): Key | undefined;
  /** Up to where in the remote's change feed whatever changed has been looked at. */
  cursor(): FeedCursor | undefined;
  keepCursor(cursor: FeedCursor): void;
  /** Which files are not as they were when they were last synced, as far as `look` has not told it before. Reads no file and sends
   * no request. Not to be called while a round runs. Throws AppError `root-missing`. */
  look(signal: AbortSignal): Promise<Looked>;
  /** Holds the next values of the remote against their stamps; undefined: there is nothing that could be read now. Reads
   * only, and may run beside a round. */
  scrub(signal: AbortSignal): Promise<ScrubStep | undefined>;
  /** What the journal says of the mapping. */
  hold(): Hold | undefined;
  /** The files that were being written when they were last looked at. */
  resting(): readonly RestingFile[];
  /** Those of `keys`, of files that were being written, that a round is to look at: they are at rest, or gone, or have moved for as long
   * as they may. Looks at the folder alone, and sends no request. */
  rested(keys: readonly Key[], signal: AbortSignal): Promise<readonly Key[]>;
  /** Lets the plan that is held pass, in the next round. False: it is not held, or by another plan than `plan`. */
  approve(plan: string): boolean;
  /** Its conflicts, without a request. May run beside a round, as `conflict` may. */
  conflicts(signal: AbortSignal): Promise<ConflictList>;
  /** One conflict with both versions, read now. Throws AppError `usage` if the key is in none. */
  conflict(asked: Pick<ResolveChoice, "key" | "copy">, signal: AbortSignal): Promise<ConflictView>;
  /** Does to a conflict what a person chose, by a round over its key alone; a conflict copy it moves in the folder. Throws AppError
   * `plan-outdated` if a side is not what was shown. */
  resolve(choice: ResolveChoice, call: RoundCall): Promise<ResolvedConflict>;
  close(): Promise<void>;
}

export interface ResolvedConflict {
  readonly resolved: Resolved;
  /** Of the round; undefined: it took none. */
  readonly report: RoundReport | undefined;
  /** What a later round is to look at, from the folder. */
  readonly paths: readonly string[];
}

/** An account as rounds use it. */
export interface DaemonAccount {
  readonly name: string;
  readonly config: AccountConfig;
  readonly api: KvApi;
}

export interface AccountsPort {
  open(name: string): Promise<DaemonAccount>;
  /** The next `open` connects anew, with the credentials read again: `stale` was refused. */
  renew(stale: DaemonAccount): Promise<void>;
}
