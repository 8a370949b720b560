// Observation: from what the listings and the base say to what must be known for a decision. Trusts the base about files
// that show the same signature as when they were hashed, and reads values only where nothing else can tell.

import { compareVersions } from "../core/compare.ts";
import { type BaseRow, type Entry, isRacy, sameSignature } from "../core/entry.ts";
import { type Problem, problem } from "../core/problem.ts";
import type { Pages, ReadOutcome, Replica } from "../replica/replica.ts";
import type { Triple } from "./merge.ts";

export interface Observer {
  readonly source: Replica;
  readonly destination: Replica;
  /** Also read sources whose fingerprint is unknown, rather than leave the comparison to the transfer, which reads them
   * anyway: for plans that are shown and not applied. */
  readonly exact: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onProblem: (problem: Problem) => void;
}

/** `triples` with the fingerprints that decisions about them need; without those whose value cannot be read, each of
 * which is reported as a problem. */
export async function observePage(triples: readonly Triple[], observer: Observer): Promise<readonly Triple[]> {
  const trusted = triples.map(trustBase);
  const destinationRead = trusted.filter(
    (triple) => needsValue(triple) && triple.destination?.fingerprint === undefined,
  );
  const withDestinations = await resolve(trusted, destinationRead, "destination", observer);
  if (!observer.exact) return withDestinations;
  const sourceRead = withDestinations.filter(
    (triple) => needsValue(triple) && triple.source?.fingerprint === undefined,
  );
  return resolve(withDestinations, sourceRead, "source", observer);
}

function trustBase(triple: Triple): Triple {
  const { base } = triple;
  if (base?.signature === undefined) return triple;
  const source = trusted(triple.source, base);
  const destination = trusted(triple.destination, base);
  return source === triple.source && destination === triple.destination ? triple : { ...triple, source, destination };
}

/** `entry` with the fingerprint from the base, if its file is as it was when that was taken. */
function trusted(entry: Entry | undefined, base: BaseRow): Entry | undefined {
  if (entry?.signature === undefined || entry.fingerprint !== undefined || base.signature === undefined) return entry;
  if (!sameSignature(entry.signature, base.signature) || isRacy(entry.signature, base.hashedAt)) return entry;
  return { ...entry, fingerprint: base.fingerprint };
}

function needsValue({ source, destination }: Triple): boolean {
  return source !== undefined && destination !== undefined && compareVersions(source, destination) === "unknown";
}

async function resolve(
  triples: readonly Triple[],
  wanted: readonly Triple[],
  side: "source" | "destination",
  observer: Observer,
): Promise<readonly Triple[]> {
  if (wanted.length === 0) return triples;
  const entries = wanted.map((triple) => triple[side]!);
  const resolved = new Map<string, Entry | undefined>();
  for await (const outcomes of observer[side].read(onePage(entries), {
    ...(observer.signal && { signal: observer.signal }),
  })) {
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

export async function* onePage<T>(page: readonly T[]): Pages<T> {
  yield page;
}
