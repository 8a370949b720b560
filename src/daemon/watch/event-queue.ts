// The queue through which the kernel tells this process what changed, and when it may have run over.
//
// All watches of one thread share one inotify queue (libuv opens one for each event loop), of 16,384 events unless
// set otherwise. What comes while it is full is dropped, and libuv passes over the event that says so. So events are
// counted: the queue is read until it is empty each time, and one that ran over was full, so many events at once mean
// that others may be missing, for any watch of this thread. That is why this is state of the module. It also is all
// that a stalled event loop can do harm by: a stall in which few events came has lost none.

import { readFileSync } from "node:fs";
import { faultCode } from "../../replica/tree/fs-fault.ts";

/** Called when events may have been dropped, once the queue was read until it was empty. */
export type OnOverflow = () => void;

const readers = new Set<OnOverflow>();
let eventsOfTurn = 0;
let eventsOfTurnBefore = 0;
let isTurnOpen = false;
let eventsMax: number | undefined;

/** Returns the function that ends it. */
export function joinEventQueue(onOverflow: OnOverflow): () => void {
  readers.add(onOverflow);
  return () => readers.delete(onOverflow);
}

/** To be called with each event, and with the number of watches that are closed, since the kernel answers each with an
 * event that is never delivered. */
export function countEvents(events: number): void {
  if (events === 0) return;
  eventsOfTurn += events;
  if (isTurnOpen) return;
  isTurnOpen = true;
  setImmediate(endTurn);
}

function endTurn(): void {
  // What was queued in one turn may be read in the next, so two of them are looked at together.
  const isOverflow = eventsOfTurn + eventsOfTurnBefore >= (eventsMax ??= readEventsMax());
  const isIdle = eventsOfTurn + eventsOfTurnBefore === 0;
  eventsOfTurnBefore = eventsOfTurn;
  eventsOfTurn = 0;
  isTurnOpen = !isIdle;
  if (isIdle) return;
  setImmediate(endTurn);
  if (isOverflow) for (const onOverflow of readers) onOverflow();
}

/** Half of what the queue holds, since some of it may be for watches that are closed by now, and goes uncounted. */
function readEventsMax(): number {
  return Math.ceil(readQueueLimit() / 2);
}

/** What Linux has unless set otherwise (inotify(7)). */
const QUEUE_EVENTS = 16_384;

function readQueueLimit(): number {
  try {
    const limit = Number.parseInt(readFileSync("/proc/sys/fs/inotify/max_queued_events", "latin1"), 10);
    return limit > 0 ? limit : QUEUE_EVENTS;
  } catch (error) {
    // No Linux, or no /proc in this container.
    faultCode(error);
    return QUEUE_EVENTS;
  }
}
