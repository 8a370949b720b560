// A page of triples with listings that lag put right [I7]: what a listing does not prove is taken to be what is known, and
// what only a direct read can tell is read, many keys at once.

import { baseEntry, type Entry } from "../../core/entry.ts";
import type { KeyPast } from "../../core/settle.ts";
import type { ReadOutcome } from "../../replica/replica.ts";
import type { Lag, Triple } from "../merge.ts";
import { isWrittenRemote, lookupOptions, type Observer, onePage, withoutBytes } from "../observer.ts";
import { remoteSide } from "../remote-side.ts";
import type { Target } from "../plan/action.ts";
import { believeListed, believeRead, believeUnstamped, isUnderStamp } from "./believe.ts";

export async function settlePage(triples: readonly Triple[], observer: Observer): Promise<readonly Triple[]> {
  let settled = triples;
  for (const side of ["source", "destination"] as const) {
    if (observer[side].traits.eventuallyConsistent) settled = await settleSide(settled, side, observer);
  }
  return settled;
}

/** What is known of the past of a key at `side`. */
export function pastOf({ key, base, previous }: Triple, side: Target, observer: Observer): KeyPast {
  return { base, previous, unsettled: side === remoteSide(observer) ? observer.memory.unsettledOf(key) : [] };
}

/** `triple`, with `side` taken to be what is known of it. */
export function taken(triple: Triple, side: Target, known: Entry | undefined, lag: Lag): Triple {
  return { ...triple, [side]: known, lags: { ...triple.lags, [side]: lag } };
}

/** How a side lags that shows this. */
export function lagOf(shown: Entry | undefined): Lag {
  return shown === undefined ? "absent" : "older";
}

async function settleSide(triples: readonly Triple[], side: Target, observer: Observer): Promise<readonly Triple[]> {
  const suspects: Triple[] = [];
  let lagging = 0;
  const settled = triples.map((triple) => {
    const belief = believeListed(triple[side], pastOf(triple, side, observer), observer);
    switch (belief.kind) {
      case "take":
        return triple;
      case "keep":
        lagging++;
        return taken(triple, side, belief.known, lagOf(triple[side]));
      case "look-again":
        if (matters(triple, side, observer)) suspects.push(triple);
        return triple;
    }
  });
  if (lagging > 0) observer.onLag(lagging);
  return suspects.length === 0 ? settled : confirm(settled, suspects, side, observer);
}

/** Whether something would be removed or carried over for what the listing shows. A one-way round that writes to this
 * side only writes it once more. */
function matters(triple: Triple, side: Target, observer: Observer): boolean {
  return observer.twoWay || side === "source" || triple.source === undefined;
}

/** Reads the suspects directly, and takes each to be what the read shows. */
async function confirm(
  triples: readonly Triple[],
  suspects: readonly Triple[],
  side: Target,
  observer: Observer,
): Promise<readonly Triple[]> {
  const read = new Map<string, ReadOutcome>();
  const unread = suspects.map((triple) => ({ ...(triple[side] ?? baseEntry(triple.base)!), fingerprint: undefined }));
  for await (const outcomes of observer[side].read(onePage(unread), lookupOptions(side, observer))) {
    if (isWrittenRemote(side, observer)) observer.memory.seeAll(outcomes);
    for (const outcome of outcomes) read.set(outcome.key, withoutBytes(outcome));
  }
  const deps = { ...observer, memory: observer.memory.shownAt(side) };
  let lagging = 0;
  const confirmed = triples.flatMap((triple) => {
    const found = read.get(triple.key);
    if (found === undefined) return [triple];
    const outcome = believeUnstamped(found, deps);
    if (outcome.kind === "problem") {
      observer.onProblem(outcome.problem);
      return [];
    }
    const value = outcome.kind === "value" ? outcome : undefined;
    const shown = value?.value.entry;
    const listed = triple[side];
    const past = pastOf(triple, side, observer);
    const isListed =
      shown?.fingerprint === listed?.fingerprint ||
      (value !== undefined && isUnderStamp(listed, { found, value }, past, deps));
    if (!isListed) lagging++;
    const belief = believeRead(value, past, observer);
    if (belief.kind === "keep") return [taken(triple, side, belief.known, lagOf(shown))];
    return [isListed ? { ...triple, [side]: shown } : taken(triple, side, shown, "listing")];
  });
  if (lagging > 0) observer.onLag(lagging);
  return confirmed;
}
