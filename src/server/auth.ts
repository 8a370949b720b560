// Who may ask: an API token as a bearer, or the legacy pair of e-mail and key.

import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { failure } from "./answer.ts";
import { Refusal, refuse } from "./refusal.ts";

/** The credential that a request carries, or a Refusal. With `token` undefined any credential will do, but there must
 * be one: a browser cannot send it to another origin without asking first, and is refused then. */
export function authorise(headers: IncomingHttpHeaders, token: string | undefined): string {
  const credential = parseCredential(headers);
  if (token !== undefined && !equal(credential, token)) throw refuse(403, 10000, "Authentication error");
  return credential;
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
