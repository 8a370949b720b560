// The keys of one change, as one row of the log has them: bytes, with a byte 0xff between two keys, which UTF-8 has nowhere.

import { CHANGE_KEYS_MAX } from "../store.ts";

const BETWEEN = Buffer.of(0xff);

/** A row for each CHANGE_KEYS_MAX of them. */
export function encodeChanges(keys: readonly Uint8Array[]): Buffer[] {
  const rows: Buffer[] = [];
  for (let at = 0; at < keys.length; at += CHANGE_KEYS_MAX) {
    const pieces = keys.slice(at, at + CHANGE_KEYS_MAX).flatMap((key, i) => (i === 0 ? [key] : [BETWEEN, key]));
    rows.push(Buffer.concat(pieces));
  }
  return rows;
}

export function decodeChange(row: Buffer): string[] {
  const keys: string[] = [];
  for (let from = 0; ;) {
    const end = row.indexOf(0xff, from);
    keys.push(row.toString("utf8", from, end < 0 ? row.byteLength : end));
    if (end < 0) return keys;
    from = end + 1;
  }
}
