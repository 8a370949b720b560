// The lines of an archive, one at a time: what is held is one line, which is at most one value.

import { VALUE_BYTES_MAX } from "../../core/limits.ts";
import { grownBytes } from "../../kv/json-items.ts";
import { BytesFault, readArchiveBytes } from "./archive-bytes.ts";

export interface ArchiveLine {
  /** From 1. */
  readonly number: number;
  /** Without its line break. The memory is used again for the next line. */
  readonly bytes: Buffer;
  /** False: the file ends, or cannot be read further, in the middle of it. */
  readonly isWhole: boolean;
  /** Why it is not whole, where that is not the end of the file. */
  readonly fault?: BytesFault | undefined;
}

const NEWLINE = 0x0a;
const NOTHING = Buffer.alloc(0);
/** A byte of a value takes up to six in JSON; key and metadata take a little. */
const LINE_BYTES_MAX = 6 * VALUE_BYTES_MAX + 65_536;

/** The last line is one that is not whole, if there is one, and may be empty then. Throws as node:fs does. */
export async function* readArchiveLines(path: string): AsyncGenerator<ArchiveLine, void> {
  /** The beginning of a line whose end is in a later chunk. */
  let held = NOTHING;
  let size = 0;
  let number = 0;
  const hold = (part: Buffer): void => {
    if (size + part.byteLength > held.byteLength) {
      const larger = Buffer.allocUnsafeSlow(grownBytes(held.byteLength, size + part.byteLength));
      held.copy(larger, 0, 0, size);
      held = larger;
    }
    part.copy(held, size);
    size += part.byteLength;
  };
  const take = (last: Buffer): Buffer => {
    if (size === 0) return last;
    hold(last);
    const line = held.subarray(0, size);
    size = 0;
    return line;
  };
  try {
    for await (const chunk of readArchiveBytes(path)) {
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
        yield { number: ++number, bytes: take(chunk.subarray(start, end)), isWhole: true };
        start = end + 1;
      }
      hold(chunk.subarray(start));
      if (size > LINE_BYTES_MAX) throw new BytesFault("damaged", 0, undefined);
    }
  } catch (error) {
    if (!(error instanceof BytesFault)) throw error;
    yield { number: number + 1, bytes: NOTHING, isWhole: false, fault: error };
    return;
  }
  if (size > 0) yield { number: number + 1, bytes: take(NOTHING), isWhole: false };
}
