// A request that got no answer, told apart: try again, or tell about the certificate.
//
// The rule: what went wrong while a request was under way is the network's, unless it is known to be ours. The network, the
// system below it and the server between them fail in more ways than anybody can list (headers that are too large, no more
// files, a certificate for something else), so the list below only gives the well-known ones a better text; the others are
// told with the text of the system. Known to be ours are failed assertions, what the language throws at wrong code (a
// TypeError and its kin), requests that undici refuses to send, and whatever the source of a request's body threw.

import { AppError, visible } from "../core/errors.ts";
import { KvError } from "./kv-error.ts";
import type { Verdict } from "./judge-answer.ts";

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was reset",
  ECONNABORTED: "the connection was reset",
  EPIPE: "the connection was closed",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name could not be looked up",
  EAI_FAIL: "the host name could not be looked up",
  EHOSTUNREACH: "the host cannot be reached",
  EHOSTDOWN: "the host is down",
  ENETUNREACH: "the network cannot be reached",
  ENETDOWN: "the network is down",
  EADDRNOTAVAIL: "no local address is free",
  EACCES: "this machine does not allow the connection",
  EPERM: "this machine does not allow the connection",
  EMFILE: "this process has too many files open",
  ENFILE: "this machine has too many files open",
  ENOBUFS: "this machine is out of network memory",
  ETIMEDOUT: "the connection timed out",
  UND_ERR_CONNECT_TIMEOUT: "connecting timed out",
  UND_ERR_HEADERS_TIMEOUT: "no answer came in time",
  UND_ERR_BODY_TIMEOUT: "the answer stopped half-way, or came too slowly",
  UND_ERR_HEADERS_OVERFLOW: "the answer has more headers than anybody reads",
  UND_ERR_SOCKET: "the connection was closed",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "the answer was cut short",
  UND_ERR_INFO: "the connection was reset",
};

/** Trying again within half a minute finds the same. */
const LASTING = new Set(["UND_ERR_HEADERS_OVERFLOW", "EACCES", "EPERM"]);

const HINTS: Readonly<Record<string, string>> = {
  EMFILE: "raise the limit on open files (ulimit -n), or lower the account's concurrency",
  ENFILE: "raise this machine's limit on open files",
  EACCES: "check the firewall of this machine",
  EPERM: "check the firewall of this machine",
};
const HINT = "check the network and the endpoint";

/** Once connected: the server may have done, or still do, what was asked. */
const TIMEOUTS = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);

/** Before a connection came about. */
const UNCONNECTED = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_FAIL",
  "EMFILE",
  "ENFILE",
  "UND_ERR_CONNECT_TIMEOUT",
]);
/** The system calls that come before a connection. Of a code such as ETIMEDOUT or ENETUNREACH only they tell whether anything
 * was sent. */
const CONNECTING = new Set(["getaddrinfo", "connect", "socket"]);

/** What Node calls the refusals of certificates and of TLS itself: OpenSSL's X509_V_ERR_ names, and its own. */
const TLS =
  /^(CERT_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERROR_IN_CERT_|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|PATH_LENGTH_|EPROTO$)/;
/** OpenSSL's own texts, where Node leaves the name out. */
const TLS_TEXT = /certificate|self.signed/i;

/** undici was asked for what it cannot send. */
const OURS = new Set([
  "ERR_ASSERTION",
  "UND_ERR_INVALID_ARG",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_NOT_SUPPORTED",
]);

/** What the source of a request's body threw, as `cause`. */
export class BodySourceError extends Error {}

/** @throws `error` itself when it is known to be ours, and what a body's source threw. */
export function judgeNetworkError(error: unknown, what: string, host: string): Verdict {
  if (error instanceof BodySourceError) throw error.cause;
  const code = codeOf(error);
  const proxy = proxyRefusal(error);
  if (proxy === undefined && isOurs(error, code)) throw error;
  const text = error instanceof Error ? visible(error.message) : "";
  if (TLS.test(code) || (code === "" && TLS_TEXT.test(text)))
    return fail(`could not ${what}: no trusted connection to ${host} (${code === "" ? text : code})`, {
      hint: "check the endpoint, the machine's certificates and its clock",
      cause: error,
    });
  const known = proxy ?? REASONS[code] ?? (isParserError(error) ? "the answer is not HTTP" : undefined);
  const why = known ?? (text === "" ? code : text);
  const message = `could not ${what}: ${why} (${host})`;
  const hint = HINTS[code] ?? (proxy === undefined ? HINT : "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY");
  if (LASTING.has(code) || (proxy !== undefined && !/\b5\d\d$/.test(proxy)))
    return fail(message, { hint, cause: error });
  const unsent = proxy !== undefined || isUnsent(error);
  const options = { hint, cause: error, retryable: true, timedOut: TIMEOUTS.has(code), unsent };
  const outage = `could not reach ${host}: ${why}`;
  return { kind: "retry", afterMs: undefined, error: new KvError("network", message, options), outage };
}

function fail(message: string, options: { readonly hint: string; readonly cause: unknown }): Verdict {
  return { kind: "fail", error: new KvError("network", message, options) };
}

function isOurs(error: unknown, code: string): boolean {
  if (error instanceof AppError || OURS.has(code)) return true;
  const isOfLanguage = error instanceof TypeError || error instanceof ReferenceError || error instanceof SyntaxError;
  return isOfLanguage && code === "";
}

/** undici tells of a proxy that refuses in a text, with a code that means something else. */
function proxyRefusal(error: unknown): string | undefined {
  const text = error instanceof Error ? error.message : "";
  const status = /^Proxy response \((\d{3})\)|^Proxy Authentication Required \((\d{3})\)/.exec(text);
  return status === null ? undefined : `the proxy answered ${status[1] ?? status[2]}`;
}

/** undici's only error that may come without a code. */
function isParserError(error: unknown): boolean {
  return error instanceof Error && error.name === "HTTPParserError";
}

/** Whether the request that failed was certainly not sent. In doubt it may have been. */
function isUnsent(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isUnsent);
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined) return isUnsent(error.cause);
  return UNCONNECTED.has(code) || (syscall !== undefined && CONNECTING.has(syscall));
}

/** An attempt at several addresses fails with one error that holds the others. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const { code } = error as { readonly code?: unknown };
  if (typeof code === "string") return code;
  return error instanceof AggregateError ? codeOf(error.errors[0]) : codeOf(error.cause);
}
