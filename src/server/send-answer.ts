// Puts an answer on the wire: whole, cut in the middle, or as a reset connection.

import type { ServerResponse } from "node:http";
import type { ByteCount, Clock, DurationMs, EpochMs } from "../core/clock.ts";
import type { Answer } from "./answer.ts";
import { ClientGone } from "./client-gone.ts";
import type { Reply } from "./exchange.ts";
import { sendBytesOf } from "./send-long-value.ts";
import { SMALL_BYTES_MAX } from "./server-memory.ts";
import { type LongValue, REPLACED_VALUE_LIFETIME_MS } from "./store/store.ts";

/** An id for each answer, in the form of Cloudflare's `cf-ray`. */
export type RayIds = () => string;

export function rayIds(clock: Clock): RayIds {
  const first = Math.floor(clock.random() * 2 ** 32)
    .toString(16)
    .padStart(8, "0");
  let count = 0;
  return () => `${first}${(count++ >>> 0).toString(16).padStart(8, "0")}-KVS`;
}

/** An answer as it goes on the wire. */
export interface EncodedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | LongValue;
}

/** `answer` with the headers that all have. */
export function encodeAnswer(answer: Answer, rayId: string, now: EpochMs): EncodedAnswer {
  const body = encodeBody(answer.body);
  const general = {
    "content-type": answer.contentType,
    "content-length": String(body.byteLength),
    "cf-ray": rayId,
    // By the clock that expirations go by.
    date: new Date(now).toUTCString(),
  };
  return { status: answer.status, headers: { ...general, ...answer.headers }, body };
}

function encodeBody(body: Answer["body"]): Buffer | LongValue {
  if (typeof body === "string") return Buffer.from(body);
  return body instanceof Uint8Array ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : body;
}

export interface SendDeps {
  readonly clock: Clock;
  /** Whether a copy is kept of what is sent of a long value. */
  readonly keeps: boolean;
}

/** Sends `answer`, and resolves when it has left or the connection is gone: to the body that was sent, or undefined if that was not all, or no
 * copy is kept. Rejects, with {@link ClientGone} where that is too slow, if it cannot be sent to its end: the connection is to be closed then. */
export async function sendAnswer(
  { clock, keeps }: SendDeps,
  response: ServerResponse,
  { status, headers, body }: EncodedAnswer,
  delivery: Reply["delivery"],
): Promise<Buffer | undefined> {
  if (response.destroyed) return undefined; // the client went away while it waited
  const closed = new Promise<void>((resolve) => response.once("close", () => resolve()));
  if (delivery === "reset") {
    response.socket?.resetAndDestroy();
    await closed;
    return undefined;
  }
  response.writeHead(status, headers);
  if (body instanceof Uint8Array) {
    sendHeld(response, body, delivery);
    await (body.byteLength > SMALL_BYTES_MAX ? withinTime(clock, HELD_MS_MAX, closed) : closed);
    return body;
  }
  if (response.req.method === "HEAD") {
    response.end();
    await closed;
    return Buffer.alloc(0);
  }
  const copy: Uint8Array[] = [];
  const length = delivery === "whole" ? body.byteLength : halfOf(body);
  const onPart = (part: Uint8Array): void => void (keeps && copy.push(Buffer.from(part)));
  const sent = sendBytesOf(body, length, response, onPart).then(() => {
    if (delivery === "whole") response.end();
    else response.destroy();
    return closed;
  });
  await withinTime(clock, REPLACED_VALUE_LIFETIME_MS, sent);
  const bytes = Buffer.concat(copy);
  return bytes.byteLength === body.byteLength ? bytes : undefined;
}

function sendHeld(response: ServerResponse, body: Buffer, delivery: Reply["delivery"]): void {
  if (delivery === "whole") response.end(body);
  // All of the headers, half of the body they promise, and the end of the connection.
  else response.write(body.subarray(0, halfOf(body)), () => response.socket?.destroy());
}

const halfOf = ({ byteLength }: { readonly byteLength: ByteCount }): ByteCount => Math.floor(byteLength / 2);

/** What an answer takes of the memory others wait for. */
const HELD_MS_MAX: DurationMs = 300_000;

/** As `sending` ends, or a rejection when it takes longer than `limit`. */
async function withinTime<T>(clock: Clock, limit: DurationMs, sending: Promise<T>): Promise<T> {
  const ended = new AbortController();
  const late = clock.sleep(limit, ended.signal).then(() => {
    throw new ClientGone(`the client took more than ${limit / 60_000} minutes for the answer: it is cut off`);
  });
  try {
    return await Promise.race([sending, late]);
  } finally {
    late.catch(() => undefined);
    ended.abort();
  }
}
