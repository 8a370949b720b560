// What writing and removing in a tree share for as long as the tree is open.

import type { FileSignature } from "../../../core/entry.ts";
import { sameSignature } from "../../../core/entry.ts";
import type { DurationMs } from "../../../core/clock.ts";
import type { KeyFilter } from "../../../core/filter.ts";
import type { TreeFiles } from "../read/read-values.ts";

export interface TreeWriter extends TreeFiles {
  readonly filter: KeyFilter | undefined;
  /** Whether `key` would lie in a folder that is not part of the tree. */
  readonly isReserved: (key: string) => boolean;
  readonly tempName: () => string;
  readonly moves: Moves;
  /** How long a file must not have changed before it is replaced or removed. */
  readonly quietMs: DurationMs;
  /** False: two names may be one file, since case does not count, or Unicode forms. */
  readonly hasExactNames: () => boolean;
}

const MOVES_MAX = 10_000;

/** Files that we ourselves renamed, to make way for a folder of their name. Renaming changes a file's signature, and what
 * was listed before must not look changed by someone else. Forgets the oldest beyond a bound: then it does, until the
 * next round. */
export class Moves {
  readonly #byInode = new Map<number, { readonly before: FileSignature; readonly after: FileSignature }>();

  note(before: FileSignature, after: FileSignature): void {
    this.#byInode.set(after.inode, { before, after });
    if (this.#byInode.size <= MOVES_MAX) return;
    for (const oldest of this.#byInode.keys()) {
      this.#byInode.delete(oldest);
      return;
    }
  }

  /** Whether a file listed as `listed` is, by our own doing only, `now`. */
  explain(listed: FileSignature, now: FileSignature): boolean {
    const move = this.#byInode.get(now.inode);
    return move !== undefined && sameSignature(move.before, listed) && sameSignature(move.after, now);
  }
}
