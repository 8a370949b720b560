// What all feeds of one namespace have in common: it watches the log of changes, reads what is new once, and holds it for those that are
// about to send it. So fifty clients cost as many reads as one.
//
// A feed asks for what comes after its own position. It is never given less than that, and now and then some of it again; what the hub
// does not hold any more, or never did, the feed reads itself.

import type { Clock, DurationMs } from "../../core/clock.ts";
import type { ChangeLog, ChangeNumber, StoredNamespaceId } from "../store/store.ts";
import { openBell } from "./bell.ts";
import { changedEvents, type FeedEvent } from "./feed-event.ts";
import { type HeldEvents, openHeldEvents } from "./held-events.ts";
import { openPages } from "./read-changes.ts";

export interface Hub {
  /** The event to send to who was told of all up to `position`. "end": it is up to date. "older": what comes next is not held here. "opening": it is
   * not known yet. "gone": the namespace is. "lost": for a while the log could not be read, and who tells of it should not say that all is well. */
  after(position: ChangeNumber): FeedEvent | "end" | "older" | "opening" | "gone" | "lost";
  /** It says nothing but "gone" or "lost" any more. */
  isOver(): boolean;
  /** All of the log up to here is held, or was. */
  end(): ChangeNumber;
  /** Whose numbers those are (ChangeLog); undefined: it is not known yet. */
  era(): string | undefined;
  /** Calls `listener` when {@link Hub.after} may answer otherwise. Returns what ends it. */
  listen(listener: () => void): () => void;
  /** To be called about once a second. */
  tick(): void;
  close(): void;
}

export interface HubDeps {
  readonly changes: ChangeLog;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** Changes that follow each other so closely are told of in one event. */
const GATHER_MS: DurationMs = 10;
/** The log is looked at so often though nobody said that there is something new. */
const LOOK_TICKS = 15;
/** After so many attempts to read the log, a second apart, that failed. */
const FAILURES_MAX = 15;

export function openHub({ changes, clock, onError }: HubDeps, namespace: StoredNamespaceId): Hub {
  const readPage = openPages(changes, namespace);
  const listeners = new Set<() => void>();
  const closing = new AbortController();
  const bell = openBell();
  const stopWatching = changes.watch(namespace, () => bell.ring());
  let held: HeldEvents | undefined;
  let end = 0;
  let era = "";
  let over: "gone" | "lost" | undefined;
  let ticks = 0;
  let failures = 0;

  function tell(): void {
    for (const listener of listeners) listener();
  }

  function finish(how: "gone" | "lost"): false {
    over = how;
    stopWatching();
    tell();
    return false;
  }

  /** Reads one page of what is new. True: there may be more. */
  async function readOn(): Promise<boolean> {
    const present = await changes.era();
    // What is read from here on may not be what follows.
    if (held !== undefined && present !== era) return finish("lost");
    const last = await changes.last(namespace);
    if (last === undefined) return finish("gone");
    if (held === undefined) {
      era = present;
      held = openHeldEvents(last);
      end = last;
      tell();
    }
    if (last === end) return false;
    const page = await readPage(end);
    if (page === undefined) return finish("gone");
    if (page === "forgotten") return finish("lost");
    for (const event of changedEvents({ namespace, era }, page.changes)) held.hold(event);
    const read = page.changes.at(-1)?.number ?? end;
    end = page.isLast ? Math.max(read, last) : read;
    tell();
    return !page.isLast;
  }

  async function follow(): Promise<void> {
    for (; over === undefined; await bell.heard()) {
      if (held !== undefined) await clock.sleep(GATHER_MS, closing.signal);
      try {
        while (await readOn()) closing.signal.throwIfAborted();
        failures = 0;
      } catch (error) {
        closing.signal.throwIfAborted();
        if (failures++ === 0) onError(error);
        if (failures === FAILURES_MAX) finish("lost");
      }
    }
  }

  follow().catch((error: unknown) => {
    if (closing.signal.aborted) return;
    onError(error);
    finish("lost");
  });

  return {
    after: (position) => over ?? held?.after(position) ?? "opening",
    isOver: () => over !== undefined,
    end: () => end,
    era: () => (held === undefined ? undefined : era),
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    tick() {
      ticks++;
      if (failures > 0 || ticks % LOOK_TICKS === 0) bell.ring();
      // Who has not been sent it by now is slow.
      if (ticks % LOOK_TICKS === 0) held?.drop(end);
    },
    close() {
      if (over === undefined) stopWatching();
      closing.abort();
    },
  };
}
