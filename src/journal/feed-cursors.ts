// How far the changes of each mapping's namespace have been followed: a place in the server's change feed, up to which whatever it told
// has been looked at, and what of it was to be done is done.

import type { FeedCursor } from "../kv/changes/change-event.ts";
import { type Journal, transaction } from "./journal.ts";

export interface FeedCursors {
  /** Of the pair with this identity; undefined: nothing is known of it. */
  get(identity: string): KeptCursor | undefined;
  put(identity: string, kept: KeptCursor): void;
}

interface KeptCursor {
  readonly cursor: FeedCursor;
  /** Names the config that all keys were last looked at by: by another one, what is known of them may say something else. */
  readonly config: string;
}

export function openFeedCursors({ database }: Journal): FeedCursors {
  const select = database.prepare(
    "SELECT cursor, config FROM feed_cursor WHERE pair = (SELECT id FROM pair WHERE identity = ?)",
  );
  const pair = database.prepare("INSERT INTO pair (identity) VALUES (?) ON CONFLICT DO NOTHING");
  const insert = database.prepare("INSERT OR REPLACE INTO feed_cursor SELECT id, ?2, ?3 FROM pair WHERE identity = ?1");
  return {
    get: (identity) => select.get(identity) as KeptCursor | undefined,
    put: (identity, { cursor, config }) =>
      transaction(database, () => {
        pair.run(identity);
        insert.run(identity, cursor, config);
      }),
  };
}
