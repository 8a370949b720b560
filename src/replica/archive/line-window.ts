// Lines in the order of their keys, though they come in any order: a window of them waits in memory for those before them, and
// what exceeds it, or is large, in a scratch file. When that file has grown, the window says that it is full: whoever fills it
// then reads what is missing first.

import { closeSync, ftruncateSync, openSync, readSync, rmSync, unlinkSync, writeSync } from "node:fs";
import type { ByteCount } from "../../core/clock.ts";
import { assert } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";
import type { EncodedEntry } from "./encode-entry.ts";

export interface LineWindow {
  /** The keys whose lines come next, in order. */
  expect(keys: readonly Key[]): void;
  /** Whether the line of `key` comes next. */
  isNext(key: Key): boolean;
  /** The line that comes next is not put: it is written, or there is none. */
  pass(): void;
  /** Keeps a line; its pieces are not needed any more. `line`: undefined if the key has none. */
  put(key: Key, line: EncodedEntry | undefined): void;
  /** Takes the next line whose turn it is; undefined: it has not come yet. Its pieces are to be used up before the next call. */
  take(): KeyedLine | undefined;
  /** No more keys should be expected before some lines were taken. */
  isFull(): boolean;
  isEmpty(): boolean;
  close(): void;
}

interface KeyedLine {
  readonly key: Key;
  readonly line: EncodedEntry;
}

export interface WindowLimits {
  readonly memoryBytesMax: ByteCount;
  readonly scratchBytesMax: ByteCount;
}

const PIECE_BYTES: ByteCount = 262_144;

const LIMITS: WindowLimits = { memoryBytesMax: 16_000_000, scratchBytesMax: 256_000_000 };

type Waiting =
  | { readonly kind: "line"; readonly line: Buffer }
  | { readonly kind: "none" }
  | { readonly kind: "spilled"; readonly at: number; readonly length: number };

/** `scratchPath`: of a file that nobody else uses. It is unlinked as soon as it is open. */
export function openLineWindow(
  scratchPath: string,
  { memoryBytesMax, scratchBytesMax }: WindowLimits = LIMITS,
): LineWindow {
  let queue: Key[] = [];
  let first = 0;
  const waiting = new Map<Key, Waiting>();
  let memoryBytes = 0;
  let scratch: number | undefined;
  let scratchEnd = 0;
  let spilled = 0;

  const spill = (line: EncodedEntry): Waiting => {
    if (scratch === undefined) {
      // What is there was left by a process that was killed before it could unlink it.
      rmSync(scratchPath, { force: true });
      scratch = openSync(scratchPath, "wx+", 0o600);
      unlinkSync(scratchPath);
    }
    const at = scratchEnd;
    for (const piece of line.pieces()) {
      for (let done = 0; done < piece.byteLength;)
        done += writeSync(scratch, piece, done, piece.byteLength - done, scratchEnd + done);
      scratchEnd += piece.byteLength;
    }
    spilled++;
    return { kind: "spilled", at, length: scratchEnd - at };
  };
  function* fetch(at: number, length: number): Generator<Buffer, void> {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, length));
    for (let done = 0; done < length;) {
      const read = readSync(scratch!, piece, 0, Math.min(PIECE_BYTES, length - done), at + done);
      assert(read > 0, "a scratch file holds what was written to it");
      done += read;
      yield piece.subarray(0, read);
    }
  }
  /** When nothing is in it, it begins anew. */
  const trim = (): void => {
    if (spilled > 0 || scratchEnd === 0) return;
    ftruncateSync(scratch!, 0);
    scratchEnd = 0;
  };
  return {
    expect(keys) {
      if (first > 10_000) {
        queue = queue.slice(first);
        first = 0;
      }
      for (const key of keys) queue.push(key);
    },
    isNext: (key) => key === queue[first],
    pass() {
      first++;
    },
    put(key, line) {
      if (line === undefined) {
        waiting.set(key, { kind: "none" });
        return;
      }
      const size = line.byteLength;
      if (size === undefined || memoryBytes + size > memoryBytesMax) {
        waiting.set(key, spill(line));
        return;
      }
      memoryBytes += size;
      waiting.set(key, { kind: "line", line: joined(line, size) });
    },
    take() {
      trim();
      for (;;) {
        const key = queue[first];
        const next = key === undefined ? undefined : waiting.get(key);
        if (key === undefined || next === undefined) return undefined;
        waiting.delete(key);
        first++;
        if (next.kind === "none") continue;
        if (next.kind === "spilled") {
          spilled--;
          const { at, length } = next;
          return { key, line: { byteLength: length, pieces: () => fetch(at, length) } };
        }
        const { line } = next;
        memoryBytes -= line.byteLength;
        return { key, line: { byteLength: line.byteLength, pieces: () => [line] } };
      }
    },
    isFull: () => scratchEnd > scratchBytesMax,
    isEmpty: () => first === queue.length,
    close() {
      if (scratch !== undefined) closeSync(scratch);
      scratch = undefined;
    },
  };
}

/** In memory of its own. */
function joined({ pieces }: EncodedEntry, size: ByteCount): Buffer {
  const line = Buffer.allocUnsafe(size);
  let at = 0;
  for (const piece of pieces()) at += piece.copy(line, at);
  return line;
}
