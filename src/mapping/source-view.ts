// A location as all of it is read, for an export or a backup: without what is left out, and a file that is being written is waited for.

import type { Clock } from "../core/clock.ts";
import { compileFilter } from "../core/filter.ts";
import { STABLE_AFTER_MS, STABLE_MAX_MS } from "../core/rest.ts";
import { MovingFiles } from "../replica/moving-files.ts";
import type { ReadableReplica } from "../replica/replica.ts";
import { type IsManaged, withFilter } from "../replica/with-filter.ts";
import { withRest } from "../replica/with-rest.ts";

export interface ViewOptions {
  readonly isManaged: IsManaged | undefined;
  /** Of a folder: leave out .git, .env and the like. */
  readonly excludeDefaults: boolean;
}

export function viewSource(
  replica: ReadableReplica,
  clock: Clock,
  { isManaged, excludeDefaults }: ViewOptions,
): ReadableReplica {
  const hasDefaults = replica.kind === "tree" && excludeDefaults;
  const whole = hasDefaults ? withFilter(replica, compileFilter({ excludeDefaults: true })) : replica;
  return withRest(isManaged === undefined ? whole : withFilter(whole, isManaged), {
    clock,
    policy: { stableAfterMs: STABLE_AFTER_MS, stableMaxMs: STABLE_MAX_MS },
    moving: new MovingFiles(clock),
    known: () => [],
    wait: { after: "let-pass" },
  });
}
