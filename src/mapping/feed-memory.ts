// How far the changes of a mapping's namespace have been followed, and whether a daemon that starts may go on from there rather than
// list all keys.

import { createHash } from "node:crypto";
import type { MappingConfig } from "../config/config.ts";
import type { Clock, DurationMs } from "../core/clock.ts";
import type { MappingFacts } from "../journal/mapping-facts.ts";
import { openFeedCursors } from "../journal/feed-cursors.ts";
import type { Journal } from "../journal/journal.ts";
import type { FeedCursor } from "../kv/changes/change-event.ts";

/** So often all keys are listed, whatever the feed tells: were it ever to leave something out, this finds it. */
export const SAFETY_LISTING_MS: DurationMs = 86_400_000;

export interface FeedMemory {
  /** Of the pair with this identity: up to here whatever changed at the remote has been looked at. */
  cursor(identity: string): FeedCursor | undefined;
  keep(identity: string, cursor: FeedCursor): void;
  /** Whether all keys have been looked at lately, by the config as it is, so that it is enough to go on from the cursor. */
  mayGoOn(identity: string, before: Pick<MappingFacts, "lookedAt">): boolean;
}

export function openFeedMemory({
  clock,
  journal,
  mapping,
}: {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly mapping: MappingConfig;
}): FeedMemory {
  const cursors = openFeedCursors(journal);
  const config = createHash("sha256").update(JSON.stringify(mapping)).digest("base64url");
  return {
    cursor: (identity) => cursors.get(identity)?.cursor,
    keep: (identity, cursor) => cursors.put(identity, { cursor, config }),
    mayGoOn: (identity, { lookedAt }) =>
      cursors.get(identity)?.config === config && Math.abs(clock.now() - lookedAt) < SAFETY_LISTING_MS,
  };
}
