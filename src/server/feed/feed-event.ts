// The events of the change feed as they go on the wire: server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html),
// each with the cursor that a client goes on from.

import { type Change, CHANGE_KEYS_MAX, type ChangeNumber } from "../store/store.ts";
import { encodeFeedCursor, type FeedSource } from "./feed-cursor.ts";

export interface FeedEvent {
  /** Whoever was sent it goes on after this change. */
  readonly to: ChangeNumber;
  /** One buffer for all who are sent it. */
  readonly bytes: Buffer;
}

/** Where a feed begins. */
export interface FeedStart {
  readonly position: ChangeNumber;
  readonly era: string;
  /** Why it does not begin where it was asked to; undefined: it does. */
  readonly resetReason: string | undefined;
}

/** A comment: to a client it is no event. */
export const keepAlive: Buffer = Buffer.from(":\n\n");

export function startEvent(source: FeedSource, { position, resetReason }: FeedStart): FeedEvent {
  return resetReason === undefined
    ? event(source, position, "ready", {})
    : event(source, position, "reset", { reason: resetReason });
}

export function goneEvent(source: FeedSource, to: ChangeNumber): FeedEvent {
  return event(source, to, "gone", {});
}

/** As few events as tell of all of `changes`, each of whole ones. */
export function changedEvents(source: FeedSource, changes: readonly Change[]): FeedEvent[] {
  const events: FeedEvent[] = [];
  let keys = new Set<string>();
  let to = 0;
  const flush = (): void => {
    if (keys.size > 0) events.push(event(source, to, "changed", { keys: [...keys] }));
    keys = new Set();
  };
  for (const change of changes) {
    if (keys.size + change.keys.length > CHANGE_KEYS_MAX) flush();
    for (const key of change.keys) keys.add(key);
    to = change.number;
  }
  flush();
  return events;
}

/** What JSON leaves as it is, and what many a language takes for the end of a line. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;

function event(source: FeedSource, to: ChangeNumber, name: string, data: object): FeedEvent {
  const json = JSON.stringify(data).replaceAll(
    LINE_ENDS,
    (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const text = `id: ${encodeFeedCursor(source, to)}\nevent: ${name}\ndata: ${json}\n\n`;
  return { to, bytes: Buffer.from(text) };
}
