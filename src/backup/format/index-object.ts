// Index objects: for each pack a line, and for each of its blocks one, which tells the ids of its items.

import type { ByteCount } from "../../core/clock.ts";
import type { ObjectId } from "../repository/repository.ts";
import { ID_BYTES } from "./item-id.ts";
import { parseObjectId } from "./object-names.ts";
import { decodeTableLine, encodeBase, type TableLine } from "./pack-table.ts";
import { isCount, parseObject } from "./parse-object.ts";
import { splitLines } from "./split-lines.ts";

export interface IndexedBlock extends TableLine {
  readonly at: ByteCount;
  /** {@link ID_BYTES} for each item. */
  readonly ids: Buffer;
}

interface IndexedPack {
  readonly pack: ObjectId;
  readonly size: ByteCount;
}

/** A pack with all its blocks, in order. */
export interface PackIndex extends IndexedPack {
  readonly blocks: readonly IndexedBlock[];
}

export function encodePackIndex({ pack, size, blocks }: PackIndex): Buffer {
  return Buffer.from(`{"pack":"${pack}","size":${size}}\n${blocks.map(encodeBlock).join("")}`);
}

function encodeBlock({ at, stored, kind, sizes, ids, base }: IndexedBlock): string {
  const id = ids.toString("base64");
  return `{"at":${at},"stored":${stored},"kind":"${kind}","sizes":[${sizes.join(",")}],"ids":"${id}"${encodeBase(base)}}\n`;
}

export type IndexLine =
  | ({ readonly kind: "pack" } & IndexedPack)
  | { readonly kind: "block"; readonly block: IndexedBlock };

/** The lines in order; a block belongs to the pack before it. Ends with undefined where a line is not as it was written. */
export function* decodeIndex(plain: Uint8Array): Generator<IndexLine | undefined, void> {
  let isInPack = false;
  for (const line of splitLines(plain)) {
    const decoded = decodeLine(line);
    if (decoded?.kind === "pack") isInPack = true;
    yield isInPack ? decoded : undefined;
    if (decoded === undefined || !isInPack) return;
  }
}

/** What a whole object tells, up to a line that is not as it was written. */
export function packsOf(plain: Uint8Array): readonly PackIndex[] {
  const packs: (IndexedPack & { readonly blocks: IndexedBlock[] })[] = [];
  for (const line of decodeIndex(plain)) {
    if (line === undefined) break;
    if (line.kind === "pack") packs.push({ pack: line.pack, size: line.size, blocks: [] });
    else packs.at(-1)!.blocks.push(line.block);
  }
  return packs;
}

function decodeLine(line: Uint8Array): IndexLine | undefined {
  const object = parseObject(line);
  if (object === undefined) return undefined;
  const { pack, size, at, ids } = object;
  if (typeof pack === "string") {
    const id = parseObjectId(pack);
    return id !== undefined && isCount(size) ? { kind: "pack", pack: id, size } : undefined;
  }
  const parsed = decodeTableLine(object);
  if (parsed === undefined || !isCount(at) || typeof ids !== "string") return undefined;
  const bytes = Buffer.from(ids, "base64");
  if (bytes.byteLength !== parsed.sizes.length * ID_BYTES) return undefined;
  return { kind: "block", block: { ...parsed, at, ids: bytes } };
}
