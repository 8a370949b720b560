// Signs of life of the daemon's loops. A loop says how soon it will say so again; who is late is not alive. Measured by
// sleeping and not by looking at the clock: a machine that was suspended, or whose time was set, has no dead loops.

import type { Clock, DurationMs } from "../core/clock.ts";
import type { LoopHealth } from "../monitor/health.ts";

export interface Heartbeat {
  /** Alive, and again within `withinMs` (what it was opened with, unless told otherwise): before a long sleep it says so. */
  beat(withinMs?: DurationMs): void;
  /** The loop has ended, as it should. */
  close(): void;
}

export interface Heartbeats {
  /** Counts as the first beat. `withinMs` has to cover the longest wait for one request: a spent budget is five minutes. */
  open(name: string, withinMs: DurationMs): Heartbeat;
  /** In the order in which they were opened. */
  list(): readonly LoopHealth[];
  close(): void;
}

/** A reason that is at hand: to make one at each beat, with its stack, costs more than the beat. */
const IN_TIME = "the loop has beaten in time";

export function openHeartbeats(clock: Clock): Heartbeats {
  const loops = new Set<{ readonly name: string; isAlive: boolean; late: AbortController }>();
  return {
    open(name, usualMs) {
      const loop = { name, isAlive: true, late: new AbortController() };
      loops.add(loop);
      const beat = (withinMs: DurationMs): void => {
        loop.late.abort(IN_TIME);
        loop.isAlive = true;
        loop.late = new AbortController();
        clock.sleep(withinMs, loop.late.signal).then(
          () => (loop.isAlive = false),
          // It beat in time, or was closed.
          () => undefined,
        );
      };
      beat(usualMs);
      return {
        beat: (withinMs = usualMs) => {
          if (loops.has(loop)) beat(withinMs);
        },
        close: () => {
          loops.delete(loop);
          loop.late.abort();
        },
      };
    },
    list: () => [...loops].map(({ name, isAlive }) => ({ name, isAlive })),
    close() {
      for (const loop of loops) loop.late.abort();
      loops.clear();
    },
  };
}
