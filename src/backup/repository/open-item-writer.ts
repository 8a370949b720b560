// Stores what the index does not have, and looks after what a snapshot to come relies on: if a pack is marked while the run lasts, what the
// run relies on in it is read from there and stored anew, since whoever marked it may remove it a grace later.

import type { Clock } from "../../core/clock.ts";
import { assert } from "../../core/errors.ts";
import { sha256Of } from "../../core/fingerprint.ts";
import { compressFrame } from "../format/frame.ts";
import type { CallOptions } from "../store/store.ts";
import type { ScratchIndex } from "./load-index.ts";
import { idBytes, openItemBlocks, type PageFrame } from "./item-blocks.ts";
import { openMarkWatch } from "./mark-watch.ts";
import { openPackUploads } from "./pack-uploads.ts";
import type { ItemId, ItemReader, ItemWriter, Repository } from "./repository.ts";

export interface ItemWriterDeps extends CallOptions {
  readonly repository: Repository;
  readonly index: ScratchIndex;
  /** Of the same index. */
  readonly reader: ItemReader;
  readonly clock: Clock;
}

interface PageBase {
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** A page that changed by more is stored whole: later pages are made relative to it then. */
const DELTA_SHARE_MAX = 0.25;
/** zstd takes a dictionary that begins so for one of another kind. */
const FORMATTED_DICTIONARY = 0xec30a437;

export function openItemWriter(deps: ItemWriterDeps): SnapshotWriter {
  const { repository, index, reader, clock } = deps;
  const { database } = index;
  const stop = new AbortController();
  const signal = deps.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, deps.signal]);
  const uploads = openPackUploads({ repository, database, clock, signal });
  const blocks = openItemBlocks({ sealer: repository.sealer, database, clock, store: (pack) => uploads.store(pack) });
  const marks = openMarkWatch({ repository, database, clock, listed: index.marksListed, signal });
  let isFinished = false;
  let tail: Promise<unknown> = Promise.resolve();
  /** One call after another, whoever makes them. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = tail.then(work);
    // Its caller is told of a failure.
    tail = result.catch(() => undefined);
    return result;
  };
  const distrusted = new Set<ItemId>();
  const rely = (id: Buffer): boolean => {
    const found = database.reliable(id);
    if (found === undefined || distrusted.has(idText(id))) return false;
    // What this run made is known to be relied on.
    if (!found.isOwn) database.rely(id);
    if (found.base !== undefined) database.rely(found.base);
    return true;
  };
  const storeValue = async (id: Buffer, bytes: Uint8Array): Promise<void> => {
    isFinished = false;
    if (rely(id)) return;
    await blocks.addValue(id, bytes);
    distrusted.delete(idText(id));
  };
  const storePage = async (id: Buffer, bytes: Uint8Array, base: PageBase | undefined): Promise<void> => {
    isFinished = false;
    if (rely(id)) return;
    await blocks.addPage(id, await frameOf(bytes, base));
    distrusted.delete(idText(id));
  };
  /** What a page like `near` is stored relative to: `near`, or what that is stored relative to, since a base has none itself. */
  const baseFor = async (near: PageBase): Promise<PageBase | undefined> => {
    const id = idBytes(near.sha256);
    if (database.isReliableWhole(id)) {
      database.rely(id);
      return near;
    }
    const base = database.reliable(id)?.base;
    const baseId = base && idText(base);
    // What is in the making cannot be read yet.
    if (base === undefined || baseId === undefined || index.places(baseId).length === 0) return undefined;
    database.rely(base);
    const bytes = await reader.pageById(baseId);
    return { bytes, sha256: sha256Of(bytes) };
  };
  const frameOf = async (bytes: Uint8Array, near: PageBase | undefined): Promise<PageFrame> => {
    const whole = await compressFrame(bytes);
    const size = bytes.byteLength;
    const base = near && (await baseFor(near));
    if (base === undefined || !isRaw(base.bytes)) return { frame: whole, size, base: undefined };
    const delta = await compressFrame(bytes, base.bytes);
    const isSmall = delta.byteLength <= whole.byteLength * DELTA_SHARE_MAX;
    return isSmall ? { frame: delta, size, base: base.sha256 } : { frame: whole, size, base: undefined };
  };
  /** What the run relies on in packs that were marked since the last time is stored anew. */
  const lookAfter = async (): Promise<void> => {
    const marked = await marks.look();
    for (const pack of marked) {
      for (const { id, kind } of database.reliedOn(pack)) {
        const bytes = Buffer.from(id, "base64url");
        // A page may be what others are stored relative to.
        if (database.isReliableWhole(bytes)) continue;
        if (kind === "value") await blocks.addValue(bytes, await reader.valueById(id));
        else await blocks.addPage(bytes, await frameOf(await reader.pageById(id), undefined));
      }
    }
  };
  const keepUp = async (): Promise<void> => {
    if (marks.isDue()) await lookAfter();
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
    rely: (id) => rely(Buffer.from(id, "base64url")),
    distrust: (id) => void distrusted.add(id),
    finish: () =>
      inTurn(async () => {
        await blocks.flush();
        await uploads.finish();
        await lookAfter();
        await blocks.flush();
        await uploads.finish();
        isFinished = true;
      }),
    async checkFinished() {
      assert(isFinished, "a snapshot is written after all it needs is stored");
      await marks.check();
    },
    stored: uploads.stored,
    async close() {
      stop.abort();
      await uploads.ended();
    },
  };
}

function idText(id: Uint8Array): ItemId {
  return Buffer.from(id).toString("base64url") as ItemId;
}

/** An item writer, as writing a snapshot knows it. */
export interface SnapshotWriter extends ItemWriter {
  /** Throws AppError "repository-refused" if what was stored and relied on may have been removed since `finish`. */
  checkFinished(): Promise<void>;
}

function isRaw(dictionary: Uint8Array): boolean {
  const start = Buffer.from(dictionary.subarray(0, 4));
  return start.byteLength === 4 && start.readUInt32LE(0) !== FORMATTED_DICTIONARY;
}
