// An archive as it is by now: what has expired since it was written is gone, as it is in every namespace.

import type { EpochSeconds } from "../../core/clock.ts";
import { notice } from "../../core/problem.ts";
import type { ReadableReplica } from "../replica.ts";

/** Without the entries that expire before `until`, each of which is told of. `skipped`: how many the last listing had. */
export function withoutExpired(
  archive: ReadableReplica,
  until: EpochSeconds,
): { readonly replica: ReadableReplica; skipped(): number } {
  let skipped = 0;
  return {
    replica: {
      ...archive,
      async *list(options) {
        skipped = 0;
        for await (const page of archive.list(options)) {
          yield page.filter(({ key, expiration }) => {
            if (expiration === undefined || expiration >= until) return true;
            skipped++;
            options.onProblem(notice("expired", key, "has expired, or does within 60 seconds: it is left out"));
            return false;
          });
        }
      },
    },
    skipped: () => skipped,
  };
}
