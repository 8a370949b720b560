// The client's end of a feed: takes bytes as fast as the client reads them, says when it has read nothing for too long, and keeps the
// connection from falling silent.

import type { ServerResponse } from "node:http";
import type { Clock, DurationMs, MonotonicMs } from "../../core/clock.ts";
import { keepAlive } from "./feed-event.ts";

export interface Outlet {
  /** "full": what was sent before is still on its way. */
  state(): "open" | "full" | "closed";
  send(bytes: Buffer): void;
  /** To be called about once a second. "stalled": the client has read nothing for too long. */
  tick(): "well" | "stalled";
  /** Ends the answer, or breaks it off where that would wait for the client. Resolves when the connection has it, or is closed. */
  finish(how: "complete" | "cut"): Promise<void>;
}

/** Both sides take 40 s of silence for the end of the connection. */
const KEEP_ALIVE_MS: DurationMs = 15_000;
/** A client that is cut off comes back with its cursor. */
const STALL_MS_MAX: DurationMs = 30_000;

/** `response` has its head already. `onChange` is called when {@link Outlet.state} may be another. */
export function openOutlet(response: ServerResponse, clock: Clock, onChange: () => void): Outlet {
  let sentAt = clock.monotonic();
  let fullSince: MonotonicMs | undefined;

  function send(bytes: Buffer): void {
    sentAt = clock.monotonic();
    if (!response.write(bytes)) fullSince = sentAt;
  }

  response.on("close", onChange);
  response.on("drain", () => {
    fullSince = undefined;
    onChange();
  });

  return {
    state() {
      if (response.destroyed) return "closed";
      return response.writableNeedDrain ? "full" : "open";
    },
    send,
    tick() {
      const now = clock.monotonic();
      if (fullSince !== undefined) return now - fullSince >= STALL_MS_MAX ? "stalled" : "well";
      if (now - sentAt >= KEEP_ALIVE_MS && !response.destroyed) send(keepAlive);
      return "well";
    },
    async finish(how) {
      if (response.destroyed) return;
      const closed = new Promise<void>((resolve) => response.once("close", resolve));
      if (how === "cut") response.socket?.destroySoon();
      else if (response.writableNeedDrain) response.destroy();
      else response.end();
      await closed;
    },
  };
}
