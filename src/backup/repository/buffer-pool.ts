// The memory that packs are made in. It is used again: to V8 what lies outside of its heap is small, and it would let many packs pile up
// before it looked which of them nobody needs.

import type { ByteCount } from "../../core/clock.ts";

export interface BufferPool {
  take(size: ByteCount): Buffer;
  give(buffer: Buffer): void;
}

const SPARE_MAX = 2;

export function openBufferPool(): BufferPool {
  let spare: Buffer[] = [];
  return {
    take(size) {
      const found = spare.find(({ byteLength }) => byteLength >= size);
      if (found === undefined) return Buffer.allocUnsafeSlow(size);
      spare = spare.filter((other) => other !== found);
      return found;
    },
    give(buffer) {
      // The largest ones serve for all.
      spare = [...spare, buffer].sort((a, b) => b.byteLength - a.byteLength).slice(0, SPARE_MAX);
    },
  };
}
