// Values that a repository has already, found by their fingerprints: what a snapshot says of them, without reading them from the
// source.

import { isUtf8 } from "node:buffer";
import { type Fingerprint, fingerprintOfSha256, sha256Of } from "../../core/fingerprint.ts";
import type { ItemReader, ItemWriter, PageEntry } from "../repository/repository.ts";
import { isDamage } from "./snapshot-pages.ts";

type KnownValue = Pick<PageEntry, "sha256" | "size" | "binary">;

export interface KnownValues {
  /** Undefined: the value has to be read from its source. A promise, if the repository has to be read for it. `before`: what the parent
   * has under the same key. */
  find(id: Fingerprint, before: KnownValue | undefined): KnownValue | undefined | Promise<KnownValue | undefined>;
}

/** Of values that were read from the repository, the last of which the facts are remembered: many keys may hold the same one. */
const REMEMBERED_MAX = 10_000;

export function openKnownValues({
  reader,
  writer,
}: {
  readonly reader: ItemReader;
  readonly writer: ItemWriter;
}): KnownValues {
  const remembered = new Map<Fingerprint, KnownValue>();
  const read = async (id: Fingerprint): Promise<KnownValue | undefined> => {
    try {
      const bytes = await reader.valueById(id);
      return { sha256: sha256Of(bytes), size: bytes.byteLength, binary: !isUtf8(bytes) };
    } catch (error) {
      if (!isDamage(error)) throw error;
      writer.distrust(id);
      return undefined;
    }
  };
  const readOnce = async (id: Fingerprint): Promise<KnownValue | undefined> => {
    const known = await read(id);
    if (known === undefined) return undefined;
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    remembered.set(id, known);
    return known;
  };
  return {
    find(id, before) {
      if (!writer.rely(id)) return undefined;
      if (before !== undefined && fingerprintOfSha256(before.sha256) === id) {
        const { sha256, size, binary } = before;
        return { sha256, size, binary };
      }
      return remembered.get(id) ?? readOnce(id);
    },
  };
}
