// Reading JSON straight from bytes, for the one answer that is large: strings go from bytes to bytes, and nothing is made
// of what is passed over. (JSON.parse needs the text as a string first, and puts all strings of a long text where
// only a full garbage collection finds them: 40 % of the time of a pull went there.)
//
// It takes what JSON.parse takes, and what it does not understand it refuses: the caller then asks JSON.parse.

import { parseJson } from "../core/json.ts";

/** Thrown where the bytes are not what was asked for. */
export class NotScanned extends Error {
  override readonly name = "NotScanned";
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** The bytes of `null`. */
const NULL = 0x6e756c6c;

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Whether none of four bytes is a quote, a backslash or a control character: in each term the high bit is set of a byte
 * that is one (or, by a borrow, that comes after one). Four at a time take half the time of one by one. */
function isPlain(four: number): boolean {
  const quotes = four ^ 0x22222222;
  const backslashes = four ^ 0x5c5c5c5c;
  const found =
    ((quotes - 0x01010101) & ~quotes) | ((backslashes - 0x01010101) & ~backslashes) | ((four - 0x20202020) & ~four);
  return (found & 0x80808080) === 0;
}

/** A name with one of these is JSON's to read, or to refuse. */
// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
const NOT_AS_IT_IS = /[\\\0-\x1f]/;

/** What follows a backslash, and the byte that it stands for. */
const ESCAPES = new Uint8Array(256);
for (const [escape, byte] of ['""', "\\\\", "//", "b\b", "f\f", "n\n", "r\r", "t\t"])
  ESCAPES[escape!.charCodeAt(0)] = byte!.charCodeAt(0);
const UNICODE_ESCAPE = 0x75;

export class JsonScanner {
  readonly #bytes: Buffer;
  readonly #from: DataView;
  readonly #out: Buffer;
  readonly #to: DataView;
  #at = 0;
  #used = 0;

  /** `bytes`: valid UTF-8. `out`: where its strings go, as large as `bytes`; it may be `bytes`, of
   * which what was read is not needed any more. */
  constructor(bytes: Buffer, out: Buffer = Buffer.allocUnsafeSlow(bytes.length)) {
    this.#bytes = bytes;
    this.#from = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // No string is longer than its JSON.
    this.#out = out;
    this.#to = new DataView(out.buffer, out.byteOffset, out.byteLength);
  }

