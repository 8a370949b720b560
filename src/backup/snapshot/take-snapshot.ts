// A replica into the values and pages of a snapshot. It is listed once. What its listing's stamps say is stored already is not read:
// stamps are trusted here, unless every value is asked for. All other values are read, and go to packs as they arrive.
//
// Whoever calls this writes the snapshot object afterwards: values and pages are durable by then. A listing or a read that breaks
// off leaves a snapshot of what was read up to then, which is not complete [I3].

import type { ByteCount, Clock } from "../../core/clock.ts";
import { openRootHash } from "../../core/content-root.ts";
import type { Entry } from "../../core/entry.ts";
import type { AppError } from "../../core/errors.ts";
import { fingerprintOfSha256, sha256Of } from "../../core/fingerprint.ts";
import type { Key } from "../../core/key.ts";
import type { Problem } from "../../core/problem.ts";
import { expirationOf, readAll, type ReadWhole, type Taker } from "../../replica/read-all.ts";
import type { ReadableReplica, Value } from "../../replica/replica.ts";
import { type EncodedPage, openPageSplitter } from "../page/split-pages.ts";
import type { ItemReader, ItemWriter, PageEntry, Snapshot } from "../repository/repository.ts";
import { type EntryWindow, openEntryWindow } from "./entry-window.ts";
import { type KnownValues, openKnownValues } from "./known-values.ts";
import { openParentPages, type ParentPages } from "./parent-pages.ts";
import { untilFailure } from "./until-failure.ts";

export interface TakeDeps {
  readonly clock: Clock;
  readonly reader: ItemReader;
  /** Stays the caller's, who finishes it. */
  readonly writer: ItemWriter;
  /** The last complete snapshot of the same source. */
  readonly parent: Pick<Snapshot, "pages"> | undefined;
}

interface TakeProgress {
  /** Keys that were dealt with, and those listed, once the listing is over. */
  readonly done: number;
  readonly total: number | undefined;
  /** Values that were read, and their bytes. */
  readonly read: number;
  readonly bytesRead: ByteCount;
}

export interface TakeOptions {
  readonly source: ReadableReplica;
  /** Read every value, whatever its stamp says. */
  readonly readsAll: boolean;
  readonly signal: AbortSignal;
  readonly onProblem: (problem: Problem) => void;
  /** Is told what is listed, and which of it is to be read. */
  readonly onListed?: (entries: readonly Entry[], wanted: readonly Entry[]) => void;
  readonly onProgress: (progress: TakeProgress) => void;
  /** Of entries that wait for those before them. */
  readonly windowBytesMax?: ByteCount;
}

export interface TakenSnapshot extends Pick<
  Snapshot,
  "listed" | "complete" | "problems" | "entries" | "bytes" | "root" | "pages"
> {
  readonly read: number;
  readonly bytesRead: ByteCount;
  /** Values or pages were given to the writer: what it had to store is not in the index before it is finished. */
  readonly hasPut: boolean;
  /** What the listing or the reads broke off with; undefined: they did not. */
  readonly failure: { readonly error: AppError } | undefined;
}

/** Throws what the repository fails with, the reason of an aborted signal, and what the source fails with before it has listed any
 * key. */
export async function takeSnapshot(deps: TakeDeps, options: TakeOptions): Promise<TakenSnapshot> {
  const { clock, writer, reader, parent } = deps;
  const { signal, onProblem, onProgress } = options;
  const source = untilFailure(options.source, signal);
  const pages = openParentPages(parent, reader, (id) => writer.distrust(id));
  const rows = openRows(writer, pages, openEntryWindow(options.windowBytesMax));
  const known = openKnownValues({ reader, writer });
  const taker = openTaker({ rows, known, pages, writer }, options);
  let total: number | undefined;
  const whole = await readAll({
    clock,
    source: source.replica,
    // Of what broke off nothing comes any more that would make room, and its listing is at its end.
    taker: { ...taker, isFull: () => source.failure === undefined && taker.isFull() },
    signal,
    onProblem,
    onProgress: (done, listed) => {
      total = listed;
      onProgress({ done, total: listed, ...taker.read() });
    },
    lack: "it is not in the snapshot",
  });
  taker.check();
  const { failure } = source;
  const { missing } = await rows.rest();
  if (failure !== undefined && total === 0) throw failure.error;
  return {
    ...rows.end(),
    ...spanOf(whole, failure !== undefined, missing),
    ...taker.read(),
    hasPut: taker.read().read > 0 || rows.hasPut(),
    failure,
  };
}

function spanOf(
  { listed: [from, to], complete, problems }: ReadWhole,
  isBrokenOff: boolean,
  missing: number,
): Pick<TakenSnapshot, "listed" | "complete" | "problems"> {
  if (!isBrokenOff) return { listed: [from, to], complete, problems };
  return { listed: [from, undefined], complete: false, problems: problems + missing };
}

