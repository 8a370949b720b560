// A value being read. As a stream it can fail half-way, and then it has; as bytes it is read again from the start.
//
// Invariant [I8]: a value is given whole, or the reading fails: an answer whose end could be missed (without a length or
// chunks), or that something on the way has encoded, is not believed.

import type { Clock } from "../core/clock.ts";
import { parseEpochSeconds } from "../core/clock.ts";
import { backoffMs } from "../core/backoff.ts";
import { AppError } from "../core/errors.ts";
import { VALUE_BYTES_MAX } from "../core/limits.ts";
import { collectBytes } from "./collect-bytes.ts";
import type { Intake } from "./answer-room.ts";
import type { ValueStream } from "./kv-api.ts";
import { KvError } from "./kv-error.ts";
import { REFUSED_ON_THE_WAY_HINT } from "./judge-answer.ts";
import { judgeNetworkError } from "./network-error.ts";
import { type CallResult, declaredLength, isDelimited } from "./request-loop.ts";
import type { RetryOptions } from "./retry-course.ts";
import type { AnswerHeaders, HttpAnswer } from "./transport.ts";

export interface ValueStreamDeps {
  readonly clock: Clock;
  readonly retry: RetryOptions;
  readonly what: string;
  readonly host: string;
  readonly signal: AbortSignal | undefined;
  /** Of what is read as bytes. */
  readonly intake?: Intake | undefined;
}

/** Sends the request, and again each time that the value's bytes turn out cut. Undefined: the key does not exist. */
export async function openValueStream(
  read: (isRepeat: boolean) => Promise<CallResult>,
  deps: ValueStreamDeps,
): Promise<ValueStream | undefined> {
  const first = await readAnswer(await read(false), deps);
  if (first === undefined) return undefined;
  return {
    expiration: expirationOf(first),
    body: failingAsKvError(first.body, deps),
    bytes: async () => {
      let answer: HttpAnswer | undefined = first;
      for (let failures = 0; answer !== undefined; answer = await readAnswer(await read(true), deps)) {
        try {
          return await readBytes(answer, deps);
        } catch (error) {
          failures++;
          if (!(error instanceof KvError) || !error.retryable || failures >= deps.retry.attempts) throw error;
          await deps.clock.sleep(backoffMs(failures - 1, deps.retry, deps.clock.random()), deps.signal);
        }
      }
      throw new KvError("key-not-found", `could not ${deps.what}: the key was deleted meanwhile`);
    },
  };
}

async function readAnswer(result: CallResult, deps: ValueStreamDeps): Promise<HttpAnswer | undefined> {
  switch (result.kind) {
    case "missing":
      return undefined;
    case "stream": {
      const { headers } = result.answer;
      const fault = answerFault(headers);
      const isPage = /^text\/html\b/i.test(String(headers["content-type"] ?? ""));
      if (fault === undefined && !isPage) return result.answer;
      result.answer.body.drop();
      if (isPage) throw refusedByPage(deps.what);
      throw new KvError("api-malformed", `could not ${deps.what}: the answer ${fault}`, {
        hint: "something between here and the API changes answers; check the account's endpoint, and proxies",
      });
    }
    case "success":
      // An envelope with another status than 200.
      throw new KvError("api-malformed", `could not ${deps.what}: the answer is not a value`);
  }
}

/** The API sends values as application/octet-stream, whatever they are: a page is from something before it. */
function refusedByPage(what: string): KvError {
  const beforeApi = "something before the API, with an HTML page and status 200";
  return new KvError("api-error", `could not ${what}: it was refused by ${beforeApi}`, {
    status: 200,
    beforeApi,
    hint: REFUSED_ON_THE_WAY_HINT,
  });
}

/** Why the bytes of an answer may not be the value's, with nothing to tell by. */
function answerFault(headers: AnswerHeaders): string | undefined {
  if (!isDelimited(headers)) return "does not tell where the value ends";
  const encoding = headers["content-encoding"];
  return encoding === undefined || encoding === "identity" ? undefined : "is encoded in a way that was not asked for";
}

async function readBytes(answer: HttpAnswer, deps: ValueStreamDeps): Promise<Uint8Array> {
  const length = declaredLength(answer.headers);
  const bytes = await collectBytes(failingAsKvError(answer.body, deps), VALUE_BYTES_MAX, {
    length,
    intake: deps.intake,
  });
  if (bytes !== undefined) return bytes;
  answer.body.drop();
  const size = length === undefined ? `more than ${VALUE_BYTES_MAX}` : String(length);
  const message = `could not ${deps.what}: it is ${size} bytes; a value has at most ${VALUE_BYTES_MAX}`;
  throw new KvError("request-too-large", message);
}

async function* failingAsKvError(
  body: AsyncIterable<Uint8Array>,
  deps: ValueStreamDeps,
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* body;
  } catch (error) {
    deps.signal?.throwIfAborted();
    if (error instanceof AppError) throw error;
    throw judgedError(error, deps);
  }
}

function judgedError(error: unknown, deps: ValueStreamDeps): KvError {
  const verdict = judgeNetworkError(error, deps.what, deps.host);
  if (verdict.kind === "retry" || verdict.kind === "fail") return verdict.error;
  throw error;
}

function expirationOf(answer: HttpAnswer): ReturnType<typeof parseEpochSeconds> {
  const text = answer.headers["expiration"];
  return typeof text === "string" && /^\d+$/.test(text) ? parseEpochSeconds(Number(text)) : undefined;
}
