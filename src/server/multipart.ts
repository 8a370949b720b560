// The fields of a `multipart/form-data` write as they arrive: `value`, whose bytes are kept as they are, and `metadata`, which may come before it
// or after it.
//
// Every part is taken as a file: @fastify/busboy decodes the text of plain fields, and a `value` sent without a file
// name must stay byte for byte what it was.

import type { Readable, Writable } from "node:stream";
import { Busboy } from "@fastify/busboy";
import type { ByteCount } from "../core/clock.ts";
import { receiveValue, type ReceivedValue } from "./receive-value.ts";
import type { RequestBody } from "./request-body.ts";
import type { Store } from "./store/store.ts";

/** A form has two fields that mean something; each part costs a stream, however small it is. */
const PARTS_MAX = 100;
/** What is longer than metadata may be by so much is not held, whatever it is. */
const METADATA_FIELD_BYTES_MAX = 1024 * 1024;

export interface Form {
  readonly value: ReceivedValue | undefined;
  readonly metadata: MetadataField | undefined;
}

export interface MetadataField {
  readonly byteLength: ByteCount;
  /** Undefined: it is much too long. */
  readonly bytes: Buffer | undefined;
}

export function isMultipart(contentType: string | undefined): contentType is string {
  return contentType !== undefined && /^\s*multipart\/form-data\s*(;|$)/i.test(contentType);
}

/** Of a field sent twice the first counts; other fields are ignored. Undefined: the body is no such form, or has over 100
 * fields; then some of it may be unread. Rejects as the body and the store do. */
export async function receiveForm(contentType: string, body: RequestBody, store: Store): Promise<Form | undefined> {
  const parser = openParser(contentType);
  if (parser === undefined) return undefined;
  const fields: { value?: Promise<ReceivedValue>; metadata?: Promise<MetadataField> } = {};
  const streams: Readable[] = [];
  const parsed = openVerdict();
  parser.on("file", (name, stream) => {
    streams.push(stream);
    stream.on("error", () => undefined); // that the body breaks off is told by the parser as well
    if (name === "value" && fields.value === undefined) fields.value = receiveValue(stream, store);
    else if (name === "metadata" && fields.metadata === undefined) fields.metadata = receiveMetadata(stream);
    else return void stream.resume();
    Promise.all([fields.value, fields.metadata]).catch((error: unknown) => parsed.fail(error));
  });
  // What follows is not even looked at: half a million parts would take the parser half a minute.
  parser.on("filesLimit", () => parsed.tell("no-form"));
  parser.on("error", () => parsed.tell("no-form"));
  parser.on("finish", () => parsed.tell("form"));
  try {
    for await (const chunk of body.chunks()) {
      if (!parser.write(chunk) && !parsed.isTold) await Promise.race([drained(parser), parsed.promise]);
      if (parsed.isTold) break;
    }
    parser.end();
    if ((await parsed.promise) === "no-form") return undefined;
    return { value: await fields.value, metadata: await fields.metadata };
  } finally {
    // Those that have ended are not affected. The others' readers would wait for ever.
    for (const stream of streams) stream.destroy(new Error("the rest of the form is not read"));
  }
}

/** What a parser makes of a body, as soon as it is known. */
interface Verdict {
  readonly promise: Promise<"form" | "no-form">;
  readonly isTold: boolean;
  tell(outcome: "form" | "no-form"): void;
  fail(error: unknown): void;
}

function openVerdict(): Verdict {
  const { promise, resolve, reject } = Promise.withResolvers<"form" | "no-form">();
  let isTold = false;
  promise.catch(() => undefined); // who asks for it is told
  return {
    promise,
    get isTold() {
      return isTold;
    },
    tell(outcome) {
      isTold = true;
      resolve(outcome);
    },
    fail(error) {
      isTold = true;
      reject(error);
    },
  };
}

async function receiveMetadata(chunks: AsyncIterable<Buffer>): Promise<MetadataField> {
  const held: Buffer[] = [];
  let byteLength = 0;
  for await (const chunk of chunks) {
    byteLength += chunk.length;
    if (byteLength <= METADATA_FIELD_BYTES_MAX) held.push(chunk);
  }
  return { byteLength, bytes: byteLength <= METADATA_FIELD_BYTES_MAX ? Buffer.concat(held) : undefined };
}

function drained(parser: Writable): Promise<void> {
  return new Promise((resolve) => parser.once("drain", () => resolve()));
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
