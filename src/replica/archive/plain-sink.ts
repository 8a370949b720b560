// Lines on their way to where they are written as they are: joined, since each write has its price, and a line is short.

import type { ByteCount } from "../../core/clock.ts";

export interface ArchiveSink {
  /** Resolves when more may follow. Rejects with what `out` failed with. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when `out` has taken everything. */
  end(): Promise<void>;
  /** Nothing more is written. */
  abort(): Promise<void>;
}

export interface PlainSink extends ArchiveSink {
  /** Resolves when all that was written so far is where it goes. */
  flush(): Promise<void>;
}

const JOINED_BYTES: ByteCount = 262_144;

/** `out` takes all bytes in turn; the next ones wait for it. */
export function openPlainSink(out: (bytes: Uint8Array) => Promise<void>): PlainSink {
  const joined = Buffer.allocUnsafeSlow(JOINED_BYTES);
  let used = 0;
  const flush = async (): Promise<void> => {
    if (used === 0) return;
    const size = used;
    used = 0;
    await out(joined.subarray(0, size));
  };
  return {
    async write(bytes) {
      if (used + bytes.byteLength > JOINED_BYTES) await flush();
      if (bytes.byteLength > JOINED_BYTES) {
        await out(bytes);
        return;
      }
      joined.set(bytes, used);
      used += bytes.byteLength;
    },
    flush,
    end: flush,
    abort: async () => {
      used = 0;
    },
  };
}
