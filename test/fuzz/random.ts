// Chance for fuzzers: the same numbers for the same seed.

import { FakeClock } from "../support/fake-clock.ts";

export interface FuzzOptions {
  readonly seed: number;
  /** As Date.now() tells. */
  readonly deadlineMs: number;
}

export interface Random {
  /** Below `limit`. */
  below(limit: number): number;
  pick<T>(items: readonly T[]): T;
  /** One in `odds`. */
  oneIn(odds: number): boolean;
}

function openRandom(seed: number): Random {
  const clock = new FakeClock({ seed });
  const below = (limit: number): number => Math.floor(clock.random() * limit);
  return { below, pick: (items) => items[below(items.length)]!, oneIn: (odds) => below(odds) === 0 };
}

/** Runs cases until the deadline, each from a seed of its own. Throws with that seed, which run alone shows it again. */
export async function runCases(
  name: string,
  { seed, deadlineMs }: FuzzOptions,
  run: (random: Random) => Promise<void> | void,
): Promise<number> {
  let cases = 0;
  do {
    const own = seed + cases;
    try {
      await run(openRandom(own));
    } catch (error) {
      throw new Error(`${name}, seed ${own}: ${(error as Error).message}`, { cause: error });
    }
    cases++;
  } while (Date.now() < deadlineMs);
  return cases;
}

const HOSTILE = Array.from('aabbccde0123%%..--__~~ #\\/\u0001:*?"<>|A\u00e9\u0301\u{1f600}\ue000\uffff');

/** A text of at most `length` characters, any of which may mean something to a file system. */
export function hostileText(random: Random, length: number): string {
  const long = random.oneIn(40) ? 120 : 1;
  return Array.from({ length: random.below(length + 1) }, () =>
    random.pick(HOSTILE).repeat(random.oneIn(20) ? long : 1),
  ).join("");
}
