// The answers of object storage, read: whole objects, parts, and what is told about them. What claims to have stored or read an object has to name its
// ETag: the login page of a network answers 200, too.

import type { ByteCount, EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { collectBytes } from "../../kv/collect-bytes.ts";
import { declaredLength, isDelimited } from "../../kv/request-loop.ts";
import type { HttpAnswer } from "../../kv/transport.ts";
import { headerOf } from "./s3-requests.ts";
import { shortObject } from "./short-object.ts";
import type { Range, StoredObject } from "./store.ts";

/** No object of a repository is larger: a value of 25 MiB in a pack of its own. */
const OBJECT_BYTES_MAX: ByteCount = 1_000_000_000;

export function requireTag(answer: HttpAnswer, what: string, host: string): void {
  if (headerOf(answer, "etag") !== undefined) return;
  answer.body.drop();
  throw notStorage(what, host);
}

export function notStorage(what: string, host: string): AppError {
  return new AppError("store-failed", `could not ${what}: ${host} does not answer as object storage`, {
    hint: "check the endpoint, and proxies on the way to it",
  });
}

/** Undefined: the answer does not say what it must. */
export function objectOf(name: string, answer: HttpAnswer, size: number | undefined): StoredObject | undefined {
  const modified = Date.parse(headerOf(answer, "last-modified") ?? "");
  if (size === undefined || Number.isNaN(modified) || headerOf(answer, "etag") === undefined) return undefined;
  return { name, size, modified: modified as EpochMs };
}

/** Told as undici tells of a body that ends too soon, so that it is tried again. */
class CutAnswerError extends Error {
  readonly code = "UND_ERR_RES_CONTENT_LENGTH_MISMATCH";
}

export async function readSmall(answer: HttpAnswer, bytesMax = 1_000_000): Promise<Buffer> {
  const bytes = await collectBytes(answer.body, bytesMax);
  if (bytes !== undefined) return Buffer.from(bytes);
  answer.body.drop();
  throw new CutAnswerError("the answer is too long");
}

export async function readWhole(answer: HttpAnswer): Promise<Uint8Array> {
  if (!isDelimited(answer.headers)) {
    answer.body.drop();
    throw new CutAnswerError("the answer does not say where it ends");
  }
  const length = declaredLength(answer.headers);
  const bytes = await collectBytes(answer.body, OBJECT_BYTES_MAX, { length });
  if (bytes === undefined) answer.body.drop();
  if (bytes !== undefined && (length === undefined || bytes.byteLength === length)) return bytes;
  throw new CutAnswerError(`${bytes?.byteLength} bytes came of ${length}`);
}

/** The bytes of `range`, from an answer with these alone or with the whole object. */
export async function readRange(
  answer: HttpAnswer,
  object: { readonly name: string; readonly label: string; readonly range: Range },
): Promise<Uint8Array> {
  const { at, length } = object.range;
  const size = sizeOf(answer);
  if (answer.status === 416 || (size !== undefined && size < at + length)) {
    answer.body.drop();
    throw shortObject({ ...object, size: size ?? 0 });
  }
  const from = answer.status === 206 ? rangeOf(answer)?.from : 0;
  if (from === undefined || from > at) {
    answer.body.drop();
    throw new CutAnswerError("the answer has other bytes than were asked for");
  }
  const bytes = Buffer.allocUnsafeSlow(length);
  let [position, done] = [from, 0];
  for await (const chunk of answer.body) {
    const part = chunk.subarray(Math.max(0, at - position), Math.max(0, at + length - position));
    bytes.set(part, done);
    done += part.byteLength;
    position += chunk.byteLength;
    if (done === length && position > at + length) break;
  }
  if (done === length) return bytes;
  throw new CutAnswerError(`${done} bytes came of ${length}`);
}

/** Of the whole object. */
export function sizeOf(answer: HttpAnswer): number | undefined {
  return answer.status === 200 ? declaredLength(answer.headers) : rangeOf(answer)?.size;
}

function rangeOf(
  answer: HttpAnswer,
): { readonly from: number | undefined; readonly size: number | undefined } | undefined {
  const [, from, size] =
    /^bytes (?:(\d{1,15})-\d{1,15}|\*)\/(\d{1,15}|\*)$/.exec(headerOf(answer, "content-range") ?? "") ?? [];
  if (size === undefined) return undefined;
  return { from: from === undefined ? undefined : Number(from), size: size === "*" ? undefined : Number(size) };
}
