// Somebody who receives notices, over HTTP on loopback: well, or badly in each way that receivers are bad.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface ReceivedNotice {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export type Answer = (response: ServerResponse, request: ReceivedNotice) => void;

export const answers = {
  well: (response: ServerResponse) => void response.writeHead(200, { "content-type": "text/plain" }).end("ok"),
  status:
    (status: number, text = "", headers: Readonly<Record<string, string>> = {}): Answer =>
    (response) =>
      void response.writeHead(status, headers).end(text),
  silent: () => {},
  /** 200 at once, and then a byte now and then without end. */
  drip: (response: ServerResponse) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write("."), 20);
    response.on("close", () => clearInterval(timer));
  },
  /** An error of 100 MB, as fast as it is read. */
  flood: (response: ServerResponse) => {
    response.writeHead(400);
    const chunk = Buffer.alloc(1_000_000, "x");
    let left = 100;
    const write = (): void => {
      while (left-- > 0) if (!response.write(chunk)) return;
      response.end();
    };
    response.on("drain", write);
    write();
  },
  closes: (response: ServerResponse) => void response.socket?.destroy(),
  /** Promises more than it sends. */
  halfWay: (response: ServerResponse) => {
    response.writeHead(503, { "content-length": "1000" });
    response.write("half of it");
    setImmediate(() => response.socket?.destroy());
  },
} as const;

export class WebhookReceiver {
  /** What came, in order. */
  readonly received: ReceivedNotice[] = [];
  /** Bytes that were sent in answers, as far as connections are over. */
  bytesSent = 0;
  /** Of the requests to come, in order; the last one stays. */
  #answers: Answer[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(...script: readonly Answer[]) {
    this.#answers = [...script];
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { url: path = "", headers } = request;
        const notice = { path, headers, body: Buffer.concat(chunks).toString() };
        this.received.push(notice);
        const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
        (answer ?? answers.well)(response, notice);
      });
    });
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        this.bytesSent += socket.bytesWritten;
        this.#sockets.delete(socket);
      });
    });
  }

  static async start(...script: readonly Answer[]): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver(...script);
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hooks/kvsync?room=1`;
  }

  answer(...script: readonly Answer[]): void {
    this.#answers = [...script];
  }

  /** What the notices said, each id once. */
  notices(): readonly Record<string, unknown>[] {
    const byId = new Map<unknown, Record<string, unknown>>();
    for (const { body } of this.received) {
      const notice = JSON.parse(body) as Record<string, unknown>;
      if (!byId.has(notice["id"])) byId.set(notice["id"], notice);
    }
    return [...byId.values()];
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
