// Names over 255 bytes, which no file system takes, are cut into pieces: all but the last become nested folders
// `PIECE%+`. Cutting comes after all escaping and suffixes, and has one result only, which decoding checks.

import { BEGINS_AS_DEVICE } from "./escape-rules.ts";
import type { NameScheme } from "./name-scheme.ts";
import { MORE_SUFFIX } from "./reserved-words.ts";

/** ext4, XFS, Btrfs, tmpfs, APFS and NTFS take at least this much. */
const NAME_BYTES_MAX = 255;
/** A piece has as many whole characters as fit in this. What is left of a name over 255 bytes then has at least 16
 * bytes, so that none of the short suffixes is ever cut. */
const PIECE_BYTES_MAX = 240;

export function isShortName(name: string): boolean {
  return name.length * 3 <= NAME_BYTES_MAX || Buffer.byteLength(name) <= NAME_BYTES_MAX;
}

/** The names of the folders and of the file or folder that `name` is kept as; just `name` if it is short. */
export function cutName(name: string, scheme: NameScheme): readonly string[] {
  const pieces: string[] = [];
  let rest = name;
  while (!isShortName(rest)) {
    const length = pieceLength(rest, scheme);
    pieces.push(rest.slice(0, length) + MORE_SUFFIX);
    rest = rest.slice(length);
  }
  pieces.push(rest);
  return pieces;
}

/** The name that `pieces` are of, or undefined if it would not have been cut like that. */
export function joinPieces(pieces: readonly string[], scheme: NameScheme): string | undefined {
  const last = pieces.length - 1;
  const name = pieces.map((piece, i) => (i < last ? piece.slice(0, -MORE_SUFFIX.length) : piece)).join("");
  const canonical = cutName(name, scheme);
  return canonical.length === pieces.length && canonical.every((piece, i) => piece === pieces[i]) ? name : undefined;
}

function pieceLength(name: string, scheme: NameScheme): number {
  let length = 0;
  let lastChar = 0;
  let bytes = 0;
  for (const char of name) {
    bytes += Buffer.byteLength(char);
    if (bytes > PIECE_BYTES_MAX) break;
    length += char.length;
    lastChar = char.length;
  }
  // The next piece is a name of its own and must not be a device's. With a character before it, it never is one.
  if (scheme === "portable" && BEGINS_AS_DEVICE.test(name.slice(length))) return length - lastChar;
  return length;
}

/** Whether a folder `name` could be a piece of a longer name. */
export function mayBePiece(name: string): boolean {
  const bytes = Buffer.byteLength(name) - MORE_SUFFIX.length;
  return name.endsWith(MORE_SUFFIX) && bytes <= PIECE_BYTES_MAX && bytes > PIECE_BYTES_MAX - 8;
}
