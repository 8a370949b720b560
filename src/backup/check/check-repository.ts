// Whether all that the snapshots of a repository tell can be had: every snapshot, every page, the place of every value; and if asked for,
// every byte of every pack. Damage is told with the snapshots and the keys that it is about. What nobody needs is garbage, and no damage.

import type { ByteCount, Clock, EpochMs } from "../../core/clock.ts";
import { endsRange, hashRange, openRootHash, rootOfRanges } from "../../core/content-root.ts";
import { AppError, visible } from "../../core/errors.ts";
import { fingerprintOfSha256 } from "../../core/fingerprint.ts";
import { compareUtf8, type Key } from "../../core/key.ts";
import { packName } from "../format/object-names.ts";
import { decodePage, isAscending } from "../page/page-lines.ts";
import { measurePacks } from "../prune/measure-packs.ts";
import { type NeededItems, openNeededItems } from "../prune/needed-items.ts";
import { loadIndex, type ScratchIndex } from "../repository/load-index.ts";
import { openItemReader } from "../repository/open-item-reader.ts";
import type { ItemId, ItemReader, ObjectId, PageEntry, Repository, StoredSnapshot } from "../repository/repository.ts";
import { type SnapshotSummary, walkSnapshots } from "../repository/snapshots.ts";
import { type CheckNotes, openCheckNotes } from "./check-notes.ts";
import { checkPacks } from "./check-packs.ts";
import { openSoundValues, type SoundValues } from "./sound-values.ts";

export interface CheckOptions {
  readonly clock: Clock;
  /** From 0 to 1: of so many of the packs every byte is read. */
  readonly readShare: number;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: (step: CheckStep) => void;
}

interface CheckStep {
  readonly kind: "packs" | "pages";
  readonly done: number;
  readonly total: number | undefined;
}

export interface CheckFault {
  /** What is wrong, with which object: `packs/ab/ab12... is not as it was written`. */
  readonly message: string;
  /** "items": a repair of the index and a new backup store anew what its source still has. "snapshot": that is of no use. */
  readonly of: "items" | "snapshot";
  /** The snapshot that cannot be read, or is not what its pages say. */
  readonly snapshot?: ObjectId;
  /** With the keys whose values it takes. A page that cannot be read is a fault of its own. */
  readonly affected: readonly AffectedSnapshot[];
}

interface AffectedSnapshot {
  readonly snapshot: SnapshotSummary;
  readonly count: number;
  /** The first of the keys; of a page that cannot be read, between which keys it lies. */
  readonly keys: readonly string[];
}

export interface RepositoryCheck {
  readonly snapshots: number;
  readonly incomplete: number;
  readonly pages: number;
  readonly packs: { readonly packs: number; readonly bytes: ByteCount };
  /** Packs of which every byte was read. */
  readonly read: { readonly packs: number; readonly bytes: ByteCount };
  readonly faults: readonly CheckFault[];
  /** Packs that are not as they were written, and of which nothing was lost that is known of, a line each. */
  readonly remarks: readonly string[];
  /** What prune would free: whole packs, and what is unused in others. Undefined where there are faults: nobody can tell then. */
  readonly garbage: { readonly packs: number; readonly bytes: ByteCount } | undefined;
}

interface Run {
  readonly repository: Repository;
  readonly options: CheckOptions;
  readonly index: ScratchIndex;
  readonly reader: ItemReader;
  readonly notes: CheckNotes;
  readonly needed: NeededItems;
  /** Without their pages, by the number that the notes have them under. */
  readonly snapshots: readonly SnapshotSummary[];
  /** What is wrong with a pack. */
  readonly packFaults: Map<ObjectId, string>;
  readonly remarks: string[];
}

/** Throws what the store fails with; damage is part of the result. */
export async function checkRepository(repository: Repository, options: CheckOptions): Promise<RepositoryCheck> {
  const notes = openCheckNotes();
  const needed = openNeededItems();
  let index: ScratchIndex | undefined;
  try {
    const { clock, signal } = options;
    const { snapshots, faults } = await noteSnapshots(repository, notes, options);
    index = await loadIndex(repository, { clock, signal });
    const reader = openItemReader(repository, index, { signal });
    const packFaults = new Map<ObjectId, string>();
    const remarks: string[] = [];
    const run = { repository, options, index, reader, notes, needed, snapshots, packFaults, remarks };
    for (const { kind, message } of index.problems) {
      if (kind === "damaged")
        faults.push({ message: `${message}: kvsync repair index makes it anew`, of: "items", affected: [] });
    }
    const read = await readPacks(run);
    const pages = await checkPages(run);
    await checkWholes(run, faults);
    faults.push(...brokenFaults(run));
    const { garbage, ...summary } = summaryOf(run);
    return { ...summary, pages, read, faults, remarks, garbage: faults.length === 0 ? garbage : undefined };
  } finally {
    notes.close();
    needed.close();
    index?.close();
  }
}

