// The life of one call: wait for the budget, count, send, judge, and try again while that can help. Everything that is
// sent goes through here, so the counts are exact and the first refused token stops all calls of the client.

import { backoffMs, type BackoffOptions } from "../core/backoff.ts";
import type { Clock, DurationMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { Budget, BudgetWait, Permit } from "./budget.ts";
import { collectBytes } from "./collect-bytes.ts";
import { parseEnvelope } from "./envelope.ts";
import { judgeAnswer, type Verdict } from "./judge-answer.ts";
import { judgeNetworkError } from "./network-error.ts";
import type { CallOptions, NamespaceId, Operation, SizedBody } from "./kv-api.ts";
import { parseRateHeaders, parseRetryAfter } from "./rate-headers.ts";
import type { RequestCounter } from "./request-counts.ts";
import type { AnswerHeaders, HttpAnswer, HttpRequest, Transport } from "./transport.ts";

export interface RetryOptions extends BackoffOptions {
  /** Times a call is sent before it fails, rate limits not counted. */
  readonly attempts: number;
}

export const RETRY_DEFAULT: RetryOptions = { attempts: 6, baseMs: 500, capMs: 30_000 };

export interface RetryEvent {
  readonly operation: Operation;
  /** The message of the failure. */
  readonly reason: string;
  readonly waitMs: DurationMs;
  /** 1 for the first retry. */
  readonly retry: number;
}

export interface Call {
  readonly operation: Operation;
  /** To go on after "could not": `list the keys of namespace 0f2a...`. */
  readonly what: string;
  readonly method: HttpRequest["method"];
  readonly path: string;
  readonly body?: SizedBody;
  readonly contentType?: string;
  readonly namespaceId?: NamespaceId;
  /** False: a timeout fails at once, since the caller would rather send less. */
  readonly retryTimeouts?: boolean;
  /** Counted as a retry from the start. */
  readonly isRepeat?: boolean;
  /** Told before each retry. */
  readonly onRetry?: () => void;
}

export interface RequestLoopDeps {
  readonly clock: Clock;
  readonly budget: Budget;
  readonly transport: Transport;
  readonly counter: RequestCounter;
  readonly host: string;
  /** Sent with every request; holds the credentials. */
  readonly headers: Readonly<Record<string, string>>;
  readonly redact: (text: string) => string;
  readonly retry: RetryOptions;
  readonly noWait: boolean;
  readonly onRetry: ((event: RetryEvent) => void) | undefined;
  readonly onWait: ((wait: BudgetWait) => void) | undefined;
  /** Whether a namespace was created so recently that the API may not know it everywhere. */
  readonly isFresh: (id: NamespaceId) => boolean;
}

export type CallResult =
  | Extract<Verdict, { kind: "success" | "missing" }>
  /** A 200 whose body is not an envelope but bytes. */
  | { readonly kind: "stream"; readonly answer: HttpAnswer };

export interface RequestLoop {
  /** `expect` "stream": a 200 is handed out unread. @throws AppError when the call failed for good. */
  run(call: Call, expect: "json" | "stream", options: CallOptions): Promise<CallResult>;
  /** Fails all calls, those that wait included. */
  stop(error: AppError): void;
}

/** Rate limits are waited out for two windows of the API's (docs: a block lasts five minutes); then the call fails. */
const RATE_PATIENCE_MS = 600_000;
const RATE_BACKOFF: BackoffOptions = { baseMs: 1000, capMs: 60_000 };

export function openRequestLoop(deps: RequestLoopDeps): RequestLoop {
  const { clock, budget, transport, counter } = deps;
  const stopped = new AbortController();

  async function run(call: Call, expect: "json" | "stream", options: CallOptions): Promise<CallResult> {
    const signal = options.signal === undefined ? stopped.signal : AbortSignal.any([options.signal, stopped.signal]);
    let failures = 0;
    let limits = 0;
    let limitedMs = 0;
    for (;;) {
      const verdict = await attempt(call, expect, options, signal, call.isRepeat === true || failures + limits > 0);
      if (verdict.kind === "fail") {
        if (verdict.breaks === true) stopped.abort(verdict.error);
        throw verdict.error;
      }
      if (verdict.kind !== "retry") return verdict;
      let wait: DurationMs;
      if (verdict.limited === undefined) {
        failures++;
        const isFinal = verdict.error.timedOut && call.retryTimeouts === false;
        if (isFinal || failures >= deps.retry.attempts) throw verdict.error;
        wait = Math.max(backoffMs(failures - 1, deps.retry, clock.random()), verdict.afterMs ?? 0);
        if (wait > RATE_PATIENCE_MS) throw verdict.error;
      } else {
        limits++;
        wait = limitWaitMs(limits, verdict.afterMs, clock.random());
        limitedMs += wait;
        if (limitedMs > RATE_PATIENCE_MS) throw verdict.error;
      }
      call.onRetry?.();
      deps.onRetry?.({
        operation: call.operation,
        reason: verdict.error.message,
        waitMs: wait,
        retry: failures + limits,
      });
      // A limit on the account is waited for at the gate, together with all others.
      if (verdict.limited === "account") budget.block(wait);
      else await clock.sleep(wait, signal);
    }
  }

  async function attempt(
    call: Call,
    expect: "json" | "stream",
    { priority }: CallOptions,
    signal: AbortSignal,
    isRetry: boolean,
  ): Promise<Verdict | CallResult> {
    const permit = await budget.acquire(priority ?? (call.operation === "list" ? "scan" : "edit"), {
      signal,
      noWait: deps.noWait,
      onWait: deps.onWait,
    });
    if (signal.aborted) {
      permit.giveBack();
      throw signal.reason;
    }
    counter.counted(call.operation, isRetry);
    try {
      return await exchange(call, expect, signal, permit);
    } catch (error) {
      permit.settle();
      signal.throwIfAborted();
      if (error instanceof AppError) throw error;
      return judgeNetworkError(error, call.what, deps.host);
    }
  }

  /** Sends once. Settles `permit` unless it throws. */
  async function exchange(
    call: Call,
    expect: "json" | "stream",
    signal: AbortSignal,
    permit: Permit,
  ): Promise<Verdict | CallResult> {
    const answer = await transport.send({
      method: call.method,
      path: call.path,
      headers: call.contentType === undefined ? deps.headers : { ...deps.headers, "content-type": call.contentType },
      body: call.body,
      signal,
    });
    const rate = parseRateHeaders(answer.headers);
    if (expect === "stream" && answer.status === 200) {
      // The gate counts to the headers: whoever holds many streams must not starve the rest.
      permit.settle(rate);
      return { kind: "stream", answer };
    }
    const bytes = await collectBytes(answer.body, JSON_BYTES_MAX, declaredLength(answer.headers));
    permit.settle(rate);
    const verdict = judgeAnswer({
      operation: call.operation,
      what: call.what,
      status: answer.status,
      envelope: bytes === undefined ? { kind: "malformed", why: "is too long" } : parseEnvelope(bytes),
      retryAfterMs: parseRetryAfter(answer.headers, clock.now()),
      challenged: answer.headers["cf-mitigated"] === "challenge",
      redact: deps.redact,
    });
    return isTooFresh(verdict, call) ? { kind: "retry", error: verdict.error, afterMs: FRESH_WAIT_MS } : verdict;
  }

  function isTooFresh(verdict: Verdict, call: Call): verdict is Extract<Verdict, { kind: "fail" }> {
    return (
      verdict.kind === "fail" &&
      verdict.error.code === "namespace-not-found" &&
      call.namespaceId !== undefined &&
      deps.isFresh(call.namespaceId)
    );
  }

  return { run, stop: (error) => stopped.abort(error) };
}

/** A namespace may be unknown to key operations for about a second after its creation (KV-API §1.4). */
const FRESH_WAIT_MS = 1000;

/** The largest answer in JSON is a bulk get of 25 MB of values, each byte of which may be escaped in six. */
const JSON_BYTES_MAX = 200_000_000;

/** How long to wait after the `limits`-th refusal in a row. Nothing is gained by coming back early, so at least half of
 * the backoff; a server that keeps asking for less than it needs is believed three times. */
function limitWaitMs(limits: number, afterMs: DurationMs | undefined, random: number): DurationMs {
  const steadyMs = (retry: number): DurationMs => backoffMs(retry, RATE_BACKOFF, 0.5 + random / 2);
  if (afterMs === undefined) return steadyMs(limits - 1);
  return limits <= 3 ? afterMs : Math.max(afterMs, steadyMs(limits - 4));
}

/** Content-Length, or undefined if the answer does not say. */
export function declaredLength(headers: AnswerHeaders): number | undefined {
  const text = headers["content-length"];
  return typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** A value's answer ends where it says (a length, or chunks); one that ends with its connection may have been cut. */
export function isDelimited(headers: AnswerHeaders): boolean {
  return declaredLength(headers) !== undefined || headers["transfer-encoding"] !== undefined;
}
