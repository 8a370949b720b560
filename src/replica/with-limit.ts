// The first keys of a source, for a copy that is to bring over no more than that. Where it stops nothing is known of the keys behind, on
// either side: that they are not listed says nothing [I3], and so nothing follows for what the other side has of them.

import { compareUtf8, type Key } from "../core/key.ts";
import type { ReadableReplica } from "./replica.ts";

export interface LimitedSides<T extends ReadableReplica> {
  readonly source: ReadableReplica;
  readonly destination: T;
}

/** Both sides are listed up to the key number `keysMax` of the source, and no further: pages behind it are not asked for. To be listed
 * once. */
export function withLimit<T extends ReadableReplica>(
  source: ReadableReplica,
  destination: T,
  keysMax: number,
): LimitedSides<T> {
  /** The last key that counts, once it was listed. */
  let last: Key | undefined;
  return {
    source: {
      ...source,
      async *list(options) {
        let left = keysMax;
        for await (const page of source.list(options)) {
          const taken = page.slice(0, left);
          left -= taken.length;
          if (left > 0) {
            yield taken;
            continue;
          }
          last = taken.at(-1)!.key;
          options.onUnknown?.({ after: last, before: undefined });
          yield taken;
          return;
        }
      },
    },
    destination: {
      ...destination,
      async *list(options) {
        for await (const page of destination.list(options)) {
          const end = last;
          const taken = end === undefined ? page : page.filter(({ key }) => compareUtf8(key, end) <= 0);
          yield taken;
          if (taken.length < page.length) return;
        }
      },
    },
  };
}
