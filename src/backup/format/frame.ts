// One frame of zstd with a checksum of its content: how everything in a repository is compressed. What is small is compressed
// where it is asked for, and what is large beside the event loop.

import { promisify } from "node:util";
import {
  constants,
  createZstdCompress,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
  type ZstdOptions,
} from "node:zlib";
import type { ByteCount } from "../../core/clock.ts";

/** Takes about a millisecond. */
const SYNC_BYTES_MAX: ByteCount = 262_144;
const CHUNK_BYTES_MIN: ByteCount = 64;

const compressBeside = promisify(zstdCompress);
const decompressBeside = promisify(zstdDecompress);

/** `dictionary`: bytes that `plain` is likely to share, which its reader has too. */
export async function compressFrame(plain: Uint8Array, dictionary?: Uint8Array): Promise<Buffer> {
  const size = plain.byteLength;
  const options: ZstdOptions = {
    params: { [constants.ZSTD_c_checksumFlag]: 1 },
    // What does not compress grows by less than this. In one piece, nothing is copied.
    chunkSize: size + (size >> 8) + 512,
    ...(dictionary !== undefined && { dictionary }),
  };
  return size <= SYNC_BYTES_MAX ? zstdCompressSync(plain, options) : compressBeside(plain, options);
}

/** Likewise, in parts, of a value that is so large that nobody wants its frame in memory beside it. */
export function compressInParts(plain: Uint8Array): AsyncIterable<Uint8Array> {
  const params = { [constants.ZSTD_c_checksumFlag]: 1 };
  const compressor = createZstdCompress({ params, chunkSize: PART_BYTES, pledgedSrcSize: plain.byteLength });
  compressor.end(plain);
  return compressor as AsyncIterable<Uint8Array>;
}

const PART_BYTES: ByteCount = 262_144;

export interface FrameFacts {
  /** Of the plain bytes, at most. */
  readonly sizeMax: ByteCount;
  readonly dictionary?: Uint8Array | undefined;
}

/** Undefined: `frame` is no whole frame, was not made with this dictionary, or holds more than `sizeMax`. */
export async function decompressFrame(
  frame: Uint8Array,
  { sizeMax, dictionary }: FrameFacts,
): Promise<Buffer | undefined> {
  const options: ZstdOptions = {
    maxOutputLength: Math.max(sizeMax, 1),
    chunkSize: chunkSizeOf(frame, sizeMax),
    ...(dictionary !== undefined && { dictionary }),
  };
  try {
    return sizeMax <= SYNC_BYTES_MAX ? zstdDecompressSync(frame, options) : await decompressBeside(frame, options);
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

const CHUNK_BYTES_MAX: ByteCount = 26_214_400;
/** A larger `sizeMax` is a bound, and not the size: it says nothing of how much room is needed. */
const GUESSED_BYTES_MIN: ByteCount = 65_536;
const GUESSED_RATIO = 8;

/** In one piece, nothing is copied. One byte more than that: when a chunk is full, another one is made before it is known that
 * nothing follows. */
function chunkSizeOf(frame: Uint8Array, sizeMax: ByteCount): ByteCount {
  if (sizeMax <= CHUNK_BYTES_MAX) return Math.max(sizeMax, CHUNK_BYTES_MIN) + 1;
  return Math.min(Math.max(frame.byteLength * GUESSED_RATIO, GUESSED_BYTES_MIN), CHUNK_BYTES_MAX);
}

function isDamage(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code === "ERR_BUFFER_TOO_LARGE" || /^(?:Z|ZSTD)_/i.test(code);
}
