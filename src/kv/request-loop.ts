// The life of one call: wait for the budget, count, send, judge, and try again while that can help.
//
// Invariants [I8]: whatever is sent goes through here, with a permit of the budget for each attempt, and each attempt is
// counted. Another attempt follows only a failure that may pass (judge-answer.ts says which), for a limited number or time
// (retry-course.ts), and none in a call that is sent once. A call succeeds only by an answer that says so and was read to its
// end; a value is handed out as it comes (value-stream.ts). A refused token fails all calls of the client, those that wait
// included.

import type { Clock, DurationMs } from "../core/clock.ts";
import type { AppError } from "../core/errors.ts";
import { giveBack } from "../core/give-back.ts";
import type { Intake } from "./answer-room.ts";
import type { Budget, BudgetWait, Permit } from "./budget.ts";
import { type Collected, collectChunks, JOIN_BYTES_MAX, openJoiner } from "./collect-bytes.ts";
import { type Envelope, parseEnvelope } from "./envelope.ts";
import { judgeAnswer, type Verdict } from "./judge-answer.ts";
import { judgeNetworkError } from "./network-error.ts";
import { KvError } from "./kv-error.ts";
import type { CallOptions, NamespaceId, Operation, SizedBody } from "./kv-api.ts";
import { parseRateHeaders, parseRetryAfter, type RateHeaders, single } from "./rate-headers.ts";
import type { RequestCounter } from "./request-counts.ts";
import { openRetryCourse, type RetryCourse, type RetryOptions } from "./retry-course.ts";
import type { AnswerHeaders, HttpAnswer, HttpRequest, Transport } from "./transport.ts";

export interface RetryEvent {
  readonly operation: Operation;
  /** The message of the failure. */
  readonly reason: string;
  /** What failed, for whoever tells of it once and not of each request: `could not reach api.example.com: ...`. */
  readonly outage: string;
  readonly host: string;
  readonly waitMs: DurationMs;
  /** 1 for the first retry. */
  readonly retry: number;
}

