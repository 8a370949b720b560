// Encoded pairs, side by side in buffers of 1 MiB: a batch is a few large slices rather than 10,000 small ones (sending
// one chunk a pair is 100 times slower), and sending a part of it again is slicing again.

import type { ByteCount } from "../core/clock.ts";
import type { SizedBody } from "./kv-api.ts";
import { type Pair, type PairBuffer, pairForm, textPairBytesMax, writePairText, writeTextPair } from "./pair-text.ts";

/** Where a pair's JSON is. It begins with a comma. */
export interface PairSlice {
  readonly arena: PairBuffer;
  readonly start: number;
  readonly end: number;
}

export interface PairArena {
  /** Encodes `pair`. The slice is good until it is released. */
  add(pair: Pair): PairSlice;
  /** Where the bytes of `slice` are from now on, instead: among others that are kept, so that a few pairs which wait do not
   * hold on to the buffers of all that were sent with them. */
  keep(slice: PairSlice): PairSlice;
  /** The slice will not be sent again. Buffers are used again rather than left to the garbage collector, which sees how
   * large they are too late: it doubled the memory that a long run takes. */
  release(slice: PairSlice): void;
  /** The size of all buffers that pairs are in. */
  heldBytes(): ByteCount;
}

const ARENA_BYTES: ByteCount = 1024 * 1024;
/** Larger pairs have a buffer of their own, so that at most this much of a shared one is left unused. */
const OWN_BYTES: ByteCount = 128 * 1024;
/** Buffers come in multiples of this, so that they fit another pair. */
const SIZE_STEP: ByteCount = 128 * 1024;
/** Pairs from so much on share one size, that of the largest value that is not written by itself, in base64: what a pair does not use
 * of its buffer is never touched, and takes no memory. */
const LARGE_BYTES: ByteCount = 8 * 1024 * 1024;
const LARGEST_BYTES: ByteCount = 16 * 1024 * 1024;
/** Unused buffers that are kept: at least one for the largest pair. */
const SPARE_BYTES_MAX: ByteCount = 40_000_000;

export function openPairArena(): PairArena {
  /** Slices of each buffer that are not released yet. */
  const held = new Map<PairBuffer, number>();
  const spare = new Map<ByteCount, PairBuffer[]>();
  let spareBytes = 0;
  let arena: PairBuffer | undefined;
  let used = 0;

  function obtain(byteLength: ByteCount): PairBuffer {
    const step = Math.ceil(byteLength / SIZE_STEP) * SIZE_STEP;
    const size = step < LARGE_BYTES || step > LARGEST_BYTES ? step : LARGEST_BYTES;
    const kept = spare.get(size)?.pop();
    if (kept !== undefined) spareBytes -= size;
    const buffer = kept ?? allocate(size);
    held.set(buffer, 0);
    return buffer;
  }

  function recycle(buffer: PairBuffer): void {
    held.delete(buffer);
    const size = buffer.bytes.byteLength;
    if (spareBytes + size > SPARE_BYTES_MAX) return;
    spareBytes += size;
    const others = spare.get(size);
    if (others === undefined) spare.set(size, [buffer]);
    else others.push(buffer);
  }

  function hold(buffer: PairBuffer): void {
    held.set(buffer, (held.get(buffer) ?? 0) + 1);
  }

  /** Room in a shared buffer, held. */
  function place(byteLength: ByteCount): { readonly arena: PairBuffer; readonly start: number; readonly end: number } {
    if (arena === undefined || used + byteLength > ARENA_BYTES) {
      if (arena !== undefined && held.get(arena) === 0) recycle(arena);
      arena = obtain(ARENA_BYTES);
      used = 0;
    }
    const start = used;
    used += byteLength;
    hold(arena);
    return { arena, start, end: used };
  }

  function release({ arena: buffer }: PairSlice): void {
    const count = held.get(buffer);
    if (count === undefined) return;
    held.set(buffer, count - 1);
    if (count === 1 && buffer !== arena) recycle(buffer);
  }

  return {
    add: (pair) => {
      if (arena !== undefined && used + textPairBytesMax(pair) <= ARENA_BYTES) {
        const start = used;
        const end = writeTextPair(pair, arena, start);
        if (end !== undefined) {
          used = end;
          hold(arena);
          return { arena, start, end };
        }
      }
      const form = pairForm(pair);
      if (form.byteLength > OWN_BYTES) {
        const own = obtain(form.byteLength);
        hold(own);
        writePairText(pair, form, own, 0);
        return { arena: own, start: 0, end: form.byteLength };
      }
      const slice = place(form.byteLength);
      writePairText(pair, form, slice.arena, slice.start);
      return slice;
    },
    keep: (slice) => {
      const byteLength = slice.end - slice.start;
      if (byteLength > OWN_BYTES) return slice;
      const kept = place(byteLength);
      slice.arena.bytes.copy(kept.arena.bytes, kept.start, slice.start, slice.end);
      release(slice);
      return kept;
    },
    release,
    heldBytes: () => {
      let bytes = 0;
      for (const buffer of held.keys()) bytes += buffer.bytes.byteLength;
      return bytes;
    },
  };
}

function allocate(byteLength: ByteCount): PairBuffer {
  const bytes = Buffer.allocUnsafeSlow(byteLength);
  return { bytes, view: new DataView(bytes.buffer) };
}

const OPEN = Buffer.from("[");
const CLOSE = Buffer.from("]");
/** Shorter runs are copied together: each chunk that is sent has its price. */
const RUN_BYTES_MIN: ByteCount = 16 * 1024;
const COPY_BYTES: ByteCount = 64 * 1024;

/** The JSON array of `slices`, of which there is at least one. */
export function pairsBody(slices: readonly PairSlice[]): SizedBody {
  const pairBytes = slices.reduce((sum, { start, end }) => sum + end - start, 0);
  return {
    // Brackets, less the first pair's comma.
    byteLength: pairBytes + 1,
    chunks: () => pairChunks(slices),
  };
}

function* pairChunks(slices: readonly PairSlice[]): Generator<Uint8Array, void> {
  yield OPEN;
  let copied: Buffer[] = [];
  let copiedBytes = 0;
  for (const run of runs(slices)) {
    if (run.byteLength < RUN_BYTES_MIN) {
      copied.push(run);
      copiedBytes += run.byteLength;
    }
    if (copiedBytes > 0 && (run.byteLength >= RUN_BYTES_MIN || copiedBytes >= COPY_BYTES)) {
      yield Buffer.concat(copied, copiedBytes);
      copied = [];
      copiedBytes = 0;
    }
    if (run.byteLength >= RUN_BYTES_MIN) yield run;
  }
  if (copiedBytes > 0) yield Buffer.concat(copied, copiedBytes);
  yield CLOSE;
}

/** Neighbouring slices joined, the first without its comma. */
function* runs(slices: readonly PairSlice[]): Generator<Buffer, void> {
  for (let i = 0; i < slices.length;) {
    const first = slices[i]!;
    let { end } = first;
    let next = i + 1;
    while (slices[next]?.arena === first.arena && slices[next]?.start === end) end = slices[next++]!.end;
    yield first.arena.bytes.subarray(i === 0 ? first.start + 1 : first.start, end);
    i = next;
  }
}