  /** Calls `onMember` for each member of the object that is next; it must read or skip the value. */
  readObject(onMember: (name: string) => void): void {
    this.#expect(OPEN_BRACE);
    if (this.#take(CLOSE_BRACE)) return;
    do {
      const name = this.#readName();
      this.#expect(COLON);
      onMember(name);
    } while (this.#take(COMMA));
    this.#expect(CLOSE_BRACE);
  }

  /** Whether an object is next. */
  get isObject(): boolean {
    this.#skipSpace();
    return this.#bytes[this.#at] === OPEN_BRACE;
  }

  /** Whether a string is next. */
  get isText(): boolean {
    this.#skipSpace();
    return this.#bytes[this.#at] === QUOTE;
  }

  /** The UTF-8 of the string that is next; undefined if it is none, since it has half of a surrogate pair. */
  readText(): Uint8Array | undefined {
    this.#expect(QUOTE);
    const bytes = this.#bytes;
    const out = this.#out;
    const start = this.#used;
    const last = (bytes.length - 4) | 0;
    let isText = true;
    let at = this.#at | 0;
    let used = start | 0;
    for (;;) {
      while (at <= last) {
        const four = this.#from.getInt32(at, true);
        if (!isPlain(four)) break;
        this.#to.setInt32(used, four, true);
        at = (at + 4) | 0;
        used = (used + 4) | 0;
      }
      const byte = bytes[at];
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        this.#at = at;
        this.#used = used;
        if (!this.#copyEscape()) isText = false;
        at = this.#at | 0;
        used = this.#used | 0;
        continue;
      }
      if (byte === undefined || byte < 0x20) throw new NotScanned();
      out[used] = byte;
      at = (at + 1) | 0;
      used = (used + 1) | 0;
    }
    this.#at = at + 1;
    this.#used = used;
    return isText ? out.subarray(start, used) : undefined;
  }

  /** Copies what the escape that is next stands for. False: half of a surrogate pair, which is not copied. */
  #copyEscape(): boolean {
    const escape = this.#bytes[this.#at + 1];
    if (escape === undefined) throw new NotScanned();
    if (escape !== UNICODE_ESCAPE) {
      const meant = ESCAPES[escape]!;
      if (meant === 0) throw new NotScanned();
      this.#out[this.#used++] = meant;
      this.#at += 2;
      return true;
    }
    let code = this.#readCodeUnit();
    if (code >= 0xd800 && code < 0xdc00 && this.#bytes[this.#at] === BACKSLASH) {
      const before = this.#at;
      const low = this.#bytes[this.#at + 1] === UNICODE_ESCAPE ? this.#readCodeUnit() : 0;
      if (low >= 0xdc00 && low < 0xe000) code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      else this.#at = before;
    }
    if (code >= 0xd800 && code < 0xe000) return false;
    this.#used += this.#out.write(String.fromCodePoint(code), this.#used, "utf8");
    return true;
  }

  /** Of the escape that is next, which has four hexadecimal digits. */
  #readCodeUnit(): number {
    const text = this.#bytes.toString("latin1", this.#at + 2, this.#at + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(text)) throw new NotScanned();
    this.#at += 6;
    return Number.parseInt(text, 16);
  }

  /** The value that is next, as parseJson has it. */
  readJson(): unknown {
    this.#skipSpace();
    const start = this.#at;
    if (this.#bytes.readUIntBE(Math.min(start, this.#bytes.length - 4), 4) === NULL) {
      this.#at += 4;
      return null;
    }
    this.#skipValue();
    try {
      return parseJson(this.#bytes.toString("utf8", start, this.#at));
    } catch {
      throw new NotScanned();
    }
  }

  /** Throws unless nothing but space is left. */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#bytes.length) throw new NotScanned();
  }

  /** To the end of a value, if it is one: brackets are counted, and strings passed over. */
  #skipValue(): void {
    const bytes = this.#bytes;
    let depth = 0;
    for (; this.#at < bytes.length; this.#at++) {
      const byte = bytes[this.#at];
      if (byte === QUOTE) this.#skipString();
      else if (byte === OPEN_BRACE || byte === 0x5b) depth++;
      else if (byte === CLOSE_BRACE || byte === 0x5d || byte === COMMA) {
        if (depth === 0) return;
        if (byte !== COMMA) depth--;
      }
    }
  }

  /** From a quote to the one that ends the string. */
  #skipString(): void {
    const bytes = this.#bytes;
    for (let at = this.#at + 1; at < bytes.length; at++) {
      if (bytes[at] === BACKSLASH) at++;
      else if (bytes[at] === QUOTE) {
        this.#at = at;
        return;
      }
    }
    throw new NotScanned();
  }

  #readName(): string {
    this.#skipSpace();
    if (this.#bytes[this.#at] !== QUOTE) throw new NotScanned();
    const start = this.#at;
    this.#skipString();
    const end = ++this.#at;
    const text = this.#bytes.toString("utf8", start + 1, end - 1);
    if (!NOT_AS_IT_IS.test(text)) return text;
    try {
      return JSON.parse(`"${text}"`) as string;
    } catch {
      throw new NotScanned();
    }
  }

  #skipSpace(): void {
    while (isSpace(this.#bytes[this.#at])) this.#at++;
  }

  #take(byte: number): boolean {
    this.#skipSpace();
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  #expect(byte: number): void {
    if (!this.#take(byte)) throw new NotScanned();
  }
}
