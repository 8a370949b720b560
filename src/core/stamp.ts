// The stamp: a value's fingerprint, size and kind, carried in its KV metadata under one reserved property beside the
// user's own, so that a listing alone tells whether two values are equal.
//
// Text form: `t` or `b` (UTF-8 text, or binary: which decides whether a bulk get can read it), 22 characters of
// fingerprint, the size in base 36. Metadata that cannot take a stamp is left exactly as it is.

import { type Fingerprint, FINGERPRINT_CHARS, parseFingerprint } from "./fingerprint.ts";
import { canonicalJson, isJsonObject } from "./json.ts";
import { type Json } from "./json-value.ts";
import { METADATA_BYTES_MAX } from "./limits.ts";
import type { ByteCount } from "./clock.ts";

/** The reserved property. */
const STAMP_PROPERTY = "kvsync";

export interface Stamp {
  readonly fingerprint: Fingerprint;
  readonly size: ByteCount;
  readonly binary: boolean;
}

export interface Unstamped {
  readonly stamp: Stamp | undefined;
  /** The user's own metadata as canonical JSON text; undefined: none. */
  readonly metadata: string | undefined;
}

export function encodeStamp(stamp: Stamp): string {
  return `${stamp.binary ? "b" : "t"}${stamp.fingerprint}${stamp.size.toString(36)}`;
}

function decodeStamp(text: string): Stamp | undefined {
  const kind = text.charAt(0);
  if (kind !== "t" && kind !== "b") return undefined;
  const fingerprint = parseFingerprint(text.slice(1, 1 + FINGERPRINT_CHARS));
  const sizeText = text.slice(1 + FINGERPRINT_CHARS);
  if (fingerprint === undefined || !/^(0|[1-9a-z][0-9a-z]{0,9})$/.test(sizeText)) return undefined;
  return { fingerprint, size: Number.parseInt(sizeText, 36), binary: kind === "b" };
}

/** The metadata text to write: the user's with the stamp, or the user's alone where it cannot take one: when it is no
 * JSON object, is an empty one (which could not be told from none), has a property of the reserved name, or would
 * pass 1,024 bytes. Undefined: write no metadata. */
export function stampMetadata(metadata: string | undefined, stamp: Stamp): string | undefined {
  const text = `{"${STAMP_PROPERTY}":"${encodeStamp(stamp)}"}`;
  if (metadata === undefined) return text;
  if (!metadata.startsWith("{") || metadata === "{}" || metadata.includes(`"${STAMP_PROPERTY}"`)) return metadata;
  const stamped = `${metadata.slice(0, -1)},${text.slice(1)}`;
  return Buffer.byteLength(stamped) > METADATA_BYTES_MAX ? metadata : stamped;
}

/** Splits metadata as a listing gives it (undefined or null: none) into stamp and user metadata. */
export function unstampMetadata(listed: Json | undefined): Unstamped {
  if (listed === undefined || listed === null) return none;
  if (!isJsonObject(listed)) return { stamp: undefined, metadata: canonicalJson(listed) };
  const text = listed[STAMP_PROPERTY];
  const stamp = typeof text === "string" ? decodeStamp(text) : undefined;
  if (stamp === undefined) return { stamp, metadata: canonicalJson(listed) };
  const { [STAMP_PROPERTY]: _, ...rest } = listed;
  return { stamp, metadata: isEmpty(rest) ? undefined : canonicalJson(rest) };
}

const none: Unstamped = { stamp: undefined, metadata: undefined };

function isEmpty(object: object): boolean {
  for (const _ in object) return false;
  return true;
}
