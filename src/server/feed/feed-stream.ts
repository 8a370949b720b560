// One feed on one connection: from where it starts it sends what changed, as fast as the client takes it and no faster, until either side
// has had enough. It keeps little but its position: who is slow falls behind in the log, and in nobody's memory.

import type { ServerResponse } from "node:http";
import type { ByteCount, Clock } from "../../core/clock.ts";
import type { ChangeLog, StoredNamespaceId } from "../store/store.ts";
import { openBell } from "./bell.ts";
import { changedEvents, type FeedEvent, type FeedStart, goneEvent, startEvent } from "./feed-event.ts";
import type { Hub } from "./hub.ts";
import { openOutlet } from "./outlet.ts";
import { openPages } from "./read-changes.ts";

export interface FeedStream {
  /** Resolves when it has ended. Rejects as the log does. */
  readonly ended: Promise<FeedEnd>;
  readonly end: (why: string) => void;
  /** To be called about once a second. */
  readonly tick: () => void;
}

export interface FeedEnd {
  /** For people: "the client went away". */
  readonly why: string;
  readonly events: number;
}

interface FeedStreamDeps {
  readonly changes: ChangeLog;
  readonly clock: Clock;
  readonly hub: Hub;
}

interface FeedStreamOptions {
  readonly namespace: StoredNamespaceId;
  readonly start: FeedStart;
  /** It is cut off after its first event. */
  readonly isTruncated: boolean;
}

/** Of what is read of the log in one go: an event that begins beyond is read again when it is its turn. */
const READ_AHEAD_BYTES_MAX: ByteCount = 64 * 1024;

/** `response` has its head already, and is ended here. */
export function openFeedStream(
  { changes, clock, hub }: FeedStreamDeps,
  response: ServerResponse,
  { namespace, start, isTruncated }: FeedStreamOptions,
): FeedStream {
  const bell = openBell();
  const outlet = openOutlet(response, clock, () => bell.ring());
  const readPage = openPages(changes, namespace);
  let { position } = start;
  const source = { namespace, era: start.era };
  let pending: FeedEvent[] = [startEvent(source, start)];
  let events = 0;
  let why: string | undefined;

  function end(reason: string): void {
    why ??= reason;
    bell.ring();
  }

  function send({ bytes, to }: FeedEvent): void {
    position = Math.max(position, to);
    outlet.send(bytes);
    events++;
    if (isTruncated) end("cut off by the fault plan");
  }

  function sendLast(): void {
    send(goneEvent(source, position));
    end("the namespace is gone");
  }

  /** Fills `pending` from the log. */
  async function readOn(): Promise<void> {
    const held = hub.end();
    const page = await readPage(position);
    if (page === undefined) return sendLast();
    if (page === "forgotten") return end("the log does not go back so far any more");
    let bytes = 0;
    const found = changedEvents(source, page.changes);
    pending = found.filter((event) => (bytes += event.bytes.length) - event.bytes.length < READ_AHEAD_BYTES_MAX);
    if (pending.length > 0) return;
    position = page.isLast ? Math.max(position, held) : (page.changes.at(-1)?.number ?? position);
  }

  async function goOn(): Promise<void> {
    // A stand-by has taken the place of the database since the start was found: it may have given the numbers before that anew.
    if (hub.era() !== undefined && hub.era() !== start.era) return end("the log of changes is another one");
    const next = pending.shift() ?? hub.after(position);
    if (next === "end") position = Math.max(position, hub.end());
    if (next === "end" || next === "opening") await bell.heard();
    else if (next === "older") await readOn();
    else if (next === "lost") end("the log of changes cannot be read");
    else if (next === "gone") sendLast();
    else send(next);
  }

  async function run(): Promise<FeedEnd> {
    const stopListening = hub.listen(() => bell.ring());
    try {
      while (why === undefined) {
        const state = outlet.state();
        if (state === "closed") end("the client went away");
        else if (state === "full") await bell.heard();
        else await goOn();
      }
    } finally {
      stopListening();
      await outlet.finish(isTruncated ? "cut" : "complete");
    }
    return { why, events };
  }

  return {
    ended: run(),
    end,
    tick() {
      if (outlet.tick() === "stalled") end("the client does not read it");
    },
  };
}
