// How many keys were written or deleted, where the input may name one several times: each counts once, up to a number of keys
// that fit into memory whatever the input is.

import { count } from "../../core/counted.ts";
import type { Key } from "../../core/key.ts";

export interface KeyCounter {
  add(key: Key): void;
  total(): number;
  /** `1 key` */
  render(): string;
}

/** Some 100 MB of names. */
const DISTINCT_MAX = 1_000_000;

/** Behind `distinctMax` keys each name counts, also one that came before. */
export function openKeyCounter(distinctMax = DISTINCT_MAX): KeyCounter {
  const seen = new Set<Key>();
  let more = 0;
  const total = (): number => seen.size + more;
  return {
    add(key) {
      if (seen.size < distinctMax) seen.add(key);
      else if (!seen.has(key)) more++;
    },
    total,
    render: () => (total() === 1 ? "1 key" : `${count(total())} keys`),
  };
}
