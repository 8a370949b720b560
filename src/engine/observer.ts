// What observation works with: both sides, how exactly to look, and whom to tell.

import type { Clock, DurationMs } from "../core/clock.ts";
import type { Problem } from "../core/problem.ts";
import type { Pages, ReadableReplica, ReadOutcome, TransferOptions } from "../replica/replica.ts";
import type { Target } from "./plan/action.ts";
import type { RemoteMemory } from "./lag/remote-memory.ts";

export interface Observer {
  readonly clock: Clock;
  readonly source: ReadableReplica;
  readonly destination: ReadableReplica;
  /** Also read sources whose fingerprint is unknown, rather than leave the comparison to the transfer, which reads them
   * anyway: for plans that are shown and not applied, and for two-way sync, which must know both. */
  readonly exact: boolean;
  readonly twoWay: boolean;
  /** What others wrote to the destination stays: it must be known whether it is as the base says before it is removed. */
  readonly keepsForeign: boolean;
  /** What the destination has is left alone: it need not be known. */
  readonly onlyMissing: boolean;
  readonly settleWindowMs: DurationMs;
  /** A look at all keys: its reads go behind what carries changes over. */
  readonly inBackground: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onProblem: (problem: Problem) => void;
  /** Keys whose listing lags, and was taken to be what is known. */
  readonly onLag: (keys: number) => void;
  readonly memory: RemoteMemory;
}

export async function* onePage<T>(page: readonly T[]): Pages<T> {
  yield page;
}

/** What a read to compare, or a transfer (never in the background), is asked for with. */
export function transferOptions({
  signal,
  inBackground = false,
}: {
  readonly signal?: AbortSignal | undefined;
  readonly inBackground?: boolean;
}): TransferOptions {
  return { inBackground, ...(signal !== undefined && { signal }) };
}

/** Whether `side` is a remote that the round may write to: what it shows is to be remembered. */
export function isWrittenRemote(side: Target, { destination }: Pick<Observer, "destination">): boolean {
  return side === "destination" && destination.traits.eventuallyConsistent;
}

/** What a read to compare `side` is asked for with: the entries of a page are kept, and none of its bytes. */
export function lookupOptions(side: Target, observer: Observer): TransferOptions {
  const options = { ...transferOptions(observer), reusesBytes: true };
  return isWrittenRemote(side, observer) ? { ...options, onShown: observer.memory.seeOne } : options;
}

/** Values that were compared are the transfer's to read. */
export function withoutBytes(outcome: ReadOutcome): ReadOutcome {
  if (outcome.kind === "value") return { ...outcome, value: { ...outcome.value, bytes: NO_BYTES } };
  if (outcome.kind === "absent" || outcome.unstamped === undefined) return outcome;
  return { ...outcome, unstamped: { ...outcome.unstamped, bytes: NO_BYTES } };
}

const NO_BYTES = new Uint8Array(0);
