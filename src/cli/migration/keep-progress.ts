// How far a run is, kept beside the record of its migration, for `kvsync migrate status`.

import type { MigrationProgress } from "../../migration/migration-events.ts";
import type { MigrationFolder } from "../../migration/migration-folder.ts";
import type { Context } from "../context.ts";
import type { countRequests } from "../render/request-counts.ts";

export interface ProgressKeeper {
  update(progress: MigrationProgress): void;
  close(): void;
}

const KEEP_INTERVAL_MS = 2000;

/** As often as a person looks. */
export function openProgressKeeper(
  { clock }: Context,
  folder: MigrationFolder,
  requests: ReturnType<typeof countRequests>,
): ProgressKeeper {
  let keptAt = Number.NEGATIVE_INFINITY;
  return {
    update({ keys, keysTotal, bytes }) {
      const now = clock.monotonic();
      if (now - keptAt < KEEP_INTERVAL_MS) return;
      keptAt = now;
      folder.writeProgress({
        keys,
        keysTotal: keysTotal ?? null,
        bytes,
        requests: requests()?.total ?? 0,
        retries: requests()?.retries ?? 0,
        at: clock.now(),
      });
    },
    close: () => folder.writeProgress(undefined),
  };
}
