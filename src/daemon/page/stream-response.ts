// An event stream over HTTP: a response that stays open.

import type { ServerResponse } from "node:http";
import type { EventStreams, StreamReader, StreamSink } from "./event-streams.ts";
import { type Reply, text } from "./page-exchange.ts";
import { PAGE_HEADERS } from "./page-headers.ts";

/** Undefined: `response` is a stream now. */
export function streamTo(response: ServerResponse, streams: EventStreams, reader: StreamReader): Reply | undefined {
  if (streams.isFull()) return text(503, "too many pages are open", { "retry-after": "10" });
  response.socket?.setNoDelay(true);
  response.writeHead(200, {
    ...PAGE_HEADERS,
    "content-type": "text/event-stream; charset=utf-8",
    // Proxies are not to wait for more.
    "x-accel-buffering": "no",
  });
  response.flushHeaders();
  streams.open(new ResponseSink(response), reader);
  return undefined;
}

/** A response as a stream's sink: it counts what the connection has not taken yet. */
class ResponseSink implements StreamSink {
  readonly #response: ServerResponse;
  #waiting = 0;
  #onDrain: (() => void) | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  write(chunk: Buffer): void {
    this.#waiting += chunk.byteLength;
    this.#response.write(chunk, () => {
      this.#waiting -= chunk.byteLength;
      if (this.#waiting === 0) this.#onDrain?.();
    });
  }

  buffered(): number {
    return this.#waiting;
  }

  onDrain(callback: () => void): void {
    this.#onDrain = callback;
  }

  onClose(callback: () => void): void {
    this.#response.once("close", callback);
  }

  close(): void {
    this.#response.destroy();
  }
}
