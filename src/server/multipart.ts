// The fields of a `multipart/form-data` write: `value`, whose bytes are kept as they are, and `metadata`.
//
// Every part is taken as a file: @fastify/busboy decodes the text of plain fields, and a `value` sent without a file
// name must stay byte for byte what it was.

import { Readable } from "node:stream";
import { Busboy } from "@fastify/busboy";

/** A form has two fields that mean something; each part costs a stream, however small it is. */
const PARTS_MAX = 100;

export interface Form {
  readonly value: Buffer | undefined;
  readonly metadata: Buffer | undefined;
}

export function isMultipart(contentType: string | undefined): contentType is string {
  return contentType !== undefined && /^\s*multipart\/form-data\s*(;|$)/i.test(contentType);
}

/** Of a field sent twice the first counts; other fields are ignored. Undefined: the body is no such form, or has over 100
 * fields. */
export function parseForm(contentType: string, body: Buffer): Promise<Form | undefined> {
  return new Promise((resolve) => {
    const fields = new Map<string, Buffer>();
    const parser = openParser(contentType);
    if (parser === undefined) return resolve(undefined);
    const source = Readable.from(slicesOf(body));
    parser.on("filesLimit", () => {
      // What follows is not even looked at: half a million parts would take the parser half a minute.
      source.unpipe(parser);
      source.destroy();
      resolve(undefined);
    });
    parser.on("file", (name, stream) => {
      if ((name !== "value" && name !== "metadata") || fields.has(name)) return void stream.resume();
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", () => resolve(undefined)); // the body breaks off inside this part
      stream.on("end", () => {
        if (!fields.has(name)) fields.set(name, joined(chunks, body));
      });
    });
    parser.on("error", () => resolve(undefined));
    parser.on("finish", () => resolve({ value: fields.get("value"), metadata: fields.get("metadata") }));
    source.pipe(parser);
  });
}

/** `chunks` in one piece: where they lie in `body` one behind the other, as those of a large value do, they are not copied. */
function joined(chunks: readonly Buffer[], body: Buffer): Buffer {
  const [first] = chunks;
  let end = first?.byteOffset;
  for (const chunk of chunks) {
    if (chunk.buffer !== body.buffer || chunk.byteOffset !== end) return Buffer.concat(chunks);
    end += chunk.byteLength;
  }
  return first === undefined ? Buffer.alloc(0) : Buffer.from(body.buffer, first.byteOffset, end! - first.byteOffset);
}

const SLICE_BYTES = 64 * 1024;

function* slicesOf(body: Buffer): Generator<Buffer, void> {
  for (let at = 0; at < body.length; at += SLICE_BYTES) yield body.subarray(at, at + SLICE_BYTES);
}

/** Undefined: the content type names no boundary, for which Busboy throws. */
function openParser(contentType: string) {
  try {
    return new Busboy({
      headers: { "content-type": contentType },
      isPartAFile: () => true,
      limits: { files: PARTS_MAX },
    });
  } catch {
    return undefined;
  }
}
