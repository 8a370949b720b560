// What an answer means: done, missing, failed for good, or worth another try. Pure, and the only place that knows the
// API's codes and statuses.

import type { DurationMs } from "../core/clock.ts";
import { visible } from "../core/errors.ts";
import type { Json } from "../core/json-value.ts";
import type { Envelope } from "./envelope.ts";
import type { Operation } from "./kv-api.ts";
import { KvError, type KvErrorContext } from "./kv-error.ts";

export type Verdict =
  | { readonly kind: "success"; readonly result: Json | undefined; readonly info: { readonly [name: string]: Json } }
  | { readonly kind: "missing" }
  /** `breaks`: every further request would fail the same way. */
  | { readonly kind: "fail"; readonly error: KvError; readonly breaks?: boolean }
  | {
      readonly kind: "retry";
      readonly error: KvError;
      /** What the server asked for; undefined: it did not say. */
      readonly afterMs: DurationMs | undefined;
      /** "account": a limit on everything that uses this token; "call": on this call; undefined: no limit, a failure. */
      readonly limited?: "account" | "call";
      /** There was no answer: what failed, whatever was asked for. The error's message says so of one request. */
      readonly outage?: string;
    };

export interface JudgedAnswer {
  readonly operation: Operation;
  /** What was tried, to go on after "could not": `list the keys of namespace 0f2a...`. */
  readonly what: string;
  readonly status: number;
  readonly envelope: Envelope;
  readonly retryAfterMs: DurationMs | undefined;
  /** The edge wants a browser to solve a challenge (`cf-mitigated: challenge`). */
  readonly challenged: boolean;
  /** Takes secrets out of text that the server sent. */
  readonly redact: (text: string) => string;
}

const CODE = {
  unauthorized: new Set([6003, 9106, 9109, 10000, 10037]),
  unavailable: 10001,
  keyNotFound: 10009,
  namespaceNotFound: 10013,
  namespaceExists: 10014,
  callLimits: new Set([10022, 10046]),
  valueTooLarge: 10024,
  bulkGetInvalid: 10029,
  quotaExhausted: 10048,
} as const;

export function judgeAnswer(answer: JudgedAnswer): Verdict {
  const { envelope, status } = answer;
  if (envelope.kind === "success" && status >= 200 && status < 300) return envelope;
  const first = envelope.kind === "failure" ? envelope.errors[0] : undefined;
  const context: KvErrorContext = {
    status,
    apiCode: first?.code,
    apiMessage: first === undefined ? undefined : visible(answer.redact(first.message)),
    timedOut: TIMEOUT_STATUSES.has(status),
    beforeApi:
      envelope.kind === "malformed" && isRefusedOnTheWay(status)
        ? `something before the API, with status ${status} and a body that ${envelope.why}`
        : undefined,
  };
  return byCode(answer, context) ?? byStatus(answer, context);
}

/** The API gives its refusals in its envelope. A page with one of these statuses is from what is before it, and about one
 * request: a firewall that dislikes a key, a proxy that wants another path. A 401 is about the credentials, whoever says it. */
function isRefusedOnTheWay(status: number): boolean {
  return (status >= 300 && status < 400) || status === 403 || status === 406 || status === 451;
}

export const REFUSED_ON_THE_WAY_HINT =
  "a firewall or a proxy between here and the API refuses this request; whoever runs it can let it pass";

/** 408: we were too slow; 504 and 524: KV was. */
const TIMEOUT_STATUSES = new Set([408, 504, 524]);

function byCode(answer: JudgedAnswer, context: KvErrorContext): Verdict | undefined {
  const { apiCode: code } = context;
  // A 405 has the code of an authentication error too, but is about the route.
  if (code === undefined || answer.status === 405) return undefined;
  if (CODE.unauthorized.has(code)) return unauthorized(answer, context);
  switch (code) {
    case CODE.keyNotFound:
      return { kind: "missing" };
    case CODE.namespaceNotFound:
      return fail(
        new KvError("namespace-not-found", `could not ${answer.what}: there is no such namespace`, {
          ...context,
          hint: "`kvsync namespace list` shows those of the account",
        }),
      );
    case CODE.namespaceExists:
      return fail(
        new KvError("namespace-exists", `could not ${answer.what}: the title is taken`, {
          ...context,
          hint: "`kvsync namespace list` shows the namespace that has it; use that one, or choose another title",
        }),
      );
    case CODE.quotaExhausted:
      return fail(
        new KvError("quota-exhausted", `could not ${answer.what}: ${context.apiMessage}`, {
          ...context,
          hint: "the account's free quota for today is used up; go on tomorrow (UTC), or with a paid plan",
        }),
      );
    case CODE.valueTooLarge:
      return tooLarge(answer, context);
    case CODE.bulkGetInvalid:
      if (answer.operation !== "bulkGet" || answer.status === 413) return undefined;
      // All other reasons for this code (no keys, over 100, an unknown type) are ruled out by how the request is built.
      return fail(new KvError("not-text", `could not ${answer.what}: at least one value is not text`, context));
    case CODE.unavailable:
      return retry(answer, context);
    default:
      return undefined;
  }
}

