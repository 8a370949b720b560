// Encoded pairs, side by side in buffers of 1 MiB: a batch is a few large slices rather than 10,000 small ones (sending
// one chunk a pair is 100 times slower), and sending a part of it again is slicing again.

import type { ByteCount } from "../core/clock.ts";
import type { SizedBody } from "./kv-api.ts";
import { type Pair, type PairBuffer, pairForm, writePairText } from "./pair-text.ts";

/** Where a pair's JSON is. It begins with a comma. */
export interface PairSlice {
  readonly arena: Buffer;
  readonly start: number;
  readonly end: number;
}

export interface PairArena {
  /** Encodes `pair`. What it returns keeps the buffer alive, and nothing else does. */
  add(pair: Pair): PairSlice;
}

const ARENA_BYTES: ByteCount = 1024 * 1024;
/** Larger pairs have a buffer of their own, so that at most this much of a shared one is left unused. */
const OWN_BYTES: ByteCount = 128 * 1024;

export function openPairArena(): PairArena {
  let arena: PairBuffer | undefined;
  let used = 0;
  return {
    add: (pair) => {
      const form = pairForm(pair);
      if (form.byteLength > OWN_BYTES) {
        const own = allocate(form.byteLength);
        writePairText(pair, form, own, 0);
        return { arena: own.bytes, start: 0, end: form.byteLength };
      }
      if (arena === undefined || used + form.byteLength > ARENA_BYTES) {
        arena = allocate(ARENA_BYTES);
        used = 0;
      }
      const start = used;
      used += form.byteLength;
      writePairText(pair, form, arena, start);
      return { arena: arena.bytes, start, end: used };
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
    yield first.arena.subarray(i === 0 ? first.start + 1 : first.start, end);
    i = next;
  }
}
