// A small HTTP proxy: it forwards requests for http, and opens a way through (CONNECT) for https.

import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export interface Proxy extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** What it was asked for: `GET http://host/path` or `CONNECT host:port`. */
  readonly asked: readonly string[];
}

/** `credentials`: what it wants as `Proxy-Authorization`, as `user:password`. */
export async function startProxy(credentials?: string): Promise<Proxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const wanted = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`;
  const isRefused = (incoming: IncomingMessage): boolean => {
    asked.push(`${incoming.method} ${incoming.url}`);
    return wanted !== undefined && incoming.headers["proxy-authorization"] !== wanted;
  };
  const server = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    if (isRefused(incoming)) {
      response.writeHead(407, { "content-length": 0 }).end();
      return;
    }
    const { host, hostname, port } = new URL(incoming.url!);
    // The path as it was asked for, and not as URL would have it.
    const path = incoming.url!.slice(`http://${host}`.length);
    const { "proxy-authorization": _, ...headers } = incoming.headers;
    const onward = request({ hostname, port, path, method: incoming.method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    incoming.pipe(onward);
  });
  server.on("connect", (incoming: IncomingMessage, socket: Socket) => {
    if (isRefused(incoming)) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    const { hostname, port } = new URL(`http://${incoming.url}`);
    const onward = connect(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    asked,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
