// Places about which a side said that it cannot tell what it holds there. No decision is made about a key in such a
// place: an absence proves nothing [I3].

import { compareUtf8, type Key } from "../core/key.ts";
import { type Problem, problem } from "../core/problem.ts";
import type { Unknown } from "../replica/replica.ts";

export class Unknowns {
  readonly #keys = new Map<string, Unknown>();
  readonly #places: Unknown[] = [];

  add(unknown: Unknown): void {
    if (!("key" in unknown)) this.#places.push(unknown);
    else if (this.#keys.get(unknown.key)?.notice === undefined) this.#keys.set(unknown.key, unknown);
  }

  /** What was told of the place of `key`, if something was. */
  find(key: Key): Unknown | undefined {
    const known = this.#keys.size > 0 ? this.#keys.get(key) : undefined;
    if (known !== undefined || this.#places.length === 0) return known;
    return this.#places.find((place) => holds(place, key));
  }
}

function holds(place: Unknown, key: Key): boolean {
  if ("key" in place) return place.key === key;
  if ("prefix" in place) return key.startsWith(place.prefix);
  const { after, before } = place;
  return (after === undefined || compareUtf8(key, after) > 0) && (before === undefined || compareUtf8(key, before) < 0);
}

/** Why a key that one side has is not in step with the other, which cannot tell what it holds there. Undefined if that is
 * told already. */
export function incomparable(key: Key, { notice }: Unknown): Problem | undefined {
  if (notice === undefined) return undefined;
  const place = notice.subject === key ? "" : `${notice.subject} `;
  return problem(notice.code, key, `cannot be compared: ${place}${notice.message}`);
}
