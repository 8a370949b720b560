// The fingerprint of a value: the first 128 bits of the SHA-256 of its bytes, as 22 characters of base64url.
// 128 bits leave no chance of a collision among any number of values that KV can hold, and keep stamps short.

import { hash } from "node:crypto";

declare const fingerprintBrand: unique symbol;

/** 22 base64url characters: 128 bits of a value's SHA-256. */
export type Fingerprint = string & { readonly [fingerprintBrand]: true };

export const FINGERPRINT_CHARS = 22;
const pattern = /^[A-Za-z0-9_-]{21}[AQgw]$/;

/** Of the value that is being hashed. A buffer of its own for each takes half as long again, and garbage collections. */
const digest = Buffer.alloc(32);

export function fingerprintOf(bytes: Uint8Array): Fingerprint {
  digest.write(hash("sha256", bytes, "binary"), "binary");
  return digest.toString("base64url", 0, 16) as Fingerprint;
}

/** `text` as a fingerprint, or undefined if it has not the form of one. */
export function parseFingerprint(text: string): Fingerprint | undefined {
  return pattern.test(text) ? (text as Fingerprint) : undefined;
}

/** The SHA-256 of a value, as 64 hexadecimal digits. */
export function sha256Of(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}

/** Of the value whose SHA-256 is `sha256`, as 64 hexadecimal digits. */
export function fingerprintOfSha256(sha256: string): Fingerprint {
  return Buffer.from(sha256.slice(0, 32), "hex").toString("base64url") as Fingerprint;
}
