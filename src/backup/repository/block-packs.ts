// Which pack each block of an index lies in, and whether what is in it may be relied on: a few bytes a block in memory, so that whoever asks
// for a million items looks up nothing else but them.

/** Of a block, in the database. */
export type BlockRow = number & { readonly blockRow?: never };

/** Of a pack, in the database. */
export type PackRow = number & { readonly packRow?: never };

/** What is not yet in a pack. */
export const IN_THE_MAKING: PackRow = 0;

export interface BlockPacks {
  addPack(pack: PackRow, isOwn: boolean): void;
  /** Nothing is to rely on it: it is marked, or not as long as it was. */
  distrust(pack: PackRow): void;
  /** `isRelative`: it is stored relative to a page. */
  put(block: BlockRow, pack: PackRow, isRelative: boolean): void;
  packOf(block: BlockRow): PackRow;
  /** This run made it. */
  isOwn(pack: PackRow): boolean;
  isDistrusted(pack: PackRow): boolean;
  isRelative(block: BlockRow): boolean;
}

export function openBlockPacks(): BlockPacks {
  const own = new Set([IN_THE_MAKING]);
  const distrusted = new Set<PackRow>();
  /** By the block's number; negative, and one less, if the block is relative. */
  const packs: number[] = [];
  return {
    addPack: (pack, isOwn) => void (isOwn && own.add(pack)),
    distrust: (pack) => void distrusted.add(pack),
    put(block, pack, isRelative) {
      // Without a gap, so that it stays an array of numbers alone.
      while (packs.length < block) packs.push(IN_THE_MAKING);
      packs[block] = isRelative ? -1 - pack : pack;
    },
    packOf(block) {
      const pack = packs[block]!;
      return pack < 0 ? -1 - pack : pack;
    },
    isOwn: (pack) => own.has(pack),
    isDistrusted: (pack) => distrusted.has(pack),
    isRelative: (block) => packs[block]! < 0,
  };
}
