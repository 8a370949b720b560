// How many rounds run at once. Few: they share one budget, one journal and one processor. A round over some keys has a
// gate of its own, so that an edit in one mapping does not wait for a look at a million keys of another.

import pLimit from "p-limit";

export interface RoundGate {
  run<T>(kind: "full" | "dirty", work: () => Promise<T>): Promise<T>;
}

const FULL_AT_ONCE = 2;
const DIRTY_AT_ONCE = 4;

export function openRoundGate(): RoundGate {
  const gates = { full: pLimit(FULL_AT_ONCE), dirty: pLimit(DIRTY_AT_ONCE) };
  return { run: (kind, work) => gates[kind](work) };
}
