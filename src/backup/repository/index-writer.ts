// Index objects, written: what is known of packs is collected, and becomes an object before its readers would need much memory for it.

import type { ByteCount } from "../../core/clock.ts";
import { encodePackIndex, type PackIndex } from "../format/index-object.ts";
import type { CallOptions } from "../store/store.ts";
import { writeSealed } from "./read-object.ts";
import type { ObjectId, Repository } from "./repository.ts";

export interface IndexWriter {
  /** Bytes of what was added and is not written yet. */
  readonly waiting: ByteCount;
  add(pack: PackIndex): void;
  /** Writes what was added, if there is anything. Undefined: there is not. What could not be written waits on. Its calls come one after
   * another. */
  write(): Promise<ObjectId | undefined>;
}

/** Of the plain bytes of an index object: its readers hold all of them in memory. */
export const INDEX_BYTES_MAX: ByteCount = 4_194_304;

export function openIndexWriter(repository: Repository, options?: CallOptions): IndexWriter {
  const texts: Buffer[] = [];
  let waiting = 0;
  return {
    get waiting() {
      return waiting;
    },
    add(pack) {
      const text = encodePackIndex(pack);
      texts.push(text);
      waiting += text.byteLength;
    },
    async write() {
      if (texts.length === 0) return undefined;
      const plain = Buffer.concat(texts);
      const { length } = texts;
      const { id } = await writeSealed(repository, "index", plain, options);
      // More may have been added meanwhile.
      texts.splice(0, length);
      waiting -= plain.byteLength;
      return id;
    },
  };
}
