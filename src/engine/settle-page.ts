// A page of triples with listings that lag put right [I7]: what a listing does not prove is taken to be what the base says,
// and what only a direct read can tell is read, many keys at once.

import { baseEntry, type Entry } from "../core/entry.ts";
import { settleRemote } from "../core/settle.ts";
import type { Triple } from "./merge.ts";
import { type Observer, onePage, transferOptions } from "./observer.ts";
import type { Target } from "./plan.ts";

export async function settlePage(triples: readonly Triple[], observer: Observer): Promise<readonly Triple[]> {
  let settled = triples;
  for (const side of ["source", "destination"] as const) {
    if (observer[side].traits.eventuallyConsistent) settled = await settleSide(settled, side, observer);
  }
  return settled;
}

async function settleSide(triples: readonly Triple[], side: Target, observer: Observer): Promise<readonly Triple[]> {
  const options = { now: observer.clock.now(), windowMs: observer.settleWindowMs };
  const suspects: Triple[] = [];
  let lagging = 0;
  const settled = triples.map((triple) => {
    const { kind } = settleRemote(triple[side], triple.base, triple.previous, options);
    if (kind === "current") return triple;
    if (kind !== "stale") {
      if (matters(triple, side, observer)) suspects.push(triple);
      return triple;
    }
    lagging++;
    return { ...triple, [side]: baseEntry(triple.base) };
  });
  if (lagging > 0) observer.onLag(lagging);
  return suspects.length === 0 ? settled : confirm(settled, suspects, side, observer);
}

/** Whether something would be removed or carried over for what the listing shows. A one-way round that writes to this
 * side only writes it once more. */
function matters(triple: Triple, side: Target, observer: Observer): boolean {
  return observer.twoWay || side === "source" || triple.source === undefined;
}

/** Reads the suspects directly. A read that says what the base says, or something never seen, overrules the listing. */
async function confirm(
  triples: readonly Triple[],
  suspects: readonly Triple[],
  side: Target,
  observer: Observer,
): Promise<readonly Triple[]> {
  const bySuspect = new Map(suspects.map((triple) => [triple.key, triple]));
  const seen = new Map<string, Entry | undefined | "unreadable">();
  const unread = suspects.map((triple) => ({ ...(triple[side] ?? baseEntry(triple.base)!), fingerprint: undefined }));
  for await (const outcomes of observer[side].read(onePage(unread), transferOptions(observer))) {
    for (const outcome of outcomes) {
      if (outcome.kind === "problem") observer.onProblem(outcome.problem);
      seen.set(
        outcome.key,
        outcome.kind === "value" ? outcome.value.entry : outcome.kind === "absent" ? undefined : "unreadable",
      );
    }
  }
  let lagging = 0;
  const confirmed = triples.flatMap((triple) => {
    if (!bySuspect.has(triple.key)) return [triple];
    const read = seen.get(triple.key);
    if (read === "unreadable") return [];
    const listed = triple[side];
    if (read === undefined) return [{ ...triple, [side]: undefined }];
    if (listed !== undefined && read.fingerprint === listed.fingerprint) return [triple];
    lagging++;
    return [{ ...triple, [side]: baseEntry(triple.base) }];
  });
  if (lagging > 0) observer.onLag(lagging);
  return confirmed;
}
