// Packs on their way to the store, a few beside each other, and the index objects that tell of them. An index object names only packs
// that are stored.

import type { ByteCount, Clock, MonotonicMs } from "../../core/clock.ts";
import { openTaskSet } from "../../kv/task-set.ts";
import { packName } from "../format/object-names.ts";
import type { CallOptions } from "../store/store.ts";
import type { IndexDatabase } from "./index-database.ts";
import type { PackOfBlocks } from "./item-blocks.ts";
import { INDEX_BYTES_MAX, openIndexWriter } from "./index-writer.ts";
import type { Repository } from "./repository.ts";

export interface PackUploads {
  /** Resolves when there is room for a pack of `size` that is still to be made. Throws what an earlier one failed with. */
  ready(size: ByteCount): Promise<void>;
  /** Resolves when another pack may follow. Throws what an earlier one failed with. */
  store(pack: PackOfBlocks): Promise<void>;
  /** Writes an index object if what is stored should wait no longer for one. */
  indexIfDue(): Promise<void>;
  /** All packs are stored, and indexed. */
  finish(): Promise<void>;
  readonly stored: { readonly bytes: ByteCount; readonly values: number; readonly packs: number };
  /** Resolves when no call to the store is under way any more. */
  ended(): Promise<void>;
}

const UPLOADS_MAX = 3;
/** Of packs that are on their way. A single larger one goes alone. */
const UPLOAD_BYTES_MAX: ByteCount = 50_331_648;
/** What was stored and is in no index yet is stored in vain if the run breaks off. */
const UNINDEXED_BYTES_MAX: ByteCount = 67_108_864;
const UNINDEXED_MS_MAX = 60_000;

interface Deps extends CallOptions {
  readonly repository: Repository;
  readonly database: IndexDatabase;
  readonly clock: Clock;
}

export function openPackUploads({ repository, database, clock, signal }: Deps): PackUploads {
  const tasks = openTaskSet();
  const stored = { bytes: 0, values: 0, packs: 0 };
  let underWay = 0;
  const index = openIndexWriter(repository, { signal });
  let unindexed = 0;
  let since: MonotonicMs | undefined;

  const check = (): void => {
    if (tasks.failure !== undefined) throw tasks.failure.error;
  };
  const hasRoomFor = (size: ByteCount): boolean =>
    tasks.running === 0 || (tasks.running < UPLOADS_MAX && underWay + size <= UPLOAD_BYTES_MAX);
  const upload = async ({ bytes, index: facts, rows, free }: PackOfBlocks): Promise<void> => {
    const { pack, size, blocks } = facts;
    underWay += size;
    try {
      await repository.store.putNew(packName(pack), bytes, { signal });
      // After a failure the store may still be about to read them.
      free();
    } finally {
      underWay -= size;
    }
    const modified = clock.now();
    const own = blocks.map((block, i) => ({ row: rows[i]!, block }));
    database.addOwnPack({ pack, size, modified }, own);
    index.add(facts);
    unindexed += size;
    since ??= clock.monotonic();
    stored.bytes += size;
    stored.packs++;
    for (const { kind, sizes } of blocks) if (kind === "values") stored.values += sizes.length;
  };
  const writeIndex = async (): Promise<void> => {
    const [size, began] = [unindexed, clock.monotonic()];
    await index.write();
    // More may have been stored meanwhile.
    unindexed -= size;
    since = unindexed > 0 ? began : undefined;
  };
  const indexIfDue = async (): Promise<void> => {
    const isOld = since !== undefined && clock.monotonic() - since >= UNINDEXED_MS_MAX;
    if (isOld || unindexed >= UNINDEXED_BYTES_MAX || index.waiting >= INDEX_BYTES_MAX) await writeIndex();
  };
  const ready = async (size: ByteCount): Promise<void> => {
    while (!hasRoomFor(size)) {
      check();
      await tasks.changed();
    }
    check();
  };
  return {
    ready,
    async store(pack) {
      await ready(pack.index.size);
      tasks.run(upload(pack));
    },
    indexIfDue,
    async finish() {
      await tasks.ended();
      check();
      await writeIndex();
    },
    stored,
    ended: () => tasks.ended(),
  };
}
