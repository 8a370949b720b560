// Who may ask: an API token as a bearer, or the legacy pair of e-mail and key.

import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isLoopback, isLoopbackHost } from "../core/loopback.ts";
import { failure } from "./answer.ts";
import { Refusal, refuse } from "./refusal.ts";

/** The credential that a request carries, or a Refusal. With `token` undefined any credential will do, but there must
 * be one, and the request must come from a program of this machine: a web page must not read or write here. */
export function authorise(headers: IncomingHttpHeaders, token: string | undefined): string {
  if (token === undefined) checkLocal(headers);
  const credential = parseCredential(headers);
  if (token !== undefined && !equal(credential, token)) throw refuse(403, 10000, "Authentication error");
  return credential;
}

/** A page of another site has its own name as its origin; and as the host, where it made that name point here. */
function checkLocal({ host, origin }: IncomingHttpHeaders): void {
  if (!isLoopbackHost(host))
    throw refuse(403, 10000, "Authentication error: without a token, only localhost may be asked");
  if (origin !== undefined && !isLocalOrigin(origin))
    throw refuse(403, 10000, "Authentication error: without a token, no web page of another site may ask");
}

function isLocalOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLoopback(new URL(origin).hostname);
}

function parseCredential(headers: IncomingHttpHeaders): string {
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

/** Compared as hashes, so that neither the time it takes nor a length tells anything of the token. */
function equal(a: string, b: string): boolean {
  return timingSafeEqual(hash("sha256", a, "buffer"), hash("sha256", b, "buffer"));
}
