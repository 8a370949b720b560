// Batches of new files as they go to another thread and back: few objects, whatever the number of files, since each one is
// copied. The bytes of all values, and the numbers that come back, lie in memory that both threads see. (An ArrayBuffer
// that is handed over instead costs 0.8 ms each time, and more garbage collections.)

import type { ByteCount } from "../../../core/clock.ts";
import { describeFault, faultCode } from "../fs-fault.ts";
import { createFiles, type CreatedFiles, type NewFiles } from "./new-files.ts";

/** Memory for one batch at a time. */
export interface SharedBatch {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** Of each file its size; then, from the other thread, its descriptor, or its mtime, ctime and inode beside the size. */
  readonly numbers: Float64Array<SharedArrayBuffer>;
}

export interface PackedFiles {
  readonly folder: string;
  /** Joined by "/". */
  readonly names: string;
  readonly batch: SharedBatch;
  readonly keepOpen: boolean;
}

export type PackedAnswer =
  | { readonly kind: "done" }
  | { readonly kind: "fault"; readonly code: string; readonly message: string };

const NUMBERS = 4;

export function sizeOf({ contents }: NewFiles): ByteCount {
  return contents.reduce((sum, content) => sum + content.byteLength, 0);
}

export function allocateBatch(bytes: ByteCount, files: number): SharedBatch {
  return {
    bytes: new Uint8Array(new SharedArrayBuffer(bytes)),
    numbers: new Float64Array(new SharedArrayBuffer(files * NUMBERS * Float64Array.BYTES_PER_ELEMENT)),
  };
}

export function hasRoomFor({ bytes, numbers }: SharedBatch, files: NewFiles): boolean {
  return bytes.byteLength >= sizeOf(files) && numbers.length >= files.names.length * NUMBERS;
}

/** `batch`: with room for `files`. */
export function packFiles({ folder, names, contents, keepOpen }: NewFiles, batch: SharedBatch): PackedFiles {
  let at = 0;
  for (let i = 0; i < contents.length; i++) {
    const content = contents[i]!;
    batch.bytes.set(content, at);
    batch.numbers[i * NUMBERS] = content.byteLength;
    at += content.byteLength;
  }
  return { folder, names: names.join("/"), batch, keepOpen };
}

/** What the other thread does with what it is sent. */
export function createPacked({ folder, names: joined, batch, keepOpen }: PackedFiles): PackedAnswer {
  const { bytes, numbers } = batch;
  const names = joined.split("/");
  let at = 0;
  const contents = names.map((_, i) => {
    const size = numbers[i * NUMBERS]!;
    at += size;
    return bytes.subarray(at - size, at);
  });
  try {
    const created = createFiles({ folder, names, contents, keepOpen });
    if (created.kind === "open") for (let i = 0; i < names.length; i++) numbers[i * NUMBERS] = created.fds[i]!;
    else
      for (let i = 0; i < names.length; i++) {
        const { size, mtimeMs, ctimeMs, inode } = created.signatures[i]!;
        numbers.set([size, mtimeMs, ctimeMs, inode], i * NUMBERS);
      }
    return { kind: "done" };
  } catch (error) {
    return { kind: "fault", code: faultCode(error), message: describeFault(error) };
  }
}

/** What became of `packed`. Throws what {@link createFiles} has thrown there. */
export function unpackAnswer(answer: PackedAnswer, { names, batch, keepOpen }: PackedFiles): CreatedFiles {
  // As the file system's errors are: fs-fault.ts tells them by these properties.
  if (answer.kind === "fault") throw Object.assign(new Error(answer.message), { code: answer.code, errno: 0 });
  const { numbers } = batch;
  const files = Array.from({ length: names.split("/").length }, (_, i) => i * NUMBERS);
  if (keepOpen) return { kind: "open", fds: files.map((at) => numbers[at]!) };
  const signatures = files.map((at) => ({
    size: numbers[at]!,
    mtimeMs: numbers[at + 1]!,
    ctimeMs: numbers[at + 2]!,
    inode: numbers[at + 3]!,
  }));
  return { kind: "closed", signatures };
}
