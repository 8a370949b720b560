// Groups of neighbours: as many values at a time as are written, or removed, together.

import type { ByteCount } from "../../../core/clock.ts";
import type { Entry } from "../../../core/entry.ts";
import type { Key } from "../../../core/key.ts";
import type { Write } from "../../replica.ts";

interface Grouping<T> {
  readonly itemsMax: number;
  readonly bytesOf: (item: T) => ByteCount;
  readonly keyOf: (item: T) => Key;
}

const GROUP_BYTES_MAX: ByteCount = 16_777_216;

export const WRITES: Grouping<Write> = {
  itemsMax: 128,
  bytesOf: ({ value }) => value.bytes.byteLength,
  keyOf: ({ value }) => value.entry.key,
};
/** Where nothing is synced, so that no file of a group has to stay open until all of it is. */
export const UNSYNCED_WRITES: Grouping<Write> = { ...WRITES, itemsMax: 512 };
export const REMOVES: Grouping<Entry> = { itemsMax: 256, bytesOf: () => 0, keyOf: ({ key }) => key };

/** Groups that end where a folder does, if one of at least half the size can. */
export function* groupsOf<T>(page: readonly T[], { itemsMax, bytesOf, keyOf }: Grouping<T>): Generator<readonly T[]> {
  for (let from = 0; from < page.length;) {
    let to = from;
    for (let bytes = 0; to < page.length && to - from < itemsMax && bytes < GROUP_BYTES_MAX; to++)
      bytes += bytesOf(page[to]!);
    let end = to;
    while (
      end < page.length &&
      end - from > itemsMax / 2 &&
      folderOf(keyOf(page[end]!)) === folderOf(keyOf(page[end - 1]!))
    )
      end--;
    if (end - from > itemsMax / 2) to = end;
    yield page.slice(from, to);
    from = to;
  }
}

/** With its final slash; "": the root. */
function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/") + 1);
}
