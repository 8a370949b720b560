// What earlier rounds of a pair left to be remembered of its remote, and what this one adds to it: versions that the remote showed and
// that are not settled, and versions that were under way when a round was broken off (intents).
//
// Between two namespaces both sides may lag. The remote is the destination then; what the source shows is remembered apart, since it
// says nothing of what the destination holds.

import type { Clock, EpochMs } from "../../core/clock.ts";
import { compareVersions } from "../../core/compare.ts";
import type { BaseRow, Entry } from "../../core/entry.ts";
import type { Key } from "../../core/key.ts";
import type { ReadableReplica } from "../../replica/replica.ts";
import type { Triple } from "../merge.ts";
import { remoteSide } from "../remote-side.ts";
import { asksWhoWrote } from "../plan/verdict.ts";
import type { Target } from "../plan/action.ts";
import type { Intent, NewBaseRow, PairStore } from "../ports.ts";
import { openShownVersions, type ShownVersions } from "./shown-versions.ts";

export interface RemoteMemory extends ShownVersions {
  /** What `side` has shown. A side that never lags has that of the remote, and adds nothing to it. */
  shownAt(side: Target): ShownVersions;
  /** `triples`, whose fingerprints are known where they matter, with the base put right where what was under way arrived.
   *
   * Where the side that a version was going to shows that very version, both sides agreed on it [I4], whatever has become
   * of the other side since. Without this an edit that a person made upon it would look like one of two changes of the same
   * key, a conflict with oneself. */
  settle(triples: readonly Triple[]): readonly Triple[];
  /** All keys have been looked at: writes the rest. */
  close(): void;
}

const NO_INTENTS: ReadonlyMap<Key, Intent> = new Map();

export interface MemoryDeps {
  readonly clock: Clock;
  readonly source: Pick<ReadableReplica, "traits">;
  readonly destination: Pick<ReadableReplica, "traits">;
  readonly base: PairStore;
  readonly dryRun: boolean;
  readonly decide: Parameters<typeof asksWhoWrote>[0];
}

export function openRemoteMemory(deps: MemoryDeps, startedAt: EpochMs): RemoteMemory {
  const { clock, base, dryRun, decide, source } = deps;
  const intents = asksWhoWrote(decide) ? base.intents() : NO_INTENTS;
  const arrived: NewBaseRow[] = [];

  function settleOne(triple: Triple): Triple {
    const intent = intents.get(triple.key);
    const shown = intent && triple[intent.to];
    if (shown === undefined || !isArrived(shown, intent!.entry, triple.base)) return triple;
    const row = rowOf(shown, startedAt, clock.now());
    arrived.push(row);
    return { ...triple, base: { ...row, previous: triple.previous } };
  }

  const remote = openShownVersions(deps, base);
  const isApart = source.traits.eventuallyConsistent && remoteSide(deps) !== "source";
  const atSource = isApart ? openShownVersions(deps, base.ofSource()) : undefined;

  function keep(): void {
    remote.keep();
    atSource?.keep();
  }

  return {
    ...remote,
    shownAt: (side) => (side === "source" ? atSource : undefined) ?? remote,
    settle: (triples) => (intents.size === 0 ? triples : triples.map(settleOne)),
    passed(page) {
      remote.passed(page);
      atSource?.passed(page);
    },
    keep,
    close() {
      keep();
      if (!dryRun && arrived.length > 0) base.commit({ record: arrived, forget: [], now: startedAt });
    },
  };
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
