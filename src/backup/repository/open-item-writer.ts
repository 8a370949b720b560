// Stores what the index does not have, and looks after what a snapshot to come relies on: if a pack is marked while the run lasts, what the
// run relies on in it is read from there and stored anew, since whoever marked it may remove it a grace later.

import type { Clock, EpochMs } from "../../core/clock.ts";
import { AppError, assert } from "../../core/errors.ts";
import { giveBack } from "../../core/give-back.ts";
import { idBytes } from "../format/item-id.ts";
import type { CallOptions } from "../store/store.ts";
import type { ScratchIndex } from "./load-index.ts";
import { openCallTurns } from "./call-turns.ts";
import { openItemBlocks } from "./item-blocks.ts";
import { AGAIN, openMarkWatch } from "./mark-watch.ts";
import { makePageFrame, type PageBase } from "./page-frames.ts";
import { openPackUploads } from "./pack-uploads.ts";
import type { ItemId, ItemReader, ItemWriter, ObjectId, Repository } from "./repository.ts";

export interface ItemWriterDeps extends CallOptions {
  readonly repository: Repository;
  readonly index: ScratchIndex;
  /** Of the same index. */
  readonly reader: ItemReader;
  readonly clock: Clock;
}

export function openItemWriter(deps: ItemWriterDeps): SnapshotWriter {
  const { repository, index, reader, clock } = deps;
  const { database } = index;
  const { reliance } = database;
  const pages = { reliance, index, reader };
  const stop = new AbortController();
  const signal = deps.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, deps.signal]);
  const uploads = openPackUploads({ repository, database, clock, signal });
  const blocks = openItemBlocks({
    sealer: repository.sealer,
    database,
    clock,
    store: (pack) => uploads.store(pack),
    ready: (size) => uploads.ready(size),
  });
  const marks = openMarkWatch({ repository, database, clock, listed: index.marksListed, signal });
  let isFinished = false;
  const turns = openCallTurns();
  const { inTurn, atOnce } = turns;
  const storeValue = async (id: Buffer, bytes: Uint8Array): Promise<void> => {
    isFinished = false;
    if (reliance.rely(id)) return;
    await blocks.addValue(id, bytes);
    reliance.trust(id);
  };
  const storePage = async (id: Buffer, bytes: Uint8Array, base: PageBase | undefined): Promise<void> => {
    isFinished = false;
    if (reliance.rely(id)) return;
    await blocks.addPage(id, await makePageFrame(pages, bytes, base));
    reliance.trust(id);
  };
  /** What the run relies on in packs that were marked since the last time, or are gone, is stored anew. */
  const lookAfter = async (packs: readonly ObjectId[]): Promise<void> => {
    for (const pack of packs) {
      for (const { id, kind } of database.itemsOf(pack)) {
        const bytes = Buffer.from(id, "base64url");
        // Whole: a page may be what others are stored relative to.
        if (!reliance.has(bytes, pack) || reliance.relyWhole(bytes)) continue;
        const item = await readAnew(id);
        if (kind === "value") {
          await blocks.addValue(bytes, item);
          giveBack(item);
        } else await blocks.addPage(bytes, await makePageFrame(pages, item, undefined));
      }
    }
  };
  const readAnew = async (id: ItemId): Promise<Uint8Array> => {
    try {
      return await reader.valueById(id);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "repository-damaged") throw error;
      const message = `what this run relies on was removed from ${repository.label} meanwhile: ${error.message}`;
      throw new AppError("repository-refused", message, { hint: AGAIN, retryable: true, cause: error });
    }
  };
  const keepUp = async (): Promise<void> => {
    if (marks.isDue()) await lookAfter(await marks.look());
    await uploads.indexIfDue();
  };
  return {
    putValue: (bytes, sha256) =>
      inTurn(async () => {
        await keepUp();
        await storeValue(idBytes(sha256), bytes);
      }),
    putPage: (bytes, sha256, base) =>
      inTurn(async () => {
        await keepUp();
        await storePage(idBytes(sha256), bytes, base);
      }),
    rely: (id) => reliance.rely(Buffer.from(id, "base64url")),
    distrust: (id) => reliance.distrust(Buffer.from(id, "base64url")),
    finish: () =>
      inTurn(async () => {
        await blocks.flush();
        await uploads.finish();
        await lookAfter(await marks.look());
        // What is gone may lie in another pack too, which is asked for then.
        for (let gone = await marks.gone(); gone.length > 0; gone = await marks.gone()) await lookAfter(gone);
        await blocks.flush();
        await uploads.finish();
        isFinished = true;
      }),
    checkFinished: (at) =>
      atOnce(async () => {
        assert(isFinished, "a snapshot is written after all it needs is stored");
        await marks.check(at);
      }),
    get failure() {
      return turns.failure;
    },
    stored: uploads.stored,
    async close() {
      stop.abort();
      await uploads.ended();
    },
  };
}

/** An item writer, as writing a snapshot knows it. Once a call failed, each later one fails with the same error. */
export interface SnapshotWriter extends ItemWriter {
  /** What the first call failed with that did. */
  readonly failure: { readonly error: unknown } | undefined;
  /** Throws AppError "repository-refused" if `at`, by the store's clock, is so long after `finish` that what was stored and relied on may have
   * been marked and removed. Default: now. */
  checkFinished(at?: EpochMs): Promise<void>;
}
