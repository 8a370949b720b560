// All of a replica, for who writes it down in key order: an archive, or a snapshot. It is listed once, and its values are read in
// whatever order is cheapest; the taker puts them back in order. A key that was deleted between the two is no gap: what is
// written down shows a span of time.

import type { Clock, EpochMs, EpochSeconds } from "../core/clock.ts";
import type { Entry } from "../core/entry.ts";
import { assert } from "../core/errors.ts";
import { compareUtf8, type Key } from "../core/key.ts";
import { failedKeys, notice, type Problem } from "../core/problem.ts";
import type { Pages, ReadableReplica, ReadOutcome, Value } from "./replica.ts";

export interface Taker {
  /** Takes the entries that were listed next, in key order, and gives back those whose values are to be read. */
  expect(entries: readonly Entry[]): readonly Entry[] | Promise<readonly Entry[]>;
  /** `value`: of a key that was to be read; undefined: it is gone, or could not be read. Its bytes are the taker's until this
   * resolves. */
  put(key: Key, value: Value | undefined): Promise<void>;
  /** What is expected is read first, before more is listed. */
  isFull(): boolean;
}

export interface ReadAllOptions {
  readonly clock: Clock;
  readonly source: ReadableReplica;
  readonly taker: Taker;
  readonly signal: AbortSignal;
  readonly onProblem: (problem: Problem) => void;
  /** `done`: keys that were dealt with. `total`: keys listed, once the listing is over. */
  readonly onProgress: (done: number, total: number | undefined) => void;
  /** What is not there, in a message: `it is not in the archive`. */
  readonly lack: string;
}

export interface ReadWhole {
  /** When the listing began and ended, in ISO 8601. */
  readonly listed: readonly [string, string];
  /** It was listed without a gap, and every value could be read. */
  readonly complete: boolean;
  readonly problems: number;
}

/** Throws what the listing and the reads of the source throw, and what the taker throws. */
export async function readAll(options: ReadAllOptions): Promise<ReadWhole> {
  const { clock, source, taker, signal, onProblem, onProgress, lack } = options;
  const time = (): string => new Date(clock.now()).toISOString();
  const span: { readonly from: string; to: string | undefined } = { from: time(), to: undefined };
  let before: Key | undefined;
  let [done, listed, problems, gaps] = [0, 0, 0, 0];
  const tell = (problem: Problem): void => {
    problems += failedKeys(problem);
    onProblem(problem);
  };
  let hasMoved = false;
  const progress = (): void => onProgress(done, span.to === undefined ? undefined : listed);
  const pages = source.list({
    signal,
    onProblem: tell,
    onUnknown: ({ notice: gap }) => {
      gaps++;
      if (gap !== undefined) onProblem(gap);
    },
  });
  const listing = pages[Symbol.asyncIterator]();
  /** Pages of the listing, until the taker is full: then what is under way is read to its end first. */
  const segment = async function* (): Pages<Entry> {
    while (!taker.isFull()) {
      hasMoved = true;
      const next = await listing.next();
      if (next.done === true) {
        span.to = time();
        return;
      }
      for (const { key } of next.value) {
        assert(before === undefined || compareUtf8(before, key) < 0, "a listing is in key order [I1]");
        before = key;
      }
      listed += next.value.length;
      const wanted = await taker.expect(next.value);
      done += next.value.length - wanted.length;
      progress();
      yield wanted;
    }
  };
  try {
    do {
      hasMoved = false;
      for await (const outcomes of source.read(segment(), { signal, reusesBytes: true })) {
        for (const outcome of outcomes) {
          hasMoved = true;
          done++;
          const value = valueOf(outcome);
          if (value === undefined) tell(problemOf(outcome, lack));
          await taker.put(outcome.key, value);
        }
        progress();
      }
      // The taker is full, and what would make room in it does not come any more.
      assert(hasMoved || span.to !== undefined, "a read gives an outcome for every entry that it takes");
    } while (span.to === undefined);
    progress();
    return { listed: [span.from, span.to], complete: problems + gaps === 0, problems };
  } finally {
    await listing.return?.();
  }
}

/** What is written down. Of a value that came together with the stamp of another one, the stamp is wrong: whoever reads the key
 * gets that value. */
function valueOf(outcome: ReadOutcome): Value | undefined {
  if (outcome.kind === "value") return outcome.value;
  return outcome.kind === "problem" && outcome.isMisstamped === true ? outcome.unstamped : undefined;
}

function problemOf(outcome: ReadOutcome, lack: string): Problem {
  if (outcome.kind === "problem") return outcome.problem;
  return notice("vanished", outcome.key, `was listed, and was gone when it was read: ${lack}`);
}

/** When what was read at `readAt` expires. */
export function expirationOf({ expiration, ttlSeconds }: Entry, readAt: EpochMs): EpochSeconds | undefined {
  if (ttlSeconds === undefined) return expiration;
  return (Math.floor(readAt / 1000) + ttlSeconds) as EpochSeconds;
}