async function noteSnapshots(repository: Repository, notes: CheckNotes, { signal }: CheckOptions) {
  const snapshots: SnapshotSummary[] = [];
  const faults: CheckFault[] = [];
  for await (const found of walkSnapshots(repository, { signal })) {
    if (found.kind === "problem")
      faults.push({ message: found.problem, of: "snapshot", snapshot: found.id, affected: [] });
    else {
      const { pages, ...summary } = found.snapshot;
      notes.addSnapshot(snapshots.push(summary) - 1, pages);
    }
  }
  return { snapshots, faults };
}

async function readPacks(run: Run): Promise<RepositoryCheck["read"]> {
  const { index, options, notes } = run;
  const all = [...index.packs()].filter(({ isIndexed }) => isIndexed);
  const chosen = choose(all, options);
  let done = 0;
  const onPack = (): void => options.onStep?.({ kind: "packs", done: ++done, total: chosen.length });
  for await (const { pack, message, items } of checkPacks(run, chosen, { signal: options.signal, onPack })) {
    for (const id of items) notes.noteDamage(id, pack);
    const told = `${packName(pack)} ${message}`;
    if (items.length > 0) run.packFaults.set(pack, told);
    else run.remarks.push(told);
  }
  return { packs: chosen.length, bytes: chosen.reduce((sum, { size }) => sum + size, 0) };
}

/** At random, so that checks of a part come to all parts. At least one, if any share is asked for. */
function choose<T>(all: readonly T[], { readShare, clock }: CheckOptions): readonly T[] {
  if (readShare >= 1) return all;
  const count = Math.ceil(all.length * readShare);
  const left = [...all];
  return Array.from({ length: count }, () => left.splice(Math.floor(clock.random() * left.length), 1)[0]!);
}

/** How many there are. What is broken goes to the notes. */
async function checkPages(run: Run): Promise<number> {
  const { notes, needed, index, reader, options } = run;
  const sound = openSoundValues();
  let done = 0;
  for (const id of notes.pages()) {
    options.signal?.throwIfAborted();
    options.onStep?.({ kind: "pages", done: ++done, total: undefined });
    const page = fingerprintOfSha256(id);
    needed.addPage(id);
    for (const { base } of index.places(page)) if (base !== undefined) needed.addBase(base);
    const entries = await readPage(reader, id);
    if (entries !== undefined) checkEntries(run, id, { entries, sound });
  }
  return done;
}

/** Undefined: it cannot be read. */
async function readPage(reader: ItemReader, id: string): Promise<readonly PageEntry[] | undefined> {
  try {
    const entries = decodePage(await reader.page(id));
    return isAscending(entries) ? entries : undefined;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "repository-damaged") throw error;
    return undefined;
  }
}

function checkEntries(
  run: Run,
  id: string,
  { entries, sound }: { readonly entries: readonly PageEntry[]; readonly sound: SoundValues },
): void {
  const { notes, needed } = run;
  let bytes = 0;
  for (const { key, sha256, size } of entries) {
    bytes += size;
    const value = fingerprintOfSha256(sha256);
    if (sound.has(value, size)) continue;
    needed.addValue(value);
    const cause = causeOf(run, value, size);
    if (cause === undefined) sound.add(value, size);
    else notes.noteBroken(id, key, cause);
  }
  const lastKey = entries.at(-1)!.key;
  notes.notePage(id, {
    entries: entries.length,
    bytes,
    range: hashRange(entries),
    endsRange: endsRange(lastKey),
    firstKey: entries[0]!.key,
    lastKey,
  });
}

/** Why a value cannot be had. Undefined: it can. */
function causeOf({ index, notes, packFaults }: Run, id: ItemId, size: ByteCount): string | undefined {
  let cause = "values that snapshots have are in no pack that is there";
  for (const { pack, packSize, at, stored, size: found } of index.places(id)) {
    if (at + stored > packSize) cause = `${packName(pack)} is cut: it ends after ${packSize} bytes`;
    else if (notes.isDamaged(id, pack)) cause = packFaults.get(pack)!;
    else if (found !== size)
      cause = `the index says that a value in ${packName(pack)} has another size than its snapshot says`;
    else return undefined;
  }
  return cause;
}

