// A file from its beginning to its end, in one buffer that is used again: a file of gigabytes would else leave gigabytes to the
// garbage collector.

import { type FileHandle, open } from "node:fs/promises";

const CHUNK_BYTES = 262_144;

/** Each chunk is good until the next is asked for. Throws as node:fs does. */
export async function* readChunks(path: string): AsyncGenerator<Buffer, void> {
  const file = await open(path, "r");
  try {
    yield* chunksFrom(file, 0);
  } finally {
    await file.close();
  }
}

/** As {@link readChunks}, from byte `start` on. */
export async function* chunksFrom(file: FileHandle, start: number): AsyncGenerator<Buffer, void> {
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  for (let at = start; ;) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}
