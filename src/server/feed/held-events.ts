// The newest events of a namespace, for those that are about to send them.

import type { ByteCount } from "../../core/clock.ts";
import type { ChangeNumber } from "../store/store.ts";
import type { FeedEvent } from "./feed-event.ts";

export interface HeldEvents {
  /** The first event that tells of something after `position`; it may tell of what was before, too. "older": there was more in between. */
  after(position: ChangeNumber): FeedEvent | "end" | "older";
  hold(event: FeedEvent): void;
  /** Lets go of all, up to `end`. */
  drop(end: ChangeNumber): void;
}

/** Whoever is further behind reads the log himself. */
const HELD_BYTES_MAX: ByteCount = 1024 * 1024;

/** Holds all that comes after `start`. */
export function openHeldEvents(start: ChangeNumber): HeldEvents {
  let heldAfter = start;
  let held: FeedEvent[] = [];
  let bytes = 0;
  return {
    after(position) {
      if (position < heldAfter) return "older";
      let at = held.length;
      while (at > 0 && held[at - 1]!.to > position) at--;
      return held[at] ?? "end";
    },
    hold(event) {
      held.push(event);
      bytes += event.bytes.length;
      let over = 0;
      for (; bytes > HELD_BYTES_MAX && over < held.length - 1; over++) bytes -= held[over]!.bytes.length;
      heldAfter = held[over - 1]?.to ?? heldAfter;
      held = over === 0 ? held : held.slice(over);
    },
    drop(end) {
      heldAfter = end;
      held = [];
      bytes = 0;
    },
  };
}
