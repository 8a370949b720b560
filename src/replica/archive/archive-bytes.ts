// The bytes of an archive as they were before they were compressed. What a file is, its first bytes tell.
//
// Node's zstd decoder stops behind the first frame and drops what follows in silence, and its gzip decoder does so with zeros.
// So each decoder is asked how many bytes it took, and another one goes on behind them until the file is through.

import { type FileHandle, open } from "node:fs/promises";
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from "node:zlib";
import { chunksFrom } from "./read-chunks.ts";

type Compression = "none" | "gzip" | "zstd";

/** The file ends in the middle of its compressed form ("cut"), or is not as it was written ("damaged"). */
export class BytesFault extends Error {
  readonly kind: "cut" | "damaged";
  /** Of the file: where the part begins that could not be read. */
  readonly at: number;
  constructor(kind: "cut" | "damaged", at: number, cause: unknown) {
    super(`${kind} behind byte ${at}`, { cause });
    this.kind = kind;
    this.at = at;
  }
}

const CHUNK_BYTES = 262_144;

/** Throws {@link BytesFault}, and as node:fs does. */
export async function* readArchiveBytes(path: string): AsyncGenerator<Buffer, void> {
  const file = await open(path, "r");
  try {
    const compression = await compressionOf(file);
    yield* compression === "none" ? chunksFrom(file, 0) : decompressed(file, compression);
  } finally {
    await file.close();
  }
}

async function compressionOf(file: FileHandle): Promise<Compression> {
  const start = Buffer.alloc(4);
  await file.read(start, 0, 4, 0);
  if (start.readUInt32LE(0) === ZSTD_MAGIC) return "zstd";
  return start.readUInt16BE(0) === GZIP_MAGIC ? "gzip" : "none";
}

const ZSTD_MAGIC = 0xfd2fb528;
const GZIP_MAGIC = 0x1f8b;

async function* decompressed(file: FileHandle, compression: "gzip" | "zstd"): AsyncGenerator<Buffer, void> {
  const { size } = await file.stat();
  for (let at = 0; at < size;) {
    const options = { chunkSize: CHUNK_BYTES };
    const decoder = compression === "zstd" ? createZstdDecompress(options) : createGunzip(options);
    const feeding = feed(decoder, chunksFrom(file, at)).catch((error: unknown) => void decoder.destroy(error as Error));
    try {
      yield* decoder as AsyncIterable<Buffer>;
    } catch (error) {
      throw faultOf(error, at + decoder.bytesWritten);
    } finally {
      decoder.destroy();
      // A read that is under way must end before the file is closed.
      await feeding;
    }
    if (decoder.bytesWritten === 0) throw new BytesFault("damaged", at, undefined);
    at += decoder.bytesWritten;
  }
}

/** Each chunk is written when the one before it is used up, since they come in the same memory. */
async function feed(decoder: Gunzip | ZstdDecompress, chunks: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of chunks) {
    await new Promise<void>((resolve) => {
      decoder.once("close", resolve);
      decoder.write(chunk, () => {
        decoder.off("close", resolve);
        resolve();
      });
    });
    if (decoder.destroyed || decoder.readableEnded) return;
  }
  decoder.end();
}

function faultOf(error: unknown, at: number): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "Z_BUF_ERROR") return new BytesFault("cut", at, error);
  return /^(?:Z|ZSTD)_/i.test(code) ? new BytesFault("damaged", at, error) : error;
}
