// Parts of packs, fetched with what is likely to be asked for next: who reads small values in the order in which they were stored asks for one
// block after another, and a request for each would take longer than all of their bytes. So a part that comes behind the
// last one of its pack is fetched together with twice as much of what follows as the last time, up to a bound.

import type { ByteCount } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { packName } from "../format/object-names.ts";
import type { CallOptions, Range, Store } from "../store/store.ts";
import type { ObjectId } from "./repository.ts";

interface PackRange extends Range {
  readonly pack: ObjectId;
  readonly packSize: ByteCount;
}

export interface RangeReader {
  /** Undefined: there is no such pack. Throws AppError "repository-damaged" if it ends before the part does. */
  get(range: PackRange): Promise<Uint8Array | undefined>;
}

/** A gap between two parts that is fetched rather than skipped. */
const GAP_BYTES_MAX: ByteCount = 262_144;
const AHEAD_BYTES_MAX: ByteCount = 4_194_304;
/** What is kept of parts that were fetched, at most. */
const KEPT_BYTES_MAX: ByteCount = 12_582_912;

/** A larger part is one block, and larger than what is kept of blocks: it belongs to who asked for it. */
export const KEPT_PART_BYTES_MAX: ByteCount = 4_718_592;

interface Fetched extends Range {
  readonly pack: ObjectId;
  readonly bytes: Promise<Uint8Array | undefined>;
}

interface Course {
  /** Of what was fetched last. */
  readonly at: ByteCount;
  readonly end: ByteCount;
  /** How much was fetched with it. */
  readonly ahead: ByteCount;
}

/** Parts may be asked for beside each other. */
export function openRangeReader(store: Store, options: CallOptions = {}): RangeReader {
  /** The oldest first. */
  let kept: Fetched[] = [];
  const courses = new Map<ObjectId, Course>();

  const fetch = (pack: ObjectId, at: ByteCount, length: ByteCount): Fetched => {
    const bytes = store.get(packName(pack), { at, length }, options);
    const fetched = { pack, at, length, bytes };
    // A part that could not be fetched is asked for anew by whoever needs it next.
    bytes.catch(() => {
      kept = kept.filter((other) => other !== fetched);
    });
    if (length > KEPT_PART_BYTES_MAX) return fetched;
    kept.push(fetched);
    let total = kept.reduce((sum, part) => sum + part.length, 0);
    while (kept.length > 1 && total > KEPT_BYTES_MAX) total -= kept.shift()!.length;
    return fetched;
  };
  return {
    async get({ pack, at, length, packSize }) {
      const end = at + length;
      let part = kept.find((other) => other.pack === pack && other.at <= at && end <= other.at + other.length);
      if (part === undefined) {
        const course = courses.get(pack);
        const isNext = course !== undefined && at > course.at && at - course.end <= GAP_BYTES_MAX;
        const ahead = isNext ? Math.min(Math.max(course.ahead * 2, length), AHEAD_BYTES_MAX) : 0;
        part = fetch(pack, at, Math.min(length + ahead, packSize - at));
        courses.set(pack, { at, end: at + part.length, ahead: Math.max(ahead, length) });
        if (courses.size > COURSES_MAX) courses.delete(courses.keys().next().value!);
      }
      const whole = await part.bytes.catch((error: unknown) => {
        // A pack that was cut may still have this part of it.
        if (part.length > length && isCut(error)) return undefined;
        throw error;
      });
      if (whole !== undefined) return whole.subarray(at - part.at, end - part.at);
      return part.length > length ? store.get(packName(pack), { at, length }, options) : undefined;
    },
  };
}

const COURSES_MAX = 1000;

function isCut(error: unknown): boolean {
  return error instanceof AppError && error.code === "repository-damaged";
}
