// How to read values of which some may be binary: one binary value fails a whole bulk get, so the more of them there are,
// the smaller the groups, down to reading one by one. Pure.

import { BULK_GET_KEYS_MAX } from "../core/limits.ts";

/** What has been learnt of the keys read so far. */
export interface BinaryShare {
  readonly seen: number;
  readonly binary: number;
}

/** Before anything is known: one in four hundred, and easily convinced. */
export const UNKNOWN_SHARE: BinaryShare = { seen: 20, binary: 0.05 };

/** Keys of a kind lie side by side, so that what was learnt long ago fades. */
const SEEN_MAX = 400;

export function learnBinary(share: BinaryShare, seen: number, binary: number): BinaryShare {
  const fade = share.seen > SEEN_MAX ? 0.5 : 1;
  return { seen: share.seen * fade + seen, binary: share.binary * fade + binary };
}

/** Keys to ask for in one bulk get so that each costs the fewest requests; 1: read one by one. */
export function groupKeys(share: BinaryShare): number {
  const costs = expectedCosts(share);
  let best = 1;
  let bestCost = 1;
  for (let keys = BULK_GET_KEYS_MAX; keys > 1; keys >>= 1) {
    const cost = costs.unknown(keys) / keys;
    if (cost < bestCost) [best, bestCost] = [keys, cost];
  }
  return best;
}

/** Whether `keys` values, of which at least one is binary, are better read one by one than in halves. */
export function readSingly(keys: number, share: BinaryShare): boolean {
  return keys <= 2 || expectedCosts(share).halves(keys) >= keys;
}

interface Costs {
  /** Requests for values that nothing is known of. */
  unknown(keys: number): number;
  /** Requests for values of which at least one is binary, by asking for the first half of them. */
  halves(keys: number): number;
}

function expectedCosts(share: BinaryShare): Costs {
  const text = 1 - Math.min(1, share.binary / share.seen);
  const known = new Map<number, { readonly unknown: number; readonly halves: number }>();

  function costs(keys: number): { readonly unknown: number; readonly halves: number } {
    const before = known.get(keys);
    if (before !== undefined) return before;
    const allText = text ** keys;
    const halves = keys <= 1 ? 1 : splitCost(keys, allText);
    const result = { unknown: Math.min(keys, 1 + (1 - allText) * Math.min(keys, halves)), halves };
    known.set(keys, result);
    return result;
  }

  function splitCost(keys: number, allText: number): number {
    const left = keys >> 1;
    const right = keys - left;
    const leftText = text ** left;
    // Given that not all are text: the left half is, and then the right is not.
    const leftIsText = allText >= 1 ? 1 : (leftText - allText) / (1 - allText);
    // A single value is read by asking for it; a group that fails is not.
    const leftDirty = left === 1 ? 0 : Math.min(left, costs(left).halves);
    return (
      1 + leftIsText * Math.min(right, costs(right).halves) + (1 - leftIsText) * (leftDirty + costs(right).unknown)
    );
  }

  return { unknown: (keys) => costs(keys).unknown, halves: (keys) => costs(keys).halves };
}
