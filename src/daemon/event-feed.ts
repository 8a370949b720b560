// The daemon's events, numbered, for whoever follows them: the newest are kept for a while, so that one whose connection broke goes on
// where it was.

import type { Clock, EpochMs } from "../core/clock.ts";
import type { DaemonListener } from "./daemon-event.ts";
import { type ToldEvent, toldEvent } from "./told-event.ts";

/** Numbers begin at 1 with each start of the daemon. */
type FeedEvent = ToldEvent & { readonly type: "event"; readonly id: number; readonly at: EpochMs };

export interface EventFeed {
  readonly listen: DaemonListener;
  /** Tells `follower` of each event from now on, and first of those after `since` that are still kept. It must not throw, and must not
   * take long. Returns what ends that. */
  follow(follower: (event: FeedEvent) => void, since?: number): () => void;
}

const KEPT_MAX = 500;

export function openEventFeed(clock: Pick<Clock, "now">): EventFeed {
  const followers = new Set<(event: FeedEvent) => void>();
  const kept: FeedEvent[] = [];
  let id = 0;
  return {
    listen: (happened) => {
      const told = toldEvent(happened);
      if (told === undefined) return;
      const event: FeedEvent = { type: "event", id: ++id, at: clock.now(), ...told };
      kept.push(event);
      if (kept.length > KEPT_MAX) kept.shift();
      for (const follower of followers) follower(event);
    },
    follow: (follower, since = id) => {
      for (const event of kept) if (event.id > since) follower(event);
      followers.add(follower);
      return () => void followers.delete(follower);
    },
  };
}
