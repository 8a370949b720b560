// One level of a tree: the names in one folder, decoded and in key order, as far as that can be told from names alone.
// Folders that only continue a long name are opened here, since what they hold belongs to the same level.
//
// Nearly all names are plain: they are their own segments, or the sidecars of such. These cost little memory, however many
// there are; for the others there is an object each.

import { lstatSync } from "node:fs";
import type { ByteCount } from "../../../core/clock.ts";
import { compareUtf8 } from "../../../core/key.ts";
import { decodePieces } from "../../../core/names/path-codec.ts";
import { mayBePiece } from "../../../core/names/name-pieces.ts";
import type { NameScheme } from "../../../core/names/name-scheme.ts";
import { PLAIN_NAME } from "../../../core/names/escape-rules.ts";
import { META_SUFFIX, MORE_SUFFIX } from "../../../core/names/reserved-words.ts";
import { notice, type Problem, problem } from "../../../core/problem.ts";
import { describeFault, faultCode } from "../fs-fault.ts";
import { LARGE_FOLDER_BYTES, readNames, streamNames } from "./folder-names.ts";
import { SortedNames } from "./sorted-names.ts";

export interface Level {
  /** Each is its own segment. */
  readonly plain: SortedNames;
  /** The segments of plain names with the suffix of sidecars. */
  readonly sidecars: SortedNames;
  /** In order of their segments. */
  readonly coded: readonly CodedName[];
}

export interface CodedName {
  readonly kind: "segment" | "value" | "sidecar";
  readonly segment: string;
  /** Where it lies, from the level's folder: a name, or `PIECE%+/REST`. */
  readonly path: string;
}

export interface LevelReader {
  readonly scheme: NameScheme;
  /** The level's folder, absolute. */
  readonly folder: string;
  /** Returns the problem. */
  readonly onProblem: (make: (subject: string) => Problem, path: string) => Problem;
  /** Nothing is known of segments that begin with `start`, as `told` says. */
  readonly onUnknown: (start: string, told: Problem) => void;
  /** A temporary file, from the level's folder. */
  readonly onTemp: (path: string) => void;
}

/** From here on the order of UTF-16 is not that of UTF-8, up to and with U+FFFD for what is no UTF-8. */
const BEYOND_SURROGATES = /[\ud800-\uffff]/;

/** `folderBytes`: the size that the folder itself was seen to have. Throws what `readdir` throws for it. */
export function readLevel(reader: LevelReader, folderBytes: ByteCount): Level {
  const isPlain = PLAIN_NAME[reader.scheme];
  const isOwnSegment = (name: string): boolean => isPlain.test(name) && !BEYOND_SURROGATES.test(name);
  const plain = new SortedNames();
  const sidecars = new SortedNames();
  const coded: CodedName[] = [];
  const add = (name: string): void => {
    if (isOwnSegment(name)) plain.add(name);
    else if (name.endsWith(META_SUFFIX) && isOwnSegment(name.slice(0, -META_SUFFIX.length)))
      sidecars.add(name.slice(0, -META_SUFFIX.length));
    else addCoded([name], reader, coded);
  };
  const onBadName = (name: string): void => addBadName(reader, name);
  if (folderBytes > LARGE_FOLDER_BYTES) streamNames(reader.folder, add, onBadName);
  else for (const name of readNames(reader.folder, onBadName)) add(name);
  plain.sort();
  sidecars.sort();
  coded.sort((a, b) => compareUtf8(a.segment, b.segment));
  return { plain, sidecars, coded };
}

function addCoded(pieces: readonly string[], reader: LevelReader, coded: CodedName[]): void {
  const path = pieces.join("/");
  const last = pieces.at(-1) ?? "";
  if (mayBePiece(last) && isFolder(`${reader.folder}/${path}`)) {
    addContinued(pieces, reader, coded);
    return;
  }
  const decoded = decodePieces(pieces, reader.scheme);
  switch (decoded.kind) {
    case "segment":
    case "value":
    case "sidecar":
      coded.push({ kind: decoded.kind, segment: decoded.segment, path });
      return;
    case "temp":
      reader.onTemp(path);
      return;
    case "conflict":
      return;
    case "invalid":
      reader.onProblem((subject) => problem("name-reserved", subject, decoded.reason), path);
  }
}

function addContinued(pieces: readonly string[], reader: LevelReader, coded: CodedName[]): void {
  const path = pieces.join("/");
  let names: readonly string[];
  try {
    names = readNames(`${reader.folder}/${path}`, (name) => addBadName(reader, `${path}/${name}`));
  } catch (error) {
    const told = reader.onProblem((subject) => unreadableFolder(subject, error), path);
    // The name up to its first escape is the start of all the segments that may be in there.
    const start = pieces.map((piece) => piece.slice(0, -MORE_SUFFIX.length)).join("");
    reader.onUnknown(start.split("%", 1)[0] ?? "", told);
    return;
  }
  for (const name of names) addCoded([...pieces, name], reader, coded);
}

export function unreadableFolder(path: string, error: unknown): Problem {
  const code = faultCode(error);
  if (code === "ENOENT" || code === "ENOTDIR")
    return notice("changed-while-reading", path, "vanished while it was listed; the next round sees to it");
  return problem("unreadable", path, `cannot be listed: ${describeFault(error)}`);
}

function isFolder(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch (error) {
    faultCode(error);
    // Then what is inside cannot be read either, and that is told where it is tried.
    return true;
  }
}

function addBadName(reader: LevelReader, path: string): void {
  reader.onProblem(notUtf8, path);
}

export function notUtf8(subject: string): Problem {
  return problem("name-not-utf8", subject, "has a name that is not UTF-8: it is not synced");
}
