// Places about which a side said that it cannot tell what it holds there. No decision is made about a key in such a
// place: an absence proves nothing [I3].

import type { Key } from "../core/key.ts";
import type { Unknown } from "../replica/replica.ts";

export class Unknowns {
  readonly #keys = new Set<string>();
  readonly #prefixes: string[] = [];

  add(unknown: Unknown): void {
    if ("key" in unknown) this.#keys.add(unknown.key);
    else this.#prefixes.push(unknown.prefix);
  }

  covers(key: Key): boolean {
    if (this.#keys.size > 0 && this.#keys.has(key)) return true;
    return this.#prefixes.length > 0 && this.#prefixes.some((prefix) => key.startsWith(prefix));
  }
}
