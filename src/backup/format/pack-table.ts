// The table at the end of a pack: a line a block, in order. With it, and the blocks, an index can be made anew.

import type { ByteCount } from "../../core/clock.ts";
import type { Json } from "../../core/json-value.ts";
import { isCount, isSha256, parseObject } from "./parse-object.ts";
import { splitLines } from "./split-lines.ts";

export type BlockKind = "values" | "page";

export interface TableLine {
  readonly kind: BlockKind;
  /** Of the block in the pack. */
  readonly stored: ByteCount;
  /** Of each item. */
  readonly sizes: readonly ByteCount[];
  /** The SHA-256 of the page whose bytes are the dictionary of this block. */
  readonly base: string | undefined;
}

export function encodeTableLine({ kind, stored, sizes, base }: TableLine): string {
  return `{"kind":"${kind}","stored":${stored},"sizes":[${sizes.join(",")}]${encodeBase(base)}}\n`;
}

export function encodeBase(base: string | undefined): string {
  return base === undefined ? "" : `,"base":"${base}"`;
}

/** Undefined: it is not as it was written. */
export function decodeTable(bytes: Uint8Array): readonly TableLine[] | undefined {
  const lines: TableLine[] = [];
  for (const line of splitLines(bytes)) {
    const object = parseObject(line);
    const parsed = object && decodeTableLine(object);
    if (parsed === undefined) return undefined;
    lines.push(parsed);
  }
  return lines;
}

/** Of a line of a table or of an index; undefined: it is not as it was written. */
export function decodeTableLine({
  kind,
  stored,
  sizes,
  base,
}: {
  readonly [name: string]: Json;
}): TableLine | undefined {
  if ((kind !== "values" && kind !== "page") || !isCount(stored) || !Array.isArray(sizes)) return undefined;
  const counts = sizes as readonly Json[];
  if (!counts.every(isCount) || (base !== undefined && !isSha256(base))) return undefined;
  if (kind === "page" ? counts.length !== 1 : base !== undefined) return undefined;
  return { kind, stored, sizes: counts, base };
}
