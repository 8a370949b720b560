// Puts an answer on the wire: whole, cut in the middle, or as a reset connection.

import type { ServerResponse } from "node:http";
import type { Clock, EpochMs } from "../core/clock.ts";
import type { Answer } from "./answer.ts";
import type { Reply } from "./exchange.ts";

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
  readonly body: Buffer;
}

/** `answer` with the headers that all have. */
export function encodeAnswer(answer: Answer, rayId: string, now: EpochMs): EncodedAnswer {
  const body = typeof answer.body === "string" ? Buffer.from(answer.body) : viewOf(answer.body);
  const general = {
    "content-type": answer.contentType,
    "content-length": String(body.length),
    "cf-ray": rayId,
    // By the clock that expirations go by.
    date: new Date(now).toUTCString(),
  };
  return { status: answer.status, headers: { ...general, ...answer.headers }, body };
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Sends `answer`, and resolves when it has left or the connection is gone. */
export function sendAnswer(
  response: ServerResponse,
  { status, headers, body }: EncodedAnswer,
  delivery: Reply["delivery"],
): Promise<void> {
  return new Promise((resolve) => {
    response.on("close", resolve);
    if (response.destroyed) resolve(); // the client went away while it waited
    else if (delivery === "reset") response.socket?.resetAndDestroy();
    else if (delivery === "whole") response.writeHead(status, headers).end(body);
    else {
      // All of the headers, half of the body they promise, and the end of the connection.
      response.writeHead(status, headers);
      response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.socket?.destroy());
    }
  });
}
