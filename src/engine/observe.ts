// Observation: from what the listings and the base say to what must be known for a decision. Puts a lagging listing
// right, trusts the base about files that show the same signature as when they were hashed, and reads values only
// where nothing else can tell.

import { compareVersions } from "../core/compare.ts";
import { type BaseRow, type Entry, isRacy, sameSignature } from "../core/entry.ts";
import { problem } from "../core/problem.ts";
import type { ReadOutcome } from "../replica/replica.ts";
import type { Triple } from "./merge.ts";
import { type Observer, onePage, transferOptions } from "./observer.ts";
import type { Target } from "./plan.ts";
import { settlePage } from "./settle-page.ts";

/** `triples` with the fingerprints that decisions about them need; without those whose value cannot be read, each of
 * which is reported as a problem. */
export async function observePage(triples: readonly Triple[], observer: Observer): Promise<readonly Triple[]> {
  const settled = await settlePage(triples, observer);
  const trusted = settled.map(trustBase);
  const withDestinations = await readUnknown(trusted, "destination", observer);
  return observer.exact ? readUnknown(withDestinations, "source", observer) : withDestinations;
}

function trustBase(triple: Triple): Triple {
  const { base } = triple;
  if (base?.signature === undefined) return triple;
  const source = triple.source && trusted(triple.source, base);
  const destination = triple.destination && trusted(triple.destination, base);
  return source === triple.source && destination === triple.destination ? triple : { ...triple, source, destination };
}

/** `entry` with the fingerprint from the base, if its file is as it was when that was taken. */
export function trusted(entry: Entry, base: BaseRow): Entry {
  if (entry.signature === undefined || entry.fingerprint !== undefined || base.signature === undefined) return entry;
  if (!sameSignature(entry.signature, base.signature) || isRacy(entry.signature, base.hashedAt)) return entry;
  return { ...entry, fingerprint: base.fingerprint };
}

/** Reads the values of one side where nothing else can tell whether it equals the other side, or in two-way sync the base. */
function readUnknown(triples: readonly Triple[], side: Target, observer: Observer): Promise<readonly Triple[]> {
  const wanted = triples.filter(
    (triple) => triple[side] !== undefined && triple[side].fingerprint === undefined && needsValue(triple, observer),
  );
  return readValues(triples, wanted, side, observer);
}

function needsValue({ source, destination, base }: Triple, observer: Observer): boolean {
  if (source !== undefined && destination !== undefined && compareVersions(source, destination) === "unknown")
    return true;
  if (!observer.twoWay || base === undefined) return false;
  return [source, destination].some((entry) => entry !== undefined && compareVersions(entry, base) === "unknown");
}

async function readValues(
  triples: readonly Triple[],
  wanted: readonly Triple[],
  side: Target,
  observer: Observer,
): Promise<readonly Triple[]> {
  if (wanted.length === 0) return triples;
  const resolved = new Map<string, Entry | undefined>();
  const entries = wanted.flatMap((triple) => triple[side] ?? []);
  for await (const outcomes of observer[side].read(onePage(entries), transferOptions(observer))) {
    for (const outcome of outcomes) resolved.set(outcome.key, resolvedEntry(outcome, observer));
  }
  return triples.flatMap((triple) => {
    if (!resolved.has(triple.key)) return [triple];
    const entry = resolved.get(triple.key);
    return entry === undefined ? [] : [{ ...triple, [side]: entry }];
  });
}

function resolvedEntry(outcome: ReadOutcome, observer: Observer): Entry | undefined {
  switch (outcome.kind) {
    case "value":
      return outcome.value.entry;
    case "problem":
      observer.onProblem(outcome.problem);
      return undefined;
    case "absent":
      observer.onProblem(problem("vanished", outcome.key, "was listed, but is gone; the next round sees to it"));
      return undefined;
  }
}
