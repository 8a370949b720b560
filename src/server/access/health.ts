// `/health`: whether requests may be sent here, for load balancers and supervisors. It stands outside of the API, needs no credential, and tells
// nothing but that; nor can it be used to load the database: what was found out is told for a second.

import type { IncomingMessage } from "node:http";
import type { Clock } from "../../core/clock.ts";
import type { Answer } from "../answer.ts";
import { describeError } from "../describe-error.ts";
import { methodNotAllowed } from "../refusal.ts";
import type { Soon } from "../store/store.ts";

export interface Health {
  /** Undefined: the request is for something else. */
  answer(request: IncomingMessage): Promise<Answer> | undefined;
  /** From now on the answer is that it stops. */
  stop(): void;
}

export interface HealthDeps {
  readonly clock: Clock;
  /** Rejects if the data cannot be reached. */
  readonly check: () => Soon<void>;
  readonly warn: (message: string) => void;
}

/** A store that takes longer to answer is none that requests should be sent to. */
const CHECK_MAX_MS = 2000;
const KEPT_MS = 1000;

export function openHealth({ clock, check, warn }: HealthDeps): Health {
  let isStopping = false;
  /** The look that is under way, or was the last. */
  let looking: Promise<boolean> | undefined;
  let keptUntil = -Infinity;
  let wasReachable = true;

  async function look(): Promise<boolean> {
    const failure = await failureOf(check);
    keptUntil = clock.monotonic() + KEPT_MS;
    if (failure !== undefined && wasReachable) warn(`/health: the data cannot be reached: ${failure}`);
    if (failure === undefined && !wasReachable) warn("/health: the data can be reached again");
    wasReachable = failure === undefined;
    return wasReachable;
  }

  /** One look at a time, however long it takes. */
  async function isReachable(): Promise<boolean> {
    if (looking === undefined || clock.monotonic() >= keptUntil) {
      keptUntil = Infinity;
      looking = look();
    }
    const late = new AbortController();
    try {
      return await Promise.race([
        looking,
        clock.sleep(CHECK_MAX_MS, late.signal).then(
          () => false,
          () => false,
        ),
      ]);
    } finally {
      late.abort();
    }
  }

  async function status(): Promise<Answer> {
    if (isStopping) return healthAnswer(503, "stopping");
    return (await isReachable()) ? healthAnswer(200, "ok") : healthAnswer(503, "unavailable");
  }

  return {
    answer({ url = "", method = "GET" }) {
      if (url !== "/health" && !url.startsWith("/health?")) return undefined;
      return method === "GET" || method === "HEAD" ? status() : Promise.resolve(methodNotAllowed(method).answer);
    },
    stop: () => void (isStopping = true),
  };
}

async function failureOf(check: () => Soon<void>): Promise<string | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : describeError(error);
  }
}

function healthAnswer(status: number, said: string): Answer {
  return {
    status,
    contentType: "application/json",
    body: `${JSON.stringify({ status: said })}\n`,
    headers: { "cache-control": "no-store" },
  };
}
