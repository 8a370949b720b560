// How to read values of which some may be binary: one binary value fails a whole bulk get, so the more of them there are,
// the smaller the groups, down to reading one by one. Pure.

import { BULK_GET_KEYS_MAX } from "../core/limits.ts";

/** What has been learnt of the keys read so far. */
export interface BinaryShare {
  readonly seen: number;
  readonly binary: number;
}

/** Before anything is known: one in a hundred, and easily convinced. */
export const UNKNOWN_SHARE: BinaryShare = { seen: 10, binary: 0.1 };

/** Keys of a kind lie side by side, so that what was learnt long ago fades. */
const SEEN_MAX = 400;

export function learnBinary(share: BinaryShare, seen: number, binary: number): BinaryShare {
  const fade = share.seen > SEEN_MAX ? 0.5 : 1;
  return { seen: share.seen * fade + seen, binary: share.binary * fade + binary };
}

/** Keys to ask for in one bulk get so that each costs the fewest requests; 1: read one by one. */
export function groupKeys(share: BinaryShare): number {
  let best = 1;
  let bestCost = 1;
  for (let keys = BULK_GET_KEYS_MAX; keys > 1; keys >>= 1) {
    const cost = groupCost(keys, share) / keys;
    if (cost < bestCost) [best, bestCost] = [keys, cost];
  }
  return best;
}

/** Whether a group of `keys` that has failed is better read one by one than in halves. */
export function readSingly(keys: number, share: BinaryShare): boolean {
  return keys <= 2 || keys <= halvesCost(keys, share);
}

/** Requests to expect for `keys` values that nothing has been asked of yet. */
function groupCost(keys: number, share: BinaryShare): number {
  if (keys <= 1) return keys;
  const fails = 1 - (1 - Math.min(1, share.binary / share.seen)) ** keys;
  return Math.min(keys, 1 + fails * Math.min(keys, halvesCost(keys, share)));
}

function halvesCost(keys: number, share: BinaryShare): number {
  const left = keys >> 1;
  return groupCost(left, share) + groupCost(keys - left, share);
}
