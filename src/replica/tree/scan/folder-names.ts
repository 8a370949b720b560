// The names in a folder as text. A name that is no UTF-8 reads as one with U+FFFD, which a name may also really have: only
// its bytes tell.

import { isUtf8 } from "node:buffer";
import { type Dir, opendirSync, readdirSync } from "node:fs";
import type { ByteCount } from "../../../core/clock.ts";

type OnName = (name: string) => void;

/** A folder that itself takes more than this may have tens of thousands of names: file systems count 20 bytes and more a
 * name. Then it is not read at once. */
export const LARGE_FOLDER_BYTES: ByteCount = 1_000_000;
const REPLACEMENT = "\ufffd";
/** Names asked for at a time. */
const BATCH_NAMES = 1024;

/** The names of a folder, all at once, which is fastest. Those that are not UTF-8 are told to `onBadName` instead. */
export function readNames(folder: string, onBadName: OnName): readonly string[] {
  const names = readdirSync(folder);
  if (!names.some((name) => name.includes(REPLACEMENT))) return names;
  return readdirSync(folder, { encoding: "buffer" }).flatMap((bytes) => {
    if (isUtf8(bytes)) return [bytes.toString()];
    onBadName(bytes.toString());
    return [];
  });
}

/** The same one by one, for folders of which not all names should be in memory. */
export function streamNames(folder: string, onName: OnName, onBadName: OnName): void {
  let isDoubtful = false;
  eachName(opendirSync(folder, { bufferSize: BATCH_NAMES }), (name) => {
    if (name.includes(REPLACEMENT)) isDoubtful = true;
    else onName(name);
  });
  if (!isDoubtful) return;
  // Its types know no folders with names as bytes.
  const doubtful = opendirSync(folder, { bufferSize: BATCH_NAMES, encoding: "buffer" as BufferEncoding });
  eachName(doubtful, (name) => {
    const bytes = name as unknown as Buffer;
    const text = bytes.toString();
    if (!text.includes(REPLACEMENT)) return;
    if (isUtf8(bytes)) onName(text);
    else onBadName(text);
  });
}

function eachName(folder: Dir, onName: OnName): void {
  try {
    for (let item = folder.readSync(); item !== null; item = folder.readSync()) onName(item.name);
  } finally {
    folder.closeSync();
  }
}
