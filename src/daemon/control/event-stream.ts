// The daemon's events on one connection, a line each. Who does not read costs the daemon no memory: what does not fit in the connection's
// buffer is dropped and counted, and told as one line when there is room again.

import type { ByteCount } from "../../core/clock.ts";
import { type FeedEvent, type Follow, missedEvents } from "./feed-event.ts";

/** The part of a socket that it takes. */
export interface EventSink {
  /** Bytes that were written, and not taken yet. */
  readonly writableLength: ByteCount;
  readonly write: (line: string) => void;
  /** Is called each time that all was taken. */
  readonly onDrain: (listener: () => void) => void;
}

/** Of lines that wait in a connection, besides the one that is added last. */
export const WAITING_BYTES_MAX: ByteCount = 1_048_576;

/** Returns what ends it. */
export function streamEvents(sink: EventSink, follow: Follow, since: number | undefined): () => void {
  let missed = 0;
  let lastMissed: FeedEvent | undefined;
  const send = (event: FeedEvent): void => sink.write(`${JSON.stringify({ event })}\n`);
  const tellMissed = (): void => {
    if (lastMissed === undefined) return;
    send(missedEvents(missed, lastMissed));
    [missed, lastMissed] = [0, undefined];
  };
  sink.onDrain(tellMissed);
  return follow((event) => {
    if (sink.writableLength < WAITING_BYTES_MAX) {
      tellMissed();
      send(event);
      return;
    }
    // What was missed before may be what it tells of itself.
    missed += event.event === "missed" ? Number(event["count"]) : 1;
    lastMissed = event;
  }, since);
}
