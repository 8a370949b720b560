// One request of the status page and its answer: reading a body that is bounded, and writing an answer with the headers that each one has.

import type { IncomingMessage, ServerResponse } from "node:http";
import { redact } from "../../core/redact.ts";
import { PAGE_HEADERS } from "./page-headers.ts";

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly body?: string | Buffer;
}

/** No request of the page is longer. */
const BODY_BYTES_MAX = 65_536;

export function text(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers, contentType: "text/plain; charset=utf-8", body: `${message}\n` };
}

export function html(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers, contentType: "text/html; charset=utf-8", body };
}

/** `shown`: what is shown of each field, as `JSON.stringify` takes it. */
export function json(status: number, answer: unknown, shown?: (field: string, value: unknown) => unknown): Reply {
  return { status, contentType: "application/json; charset=utf-8", body: redact(JSON.stringify(answer, shown)) };
}

/** Undefined: it is longer than {@link BODY_BYTES_MAX}. Rejects if the connection breaks. */
export async function readBody(request: IncomingMessage): Promise<string | undefined> {
  if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES_MAX) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Left before its end, the loop would destroy the connection, and nobody could be told why.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

export function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const { status, headers = {}, contentType, body = "" } = reply;
  if (response.headersSent || response.destroyed) return;
  // What of a body was not read is not read any more.
  const isLeft = !request.complete;
  response.writeHead(status, {
    ...PAGE_HEADERS,
    ...(contentType !== undefined && { "content-type": contentType }),
    "content-length": Buffer.byteLength(body),
    ...(isLeft && { connection: "close" }),
    ...headers,
  });
  response.end(request.method === "HEAD" ? undefined : body);
}
