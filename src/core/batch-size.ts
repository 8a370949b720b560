// How large a batch may be: halved when one proved too large or too slow, grown back by success. A limit that failed is
// approached again in small steps, since each failure costs a request and, on a timeout, minutes.

/** Fractions of the most that a batch may hold, by items and by bytes alike. */
export interface BatchSize {
  /** What a batch may hold now, in (0, 1]. */
  readonly share: number;
  /** Half of what failed last: below it the share doubles, above it it grows by {@link STEP}. */
  readonly safe: number;
}

export const FULL_BATCH: BatchSize = { share: 1, safe: 1 };

const STEP = 1 / 16;
/** A batch of 10,000 items at this share holds one. */
const SHARE_MIN = 1 / 16_384;

/** After a batch that filled `used` (0..1) of the most allowed has failed for its size. One that was packed before the
 * last failure tells nothing new. */
export function shrinkBatch(size: BatchSize, used: number): BatchSize {
  if (used > size.share) return size;
  const share = Math.max(SHARE_MIN, used / 2);
  return { share, safe: share };
}

/** After a batch went well. */
export function growBatch(size: BatchSize): BatchSize {
  if (size.share >= 1) return size;
  const share = size.share < size.safe ? Math.min(size.safe, size.share * 2) : Math.min(1, size.share + STEP);
  return { share, safe: size.safe };
}

/** `most` items or bytes, scaled to what a batch may hold now; at least 1. */
export function batchLimit(size: BatchSize, most: number): number {
  return Math.max(1, Math.floor(most * size.share));
}
