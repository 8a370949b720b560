// A body must arrive at a pace: 64 KiB in each half minute, that is 2 KiB a second, until all of it is there. Who is slower only holds a
// connection. 25 MiB, the longest value, must also arrive within the time of the whole request (15 minutes), which takes a line of 256 kbit/s.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../core/clock.ts";

const WINDOW_MS = 30_000;
const WINDOW_BYTES_MIN = 64 * 1024;

interface Watched {
  /** Of the connection, when it was last looked at; undefined: it was not yet. */
  bytesRead: number | undefined;
  readonly response: ServerResponse;
}

export interface BodyPace {
  /** Breaks the connection off when the body of `request` comes too slowly, and tells `onSlow`. */
  watch(request: IncomingMessage, response: ServerResponse): void;
}

/** One look at all of them each half minute, while there are any. */
export function openBodyPace(clock: Clock, closing: AbortSignal, onSlow: (request: IncomingMessage) => void): BodyPace {
  const watched = new Map<IncomingMessage, Watched>();
  let isLooking = false;

  async function look(): Promise<void> {
    isLooking = true;
    try {
      while (watched.size > 0) {
        await clock.sleep(WINDOW_MS, closing);
        for (const [request, known] of watched) {
          const { bytesRead } = request.socket;
          if (isSlow(request, bytesRead - (known.bytesRead ?? -Infinity))) breakOff(request, known.response);
          known.bytesRead = bytesRead;
        }
      }
    } catch (error) {
      if (!closing.aborted) throw error;
    } finally {
      isLooking = false;
    }
  }

  function breakOff(request: IncomingMessage, response: ServerResponse): void {
    watched.delete(request);
    onSlow(request);
    if (!response.headersSent)
      request.socket.write("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    request.socket.destroySoon();
    request.destroy();
  }

  return {
    watch(request, response) {
      const { "content-length": length, "transfer-encoding": encoding } = request.headers;
      if ((length === undefined || length === "0") && encoding === undefined) return;
      // Most bodies come with their heads.
      setImmediate(() => {
        if (request.complete || request.destroyed) return;
        watched.set(request, { bytesRead: undefined, response });
        request.once("close", () => watched.delete(request));
        if (!isLooking) void look();
      });
    },
  };
}

/** Not where it is we who do not read. */
function isSlow(request: IncomingMessage, received: number): boolean {
  return received < WINDOW_BYTES_MIN && !request.complete && request.readableLength === 0;
}
