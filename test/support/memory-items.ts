// A repository's values and pages in memory, as src/backup/repository/repository.ts promises them, for tests of what is above.

import { AppError } from "../../src/core/errors.ts";
import { fingerprintOfSha256, sha256Of } from "../../src/core/fingerprint.ts";
import type { ItemId, ItemReader, ItemWriter } from "../../src/backup/repository/repository.ts";

export interface MemoryItems {
  readonly reader: ItemReader;
  openWriter(): ItemWriter;
  /** What was written since the last call, by kind. */
  written(): { readonly values: readonly string[]; readonly pages: readonly string[]; readonly based: number };
  damage(sha256: string): void;
  /** Is in a pack that is marked. */
  mark(id: ItemId): void;
}

export function openMemoryItems(): MemoryItems {
  const items = new Map<ItemId, { readonly sha256: string; readonly bytes: Uint8Array }>();
  const marked = new Set<ItemId>();
  const damaged = new Set<ItemId>();
  let log = { values: [] as string[], pages: [] as string[], based: 0 };
  const get = async (id: ItemId): Promise<Uint8Array> => {
    const found = items.get(id);
    if (found === undefined || damaged.has(id))
      throw new AppError("repository-damaged", `${found === undefined ? "no" : "damaged"} item ${id}`);
    return found.bytes;
  };
  return {
    reader: {
      value: (sha256) => get(fingerprintOfSha256(sha256)),
      valueById: get,
      page: (sha256) => get(fingerprintOfSha256(sha256)),
      pageById: get,
    },
    openWriter() {
      const distrusted = new Set<ItemId>();
      const rely = (id: ItemId): boolean => items.has(id) && !marked.has(id) && !distrusted.has(id);
      const put = async (bytes: Uint8Array, sha256: string): Promise<boolean> => {
        if (sha256Of(bytes) !== sha256) throw new Error("not the bytes of that hash");
        const id = fingerprintOfSha256(sha256);
        if (rely(id)) return false;
        await Promise.resolve();
        items.set(id, { sha256, bytes: Buffer.from(bytes) });
        for (const set of [marked, distrusted, damaged]) set.delete(id);
        return true;
      };
      return {
        rely,
        distrust: (id) => void distrusted.add(id),
        async putValue(bytes, sha256) {
          if (await put(bytes, sha256)) log.values.push(sha256);
        },
        async putPage(bytes, sha256, base) {
          if (!(await put(bytes, sha256))) return;
          log.pages.push(sha256);
          if (base !== undefined) log.based++;
        },
        finish: async () => {},
        stored: { bytes: 0, values: 0, packs: 0 },
        close: async () => {},
      };
    },
    written() {
      const since = log;
      log = { values: [], pages: [], based: 0 };
      return since;
    },
    damage: (sha256) => void damaged.add(fingerprintOfSha256(sha256)),
    mark: (id) => void marked.add(id),
  };
}
