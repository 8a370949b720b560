// Temporary files `%tmp-...`: how they are named, and how those that a crash left are removed.

import { lstatSync, unlinkSync } from "node:fs";
import type { Clock, DurationMs } from "../../core/clock.ts";
import { TEMP_PREFIX } from "../../core/names/reserved-words.ts";
import { faultCode } from "./fs-fault.ts";

/** No write takes this long, so that what is older belongs to no one. */
const LEFTOVER_AGE_MS: DurationMs = 3_600_000;
const LEFTOVERS_MAX = 1000;

/** Names that no other process is likely to use; whoever creates one still refuses to overwrite. */
export function tempNames(clock: Clock): () => string {
  const run = Math.floor(clock.random() * 36 ** 8).toString(36);
  let count = 0;
  return () => `${TEMP_PREFIX}${run}${(count++).toString(36)}`;
}

/** What walks have seen of temporary files from an hour ago or more; forgets beyond a bound, for the next walk to find. */
export class Leftovers {
  readonly #clock: Clock;
  readonly #paths = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `path`: absolute. */
  note(path: string): void {
    if (this.#paths.size < LEFTOVERS_MAX && this.#isLeftover(path)) this.#paths.add(path);
  }

  removeAll(): void {
    for (const path of this.#paths) {
      if (!this.#isLeftover(path)) continue;
      try {
        unlinkSync(path);
      } catch (error) {
        // It harms no one where it is, and the next walk notes it again.
        faultCode(error);
      }
    }
    this.#paths.clear();
  }

  #isLeftover(path: string): boolean {
    try {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      return stats?.isFile() === true && this.#clock.now() - Math.max(stats.mtimeMs, stats.ctimeMs) > LEFTOVER_AGE_MS;
    } catch (error) {
      faultCode(error);
      return false;
    }
  }
}
