// The life of one request to object storage: sign, send, read the answer to its end, and try again while that can help. As the loop of the KV API
// (kv/request-loop.ts), and with the same course of waits, but without its budget: object storage is paid for by request, and not limited.

import type { Clock, EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { collectBytes } from "../../kv/collect-bytes.ts";
import { judgeNetworkError } from "../../kv/network-error.ts";
import { parseRetryAfter } from "../../kv/rate-headers.ts";
import { openRetryCourse, type PassingFailure, RETRY_DEFAULT } from "../../kv/retry-course.ts";
import { bodyOfBytes } from "../../kv/sized-body.ts";
import type { HttpAnswer, HttpRequest, Transport } from "../../kv/transport.ts";
import type { SignRequest } from "./s3-signer.ts";
import type { StoreEvents } from "./store.ts";
import { judgeS3Failure, type S3Verdict } from "./s3-verdict.ts";

interface S3Request<T> {
  /** What is tried, to go on after "could not". */
  readonly what: string;
  readonly method: HttpRequest["method"];
  /** Encoded, with the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** Statuses that {@link read} is called for. */
  readonly success: readonly number[];
  /** Reads the answer. What it throws of the network is tried again, an AppError is final. */
  readonly read: (answer: HttpAnswer) => Promise<T>;
}

export type S3Outcome<T> =
  | {
      readonly kind: "done";
      readonly value: T;
    }
  | {
      readonly kind: "missing" | "exists" | "no-conditions";
      /** An earlier attempt of the same request failed, and may have been carried out. */
      readonly isRepeated: boolean;
    };

export interface S3RequestsDeps {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly sign: SignRequest;
  readonly origin: string;
  readonly bucket: string;
  readonly region: string;
  readonly events: StoreEvents;
}

/** An error is a few hundred bytes. */
const ERROR_BYTES_MAX = 100_000;

/** Throws AppError "unauthorized", "network", "disk-full" or "store-failed". */
export type SendS3 = <T>(request: S3Request<T>) => Promise<S3Outcome<T>>;

export function openS3Requests(deps: S3RequestsDeps): SendS3 {
  const { clock, events } = deps;
  return async (request) => {
    const { signal } = request;
    const course = openRetryCourse(RETRY_DEFAULT, true);
    for (;;) {
      signal?.throwIfAborted();
      events.onRequest?.();
      const outcome = await exchange(deps, request);
      if (outcome.kind === "done") return outcome;
      if (outcome.kind === "fail") throw outcome.error;
      if (outcome.kind !== "retry") return { kind: outcome.kind, isRepeated: course.failures > 0 };
      const waitMs = course.next(outcome, clock.random());
      if (waitMs === undefined) throw outcome.error;
      events.onRetry?.({ error: outcome.error, waitMs });
      await clock.sleep(waitMs, signal);
    }
  };
}

type Exchange<T> =
  | Extract<S3Outcome<T>, { kind: "done" }>
  | Exclude<S3Verdict, { kind: "retry" }>
  | ({ readonly kind: "retry"; readonly error: AppError } & PassingFailure);

async function exchange<T>(deps: S3RequestsDeps, request: S3Request<T>): Promise<Exchange<T>> {
  const { clock, transport, origin } = deps;
  const { method, path, body, signal } = request;
  const headers = await deps.sign({ method, origin, path, headers: request.headers ?? {}, body });
  const host = new URL(origin).host;
  try {
    const sized = body && bodyOfBytes(body);
    const answer = await transport.send({ method, path, headers, signal, ...(sized && { body: sized }) });
    if (request.success.includes(answer.status)) return { kind: "done", value: await request.read(answer) };
    const text = await collectBytes(answer.body, ERROR_BYTES_MAX);
    if (text === undefined) answer.body.drop();
    return judgeS3Failure({
      what: request.what,
      method,
      status: answer.status,
      body: Buffer.from(text ?? "<").toString(),
      retryAfterMs: parseRetryAfter(answer.headers),
      bucketRegion: headerOf(answer, "x-amz-bucket-region"),
      date: dateOf(answer),
      now: clock.now(),
      bucket: deps.bucket,
      region: deps.region,
      host,
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AppError) throw error;
    const verdict = judgeNetworkError(error, request.what, host);
    if (verdict.kind === "retry") return verdict;
    throw verdict.kind === "fail" ? verdict.error : error;
  }
}

/** By the server's clock. */
export function dateOf(answer: HttpAnswer): EpochMs | undefined {
  const at = Date.parse(headerOf(answer, "date") ?? "");
  return Number.isNaN(at) ? undefined : (at as EpochMs);
}

export function headerOf({ headers }: HttpAnswer, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : value?.[0];
}
