// A server that is far away: a port whose connections go on to the real one, with everything as late as a way of that length
// makes it. It notes when each request arrived, and how many were refused as too many.

import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface FarAway {
  readonly port: number;
  /** When each request arrived, by performance.now(). */
  readonly sentAt: readonly number[];
  /** How many answers had the status 429. */
  refused(): number;
  close(): void;
}

const HOST = "127.0.0.1";
const REFUSAL = "HTTP/1.1 429 ";
const REQUEST_LINE = / HTTP\/1\.1\r\n/g;

/** Half of `latencyMs` passes on the way there, and half on the way back. */
export async function openFarAway(port: number, latencyMs: number): Promise<FarAway> {
  const sentAt: number[] = [];
  let refused = 0;
  const sockets = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = connect(port, HOST);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => sockets.delete(socket));
    }
    near.on("data", (chunk: Buffer) => {
      const requests = chunk.toString("latin1").match(REQUEST_LINE) ?? [];
      for (let i = 0; i < requests.length; i++) sentAt.push(performance.now());
    });
    far.on("data", (chunk: Buffer) => {
      if (chunk.includes(REFUSAL)) refused++;
    });
    carry(near, far, latencyMs / 2);
    carry(far, near, latencyMs / 2);
  });
  await new Promise<void>((resolve) => proxy.listen(0, HOST, resolve));
  return {
    port: (proxy.address() as AddressInfo).port,
    sentAt,
    refused: () => refused,
    close: () => {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Timers of one length fire in the order in which they were set. */
function carry(from: Socket, to: Socket, delayMs: number): void {
  from.on("data", (chunk: Buffer) => setTimeout(() => to.write(chunk), delayMs));
  from.on("close", () => setTimeout(() => to.destroy(), delayMs));
}
