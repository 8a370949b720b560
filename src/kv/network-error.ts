// A request that got no answer, told apart: try again, tell about the certificate, or let a bug be a bug.

import { KvError } from "./kv-error.ts";
import type { Verdict } from "./judge-answer.ts";

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was reset",
  ECONNABORTED: "the connection was reset",
  EPIPE: "the connection was closed",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name could not be looked up",
  EHOSTUNREACH: "the host cannot be reached",
  EHOSTDOWN: "the host is down",
  ENETUNREACH: "the network cannot be reached",
  ENETDOWN: "the network is down",
  EADDRNOTAVAIL: "no local address is free",
  ETIMEDOUT: "the connection timed out",
  UND_ERR_CONNECT_TIMEOUT: "connecting timed out",
  UND_ERR_HEADERS_TIMEOUT: "no answer came in time",
  UND_ERR_BODY_TIMEOUT: "the answer stopped half-way",
  UND_ERR_SOCKET: "the connection was closed",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "the answer was cut short",
  UND_ERR_INFO: "the connection was reset",
};

/** Once connected: the server may have done, or still do, what was asked. */
const TIMEOUTS = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);

const TLS = /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO$)/;

/** @throws `error` itself when it is none of the network's: a bug, or the failure of a request body's source. */
export function judgeNetworkError(error: unknown, what: string, host: string): Verdict {
  const code = codeOf(error);
  if (TLS.test(code))
    return {
      kind: "fail",
      error: new KvError("network", `could not ${what}: no trusted connection to ${host} (${code})`, {
        hint: "check the endpoint, the machine's certificates and its clock",
      }),
    };
  const reason = REASONS[code] ?? (isParserError(error) ? "the answer is not HTTP" : undefined);
  if (reason === undefined) throw error;
  return {
    kind: "retry",
    afterMs: undefined,
    error: new KvError("network", `could not ${what}: ${reason} (${host})`, {
      hint: "check the network and the account's endpoint",
      retryable: true,
      timedOut: TIMEOUTS.has(code),
    }),
  };
}

/** undici's only error that may come without a code. */
function isParserError(error: unknown): boolean {
  return error instanceof Error && error.name === "HTTPParserError";
}

/** An attempt at several addresses fails with one error that holds the others. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const { code } = error as { readonly code?: unknown };
  if (typeof code === "string") return code;
  return error instanceof AggregateError ? codeOf(error.errors[0]) : codeOf(error.cause);
}
