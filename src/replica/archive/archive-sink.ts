// Where the bytes of an archive go: through a compressor, to whatever writes them. One frame of zstd with a checksum, since that is what
// every decoder reads to its end.

import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import { type ArchiveSink, openJoinedSink } from "./joined-sink.ts";

export type ArchiveFormat = "ndjson" | "ndjson.zst" | "ndjson.gz" | "json";

/** `out` takes all bytes in turn; the next ones wait for it. */
export function openArchiveSink(format: ArchiveFormat, out: (bytes: Uint8Array) => Promise<void>): ArchiveSink {
  if (format === "ndjson" || format === "json") return openJoinedSink(out);
  const head = compressorOf(format);
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const done = pipeline(head, async (chunks: AsyncIterable<Uint8Array>) => {
    for await (const chunk of chunks) await out(chunk);
  }).catch((error: unknown) => {
    failure = { error };
    wake?.();
  });
  const check = (): void => {
    if (failure !== undefined) throw failure.error;
  };
  /** Resolves when the compressor has taken them, or will take nothing any more. */
  const compress = async (bytes: Uint8Array): Promise<void> => {
    check();
    await new Promise<void>((resolve) => {
      wake = resolve;
      head.write(bytes, () => resolve());
    });
    check();
  };
  const joined = openJoinedSink(compress);
  return {
    ...joined,
    async end() {
      await joined.flush();
      head.end();
      await done;
      check();
    },
    async abort() {
      head.destroy();
      await Promise.all([joined.abort(), done]);
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
