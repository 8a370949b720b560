// Secrets that the status page gives out: one-time links and ids of sessions. Only their hashes are kept, so that nothing in memory, in a
// core dump say, logs anybody in.

import { hash, randomBytes, timingSafeEqual } from "node:crypto";

const TOKEN_BYTES = 32;
/** 32 bytes in base64url. */
const TOKEN = /^[\w-]{43}$/;

export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

export function hashToken(token: string): Buffer {
  return hash("sha256", token, "buffer");
}

/** In a time that tells nothing about either. */
export function isSameHash(one: Buffer, other: Buffer): boolean {
  return timingSafeEqual(one, other);
}
