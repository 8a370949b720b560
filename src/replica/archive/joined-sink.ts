// Lines on their way to where they are written, joined: each write has its price, and a line is short. While one buffer is
// being written, the other one is filled.

import type { ByteCount } from "../../core/clock.ts";

export interface ArchiveSink {
  /** Resolves when more may follow, and `bytes` are not needed any more. Rejects with what writing has failed with. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when all that was written so far is where it goes. */
  flush(): Promise<void>;
  /** Resolves when everything is where it goes, and nothing follows. */
  end(): Promise<void>;
  /** Nothing more is written. */
  abort(): Promise<void>;
}

const JOINED_BYTES: ByteCount = 262_144;

/** `out` takes all bytes in turn, and keeps none of them after its promise; the next ones wait for it. */
export function openJoinedSink(out: (bytes: Uint8Array) => Promise<void>): ArchiveSink {
  let filling = Buffer.allocUnsafeSlow(JOINED_BYTES);
  let other = Buffer.allocUnsafeSlow(JOINED_BYTES);
  let used = 0;
  let failure: { readonly error: unknown } | undefined;
  let writing: Promise<void> | undefined;
  const settled = async (): Promise<void> => {
    await writing;
    if (failure !== undefined) throw failure.error;
  };
  const begin = async (): Promise<void> => {
    await settled();
    if (used === 0) return;
    const bytes = filling.subarray(0, used);
    [filling, other] = [other, filling];
    used = 0;
    writing = out(bytes).catch((error: unknown) => {
      failure = { error };
    });
  };
  const flush = async (): Promise<void> => {
    await begin();
    await settled();
  };
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.byteLength;) {
        const end = Math.min(at + JOINED_BYTES - used, bytes.byteLength);
        filling.set(bytes.subarray(at, end), used);
        used += end - at;
        at = end;
        if (used === JOINED_BYTES) await begin();
      }
    },
    flush,
    end: flush,
    async abort() {
      used = 0;
      await writing;
    },
  };
}
