// Whether a file is at rest, or may still be written: pure, from what `stat` tells of it and from how long it was seen to be
// as it is. A program that writes a file in pieces, or truncates it before it writes it, shows what is no version of the
// value to whoever looks in between.
//
// - A write sets mtime and ctime alike, and a rename or a link sets ctime alone: another file than before (by its inode) whose ctime is
//   the later one took the name when it was complete. So programs that replace a file by a rename do not wait. Within one tick of
//   the file system's clock (4 ms on Linux) write and rename look alike: then the file waits as one that was written in place; and so
//   does a file that is new, or the same as before, since a program may set the mtime after each write.
// - A file that is empty, and held something before, was most likely truncated by a program that is about to write it.
// - The time of a file is believed only where it is the machine's own: not if it lies ahead, nor on file systems that keep
//   whole seconds. There the file must have been seen unchanged for as long, so that no clock makes it wait for ever.

import type { DurationMs, EpochMs } from "./clock.ts";
import { type BaseRow, type FileSignature, sameSignature } from "./entry.ts";

export interface RestPolicy {
  /** How long a file must not have been written to; 0: no file is waited for. */
  readonly stableAfterMs: DurationMs;
  /** A file that never rests is let pass as it is once in this time. */
  readonly stableMaxMs: DurationMs;
}

/** As long as leaves a save visible within 300 ms of its end, on the median, also one by a rename within a tick of its write (measured
 * with `npm run bench -- saves`: 300 ms took 336): a program that writes in pieces writes the next one sooner. */
export const STABLE_AFTER_MS: DurationMs = 200;
export const STABLE_MAX_MS: DurationMs = 60_000;

/** How long a file that was emptied rests: longer than a program needs that opens its file, and then makes what it writes (a
 * build, an export of a database). Who empties a file on purpose waits no longer than that. */
const EMPTIED_REST_MS: DurationMs = 5000;

/** A file's clock may be behind or ahead of ours by a tick. */
const TICK_MS: DurationMs = 20;
/** Times that differ by less were set together. */
const SAME_MS: DurationMs = 1;

export interface FileSeen {
  readonly signature: FileSignature;
  /** What both sides last agreed on; undefined: nothing. */
  readonly known: Pick<BaseRow, "size" | "signature"> | undefined;
  readonly now: EpochMs;
  /** How long it was seen to be as it is. */
  readonly unchangedMs: DurationMs;
  /** A new file that is empty rests as one that was emptied does. */
  readonly awaitsNew: boolean;
}

/** How long until the file counts as at rest; 0: it does. */
export function restOf(
  { signature, known, now, unchangedMs, awaitsNew }: FileSeen,
  { stableAfterMs }: RestPolicy,
): DurationMs {
  if (stableAfterMs === 0) return 0;
  if (known?.signature !== undefined && sameSignature(signature, known.signature)) return 0;
  const { size, mtimeMs, ctimeMs } = signature;
  const isEmptied = size === 0 && (known === undefined ? awaitsNew : known.size > 0);
  const isAnother = known?.signature !== undefined && known.signature.inode !== signature.inode;
  if (!isEmptied && isAnother && Math.abs(ctimeMs - mtimeMs) >= SAME_MS) return 0;
  const restMs = isEmptied ? emptiedRestMs(stableAfterMs) : stableAfterMs;
  const ageMs = now - ctimeMs;
  if (ageMs >= restMs + clockStepMs(signature)) return 0;
  const isBelieved = clockStepMs(signature) === 0 && ageMs >= -TICK_MS;
  return Math.max(0, restMs - Math.max(unchangedMs, isBelieved ? ageMs : 0));
}

/** Whether a file may not be at rest, whatever both sides last agreed on: nearly all files of a folder are older, and what was
 * agreed on about them need not be looked up. */
export function isYoung(signature: FileSignature, now: EpochMs, { stableAfterMs }: RestPolicy): boolean {
  if (stableAfterMs === 0) return false;
  const restMs = signature.size === 0 ? emptiedRestMs(stableAfterMs) : stableAfterMs;
  return now - signature.ctimeMs < restMs + clockStepMs(signature);
}

function emptiedRestMs(stableAfterMs: DurationMs): DurationMs {
  return Math.max(EMPTIED_REST_MS, stableAfterMs);
}

/** What the file system's clock leaves out: 0, or a second where it keeps whole ones. */
function clockStepMs({ mtimeMs, ctimeMs }: FileSignature): DurationMs {
  return mtimeMs % 1000 === 0 && ctimeMs % 1000 === 0 ? 1000 : 0;
}
