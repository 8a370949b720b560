// How many connections there may be at once. What comes beyond is told so politely, as far as there is room for that, and is not left to wait.

import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../../core/clock.ts";

export interface ConnectionLimit {
  /** Whether a request on this connection is to be refused. */
  isSurplus(socket: Socket): boolean;
}

export const CONNECTIONS_DEFAULT = 1000;
/** Connections beyond the limit that are answered, for health checks as well; what comes beyond these is closed unheard. */
const SURPLUS_MAX = 64;
/** How long one of these may take to begin. */
const SURPLUS_MS = 5000;
const TOLD_EVERY_MS = 60_000;

export function limitConnections(
  server: Server,
  max: number,
  {
    clock,
    closing,
    warn,
  }: { readonly clock: Clock; readonly closing: AbortSignal; readonly warn: (message: string) => void },
): ConnectionLimit {
  const surplus = new WeakSet<Socket>();
  let open = 0;
  let toldAt = -Infinity;

  function tell(): void {
    const now = clock.monotonic();
    if (now - toldAt < TOLD_EVERY_MS) return;
    toldAt = now;
    warn(`there are ${max} connections, which is the limit (--max-connections): more are refused`);
  }

  server.maxConnections = max + SURPLUS_MAX;
  server.on("drop", tell);
  server.on("connection", (socket) => {
    open++;
    socket.once("close", () => open--);
    if (open <= max) return;
    // Those that clients keep for later give way.
    server.closeIdleConnections();
    surplus.add(socket);
    clock.sleep(SURPLUS_MS, closing).then(
      () => {
        if (surplus.has(socket)) socket.destroy();
      },
      () => undefined, // the server closes, and all connections with it
    );
  });

  return {
    isSurplus(socket) {
      if (!surplus.has(socket)) return false;
      surplus.delete(socket);
      if (open <= max) return false;
      tell();
      return true;
    },
  };
}
