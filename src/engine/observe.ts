// Observation: from what the listings and the base say to what must be known for a decision. Puts a lagging listing
// right, trusts the base about files that show the same signature as when they were hashed, and reads values only
// where nothing else can tell.

import { compareVersions } from "../core/compare.ts";
import { type BaseRow, type Entry, isRacy, sameSignature } from "../core/entry.ts";
import { problem, staleRead } from "../core/problem.ts";
import type { ReadOutcome } from "../replica/replica.ts";
import type { Triple } from "./merge.ts";
import { isWrittenRemote, lookupOptions, type Observer, onePage, withoutBytes } from "./observer.ts";
import { remoteSide } from "./remote-side.ts";
import type { Target } from "./plan/action.ts";
import { believeMisstamped, believeRead, believeReadAfter, type ReadValue } from "./lag/believe.ts";
import { lagOf, pastOf, settlePage, taken } from "./lag/settle-page.ts";

/** `triples` with the fingerprints that decisions about them need; without those whose value cannot be read, each of
 * which is reported as a problem. */
export async function observePage(triples: readonly Triple[], observer: Observer): Promise<readonly Triple[]> {
  const settled = await settlePage(triples, observer);
  const trusted = settled.map(trustBase);
  const withDestinations = await readUnknown(trusted, "destination", observer);
  return observer.exact ? readUnknown(withDestinations, "source", observer) : withDestinations;
}

/** `triples` with the fingerprints of both sides where `wants` asks for them; without those whose value cannot be read. */
export async function identifyPage(
  triples: readonly Triple[],
  wants: (triple: Triple) => boolean,
  observer: Observer,
): Promise<readonly Triple[]> {
  let known = triples;
  for (const side of ["source", "destination"] as const) {
    const wanted = known.filter((triple) => triple[side] !== undefined && triple[side].fingerprint === undefined);
    known = await readValues(known, wanted.filter(wants), side, observer);
  }
  return known;
}

function trustBase(triple: Triple): Triple {
  const { base } = triple;
  if (base === undefined) return triple;
  const source = triple.source && hinted(trusted(triple.source, base), base);
  const destination = triple.destination && hinted(trusted(triple.destination, base), base);
  return source === triple.source && destination === triple.destination ? triple : { ...triple, source, destination };
}

/** `entry` with the fingerprint from the base, if its file is as it was when that was taken. */
export function trusted(entry: Entry, base: BaseRow): Entry {
  if (entry.signature === undefined || entry.fingerprint !== undefined || base.signature === undefined) return entry;
  if (!sameSignature(entry.signature, base.signature) || isRacy(entry.signature, base.hashedAt)) return entry;
  return { ...entry, fingerprint: base.fingerprint };
}

/** `entry`, if only reading it can tell what it is, with what its value was the last time: one that is no text fails a
 * whole bulk get. It is only a hint. */
function hinted(entry: Entry, { binary }: BaseRow): Entry {
  if (entry.fingerprint !== undefined || entry.signature !== undefined) return entry;
  return entry.binary === undefined && binary !== undefined ? { ...entry, binary } : entry;
}

/** Reads the values of one side where nothing else can tell whether it equals the other side, or the base, where that matters. */
function readUnknown(triples: readonly Triple[], side: Target, observer: Observer): Promise<readonly Triple[]> {
  const wanted = triples.filter(
    (triple) => triple[side] !== undefined && triple[side].fingerprint === undefined && needsValue(triple, observer),
  );
  return readValues(triples, wanted, side, observer);
}

function needsValue({ source, destination, base }: Triple, observer: Observer): boolean {
  if (source !== undefined && destination !== undefined && compareVersions(source, destination) === "unknown")
    return !observer.onlyMissing;
  if (base === undefined) return false;
  if (observer.keepsForeign && source === undefined && destination !== undefined)
    return compareVersions(destination, base) === "unknown";
  if (!observer.twoWay) return false;
  return [source, destination].some((entry) => entry !== undefined && compareVersions(entry, base) === "unknown");
}

async function readValues(
  triples: readonly Triple[],
  wanted: readonly Triple[],
  side: Target,
  observer: Observer,
): Promise<readonly Triple[]> {
  if (wanted.length === 0) return triples;
  const read = new Map<string, ReadOutcome>();
  const entries = wanted.flatMap((triple) => triple[side] ?? []);
  for await (const outcomes of observer[side].read(onePage(entries), lookupOptions(side, observer))) {
    if (isWrittenRemote(side, observer)) observer.memory.seeAll(outcomes);
    // Without its bytes: these are the transfer's to read.
    for (const outcome of outcomes) read.set(outcome.key, withoutBytes(outcome));
  }
  return triples.flatMap((triple) => {
    const outcome = read.get(triple.key);
    if (outcome === undefined) return [triple];
    return resolved(believedOf(outcome, side, observer), triple, side, observer) ?? [];
  });
}

/** What a source is only read for is what it holds, also under the stamp of another value. */
function believedOf(outcome: ReadOutcome, side: Target, observer: Observer): ReadOutcome {
  if (observer.twoWay || side !== "source") return outcome;
  return believeMisstamped(outcome, { ...observer, memory: observer.memory.shownAt(side) });
}

/** `triple` now that the value of `side` was read; undefined: nothing can be said of it in this round. */
function resolved(outcome: ReadOutcome, triple: Triple, side: Target, observer: Observer): Triple | undefined {
  switch (outcome.kind) {
    case "value":
      return observer[side].traits.eventuallyConsistent
        ? settledRead(outcome, triple, side, observer)
        : { ...triple, [side]: outcome.value.entry };
    case "problem":
      observer.onProblem(outcome.problem);
      return undefined;
    case "absent":
      observer.onProblem(problem("vanished", outcome.key, "was listed, but is gone; the next round sees to it"));
      return undefined;
  }
}

/** A value without a stamp is told only by reading it, and a read may lag as a listing may. Undefined: nothing can be said of
 * it in this round, which is reported. */
function settledRead(read: ReadValue, triple: Triple, side: Target, observer: Observer): Triple | undefined {
  const past = pastOf(triple, side, observer);
  const isRemembered = side === remoteSide(observer);
  const belief = isRemembered
    ? believeReadAfter(triple[side]!, read, past, observer)
    : believeRead(read, past, observer);
  if (belief.kind === "take") return { ...triple, [side]: read.value.entry };
  observer.onLag(1);
  // What only a listing showed is not known well enough to decide by.
  if (belief.kind === "keep" && (belief.known === undefined || belief.known.fingerprint !== undefined))
    return taken(triple, side, belief.known, lagOf(read.value.entry));
  observer.onProblem(staleRead(triple.key));
  return undefined;
}
