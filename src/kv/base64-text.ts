// Base64 as people write it: with or without padding, and with line breaks in it. Buffer.from skips whatever is not base64, so
// that a damaged value would become another one: what is not, is refused here.

/** Of base64: a multiple of 4. A large value as one string would take twice its size. */
const PIECE_CHARS = 1_048_576;
const INSIDE = /^[A-Za-z0-9+/]*$/;
const END = /^[A-Za-z0-9+/]*={0,2}$/;

/** Undefined: it is no base64. */
export function decodeBase64(text: string): Buffer | undefined {
  const whole = text.replace(/\s+/g, "");
  return isEnd(whole) ? Buffer.from(whole, "base64") : undefined;
}

/** As {@link decodeBase64}, of text in `bytes`, which are overwritten: what is given is a part of them. */
export function decodeBase64InPlace(bytes: Buffer): Buffer | undefined {
  let carry = "";
  let size = 0;
  let length = bytes.byteLength;
  while (length > 0 && isBlank(bytes[length - 1]!)) length--;
  for (let at = 0; at < length; at += PIECE_CHARS) {
    const end = Math.min(at + PIECE_CHARS, length);
    const isLast = end === length;
    const text = bytes.toString("latin1", at, end);
    if (!isLast && carry === "" && isPlain(text)) {
      const written = bytes.write(text, size, "base64");
      if (written !== (PIECE_CHARS / 4) * 3) return undefined;
      size += written;
      continue;
    }
    const piece = carry + text.replace(/\s+/g, "");
    const whole = isLast ? piece : piece.slice(0, piece.length - (piece.length % 4));
    carry = piece.slice(whole.length);
    if (isLast ? !isEnd(whole) : !INSIDE.test(whole)) return undefined;
    size += bytes.write(whole, size, "base64");
  }
  return bytes.subarray(0, size);
}

/** Nothing that Buffer takes and base64 has not, nor anything that it skips and we take. What else it skips shows in what it
 * makes of it, which is shorter then: an expression that looks at each character takes ten times as long as decoding it. */
function isPlain(text: string): boolean {
  return !/[-_]/.test(text) && !/\s/.test(text);
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function isEnd(text: string): boolean {
  return END.test(text) && text.replace(/=+$/, "").length % 4 !== 1;
}
