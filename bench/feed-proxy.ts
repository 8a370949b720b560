// A relay of connections before a server, for one thing: to cut all of them at once, as a network does that fails, while the server goes on.

import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

export interface FeedProxy {
  readonly port: number;
  /** Breaks off every connection; until {@link mend}, new ones are broken off as well. */
  cut(): void;
  mend(): void;
  close(): void;
}

export async function openFeedProxy(targetPort: number): Promise<FeedProxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((socket) => {
    if (isCut) return socket.destroy();
    const onward = connect(targetPort, "127.0.0.1");
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(one);
      one.setNoDelay(true);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    mend: () => (isCut = false),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