/** A request was answered, or was not. */
export interface AnswerEvent {
  readonly operation: Operation;
  /** The answer's HTTP status; 0: there was no answer. */
  readonly status: number;
  /** From when it was sent until its answer was read; of a value, until the answer began. */
  readonly durationMs: DurationMs;
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
  /** Reads the envelope of an answer, instead of {@link parseEnvelope}. The bytes are good until it returns. */
  readonly parse?: (bytes: Uint8Array) => Envelope;
  /** See HttpRequest. */
  readonly silenceMs?: DurationMs;
  /** Told before each retry. */
  readonly onRetry?: (failure: AppError) => void;
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
  readonly onAnswer: ((event: AnswerEvent) => void) | undefined;
  /** A request has waited for the budget, so long. */
  readonly onWaited: ((waitedMs: DurationMs) => void) | undefined;
  /** Told of the Date of each answer, as soon as it comes. */
  readonly onDate: (date: string | undefined) => void;
  /** Told with each answer whether the server offers a change feed; undefined: it does not say. */
  readonly onFeed: (isOffered: boolean | undefined) => void;
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

interface Exchange {
  readonly verdict: Verdict | Extract<CallResult, { kind: "stream" }>;
  readonly rate: RateHeaders | undefined;
}

export function openRequestLoop(deps: RequestLoopDeps): RequestLoop {
  const { clock, budget, counter } = deps;
  const stopped = new AbortController();
  /** By the caller's signal, which is the same for many calls: one for each would outlive it until its turn of garbage
   * collection comes. */
  const combined = new WeakMap<AbortSignal, AbortSignal>();
  const exchanging: ExchangeDeps = { ...deps, join: openJoiner() };

  function stoppable(signal: AbortSignal | undefined): AbortSignal {
    if (signal === undefined) return stopped.signal;
    const both = combined.get(signal) ?? AbortSignal.any([signal, stopped.signal]);
    combined.set(signal, both);
    return both;
  }

  async function run(call: Call, expect: "json" | "stream", options: CallOptions): Promise<CallResult> {
    const signal = stoppable(options.signal);
    const course = openRetryCourse(deps.retry, call.retryTimeouts ?? true);
    for (;;) {
      const permit = await acquire(deps, call, options, signal);
      counter.counted(call.operation, call.isRepeat === true || course.failures > 0);
      let wait: DurationMs;
      try {
        const { verdict, rate } = await exchange(exchanging, call, expect, {
          signal,
          intake: options.intake,
          onHeld: (rate) => permit.settle(rate),
        });
        const next = decide(verdict, course);
        permit.settle(rate);
        if (next.kind === "result") return next.result;
        wait = next.wait;
        call.onRetry?.(next.error);
        const reason = next.error.message;
        const { outage = reason } = next;
        const { operation } = call;
        deps.onRetry?.({ operation, reason, outage, host: deps.host, waitMs: wait, retry: course.failures });
        if (options.once !== undefined) throw next.error;
      } finally {
        permit.settle();
      }
      if (wait > 0) await clock.sleep(wait, signal);
    }
  }

  /** What follows from an answer. Before the permit is settled, so that what stops everyone does so before the next
   * request is let through. */
  function decide(
    verdict: Exchange["verdict"],
    course: RetryCourse,
  ):
    | { kind: "result"; result: CallResult }
    | { kind: "again"; wait: DurationMs; error: AppError; outage?: string | undefined } {
    if (verdict.kind === "fail") {
      if (verdict.breaks === true) stopped.abort(verdict.error);
      throw verdict.error;
    }
    if (verdict.kind !== "retry") return { kind: "result", result: verdict };
    const wait = course.next(verdict, clock.random());
    if (wait === undefined) throw verdict.error;
    const { error, outage } = verdict;
    if (verdict.limited !== "account") return { kind: "again", wait, error, outage };
    // Waited for at the gate, together with all others.
    budget.block(wait);
    return { kind: "again", wait: 0, error };
  }

  return { run, stop: (error) => stopped.abort(error) };
}

interface ExchangeDeps extends RequestLoopDeps {
  /** Makes one of the chunks of an answer, in memory that the next answer may use. */
  readonly join: (collected: Collected) => Uint8Array;
}

async function acquire(
  deps: RequestLoopDeps,
  call: Call,
  { priority, once }: CallOptions,
  signal: AbortSignal,
): Promise<Permit> {
  const { clock, budget, noWait, onWait } = deps;
  const usual = call.operation === "list" ? "scan" : "edit";
  const askedAt = clock.monotonic();
  const permit = await budget.acquire(priority ?? usual, { signal, noWait, onWait });
  const waitedMs = clock.monotonic() - askedAt;
  if (waitedMs > 0) deps.onWaited?.(waitedMs);
  const isLate = once !== undefined && waitedMs > once.withinMs;
  if (!signal.aborted && !isLate) return permit;
  permit.giveBack();
  signal.throwIfAborted();
  const message = `could not ${call.what}: it had to wait ${Math.round(waitedMs / 1000)} s for the request budget`;
  throw new KvError("budget-exhausted", message, { retryable: true });
}

interface ExchangeOptions {
  readonly signal: AbortSignal;
  readonly intake: Intake | undefined;
  /** The answer has begun, and waits for room. */
  readonly onHeld: (rate: RateHeaders | undefined) => void;
}

/** Sends once. */
async function exchange(
  deps: ExchangeDeps,
  call: Call,
  expect: "json" | "stream",
  { signal, intake, onHeld }: ExchangeOptions,
): Promise<Exchange> {
  const { clock, transport } = deps;
  const sentAt = clock.monotonic();
  const answered = (status: number): void =>
    deps.onAnswer?.({ operation: call.operation, status, durationMs: clock.monotonic() - sentAt });
  let answer: HttpAnswer;
  let collected: Collected | undefined;
  try {
    const { contentType } = call;
    answer = await transport.send({
      method: call.method,
      path: call.path,
      headers: contentType === undefined ? deps.headers : { ...deps.headers, "content-type": contentType },
      body: call.body,
      signal,
      silenceMs: call.silenceMs,
    });
    deps.onDate(single(answer.headers["date"]));
    deps.onFeed(feedOf(answer, call));
    // The gate counts a stream up to here: whoever holds many must not starve the rest.
    if (expect === "stream" && answer.status === 200) {
      answered(answer.status);
      return { verdict: { kind: "stream", answer }, rate: parseRateHeaders(answer.headers) };
    }
    collected = await collectChunks(answer.body, JSON_BYTES_MAX, {
      length: declaredLength(answer.headers),
      // Whoever waits for room must not starve those at the gate: to use up what fills the room may take a request.
      intake: intake && tellHeld(intake, () => onHeld(parseRateHeaders(answer.headers))),
    });
    answered(answer.status);
    if (collected === undefined) answer.body.drop();
  } catch (error) {
    signal.throwIfAborted();
    answered(0);
    return { verdict: judgeNetworkError(error, call.what, deps.host), rate: undefined };
  }
  const joined = collected === undefined ? undefined : deps.join(collected);
  const verdict = judge(deps, call, answer, joined);
  if (joined !== undefined && joined.byteLength > JOIN_BYTES_MAX) giveBack(joined);
  return { verdict, rate: parseRateHeaders(answer.headers) };
}

/** Who offers a feed says so in whatever it answers about a namespace. */
function feedOf({ status, headers }: HttpAnswer, { namespaceId }: Call): boolean | undefined {
  if (single(headers[FEED_HEADER]) === "1") return true;
  return namespaceId !== undefined && status >= 200 && status < 300 ? false : undefined;
}

const FEED_HEADER = "kvsync-change-feed";

function tellHeld(intake: Intake, onHeld: () => void): Intake {
  return {
    admit: (bytes) => {
      const room = intake.admit(bytes);
      if (room !== undefined) onHeld();
      return room;
    },
  };
}

function judge(deps: RequestLoopDeps, call: Call, answer: HttpAnswer, body: Uint8Array | undefined): Verdict {
  const parse = call.parse ?? parseEnvelope;
  const verdict = judgeAnswer({
    operation: call.operation,
    what: call.what,
    status: answer.status,
    envelope: body === undefined ? { kind: "malformed", why: "is too long" } : parse(body),
    retryAfterMs: parseRetryAfter(answer.headers),
    challenged: answer.headers["cf-mitigated"] === "challenge",
    redact: deps.redact,
  });
  return isTooFresh(deps, verdict, call) ? { kind: "retry", error: verdict.error, afterMs: FRESH_WAIT_MS } : verdict;
}

function isTooFresh(
  deps: RequestLoopDeps,
  verdict: Verdict,
  call: Call,
): verdict is Extract<Verdict, { kind: "fail" }> {
  return (
    verdict.kind === "fail" &&
    verdict.error.code === "namespace-not-found" &&
    call.namespaceId !== undefined &&
    deps.isFresh(call.namespaceId)
  );
}

/** A namespace may be unknown to key operations for about a second after its creation. */
const FRESH_WAIT_MS = 1000;

/** The largest answer in JSON is a bulk get of 25 MB of values, each byte of which may be escaped in six. */
const JSON_BYTES_MAX = 200_000_000;

/** Content-Length, or undefined if the answer does not say. */
export function declaredLength(headers: AnswerHeaders): number | undefined {
  const text = headers["content-length"];
  return typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** A value's answer ends where it says (a length, or chunks); one that ends with its connection may have been cut. */
export function isDelimited(headers: AnswerHeaders): boolean {
  return declaredLength(headers) !== undefined || headers["transfer-encoding"] !== undefined;
}
