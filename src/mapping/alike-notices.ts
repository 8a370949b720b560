// What is told of names that are one name to other systems (core/names/alike-names.ts): each pair once, in the first round that
// meets it, as a notice. From then on it stands in the status.

import { type AlikeNames, type AlikePair, renderAlike } from "../core/names/alike-names.ts";
import { notice, type Problem } from "../core/problem.ts";

/** A notice for each pair of `now` that is not among those of `before`, of the first of each. */
export function newlyAlike(before: AlikeNames, now: AlikeNames): readonly Problem[] {
  const known = new Set(before.pairs.map(nameOf));
  return now.pairs
    .filter((pair) => !known.has(nameOf(pair)))
    .map((pair) => notice("names-alike", pair.names[1], renderAlike(pair)));
}

function nameOf({ names }: AlikePair): string {
  return JSON.stringify(names);
}
