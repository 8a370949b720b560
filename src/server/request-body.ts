// Reads a request's body into memory, up to what the gateway lets through.

import type { IncomingMessage } from "node:http";

/** 100 MB at the gateway; read as binary, since which of the two it is is unknown and clients stay below both. */
const BODY_BYTES_MAX = 100 * 1024 * 1024;

const empty = Buffer.alloc(0);

/** The whole body; undefined if it is larger than the gateway allows, known as soon as that is. Rejects if the client
 * goes away. */
export async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const announced = request.headers["content-length"];
  if (Number(announced ?? 0) > BODY_BYTES_MAX) return undefined;
  if (announced !== undefined) return readAnnounced(request, Number(announced));
  if (request.headers["transfer-encoding"] === undefined) return empty;
  return readChunked(request);
}

/** Straight into one buffer: a body of 100 MB is not held twice. */
function readAnnounced(request: IncomingMessage, length: number): Promise<Buffer> {
  if (length === 0) return Promise.resolve(empty);
  const body = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  return received(request, (chunk) => {
    filled += chunk.copy(body, filled);
  }).then(() => body);
}

function readChunked(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    const ended = received(request, (chunk) => {
      length += chunk.length;
      if (length <= BODY_BYTES_MAX) chunks.push(chunk);
      else resolve(undefined);
    });
    ended.then(() => resolve(Buffer.concat(chunks)), reject);
  });
}

/** Resolves when the body has come to its end; node:http has then checked its length. */
function received(request: IncomingMessage, onChunk: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error("the client went away"));
    // It may have gone while the request before it on its connection was carried out.
    if (request.destroyed) return gone();
    request.on("data", onChunk);
    request.on("end", resolve);
    request.on("error", reject);
    request.on("close", gone);
  });
}
