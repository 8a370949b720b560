// What one side that may lag has shown, and both sides do not agree on yet: as earlier rounds of a pair left it to be remembered, with what
// this one adds. A dry run reads what is remembered, and adds nothing.

import type { Clock } from "../../core/clock.ts";
import { type Entry, sameAttributes } from "../../core/entry.ts";
import type { Key } from "../../core/key.ts";
import { isNewRead, type KeyPast, type UnsettledVersion } from "../../core/settle.ts";
import type { ReadOutcome, ShownVersion } from "../../replica/replica.ts";
import type { Triple } from "../merge.ts";
import type { BaseStore, UnsettledStore } from "../ports.ts";

export interface ShownVersions {
  /** In the order in which they were shown first, those of this round among them. */
  unsettledOf(key: Key): readonly UnsettledVersion[];
  /** The side shows a version that both sides do not agree on: it is remembered until it is settled. */
  rememberUnsettled(entry: Entry): void;
  /** The side showed these versions: of keys that nobody listed, or besides those that it was asked for. Returns whether
   * there is one that nobody knows; such versions are remembered at once. */
  see(shown: readonly ShownVersion[]): boolean;
  /** The same of one version. */
  readonly seeOne: (shown: ShownVersion) => void;
  /** The same of all that a read of the side brought, as it comes: a process that dies then has seen it. */
  seeAll(outcomes: readonly ReadOutcome[]): void;
  /** What is known of the past of a key. */
  pastOf(key: Key): KeyPast;
  /** These keys have been decided. A dry run, which carries nothing out, forgets what it was shown of them: it may be all of a namespace. */
  passed(page: readonly Triple[]): void;
  /** Writes to the journal what was remembered so far. To be called before anything follows from it: a round that is killed
   * then has seen it too. */
  keep(): void;
}

export interface ShownDeps {
  readonly clock: Clock;
  readonly base: Pick<BaseStore, "lookup">;
  readonly dryRun: boolean;
}

const NO_VERSIONS: readonly UnsettledVersion[] = [];

export function openShownVersions({ clock, base, dryRun }: ShownDeps, store: UnsettledStore): ShownVersions {
  let unwritten: Entry[] = [];
  const before = store.unsettled();
  /** Of keys of which this round was shown more: all that is known. */
  const unsettled = new Map<Key, readonly UnsettledVersion[]>();
  const unsettledOf = (key: Key): readonly UnsettledVersion[] => unsettled.get(key) ?? before.get(key) ?? NO_VERSIONS;

  function keep(): void {
    if (!dryRun && unwritten.length > 0) store.rememberUnsettled(unwritten, clock.now());
    unwritten = [];
  }

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
    passed(page) {
      if (dryRun) for (const { key } of page) unsettled.delete(key);
    },
    keep,
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
