// A location as all of it is read, for an export or a backup: without what is left out, and a file that is being written is waited for.
// What is made of an incomplete snapshot is no more complete than that: it does not tell of any key that it is absent [I3].

import type { Clock } from "../core/clock.ts";
import { compileFilter } from "../core/filter.ts";
import { STABLE_AFTER_MS, STABLE_MAX_MS } from "../core/rest.ts";
import { MovingFiles } from "../replica/moving-files.ts";
import type { ReadableReplica } from "../replica/replica.ts";
import { type IsManaged, withFilter } from "../replica/with-filter.ts";
import { withRest } from "../replica/with-rest.ts";
import type { OpenLocation } from "./open-location.ts";

export interface ViewOptions {
  readonly isManaged: IsManaged | undefined;
  /** Of a folder: leave out .git, .env and the like. */
  readonly excludeDefaults: boolean;
}

export function viewSource(
  { replica, snapshot: opened }: Pick<OpenLocation, "replica" | "snapshot">,
  clock: Clock,
  { isManaged, excludeDefaults }: ViewOptions,
): ReadableReplica {
  const hasDefaults = replica.kind === "tree" && excludeDefaults;
  const whole = hasDefaults ? withFilter(replica, compileFilter({ excludeDefaults: true })) : replica;
  const view = withRest(isManaged === undefined ? whole : withFilter(whole, isManaged), {
    clock,
    policy: { stableAfterMs: STABLE_AFTER_MS, stableMaxMs: STABLE_MAX_MS },
    moving: new MovingFiles(clock),
    known: () => [],
    wait: { after: "let-pass" },
  });
  return opened?.snapshot.complete === false ? withGap(view) : view;
}

function withGap(replica: ReadableReplica): ReadableReplica {
  return {
    ...replica,
    list(options) {
      options.onUnknown?.({ prefix: "" });
      return replica.list(options);
    },
  };
}
