// What the change feed of one mapping's remote has told, and up to where in the feed all has been looked at.
//
// Nothing is missed: the cursor that the journal keeps moves only when a round over whatever was told before it has ended well. What a
// round fails over comes back to the next one; after a death the server tells it anew. What cannot be told key by key (too much at
// once, or from before the feed began) takes a look at all keys, and the cursor waits for that.

import { backoffMs, type BackoffOptions } from "../../core/backoff.ts";
import type { Clock, DurationMs, MonotonicMs } from "../../core/clock.ts";
import type { Key } from "../../core/key.ts";
import type { FeedCursor } from "../../kv/changes/change-event.ts";
import type { MappingRounds, RoundReport } from "../../mapping/round-port.ts";
import { openDirtyPaths } from "./dirty-paths.ts";
import { openPace } from "./pace.ts";

export interface ToldSchedule {
  /** When the keys that were told are to be looked at; undefined: there are none. */
  readonly remoteAt: MonotonicMs | undefined;
  /** When all keys are to be looked at, since it is not known which have changed; undefined: they are not. */
  readonly remoteLostAt: MonotonicMs | undefined;
}

export interface ToldChanges {
  /** A look at all keys is yet to end well. */
  readonly isOwed: boolean;
  /** Of the last event. */
  readonly latest: FeedCursor | undefined;
  schedule(): ToldSchedule;
  /** The feed has come to `cursor`, and told these on the way. */
  told(cursor: FeedCursor, keys: readonly Key[]): void;
  /** Any key may have changed. `cursor`: whatever does from there on is told; undefined: nothing is. */
  lost(cursor: FeedCursor | undefined): void;
  /** A round begins to look, at all keys or at those that are returned: from here on it covers what was told. */
  begin(): readonly Key[];
  /** It ended without an error. Throws what the journal does. */
  ended(report: Pick<RoundReport, "hold" | "isFull" | "transient" | "result">): void;
  /** It failed: what it was to cover is still to be looked at. */
  failed(): void;
  /** What there was to look at at the start has been, without a look at all keys. */
  wentOn(): void;
  /** Keeps the cursor, if nothing that was told is left. `unlessMs`: not if it was kept so lately. Throws what the journal does. */
  keep(unlessMs: DurationMs): void;
}

export interface ToldDeps {
  readonly clock: Clock;
  readonly rounds: Pick<MappingRounds, "keepCursor">;
  /** What was told in too many keys to name is listed no more often than this. */
  readonly pollIntervalMs: DurationMs;
}

/** Keys that could not be looked at as they should. */
const AGAIN_BACKOFF: BackoffOptions = { baseMs: 1000, capMs: 300_000 };

/** What the round that runs covers. */
interface Covered {
  readonly keys: readonly Key[];
  readonly isLost: boolean;
  readonly cursor: FeedCursor | undefined;
}

export function openToldChanges({ clock, rounds, pollIntervalMs }: ToldDeps): ToldChanges {
  const named = openDirtyPaths();
  const pace = openPace(clock);
  let latest: FeedCursor | undefined;
  let kept: { readonly cursor: FeedCursor; readonly at: MonotonicMs } | undefined;
  let under: Covered | undefined;
  let isOwed = false;
  let namedAt = clock.monotonic();
  let lostAt = clock.monotonic();
  let overflowAt: MonotonicMs | undefined;
  let failures = 0;
  /** All that there was at the start has been looked at, by the config as it is. Until then the cursor stays, and with it what that was kept
   * under: who is started anew is to know that the look is still due. */
  let hasLooked = false;

  function add(keys: readonly Key[], inMs: DurationMs): void {
    if (keys.length === 0 || named.isLost) return;
    const now = clock.monotonic();
    const dueAt = after(now, inMs);
    // What is new does not wait with what has failed time and again.
    namedAt = named.size === 0 || dueAt < namedAt ? dueAt : namedAt;
    named.add(keys);
    if (!named.isLost) return;
    lostAt = overflowAt === undefined ? now : later(now, after(overflowAt, pollIntervalMs));
    overflowAt = lostAt;
    isOwed = true;
  }

  function lose(): void {
    lostAt = clock.monotonic();
    named.lose();
    isOwed = true;
  }

  function keep(cursor: FeedCursor | undefined): void {
    if (cursor === undefined || cursor === kept?.cursor) return;
    rounds.keepCursor(cursor);
    kept = { cursor, at: clock.monotonic() };
  }

  function uncover(): Covered | undefined {
    const covered = under;
    under = undefined;
    return covered;
  }

  return {
    get isOwed() {
      return isOwed;
    },
    get latest() {
      return latest;
    },
    schedule: () => ({
      remoteAt: named.size === 0 ? undefined : later(namedAt, pace.nextAt()),
      remoteLostAt: named.isLost ? lostAt : undefined,
    }),
    told(cursor, keys) {
      latest = cursor;
      add(keys, 0);
    },
    lost(cursor) {
      latest = cursor;
      lose();
    },
    begin() {
      const isLost = named.isLost || under?.isLost === true;
      const keys = [...(under?.keys ?? []), ...(named.take() as readonly Key[])];
      pace.spend();
      under = { keys, isLost, cursor: latest };
      return keys;
    },
    ended(report) {
      const covered = uncover();
      if (covered === undefined) return;
      const isWell = endedWell(report);
      failures = isWell ? 0 : failures + 1;
      if (report.isFull) isOwed = !isWell || named.isLost;
      if (isOwed) return;
      if (isWell && report.isFull) hasLooked = true;
      if (isWell && hasLooked) keep(covered.cursor);
      if (!isWell) add(covered.keys, backoffMs(failures - 1, AGAIN_BACKOFF, clock.random()));
    },
    failed() {
      const covered = uncover();
      if (covered?.isLost === true) lose();
      else if (covered !== undefined) add(covered.keys, 0);
    },
    wentOn() {
      hasLooked = true;
    },
    keep(unlessMs) {
      if (!hasLooked) return;
      if (kept !== undefined && clock.monotonic() - kept.at < unlessMs) return;
      if (named.size === 0 && !isOwed && under === undefined) keep(latest);
    },
  };
}

/** Whether it is known of each key that the round was about what is to become of it. */
function endedWell({ hold, transient, result }: Pick<RoundReport, "hold" | "transient" | "result">): boolean {
  return hold === undefined && transient === 0 && result.unseen === 0 && result.lagging === 0;
}

function after(start: MonotonicMs, interval: DurationMs): MonotonicMs {
  return (start + interval) as MonotonicMs;
}

function later(a: MonotonicMs, b: MonotonicMs): MonotonicMs {
  return a > b ? a : b;
}
