// Chance from a seed (mulberry32), apart from the clock's, so that a fault plan replays whatever else draws numbers.

/** Numbers in [0, 1), the same ones for the same seed. */
export type Chance = () => number;

export function seededChance(seed: number): Chance {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
