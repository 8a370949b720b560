// KvError: an AppError that also knows what the API answered, for those who decide by it (halve, bisect, fall back).

import type { DurationMs } from "../core/clock.ts";
import { AppError, type AppErrorOptions, type ErrorCode } from "../core/errors.ts";
import type { Key } from "../core/key.ts";
import { type Problem, problem } from "../core/problem.ts";

export interface KvErrorContext {
  /** The HTTP status; undefined: there was no answer. */
  readonly status?: number | undefined;
  /** The first code in the API's envelope (10009 key not found, 10013 namespace not found, ...). */
  readonly apiCode?: number | undefined;
  /** The API's own message, without secrets. */
  readonly apiMessage?: string | undefined;
  /** No answer in time: from us (a timeout), or from the gateway (524, 504). Parts of a write may have been done. */
  readonly timedOut?: boolean | undefined;
  /** No connection came about: the request was never sent, so that the API has carried out none of it. */
  readonly unsent?: boolean | undefined;
  /** Something on the way (a firewall, a proxy) answered with a page of its own, and how: the API was not asked, and what
   * refused this request may let others pass. */
  readonly beforeApi?: string | undefined;
  /** When the API is to be asked again, as it said. */
  readonly retryAfterMs?: DurationMs | undefined;
}

export class KvError extends AppError {
  readonly status: number | undefined;
  readonly apiCode: number | undefined;
  readonly apiMessage: string | undefined;
  readonly timedOut: boolean;
  readonly unsent: boolean;
  readonly beforeApi: string | undefined;
  readonly retryAfterMs: DurationMs | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions & KvErrorContext = {}) {
    super(code, message, options);
    this.name = "KvError";
    this.status = options.status;
    this.apiCode = options.apiCode;
    this.apiMessage = options.apiMessage;
    this.timedOut = options.timedOut ?? false;
    this.unsent = options.unsent ?? false;
    this.beforeApi = options.beforeApi;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Whether the API may have carried out the attempt that failed with `error`: its answer was lost, or said that something went
 * wrong. A request that was never sent was not carried out, and neither was one that the API refused for its rate. */
export function mayBeCarriedOut(error: AppError): boolean {
  return error.code !== "rate-limited" && !(error instanceof KvError && error.unsent);
}

/** Whether what was in a request was refused, not the request's sender or the moment: then its parts may pass. */
export function isRefusal(error: unknown): error is KvError {
  if (!(error instanceof KvError) || error.code !== "api-error") return false;
  return error.beforeApi !== undefined || (error.status !== undefined && REFUSAL_STATUSES.has(error.status));
}

const REFUSAL_STATUSES: ReadonlySet<number> = new Set([400, 409, 414, 422]);

/** A request that was about this key alone was refused ({@link isRefusal}). */
export function refusalProblem(key: Key, error: KvError): Problem {
  const by = error.beforeApi ?? `the API: ${error.apiMessage ?? error.message}`;
  return problem("rejected", key, `was refused by ${by}`);
}
