// Where the bytes of an archive go: through a compressor, to whatever writes them. One frame of zstd with a checksum, since that is what
// every decoder reads to its end.

import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import { type ArchiveSink, openPlainSink } from "./plain-sink.ts";

export type ArchiveFormat = "ndjson" | "ndjson.zst" | "ndjson.gz" | "json";

/** `out` takes all bytes in turn; the next ones wait for it. */
export function openArchiveSink(format: ArchiveFormat, out: (bytes: Uint8Array) => Promise<void>): ArchiveSink {
  if (format === "ndjson" || format === "json") return openPlainSink(out);
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

function compressorOf(format: "ndjson.zst" | "ndjson.gz"): Transform {
  switch (format) {
    case "ndjson.gz":
      return createGzip();
    case "ndjson.zst":
      return createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  }
}
