// What earlier rounds of a pair left to be remembered, and what this one adds to it: versions that the remote showed and
// that are not settled, and versions that were under way when a round was broken off (intents). A dry run reads what is
// remembered, and adds nothing.

import type { Clock, EpochMs } from "../../core/clock.ts";
import { compareVersions } from "../../core/compare.ts";
import { type BaseRow, type Entry, sameAttributes } from "../../core/entry.ts";
import type { Key } from "../../core/key.ts";
import { isNewRead, type KeyPast, type UnsettledVersion } from "../../core/settle.ts";
import type { ReadOutcome, ShownVersion } from "../../replica/replica.ts";
import type { Triple } from "../merge.ts";
import { asksWhoWrote } from "../plan/verdict.ts";
import type { Intent, NewBaseRow, PairStore } from "../ports.ts";

export interface RemoteMemory {
  /** In the order in which they were shown first, those of this round among them. */
  unsettledOf(key: Key): readonly UnsettledVersion[];
  /** The remote shows a version that both sides do not agree on: it is remembered until it is settled. */
  rememberUnsettled(entry: Entry): void;
  /** The remote showed these versions: of keys that nobody listed, or besides those that it was asked for. Returns whether
   * there is one that nobody knows; such versions are remembered at once. */
  see(shown: readonly ShownVersion[]): boolean;
  /** The same of one version. */
  readonly seeOne: (shown: ShownVersion) => void;
  /** The same of all that a read of the remote brought, as it comes: a process that dies then has seen it. */
  seeAll(outcomes: readonly ReadOutcome[]): void;
  /** What is known of the past of a key. */
  pastOf(key: Key): KeyPast;
  /** `triples`, whose fingerprints are known where they matter, with the base put right where what was under way arrived.
   *
   * Where the side that a version was going to shows that very version, both sides agreed on it [I4], whatever has become
   * of the other side since. Without this an edit that a person made upon it would look like one of two changes of the same
   * key, a conflict with oneself. */
  settle(triples: readonly Triple[]): readonly Triple[];
  /** These keys have been decided. A dry run, which carries nothing out, forgets what it was shown of them: it may be all of a namespace. */
  passed(page: readonly Triple[]): void;
  /** Writes to the journal what was remembered so far. To be called before anything follows from it: a round that is killed
   * then has seen it too. */
  keep(): void;
  /** All keys have been looked at: writes the rest. */
  close(): void;
}

const NO_INTENTS: ReadonlyMap<Key, Intent> = new Map();
const NO_VERSIONS: readonly UnsettledVersion[] = [];

export function openRemoteMemory(
  {
    clock,
    base,
    dryRun,
    decide,
  }: {
    readonly clock: Clock;
    readonly base: PairStore;
    readonly dryRun: boolean;
    readonly decide: Parameters<typeof asksWhoWrote>[0];
  },
  startedAt: EpochMs,
): RemoteMemory {
  const intents = asksWhoWrote(decide) ? base.intents() : NO_INTENTS;
  const arrived: NewBaseRow[] = [];
  let unwritten: Entry[] = [];

  function settleOne(triple: Triple): Triple {
    const intent = intents.get(triple.key);
    const shown = intent && triple[intent.to];
    if (shown === undefined || !isArrived(shown, intent!.entry, triple.base)) return triple;
    const row = rowOf(shown, startedAt, clock.now());
    arrived.push(row);
    return { ...triple, base: { ...row, previous: triple.previous } };
  }

  function keep(): void {
    if (!dryRun && unwritten.length > 0) base.rememberUnsettled(unwritten, clock.now());
    unwritten = [];
  }

  const before = base.unsettled();
  /** Of keys of which this round was shown more: all that is known. */
  const unsettled = new Map<Key, readonly UnsettledVersion[]>();
  const unsettledOf = (key: Key): readonly UnsettledVersion[] => unsettled.get(key) ?? before.get(key) ?? NO_VERSIONS;

  function rememberUnsettled(entry: Entry): void {
    const known = unsettledOf(entry.key);
    if (known.some((earlier) => isSeen(entry, earlier.entry))) return;
    unsettled.set(entry.key, [...known, { entry, at: clock.now() }]);
    unwritten.push(entry);
  }

  function pastOf(key: Key): KeyPast {
    const [row] = base.lookup([key]);
    const known = row === undefined || "gone" in row ? undefined : row;
    return { base: known, previous: row?.previous, unsettled: unsettledOf(key) };
  }

  function see(shown: readonly ShownVersion[]): boolean {
    const news = shown.filter((version) => isNewRead(version.entry, version, pastOf(version.entry.key)));
    for (const { entry } of news) rememberUnsettled(entry);
    keep();
    return news.length > 0;
  }

  return {
    unsettledOf,
    rememberUnsettled,
    see,
    seeOne: (shown) => void see([shown]),
    seeAll: (outcomes) => void see(outcomes.flatMap(shownBy)),
    pastOf,
    settle: (triples) => (intents.size === 0 ? triples : triples.map(settleOne)),
    passed(page) {
      if (dryRun) for (const { key } of page) unsettled.delete(key);
    },
    keep,
    close() {
      keep();
      if (!dryRun && arrived.length > 0) base.commit({ record: arrived, forget: [], now: startedAt });
    },
  };
}

function shownBy(outcome: ReadOutcome): readonly ShownVersion[] {
  const { alsoShown = [] } = outcome;
  if (outcome.kind !== "value") return alsoShown;
  return [{ entry: outcome.value.entry, attributesAreListed: outcome.attributesAreListed === true }, ...alsoShown];
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
