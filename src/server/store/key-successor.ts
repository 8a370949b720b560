// Where the keys with a prefix end, for databases that look keys up by ranges.

/** The least byte string above all that begin with `prefix`; UTF-8 has no byte 0xff, so the last one can be raised. */
export function successor(prefix: string): Buffer {
  const bytes = Buffer.from(prefix);
  const last = bytes.length - 1;
  bytes[last] = (bytes[last] ?? 0) + 1;
  return bytes;
}
