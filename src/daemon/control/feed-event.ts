// What followers of the daemon's events are told: plain data. The JSON form is a contract with scripts, as that of the status is: fields
// are added, and never change their meaning.

import type { EpochMs } from "../../core/clock.ts";

/** One thing that happened. `event` names it; exactly one of `mapping`, `backup` and `account` says to what, or none of them: to the
 * daemon. The other fields are those of the event. */
export type ToldEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/** Numbers begin at 1 with each start of the daemon. */
export type FeedEvent = ToldEvent & { readonly type: "event"; readonly id: number; readonly at: EpochMs };

/** Takes the place of `count` events that a follower is not told of, the last of them being `id`: they are no longer kept, or it did not
 * read quickly enough. */
export function missedEvents(count: number, { id, at }: Pick<FeedEvent, "id" | "at">): FeedEvent {
  return { type: "event", id, at, event: "missed", count };
}

/** Tells `follower` of each event from now on, and first of those after `since` that are still kept. It must not throw, and must not take
 * long. Returns what ends that. */
export type Follow = (follower: (event: FeedEvent) => void, since?: number) => () => void;
