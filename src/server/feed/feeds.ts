// The change feeds of one server: a hub for each namespace that has any, and the clock that they all go by.

import type { ServerResponse } from "node:http";
import type { Clock, DurationMs } from "../../core/clock.ts";
import { describeError } from "../describe-error.ts";
import type { ChangeLog, StoredNamespaceId } from "../store/store.ts";
import type { FeedStart } from "./feed-event.ts";
import { type FeedEnd, type FeedStream, openFeedStream } from "./feed-stream.ts";
import { type Hub, openHub } from "./hub.ts";

/** What a request for a feed comes to: said by the operation, carried out when its head is sent. */
export interface Feed {
  readonly namespace: StoredNamespaceId;
  readonly start: FeedStart;
  /** Aborted: whoever asked may not see it any more. */
  readonly revoked: AbortSignal;
  /** Whether whoever asked may still see the namespace, as it is called now; undefined: whatever it is called. */
  readonly isVisible: (() => Promise<boolean>) | undefined;
}

export interface Feeds {
  /** Sends the feed over `response`, whose head is written, and ends that. Resolves when it has ended. */
  serve(feed: Feed, response: ServerResponse, options: { readonly isTruncated: boolean }): Promise<FeedEnd>;
  /** Ends all that are open. */
  end(why: string): void;
  /** The same, and those that are still to come. */
  close(): void;
}

export interface FeedsDeps {
  readonly changes: ChangeLog;
  readonly clock: Clock;
  /** Purges all that expired: that an entry is gone is in the log only then, and where nobody sends requests, nobody else does it. */
  readonly purge: (signal: AbortSignal) => Promise<void>;
  readonly log: (line: string) => void;
}

const TICK_MS: DurationMs = 1000;

interface UsedHub {
  readonly hub: Hub;
  users: number;
}

export function openFeeds({ changes, clock, purge, log }: FeedsDeps): Feeds {
  const streams = new Set<FeedStream>();
  /** Of those that may come to an end by a new title: what looks for it. */
  const looks = new Map<FeedStream, () => Promise<void>>();
  const hubs = new Map<StoredNamespaceId, UsedHub>();
  let ticking: AbortController | undefined;
  let isClosed = false;

  const onError = (error: unknown): void => log(`error: ${describeError(error)}`);

  async function tick(signal: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(TICK_MS, signal);
      void purge(signal);
      for (const { hub } of hubs.values()) hub.tick();
      for (const stream of streams) stream.tick();
      for (const look of looks.values()) void look();
    }
  }

  /** Ends `stream` when the namespace is not to be seen any more. One look at a time. */
  function lookAtTitle(stream: FeedStream, isVisible: () => Promise<boolean>): () => Promise<void> {
    let isLooking = false;
    return async () => {
      if (isLooking) return;
      isLooking = true;
      try {
        if (!(await isVisible()))
          stream.end("the namespace is called otherwise, and the token may not see it any more");
      } catch (error) {
        onError(error);
      } finally {
        isLooking = false;
      }
    };
  }

  function join(namespace: StoredNamespaceId): UsedHub {
    const known = hubs.get(namespace);
    // Of one that is over, the feeds are about to end.
    const used =
      known?.hub.isOver() === false ? known : { hub: openHub({ changes, clock, onError }, namespace), users: 0 };
    hubs.set(namespace, used);
    used.users++;
    if (ticking === undefined) {
      ticking = new AbortController();
      const { signal } = ticking;
      tick(signal).catch((error: unknown) => {
        if (!signal.aborted) onError(error);
      });
    }
    return used;
  }

  function leave(namespace: StoredNamespaceId, used: UsedHub): void {
    if (--used.users > 0) return;
    used.hub.close();
    if (hubs.get(namespace) === used) hubs.delete(namespace);
    if (hubs.size > 0) return;
    ticking?.abort();
    ticking = undefined;
  }

  const end = (why: string): void => {
    for (const stream of streams) stream.end(why);
  };

  return {
    async serve({ namespace, start, revoked, isVisible }, response, { isTruncated }) {
      const used = join(namespace);
      const stream = openFeedStream({ changes, clock, hub: used.hub }, response, { namespace, start, isTruncated });
      const onRevoked = (): void => stream.end("the token is not valid any more");
      streams.add(stream);
      if (isVisible !== undefined) looks.set(stream, lookAtTitle(stream, isVisible));
      revoked.addEventListener("abort", onRevoked);
      if (revoked.aborted) onRevoked();
      if (isClosed) stream.end(CLOSING);
      try {
        return await stream.ended;
      } finally {
        revoked.removeEventListener("abort", onRevoked);
        streams.delete(stream);
        looks.delete(stream);
        leave(namespace, used);
      }
    },
    end,
    close() {
      isClosed = true;
      end(CLOSING);
    },
  };
}

const CLOSING = "the server stops";
