// The credential that a request carries: an API token as a bearer, or the legacy pair of e-mail and key, of which the key counts.

import type { IncomingHttpHeaders } from "node:http";
import { isLoopback, isLoopbackHost } from "../../core/loopback.ts";
import { failure } from "../answer.ts";
import { authenticationError, Refusal, refuse } from "../refusal.ts";

/** Throws a Refusal for a request of which a web page could be the author: where any credential will do, a page of another site must not
 * read or write. Such a page has its own name as its origin; and as the host, where it made that name point here. */
export function checkLocal({ host, origin }: IncomingHttpHeaders): void {
  if (!isLoopbackHost(host)) throw authenticationError("without a token, only localhost may be asked");
  if (origin !== undefined && !isLocalOrigin(origin))
    throw authenticationError("without a token, no web page of another site may ask");
}

function isLocalOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLoopback(new URL(origin).hostname);
}

/** The token or key, or a Refusal. */
export function parseCredential(headers: IncomingHttpHeaders): string {
  const { authorization } = headers;
  const key = headers["x-auth-key"];
  const email = headers["x-auth-email"];
  if (authorization !== undefined) {
    const bearer = /^Bearer +(\S+)$/i.exec(authorization.trim())?.[1];
    if (bearer === undefined) throw malformed(6111, "Invalid format for Authorization header");
    return bearer;
  }
  if (key === undefined && email === undefined) {
    throw refuse(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers");
  }
  if (typeof key !== "string" || key === "") throw malformed(6103, "Invalid format for X-Auth-Key header");
  if (typeof email !== "string" || email === "") throw malformed(6102, "Invalid format for X-Auth-Email header");
  return key;
}

function malformed(code: number, message: string): Refusal {
  const error = { code: 6003, message: "Invalid request headers", error_chain: [{ code, message }] };
  return new Refusal(failure(400, error));
}
