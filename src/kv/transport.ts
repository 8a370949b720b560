// One HTTP request and its answer, over undici's documented `request`: raw paths (undici puts `..` and `%2F` on the wire as
// they are: a key is a path as it stands), exact Content-Length, streams both ways with undici's own back-pressure, no redirects, no cookies, no
// decompression, no retries.
//
// undici is loaded with the first request, so that commands which never talk to KV do not pay for it. Loading all of it
// costs 20 to 50 ms more than its pool alone, which only a deep import gives: `kvsync key get` of a small value over loopback
// takes 285 ms where it took 262 (the best of 30, on a busy machine; medians 371 and 323). The API is 50 to 200 ms away.

import { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { ByteCount, Clock, DurationMs } from "../core/clock.ts";
import { BodySourceError } from "./network-error.ts";
import type { SizedBody } from "./kv-api.ts";
import type { Proxies } from "./proxies.ts";

export type AnswerHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** As it goes onto the wire: percent-encoded, with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: SizedBody | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Its answer goes on for as long as it may, and is given up when nothing comes for so long. */
  readonly silenceMs?: DurationMs | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: AnswerHeaders;
  readonly body: AnswerBody;
}

/** To be read, once, or dropped: else the connection stays taken. Leaving the loop early drops it, too. */
interface AnswerBody extends AsyncIterable<Uint8Array> {
  /** Lets go of what was not read, and of the connection. */
  drop(): void;
}

export interface Transport {
  /** Resolves with the answer's headers. Rejects with undici's error, or with the signal's reason. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
}

export interface TransportOptions {
  readonly clock: Clock;
  /** `https://api.cloudflare.com` */
  readonly origin: string;
  /** Undefined: requests go straight to the server. */
  readonly proxies: Proxies | undefined;
  readonly connectTimeoutMs: DurationMs;
  /** From the last byte sent to the answer's headers. */
  readonly headersTimeoutMs: DurationMs;
  /** Between two pieces of an answer's body. */
  readonly bodyTimeoutMs: DurationMs;
  readonly onBytesUp: (bytes: ByteCount) => void;
  readonly onBytesDown: (bytes: ByteCount) => void;
}

export function openTransport(options: TransportOptions): Transport {
  let dispatcher: Promise<Dispatcher> | undefined;
  let closed = false;
  return {
    send: async (request) => {
      if (closed) throw new Error("the connection pool is closed");
      dispatcher ??= openDispatcher(options);
      return send(await dispatcher, request, options);
    },
    close: async () => {
      closed = true;
      await (await dispatcher)?.destroy();
    },
  };
}

async function openDispatcher(options: TransportOptions): Promise<Dispatcher> {
  const { EnvHttpProxyAgent, Pool } = await import("undici");
  const connect = { timeout: options.connectTimeoutMs };
  const pooling = {
    // HTTP/2 would put all of a budget's bulk writes onto one connection and its flow control.
    allowH2: false,
    // The budget gate bounds the requests at a time; a bound here too could wait for a stream that nobody reads.
    connections: null,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connect,
  };
  const { proxies } = options;
  if (proxies === undefined) return new Pool(options.origin, pooling);
  return new EnvHttpProxyAgent({
    ...pooling,
    httpProxy: proxies.http,
    httpsProxy: proxies.https,
    noProxy: proxies.none,
    proxyTls: connect,
    requestTls: connect,
    // A proxy that takes the connection, and never opens the way through, is as good as none.
    clientFactory: (origin, given) => new Pool(origin, { ...given, headersTimeout: options.connectTimeoutMs }),
  });
}

/** How long an idle connection is kept when the server does not say: a budget of 4 requests a second uses it before. */
const KEEP_ALIVE_MS = 10_000;

async function send(dispatcher: Dispatcher, request: HttpRequest, options: TransportOptions): Promise<HttpAnswer> {
  const { method, path, signal } = request;
  signal?.throwIfAborted();
  const answer = dispatcher.request({
    origin: options.origin,
    method,
    path,
    headersTimeout: request.silenceMs ?? options.headersTimeoutMs,
    bodyTimeout: request.silenceMs ?? options.bodyTimeoutMs,
    headers: headersOf(request),
    ...(request.body === undefined ? {} : { body: bodyOf(request.body, options) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const { statusCode, headers, body } = await orAborted(answer, signal);
  // A connection may break before anyone reads the body, which tells its reader all the same.
  body.on("error", () => undefined);
  return { status: statusCode, headers, body: answerBody(body, options, request.silenceMs === undefined) };
}

/** undici looks at the signal once it is connected, and connecting may take long. */
function orAborted<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return answer;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** An answer that comes slower than this is given up: `bodyTimeoutMs` alone would be renewed for ever by a byte a minute. What
 * the reader takes to use a piece does not count. A modem's 56 kbit/s are seven times as much. */
const BODY_GRACE_MS: DurationMs = 60_000;
const BODY_BYTES_PER_MS_MIN = 1;

/** Has the same code as undici's own limit. */
class SlowBodyError extends Error {
  readonly code = "UND_ERR_BODY_TIMEOUT";
}

/** `isTimed`: it is given up if it comes too slowly. */
function answerBody(body: Readable, { clock, onBytesDown }: TransportOptions, isTimed: boolean): AnswerBody {
  async function* read(): AsyncGenerator<Uint8Array, void> {
    let bytes = 0;
    let waitedMs = 0;
    let askedAt = clock.monotonic();
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      waitedMs += clock.monotonic() - askedAt;
      bytes += chunk.byteLength;
      onBytesDown(chunk.byteLength);
      if (isTimed && waitedMs > BODY_GRACE_MS + bytes / BODY_BYTES_PER_MS_MIN)
        throw new SlowBodyError(`the answer came at ${Math.round((1000 * bytes) / waitedMs)} bytes a second`);
      yield chunk;
      askedAt = clock.monotonic();
    }
  }
  return { [Symbol.asyncIterator]: read, drop: () => body.destroy() };
}

function headersOf({ headers, body }: HttpRequest): Record<string, string> {
  return body === undefined ? { ...headers } : { ...headers, "content-length": String(body.byteLength) };
}

/** undici checks that a stream yields exactly Content-Length. */
function bodyOf(body: SizedBody, { onBytesUp }: TransportOptions): Readable | Uint8Array {
  if (body.byteLength === 0) return Buffer.alloc(0);
  async function* counted(): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const chunk of body.chunks()) {
        onBytesUp(chunk.byteLength);
        yield chunk;
      }
    } catch (cause) {
      throw new BodySourceError("the source of a request's body failed", { cause });
    }
  }
  return Readable.from(counted(), { objectMode: false });
}
