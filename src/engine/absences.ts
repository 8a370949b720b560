// Keys that both sides had and a tree now lacks. Many programs save a file by taking it away and making it anew: an absence
// counts as a removal only once it has lasted [I3].

import type { Entry } from "../core/entry.ts";
import type { Key } from "../core/key.ts";
import type { ListOptions, ReadableReplica } from "../replica/replica.ts";
import type { Triple } from "./merge.ts";
import type { Target } from "./plan/action.ts";

interface Options extends ListOptions {
  /** Whether the side said already that it cannot tell. */
  readonly isUnknown: (key: Key) => boolean;
}

interface Sides {
  readonly source: ReadableReplica;
  readonly destination: ReadableReplica;
}

/** `triples`, with the files that came back. */
export async function settleAbsences(
  triples: readonly Triple[],
  sides: Sides,
  options: Options,
): Promise<readonly Triple[]> {
  let settled = triples;
  for (const side of ["source", "destination"] as const)
    settled = await settleSide(settled, side, sides[side], options);
  return settled;
}

async function settleSide(
  triples: readonly Triple[],
  side: Target,
  { lookup, traits }: ReadableReplica,
  options: Options,
): Promise<readonly Triple[]> {
  const other = side === "source" ? "destination" : "source";
  const isMissing = (triple: Triple): boolean =>
    triple[side] === undefined &&
    triple[other] !== undefined &&
    triple.base !== undefined &&
    !options.isUnknown(triple.key);
  // What a remote lacks is another matter (lag/).
  if (lookup === undefined || traits.eventuallyConsistent) return triples;
  const missing = triples.filter(isMissing);
  if (missing.length === 0) return triples;
  const entries = await lookup(
    missing.map(({ key }) => key),
    { ...options, waits: true },
  );
  const back = new Map<Key, Entry>(entries.map((entry) => [entry.key, entry]));
  return triples.map((triple) => (isMissing(triple) ? { ...triple, [side]: back.get(triple.key) } : triple));
}