function byStatus(answer: JudgedAnswer, context: KvErrorContext): Verdict {
  const { status, envelope } = answer;
  if (answer.challenged)
    return fail(
      new KvError("api-error", `could not ${answer.what}: the edge asks for a browser challenge`, {
        ...context,
        hint: "a firewall rule of Cloudflare stops requests from this machine",
      }),
    );
  if (status >= 300 && status < 400)
    return fail(
      new KvError("api-error", `could not ${answer.what}: the answer is a redirect (${status})`, {
        ...context,
        hint: "redirects are not followed, since they would carry the token along; check the account's endpoint",
      }),
    );
  if (context.beforeApi !== undefined)
    return fail(
      new KvError("api-error", `could not ${answer.what}: it was refused by ${context.beforeApi}`, {
        ...context,
        hint: REFUSED_ON_THE_WAY_HINT,
      }),
    );
  if (status === 401 || status === 403) return unauthorized(answer, context);
  if (status === 429)
    return { ...retry(answer, context), limited: CODE.callLimits.has(context.apiCode ?? 0) ? "call" : "account" };
  if (status === 413) return tooLarge(answer, context);
  if (status >= 500 || status === 408 || status < 300) return retry(answer, context);
  if (status === 404 && (envelope.kind !== "failure" || (context.apiCode ?? 7000) < 10_000))
    return fail(
      new KvError("api-error", `could not ${answer.what}: the API has no such route${codeText(context)}`, {
        ...context,
        hint: "check the account's endpoint and account id",
      }),
    );
  return fail(new KvError("api-error", failureText(answer, context), context));
}

function fail(error: KvError): Verdict {
  return { kind: "fail", error };
}

function retry(answer: JudgedAnswer, context: KvErrorContext): Extract<Verdict, { kind: "retry" }> {
  const { status, envelope } = answer;
  const code =
    status === 429 ? "rate-limited" : status < 300 && envelope.kind === "malformed" ? "api-malformed" : "api-error";
  return {
    kind: "retry",
    error: new KvError(code, failureText(answer, context), {
      ...context,
      retryable: true,
      retryAfterMs: answer.retryAfterMs,
    }),
    afterMs: answer.retryAfterMs,
  };
}

function unauthorized(answer: JudgedAnswer, context: KvErrorContext): Verdict {
  return {
    kind: "fail",
    breaks: true,
    error: new KvError("unauthorized", failureText(answer, context), {
      ...context,
      hint: isReadOnly(context)
        ? "name another destination: this server shows a backup, and takes no changes"
        : "the token needs the permission Workers KV Storage: Read, or Write to change anything, on this account; " +
          "check that it has not expired and that the account id is right",
    }),
  };
}

/** kvsync serve --snapshot. */
function isReadOnly({ apiCode, apiMessage }: KvErrorContext): boolean {
  return apiCode === 10037 && apiMessage?.includes("read-only") === true;
}

function tooLarge(answer: JudgedAnswer, context: KvErrorContext): Verdict {
  return fail(
    new KvError("request-too-large", `could not ${answer.what}: the request or its answer is too large`, context),
  );
}

function failureText(answer: JudgedAnswer, context: KvErrorContext): string {
  const { envelope, status } = answer;
  const said =
    envelope.kind === "malformed"
      ? `with status ${status} and a body that ${envelope.why}`
      : `${status}${context.apiMessage === undefined ? "" : `: ${context.apiMessage}`}${codeText(context)}`;
  return `could not ${answer.what}: the API answered ${said}`;
}

function codeText({ apiCode }: KvErrorContext): string {
  return apiCode === undefined ? "" : ` (code ${apiCode})`;
}
