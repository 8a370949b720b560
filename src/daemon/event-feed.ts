// The daemon's events, numbered, for whoever follows them: the newest are kept for a while, so that one whose connection broke goes on
// where it was.

import type { Clock } from "../core/clock.ts";
import { type FeedEvent, type Follow, missedEvents } from "./control/feed-event.ts";
import type { DaemonListener } from "./daemon-event.ts";
import { toldEvent } from "./told-event.ts";

export interface EventFeed {
  readonly listen: DaemonListener;
  /** A follower that asks for more than is kept is told how many events it has missed, before the first that is. */
  readonly follow: Follow;
  /** The number of the newest event; 0: there was none. */
  last(): number;
}

const KEPT_MAX = 500;

export function openEventFeed(clock: Pick<Clock, "now">): EventFeed {
  const followers = new Set<(event: FeedEvent) => void>();
  const kept: FeedEvent[] = [];
  let id = 0;
  return {
    last: () => id,
    listen: (happened) => {
      const told = toldEvent(happened);
      if (told === undefined) return;
      const event: FeedEvent = { type: "event", id: ++id, at: clock.now(), ...told };
      kept.push(event);
      if (kept.length > KEPT_MAX) kept.shift();
      for (const follower of followers) follower(event);
    },
    follow: (follower, since = id) => {
      const [oldest] = kept;
      const missed = oldest === undefined ? 0 : oldest.id - 1 - since;
      if (missed > 0) follower(missedEvents(missed, { id: oldest!.id - 1, at: oldest!.at }));
      for (const event of kept) if (event.id > since) follower(event);
      followers.add(follower);
      return () => void followers.delete(follower);
    },
  };
}