/** Of each snapshot as a whole: whether it has the entries, bytes and content root that it says, and which pages it lacks. */
async function checkWholes(run: Run, faults: CheckFault[]): Promise<void> {
  for await (const found of walkSnapshots(run.repository, { signal: run.options.signal })) {
    if (found.kind === "problem") continue;
    const { snapshot } = found;
    const summary = run.snapshots.find(({ id }) => id === snapshot.id);
    // It was written since the check began.
    if (summary === undefined) continue;
    const missing = missingPages(run, snapshot);
    if (missing.length > 0) faults.push(pagesFault(summary, missing));
    else {
      const why = await misfit(run, snapshot);
      if (why !== undefined)
        faults.push({
          message: `snapshots/${snapshot.id} ${why}`,
          of: "snapshot",
          snapshot: snapshot.id,
          affected: [{ snapshot: summary, count: 0, keys: [] }],
        });
    }
  }
}

interface MissingPage {
  readonly entries: number;
  readonly after: string | undefined;
  readonly before: string | undefined;
}

function missingPages({ notes }: Run, { pages }: StoredSnapshot): readonly MissingPage[] {
  const missing: MissingPage[] = [];
  for (const [at, { id, entries }] of pages.entries()) {
    if (notes.page(id) !== undefined) continue;
    const [last, next] = [pages[at - 1], pages[at + 1]];
    const after = last && notes.page(last.id)?.lastKey;
    missing.push({ entries, after, before: next && notes.page(next.id)?.firstKey });
  }
  return missing;
}

function pagesFault(snapshot: SnapshotSummary, missing: readonly MissingPage[]): CheckFault {
  const count = missing.reduce((sum, { entries }) => sum + entries, 0);
  const keys = missing.slice(0, SHOWN_PAGES).map(({ after, before }) => {
    const [from, to] = [
      after === undefined ? "from the first" : `after "${visible(after)}"`,
      before === undefined ? "to the last" : `before "${visible(before)}"`,
    ];
    return `all ${from} ${to}`;
  });
  const pages = missing.length === 1 ? "a page" : `${missing.length} pages`;
  const message = `${pages} of snapshots/${snapshot.id} cannot be read`;
  return { message, of: "items", affected: [{ snapshot, count, keys }] };
}

const SHOWN_PAGES = 5;

/** Undefined: the pages of a snapshot make what it says. */
async function misfit(
  { notes, reader }: Run,
  { pages, entries, bytes, root }: StoredSnapshot,
): Promise<string | undefined> {
  const found = pages.map(({ id }) => notes.page(id)!);
  const sum = (of: (page: (typeof found)[number]) => number): number =>
    found.reduce((total, page) => total + of(page), 0);
  if (found.some((page, at) => page.entries !== pages[at]!.entries))
    return "says of a page that it has another number of entries";
  if (sum((page) => page.entries) !== entries)
    return `says that it has ${entries} entries, and has ${sum((page) => page.entries)}`;
  if (sum((page) => page.bytes) !== bytes)
    return `says that it has ${bytes} bytes, and has ${sum((page) => page.bytes)}`;
  const isOrdered = found.every(
    (page, at) => at === 0 || compareUtf8(found[at - 1]!.lastKey as Key, page.firstKey as Key) < 0,
  );
  if (!isOrdered) return "has pages that are not in order";
  // Where a page ends within a range, the leaves of two pages are one range: then all are hashed anew.
  const areRanges = found.slice(0, -1).every((page) => page.endsRange);
  if (areRanges) return rootOfRanges(found.map(({ range }) => range)) === root ? undefined : WRONG_ROOT;
  const whole = openRootHash();
  for (const { id } of pages) for (const entry of decodePage(await reader.page(id))) whole.add(entry);
  return whole.digest() === root ? undefined : WRONG_ROOT;
}

const WRONG_ROOT = "has another content root than it says";

function brokenFaults({ notes, snapshots, packFaults }: Run): readonly CheckFault[] {
  const faults = new Map<string, AffectedSnapshot[]>([...packFaults.values()].map((message) => [message, []]));
  for (const { cause, snapshot, count, keys } of notes.broken()) {
    const affected = faults.get(cause) ?? [];
    affected.push({ snapshot: snapshots[snapshot]!, count, keys });
    faults.set(cause, affected);
  }
  return [...faults].map(([message, affected]) => ({ message, of: "items", affected }));
}

function summaryOf({
  index,
  needed,
  snapshots,
}: Run): Pick<RepositoryCheck, "snapshots" | "incomplete" | "packs" | "garbage"> {
  const all = [...index.packs()];
  const uses = measurePacks(index, needed, { marks: new Map(), now: 0 as EpochMs });
  return {
    snapshots: snapshots.length,
    incomplete: snapshots.filter(({ complete }) => !complete).length,
    packs: { packs: all.length, bytes: all.reduce((sum, { size }) => sum + size, 0) },
    garbage: {
      packs: uses.filter((use) => use.needed === 0).length,
      bytes: Math.round(uses.reduce((sum, { unused }) => sum + unused, 0)),
    },
  };
}
