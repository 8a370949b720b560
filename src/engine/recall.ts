// What earlier rounds of a pair left to be remembered, and what this one adds to it: versions that the remote showed and
// that are not settled (glimpses), and versions that were under way when a round was broken off (intents). A dry run
// remembers, and leaves no trace.

import { compareVersions } from "../core/compare.ts";
import type { Clock, EpochMs } from "../core/clock.ts";
import { type BaseRow, type Entry, sameAttributes } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import { type Glimpse, isNewRead, type KeyPast } from "../core/settle.ts";
import type { BaseStore, Intent, NewBaseRow } from "./ports.ts";
import type { ReadOutcome, Sight } from "../replica/replica.ts";
import type { Triple } from "./merge.ts";

export interface Recall {
  /** In the order in which they were seen first, those of this round among them. */
  glimpsesOf(key: Key): readonly Glimpse[];
  /** The remote shows a version that is to be remembered. */
  glimpse(entry: Entry): void;
  /** The remote showed these versions: of keys that nobody listed, or besides those that it was asked for. Returns whether
   * there is one that nobody knows; such are remembered, at once. */
  see(sights: readonly Sight[]): boolean;
  /** The same of one version. */
  readonly sight: (sight: Sight) => void;
  /** The same of all that a read of the remote brought. As it comes: what is read when the process dies has been seen. */
  seeAll(outcomes: readonly ReadOutcome[]): void;
  /** What is known of the past of a key. */
  pastOf(key: Key): KeyPast;
  /** `triples`, whose fingerprints are known where they matter, with the base put right where what was under way arrived.
   *
   * Where the side that a version was going to shows that very version, both sides agreed on it [I4], whatever has become
   * of the other side since. Without this an edit that a person made upon it would look like one of two changes of the same
   * key, a conflict with oneself. */
  settle(triples: readonly Triple[]): readonly Triple[];
  /** Writes down what was glimpsed so far. To be called before anything follows from it: a round that is killed has seen it
   * as well. */
  keep(): void;
  /** All keys have been looked at: writes down the rest. */
  close(): void;
}

const NO_INTENTS: ReadonlyMap<Key, Intent> = new Map();
const NO_GLIMPSES: readonly Glimpse[] = [];

export function openRecall(
  {
    clock,
    base,
    dryRun,
    decide,
  }: {
    readonly clock: Clock;
    readonly base: BaseStore;
    readonly dryRun: boolean;
    readonly decide: { readonly twoWay: boolean };
  },
  startedAt: EpochMs,
): Recall {
  const intents = decide.twoWay ? base.intents() : NO_INTENTS;
  const arrived: NewBaseRow[] = [];
  let glimpsed: Entry[] = [];

  function settleOne(triple: Triple): Triple {
    const intent = intents.get(triple.key);
    const shown = intent && triple[intent.to];
    if (shown === undefined || !isArrived(shown, intent!.entry, triple.base)) return triple;
    const row = rowOf(shown, startedAt, clock.now());
    arrived.push(row);
    return { ...triple, base: { ...row, previous: triple.previous } };
  }

  function keep(): void {
    if (!dryRun && glimpsed.length > 0) base.glimpse(glimpsed, clock.now());
    glimpsed = [];
  }

  const glimpses = new Map(base.glimpses());
  const glimpsesOf = (key: Key): readonly Glimpse[] => glimpses.get(key) ?? NO_GLIMPSES;

  function glimpse(entry: Entry): void {
    const known = glimpsesOf(entry.key);
    if (known.some((earlier) => isSeen(entry, earlier.entry))) return;
    glimpses.set(entry.key, [...known, { entry, at: clock.now() }]);
    glimpsed.push(entry);
  }

  function pastOf(key: Key): KeyPast {
    const [row] = base.lookup([key]);
    const known = row === undefined || "gone" in row ? undefined : row;
    return { base: known, previous: row?.previous, glimpses: glimpsesOf(key) };
  }

  function see(sights: readonly Sight[]): boolean {
    const news = sights.filter((sight) => isNewRead(sight.entry, sight, pastOf(sight.entry.key)));
    for (const { entry } of news) glimpse(entry);
    keep();
    return news.length > 0;
  }

  return {
    glimpsesOf,
    glimpse,
    see,
    sight: (sight) => void see([sight]),
    seeAll: (outcomes) => void see(outcomes.flatMap(sightsOf)),
    pastOf,
    settle: (triples) => (intents.size === 0 ? triples : triples.map(settleOne)),
    keep,
    close() {
      keep();
      if (!dryRun && arrived.length > 0) base.commit({ record: arrived, forget: [], now: startedAt });
    },
  };
}

function sightsOf(outcome: ReadOutcome): readonly Sight[] {
  const { seen = [] } = outcome;
  if (outcome.kind !== "value") return seen;
  return [{ entry: outcome.value.entry, isLoose: outcome.isLoose === true }, ...seen];
}

/** What only a listing shows is the same if its attributes are. */
function isSeen(entry: Entry, earlier: Entry): boolean {
  if (!sameAttributes(earlier, entry)) return false;
  return entry.fingerprint === undefined || entry.fingerprint === earlier.fingerprint;
}

function isArrived(shown: Entry, intended: Entry, base: BaseRow | undefined): boolean {
  if (shown.fingerprint === undefined || shown.size === undefined) return false;
  if (compareVersions(shown, intended) !== "same") return false;
  return base === undefined || compareVersions(shown, base) !== "same";
}

function rowOf(
  { key, fingerprint, metadata, expiration, size, binary, signature }: Entry,
  hashedAt: EpochMs,
  agreedAt: EpochMs,
): NewBaseRow {
  return { key, fingerprint: fingerprint!, metadata, expiration, size: size!, binary, signature, hashedAt, agreedAt };
}
