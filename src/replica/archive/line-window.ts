// Lines in the order of their keys, though they come in any order: a window of them waits in memory for those before them, and
// what exceeds it in a scratch file. When that grows large too, the window says that it is full: whoever fills it then reads
// what is missing first.

import { closeSync, ftruncateSync, openSync, readSync, rmSync, unlinkSync, writeSync } from "node:fs";
import type { ByteCount } from "../../core/clock.ts";
import { assert } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";

export interface LineWindow {
  /** The keys whose lines come next, in order. */
  expect(keys: readonly Key[]): void;
  /** `line`: undefined if the key has none. */
  put(key: Key, line: Buffer | undefined): void;
  /** Takes the next line whose turn it is; undefined: it has not come yet. */
  take(): KeyedLine | undefined;
  /** No more keys should be expected before some lines were taken. */
  isFull(): boolean;
  isEmpty(): boolean;
  close(): void;
}

interface KeyedLine {
  readonly key: Key;
  readonly line: Buffer;
}

export interface WindowLimits {
  readonly memoryBytesMax: ByteCount;
  readonly scratchBytesMax: ByteCount;
}

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

  const spill = (line: Buffer): Waiting => {
    if (scratch === undefined) {
      // What is there was left by a process that was killed before it could unlink it.
      rmSync(scratchPath, { force: true });
      scratch = openSync(scratchPath, "wx+", 0o600);
      unlinkSync(scratchPath);
    }
    for (let done = 0; done < line.byteLength;)
      done += writeSync(scratch, line, done, line.byteLength - done, scratchEnd + done);
    const at = scratchEnd;
    scratchEnd += line.byteLength;
    spilled++;
    return { kind: "spilled", at, length: line.byteLength };
  };
  const fetch = (at: number, length: number): Buffer => {
    const line = Buffer.allocUnsafe(length);
    for (let done = 0; done < length;) {
      const read = readSync(scratch!, line, done, length - done, at + done);
      assert(read > 0, "a scratch file holds what was written to it");
      done += read;
    }
    if (--spilled === 0) {
      ftruncateSync(scratch!, 0);
      scratchEnd = 0;
    }
    return line;
  };
  return {
    expect(keys) {
      if (first > 10_000) {
        queue = queue.slice(first);
        first = 0;
      }
      for (const key of keys) queue.push(key);
    },
    put(key, line) {
      if (line === undefined) {
        waiting.set(key, { kind: "none" });
        return;
      }
      const isNext = key === queue[first];
      if (!isNext && memoryBytes + line.byteLength > memoryBytesMax) {
        waiting.set(key, spill(line));
        return;
      }
      memoryBytes += line.byteLength;
      waiting.set(key, { kind: "line", line });
    },
    take() {
      for (;;) {
        const key = queue[first];
        const next = key === undefined ? undefined : waiting.get(key);
        if (key === undefined || next === undefined) return undefined;
        waiting.delete(key);
        first++;
        if (next.kind === "none") continue;
        if (next.kind === "spilled") return { key, line: fetch(next.at, next.length) };
        memoryBytes -= next.line.byteLength;
        return { key, line: next.line };
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
