// Requests to one of two servers, as a client sends them that balances between both: what got no answer, or one of 5xx, is sent again,
// and to the other server first.

import { setTimeout as pause } from "node:timers/promises";
import type { Chance } from "../../src/server/chance.ts";
import { type Interval, tick } from "./possible-versions.ts";

export interface Request {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Below the account's namespaces. */
  readonly path: string;
  readonly body?: string | Buffer | FormData;
}

export interface Reply {
  readonly status: number;
  readonly bytes: Buffer;
  /** From before the attempt that was answered until after its answer. */
  readonly during: Interval;
  /** Whether an attempt before was sent, and may have been carried out. */
  readonly isRepeated: boolean;
}

export interface RequestCounts {
  /** All attempts. */
  sent: number;
  answered: number;
  /** Attempts that were not sent, since nobody listened. */
  refused: number;
  /** Attempts whose answer did not come, or not to its end. */
  lost: number;
  failed: Record<number, number>;
  /** Requests that were answered in the end, but not at the first attempt. */
  retried: number;
  slowestMs: number;
}

export const noCounts = (): RequestCounts => ({
  sent: 0,
  answered: 0,
  refused: 0,
  lost: 0,
  failed: {},
  retried: 0,
  slowestMs: 0,
});

/** None takes nearly so long: what does has failed the simulation. */
const PATIENCE_MS = 120_000;
const AGAIN_MS = 50;
const ATTEMPT_MS_MAX = 60_000;

export const TOKEN = "token-of-the-simulation";

/** `onLost` is called when an attempt that may have been carried out has no answer. */
export type Send = (request: Request, onLost?: () => void) => Promise<Reply>;

export function balanced(urls: readonly string[], chance: Chance, counts: RequestCounts): Send {
  return async (request, onLost = () => undefined) => {
    const beganMs = performance.now();
    let isRepeated = false;
    for (let attempt = 0, server = Math.floor(chance() * urls.length); ; attempt++, server++) {
      if (performance.now() - beganMs > PATIENCE_MS)
        throw new Error(`${name(request)} was not answered for two minutes`);
      if (attempt > 1) await pause(AGAIN_MS);
      counts.sent++;
      const [from, fromMs] = [tick(), performance.now()];
      const reply = await attemptAt(urls[server % urls.length]!, request);
      if (reply === "refused") counts.refused++;
      else if (reply === "lost") counts.lost++;
      else if (reply.status >= 500) counts.failed[reply.status] = (counts.failed[reply.status] ?? 0) + 1;
      else {
        counts.answered++;
        if (attempt > 0) counts.retried++;
        counts.slowestMs = Math.max(counts.slowestMs, performance.now() - beganMs);
        return { ...reply, during: { from, fromMs, to: tick() }, isRepeated };
      }
      if (reply === "refused") continue;
      isRepeated = true;
      onLost();
    }
  };
}

async function attemptAt(
  url: string,
  { method, path, body }: Request,
): Promise<"refused" | "lost" | { readonly status: number; readonly bytes: Buffer }> {
  const headers = {
    authorization: `Bearer ${TOKEN}`,
    ...(typeof body === "string" && { "content-type": "application/json" }),
  };
  try {
    const response = await fetch(`${url}/accounts/team/storage/kv/namespaces${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(ATTEMPT_MS_MAX),
      ...(body !== undefined && { body: body as Exclude<RequestInit["body"], undefined> }),
    });
    return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
  } catch (error) {
    const cause = error instanceof Error ? (error.cause as { readonly code?: string } | undefined) : undefined;
    return cause?.code === "ECONNREFUSED" ? "refused" : "lost";
  }
}

export function name({ method, path }: Request): string {
  return `${method} ${path}`;
}

/** Of an answer in the API's envelope. */
export function resultOf({ bytes }: Reply): unknown {
  return (JSON.parse(bytes.toString()) as { readonly result: unknown }).result;
}

/** The code of the first error in it; undefined: there is none. */
export function errorOf({ bytes }: Reply): number | undefined {
  const { errors } = JSON.parse(bytes.toString()) as { readonly errors: readonly { readonly code: number }[] };
  return errors[0]?.code;
}
