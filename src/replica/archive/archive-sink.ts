// Where the lines of an archive go: through a compressor, to whatever writes them. One frame of zstd with a checksum, since that is what
// every decoder reads to its end.

import { PassThrough, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";

export type ArchiveFormat = "ndjson" | "ndjson.zst" | "ndjson.gz";

export interface ArchiveSink {
  /** Resolves when more may follow. Rejects with what `out` failed with. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when `out` has taken everything. */
  end(): Promise<void>;
  /** Nothing more is written. */
  abort(): Promise<void>;
}

/** `out` takes all bytes in turn; the next ones wait for it. */
export function openArchiveSink(format: ArchiveFormat, out: (bytes: Uint8Array) => Promise<void>): ArchiveSink {
  const head = compressorOf(format);
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const done = pipeline(head, async (chunks: AsyncIterable<Uint8Array>) => {
    for await (const chunk of chunks) await out(chunk);
  }).catch((error: unknown) => {
    failure = { error };
    wake?.();
  });
  head.on("drain", () => wake?.());
  const check = (): void => {
    if (failure !== undefined) throw failure.error;
  };
  return {
    async write(bytes) {
      check();
      if (head.write(bytes)) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (failure !== undefined || !head.writableNeedDrain) resolve();
      });
      check();
    },
    async end() {
      if (failure === undefined) head.end();
      await done;
      check();
    },
    async abort() {
      head.destroy();
      await done;
    },
  };
}

function compressorOf(format: ArchiveFormat): Transform {
  switch (format) {
    case "ndjson":
      return new PassThrough();
    case "ndjson.gz":
      return createGzip();
    case "ndjson.zst":
      return createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  }
}