interface SnapshotTaker extends Taker {
  /** Throws what the repository failed with while entries were taken: the source is not to blame for it. */
  check(): void;
  read(): { readonly read: number; readonly bytesRead: ByteCount };
}

interface TakerDeps {
  readonly rows: Rows;
  readonly known: KnownValues;
  readonly pages: ParentPages;
  readonly writer: ItemWriter;
}

function openTaker({ rows, known, pages, writer }: TakerDeps, { readsAll, onListed }: TakeOptions): SnapshotTaker {
  let [read, bytesRead] = [0, 0];
  let broken: { readonly error: unknown } | undefined;
  /** A promise only where something has to be read for it: a million of them take a second. */
  const rowOfKnown = (entry: Entry): PageEntry | undefined | Promise<PageEntry | undefined> => {
    const { key, fingerprint } = entry;
    if (readsAll || fingerprint === undefined) return undefined;
    const before = pages.find(key);
    const value =
      before instanceof Promise
        ? before.then((found) => known.find(fingerprint, found))
        : known.find(fingerprint, before);
    return value instanceof Promise ? value.then((found) => rowWith(entry, found)) : rowWith(entry, value);
  };
  const expect = async (entries: readonly Entry[]): Promise<readonly Entry[]> => {
    rows.expect(entries.map(({ key }) => key));
    const wanted: Entry[] = [];
    for (const entry of entries) {
      const found = rowOfKnown(entry);
      const row = found instanceof Promise ? await found : found;
      if (row === undefined) wanted.push(entry);
      else rows.put(row.key, row);
    }
    onListed?.(entries, wanted);
    await rows.flush();
    return wanted;
  };
  return {
    read: () => ({ read, bytesRead }),
    check() {
      if (broken !== undefined) throw broken.error;
    },
    expect: (entries) =>
      expect(entries).catch((error: unknown) => {
        broken ??= { error };
        throw error;
      }),
    async put(key, value) {
      if (value !== undefined) {
        const row = rowOf(key, value);
        read++;
        bytesRead += row.size;
        await writer.putValue(value.bytes, row.sha256);
        rows.put(key, row);
      } else rows.put(key, undefined);
      await rows.flush();
    },
    isFull: () => rows.isFull(),
  };
}

function rowWith(
  { key, metadata, expiration }: Entry,
  value: Pick<PageEntry, "sha256" | "size" | "binary"> | undefined,
): PageEntry | undefined {
  return value && { key, ...value, metadata, expiration };
}

function rowOf(key: Key, { entry, bytes, readAt }: Value): PageEntry {
  const { metadata, binary } = entry;
  return {
    key,
    sha256: sha256Of(bytes),
    size: bytes.byteLength,
    binary: binary === true,
    metadata,
    expiration: expirationOf(entry, readAt),
  };
}

interface Rows extends Pick<EntryWindow, "expect" | "put" | "isFull"> {
  /** Writes the pages that are whole. */
  flush(): Promise<void>;
  /** Gives up what has not come, and writes what has. */
  rest(): Promise<{ readonly missing: number }>;
  /** A page was given to the writer. */
  hasPut(): boolean;
  end(): Pick<TakenSnapshot, "entries" | "bytes" | "root" | "pages">;
}

/** The entries of one snapshot: takes them in any order, and writes them as pages in the order of the keys that are expected. */
function openRows(writer: ItemWriter, parent: ParentPages, window: EntryWindow): Rows {
  const splitter = openPageSplitter();
  const root = openRootHash();
  const pages: { readonly id: string; readonly entries: number }[] = [];
  let [entries, bytes] = [0, 0];
  let [isFlushing, hasPut] = [false, false];
  /** Returns the page that it ends. */
  const add = (row: PageEntry): EncodedPage | undefined => {
    entries++;
    bytes += row.size;
    return splitter.add(row, root.add(row));
  };
  const write = async (page: EncodedPage): Promise<void> => {
    pages.push({ id: page.id, entries: page.entries });
    if (writer.rely(fingerprintOfSha256(page.id))) return;
    const like = await parent.pageLike(page.firstKey);
    hasPut = true;
    await writer.putPage(page.bytes, page.id, like);
  };
  return {
    expect: (keys) => window.expect(keys),
    put: (key, entry) => window.put(key, entry),
    isFull: () => window.isFull(),
    // Called beside itself: whoever is at it takes what comes meanwhile.
    async flush() {
      if (isFlushing) return;
      isFlushing = true;
      try {
        for (let row = window.take(); row !== undefined; row = window.take()) {
          const page = add(row);
          if (page !== undefined) await write(page);
        }
      } finally {
        isFlushing = false;
      }
    },
    async rest() {
      const { entries: rest, missing } = window.drain();
      for (const row of rest) {
        const page = add(row);
        if (page !== undefined) await write(page);
      }
      const last = splitter.end();
      if (last !== undefined) await write(last);
      return { missing };
    },
    hasPut: () => hasPut,
    end: () => ({ entries, bytes, root: root.digest(), pages }),
  };
}
