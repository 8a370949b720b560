// The lines of an NDJSON object that is in memory.

const LINE_END = 0x0a;

/** Without their line breaks. */
export function* splitLines(bytes: Uint8Array): Generator<Uint8Array, void> {
  for (let at = 0; at < bytes.byteLength;) {
    const end = bytes.indexOf(LINE_END, at);
    yield bytes.subarray(at, end === -1 ? bytes.byteLength : end);
    at = end === -1 ? bytes.byteLength : end + 1;
  }
}
