// The files that pairs in wrangler's form lie in: x.json, or, where an export was split, x-1.json, x-2.json and so on to the
// last. An export gives x-1.json its name when all others have theirs, so that where it is, all are, unless somebody removed
// one: a gap among them is refused. That the last one was removed, nothing can tell.

import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { visible } from "../../../core/errors.ts";
import { refused } from "../refusals.ts";

export interface PairFile {
  readonly path: string;
  /** For messages. */
  readonly name: string;
}

/** The name of a part, from 1. */
export function partName(name: string, number: number): string {
  return name.replace(/\.json$/, `-${number}.json`);
}

/** Which parts of `path` there are, in order of their numbers. */
export function findParts(path: string): readonly number[] {
  const stem = `${basename(path, ".json")}-`;
  return readdirSync(dirname(path))
    .filter((file) => file.startsWith(stem) && /^[1-9]\d{0,8}\.json$/.test(file.slice(stem.length)))
    .map((file) => Number.parseInt(file.slice(stem.length), 10))
    .toSorted((a, b) => a - b);
}

/** `label`: as the user wrote `path`. Throws AppError "archive-refused", and as node:fs does. */
export function findPairFiles(path: string, label: string): readonly PairFile[] {
  const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined;
  const parts = isThere || !path.endsWith(".json") ? [] : findParts(path);
  // Where there is no file of any such name, reading it says so.
  if (parts[0] !== 1) return [{ path: realpathSync(path), name: label }];
  const gap = parts.findIndex((number, index) => number !== index + 1);
  if (gap !== -1) {
    const name = (number: number): string => visible(partName(label, number));
    throw refused(
      `${name(gap + 1)} is not there, and ${name(parts.at(-1)!)} is`,
      "the parts of an export belong together: put the one that is missing beside the others",
    );
  }
  return parts.map((number) => ({
    path: realpathSync(join(dirname(path), partName(basename(path), number))),
    name: partName(label, number),
  }));
}

const CHUNK_BYTES = 262_144;

/** Bytes of files, in memory that is used again: what one call gives is good until the next. */
export interface PlaceReader {
  /** Fewer than `length` where the file is over. */
  read(file: number, at: number, length: number): Buffer;
  close(): void;
}

export function openPlaceReader(files: readonly PairFile[]): PlaceReader {
  const open = new Map<number, number>();
  let held = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  return {
    read(file, at, length) {
      const fd = open.get(file) ?? openSync(files[file]!.path, "r");
      open.set(file, fd);
      if (held.byteLength < length) held = Buffer.allocUnsafeSlow(Math.ceil(length / CHUNK_BYTES) * CHUNK_BYTES);
      let done = 0;
      for (let read = -1; done < length && read !== 0; done += read)
        read = readSync(fd, held, done, length - done, at + done);
      return held.subarray(0, done);
    },
    close() {
      for (const fd of open.values()) closeSync(fd);
      open.clear();
    },
  };
}
