// One HTTP request and its answer, over undici's dispatcher: raw paths (nothing normalises `..` or `%2F` [I1]), exact
// Content-Length, streams both ways with back-pressure, no redirects, no cookies, no decompression, no retries.
//
// undici is loaded with the first request, and only its pool: 30 ms instead of 75 for the whole of it, and nothing for
// commands that never talk to KV. `dispatch` is its documented lowest layer, and all that is needed here.

import type { Pool } from "undici";
import type { ByteCount, DurationMs } from "../core/clock.ts";
import type { SizedBody } from "./kv-api.ts";
import { openBodyQueue } from "./body-queue.ts";

export type AnswerHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** As it goes onto the wire: percent-encoded, with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: SizedBody | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: AnswerHeaders;
  /** To be consumed, or ended early by its iterator's `return`: else the connection stays taken. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Transport {
  /** Resolves with the answer's headers. Rejects with undici's error, or with the signal's reason. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
}

export interface TransportOptions {
  /** `https://api.cloudflare.com` */
  readonly origin: string;
  readonly connectTimeoutMs: DurationMs;
  /** From the last byte sent to the answer's headers. */
  readonly headersTimeoutMs: DurationMs;
  /** Between two pieces of an answer's body. */
  readonly bodyTimeoutMs: DurationMs;
  readonly onBytesUp: (bytes: ByteCount) => void;
  readonly onBytesDown: (bytes: ByteCount) => void;
}

export function openTransport(options: TransportOptions): Transport {
  let pool: Promise<Pool> | undefined;
  let closed = false;
  return {
    send: async (request) => {
      if (closed) throw new Error("the connection pool is closed");
      pool ??= openPool(options);
      return dispatch(await pool, request, options);
    },
    close: async () => {
      closed = true;
      await (await pool)?.destroy();
    },
  };
}

async function openPool(options: TransportOptions): Promise<Pool> {
  // @ts-expect-error -- this file of undici has no declaration of its own; it is the class the package's entry exports
  const module = (await import("undici/lib/dispatcher/pool.js")) as { readonly default: typeof Pool };
  const UndiciPool = module.default;
  return new UndiciPool(options.origin, {
    // HTTP/2 would put all of a budget's bulk writes onto one connection and its flow control.
    allowH2: false,
    // The budget gate bounds the requests at a time; a bound here too could wait for a stream that nobody reads.
    connections: null,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connect: { timeout: options.connectTimeoutMs },
    headersTimeout: options.headersTimeoutMs,
    bodyTimeout: options.bodyTimeoutMs,
  });
}

/** How long an idle connection is kept when the server does not say: a budget of 4 requests a second uses it before. */
const KEEP_ALIVE_MS = 10_000;

function dispatch(pool: Pool, request: HttpRequest, options: TransportOptions): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const { signal } = request;
    signal?.throwIfAborted();
    let abort: ((reason: Error) => void) | undefined;
    const onAbort = (): void => {
      const reason = signal?.reason as Error;
      // Not started yet: the start looks at the signal.
      abort?.(reason);
      reject(reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const ended = (): void => signal?.removeEventListener("abort", onAbort);
    const queue = openBodyQueue();
    pool.dispatch(
      {
        method: request.method,
        path: request.path,
        headers: headersOf(request),
        ...(request.body === undefined ? {} : { body: bodyOf(request.body) }),
      },
      {
        onRequestStart(controller) {
          abort = (reason) => controller.abort(reason);
          if (signal?.aborted === true) controller.abort(signal.reason as Error);
        },
        onBodySent(chunk) {
          options.onBytesUp(chunk.byteLength);
        },
        onResponseStart(controller, status, headers) {
          // Interim answers (100, 103) are followed by the real one.
          if (status < 200) return;
          queue.attach(controller);
          resolve({ status, headers, body: queue.body });
        },
        onResponseData(_controller, chunk) {
          options.onBytesDown(chunk.byteLength);
          queue.push(chunk);
        },
        onResponseEnd() {
          ended();
          queue.end();
        },
        onResponseError(_controller, error) {
          ended();
          queue.fail(error);
          reject(error);
        },
      },
    );
  });
}

function headersOf({ headers, body }: HttpRequest): Record<string, string> {
  return body === undefined ? { ...headers } : { ...headers, "content-length": String(body.byteLength) };
}

/** undici takes any iterable of bytes, and checks that it yields exactly Content-Length; its types know only some. */
function bodyOf(body: SizedBody): Buffer {
  if (body.byteLength === 0) return Buffer.alloc(0);
  return body.chunks() as unknown as Buffer;
}
