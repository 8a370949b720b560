// Prune: makes room by removing packs that no snapshot needs, without a lock. What each step rests on, and in which order the store is
// asked, is told and proved in docs/repository-format.md, "Marks". A prune that is killed leaves nothing but garbage.

import pLimit from "p-limit";
import type { ByteCount, Clock, DurationMs, EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { FOLDERS, idOfName, markName, packName } from "../format/object-names.ts";
import { loadIndex, type ScratchIndex } from "../repository/load-index.ts";
import { openItemReader } from "../repository/open-item-reader.ts";
import { openItemWriter } from "../repository/open-item-writer.ts";
import type { ItemReader, ObjectId, Repository } from "../repository/repository.ts";
import { STORE_CALLS, type Store } from "../store/store.ts";
import { collectItems, collectPages } from "./collect-needed.ts";
import { copyNeeded } from "./copy-needed.ts";
import { measurePacks } from "./measure-packs.ts";
import { type NeededItems, openNeededItems } from "./needed-items.ts";
import { judgePack, type PackUse, type PackVerdict, type PrunePolicy } from "./plan-prune.ts";
import { applyIndexPlan } from "./write-index-plan.ts";
import { planIndex } from "./tidy-index.ts";

export interface PruneOptions extends Omit<PrunePolicy, "now"> {
  readonly clock: Clock;
  /** Tell what would be done, and do nothing. */
  readonly dryRun: boolean;
  /** Snapshots that the caller has just removed: listings may still show them. */
  readonly forgotten?: readonly ObjectId[];
  /** How long to wait for a listing that shows a snapshot which is not there. Default: not at all. */
  readonly patienceMs?: DurationMs;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: (step: PruneStep) => void;
}

export interface PruneStep {
  /** `read`: pages of snapshots. */
  readonly kind: "read" | "mark" | "remove";
  readonly done: number;
  readonly total: number | undefined;
}

export interface PackAmount {
  readonly packs: number;
  readonly bytes: ByteCount;
}

export interface PruneReport {
  readonly snapshots: number;
  /** All packs that were there at the start. */
  readonly before: PackAmount;
  /** Removed now. */
  readonly removed: PackAmount;
  /** Marked now: nothing of them is needed. */
  readonly marked: PackAmount;
  /** Marked now, after what is needed of them was copied. */
  readonly rewritten: PackAmount;
  /** New packs with what was copied. */
  readonly copied: PackAmount;
  /** Marked by an earlier prune, less than a grace ago. */
  readonly waiting: PackAmount;
  /** Nothing of them is needed, but they are younger than the grace. */
  readonly young: PackAmount;
  /** When the next of those that wait, or were marked now, can be removed, by the store's clock. Undefined: there is none. */
  readonly removableFrom: EpochMs | undefined;
  /** Marks of packs that are gone. */
  readonly marksRemoved: number;
  readonly index: { readonly merged: number; readonly removed: number };
}

interface Run {
  readonly repository: Repository;
  readonly options: PruneOptions;
  /** By the store's clock, before the marks were listed. */
  readonly now: EpochMs;
  readonly marks: ReadonlyMap<ObjectId, EpochMs>;
  readonly index: ScratchIndex;
  readonly reader: ItemReader;
  readonly needed: NeededItems;
}

type Judged = PackUse & { readonly verdict: PackVerdict };

/** Throws AppError "repository-damaged" if a snapshot or an index object cannot be read, or if something that a snapshot needs is nowhere:
 * nothing is removed then. */
export async function prune(repository: Repository, options: PruneOptions): Promise<PruneReport> {
  const { store } = repository;
  const { clock, signal } = options;
  const now = await store.now({ signal });
  const marks = await listMarkTimes(store, signal);
  const needed = openNeededItems();
  let index: ScratchIndex | undefined;
  try {
    const { forgotten = [], patienceMs = 0 } = options;
    const collect = { clock, signal, forgotten: new Set(forgotten), patienceMs };
    const snapshots = await collectPages(repository, needed, collect);
    index = await loadIndex(repository, { clock, signal });
    const reader = openItemReader(repository, index, { signal });
    const run = { repository, options, now, marks, index, reader, needed };
    checkIndex(run);
    await readPages(run);
    const packs = measurePacks(index, needed, { marks, now }).map((use) => {
      return { ...use, verdict: judgePack(use, { ...options, now }) };
    });
    checkNothingMissing(run);
    return await carryOut(run, packs, snapshots);
  } finally {
    needed.close();
    index?.close();
  }
}

async function carryOut(run: Run, packs: readonly Judged[], snapshots: number): Promise<PruneReport> {
  const { options, now, index, repository } = run;
  const of = (kind: PackVerdict["kind"]): readonly Judged[] => packs.filter(({ verdict }) => verdict.kind === kind);
  const [rewrite, mark, remove, waiting] = [of("rewrite"), of("mark"), of("remove"), of("wait")];
  const copied = options.dryRun ? NOTHING : await copyFrom(run, { rewrite, mark });
  if (!options.dryRun) await markPacks(run, [...rewrite, ...mark]);
  const removed = options.dryRun ? remove : await removePacks(run, remove);
  const gone = new Set(removed.map(({ pack }) => pack));
  const there = new Set(packs.map(({ pack }) => pack).filter((pack) => !gone.has(pack)));
  const marksRemoved = await removeMarks(run, new Set(packs.map(({ pack }) => pack)));
  const plan = planIndex(index.objects, { now, isThere: (pack) => there.has(pack) });
  if (!options.dryRun)
    await applyIndexPlan(repository, plan, { isThere: (pack) => there.has(pack), signal: options.signal });
  const from = waiting.flatMap(({ verdict }) => (verdict.kind === "wait" ? [verdict.from] : []));
  if (rewrite.length + mark.length > 0) from.push((now + options.grace) as EpochMs);
  return {
    snapshots,
    before: amountOf(packs),
    removed: amountOf(removed),
    marked: amountOf(mark),
    rewritten: amountOf(rewrite),
    copied,
    waiting: amountOf(waiting),
    young: amountOf(of("young")),
    removableFrom: from.length === 0 ? undefined : from.reduce((a, b) => (a < b ? a : b)),
    marksRemoved,
    index: { merged: plan.merge.length, removed: plan.remove.length },
  };
}

function checkIndex({ index, repository }: Run): void {
  const damage = index.problems.find(({ kind }) => kind === "damaged");
  if (damage === undefined) return;
  throw new AppError("repository-damaged", `prune removes nothing, since ${damage.message}`, {
    hint: `make the index anew: kvsync repair index ${repository.label}`,
  });
}

async function readPages(run: Run): Promise<void> {
  const { repository, options } = run;
  let done = 0;
  try {
    await collectItems(run, {
      signal: options.signal,
      onPage: () => options.onStep?.({ kind: "read", done: ++done, total: undefined }),
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "repository-damaged") throw error;
    throw new AppError(
      "repository-damaged",
      `prune removes nothing, since nobody can tell what a snapshot needs: ${error.message}`,
      {
        hint: `see which snapshot it is: kvsync check ${repository.label}`,
        cause: error,
      },
    );
  }
}

function checkNothingMissing({ index, needed, repository }: Run): void {
  let missing = 0;
  for (const { id } of needed.unkept()) if (index.places(id).length === 0) missing++;
  if (missing === 0) return;
  const what = `prune removes nothing, since ${missing} ${missing === 1 ? "item that a snapshot needs is" : "items that snapshots need are"} in no pack`;
  throw new AppError("repository-damaged", what, {
    hint: `see which keys: kvsync check ${repository.label}; where a backup has just ended, listings may lag: try again later`,
  });
}

/** What snapshots need and only marked packs hold, or packs that are to be marked, goes to new packs. Nothing needed is left to those of
 * `mark`: they are marked together with those of `rewrite`. */
async function copyFrom(
  run: Run,
  { rewrite, mark }: { readonly rewrite: readonly PackUse[]; readonly mark: readonly PackUse[] },
): Promise<PackAmount> {
  const { repository, options, index, reader, needed } = run;
  const { clock, signal } = options;
  const sources = new Set(rewrite.map(({ pack }) => pack));
  for (const { id } of needed.unkept()) for (const { pack } of index.places(id)) sources.add(pack);
  if (sources.size === 0) return NOTHING;
  for (const pack of sources) index.database.mark(pack);
  for (const { pack } of mark) index.database.mark(pack);
  const marked = new Set([...index.packs()].filter(({ isMarked }) => isMarked).map(({ pack }) => pack));
  const writer = openItemWriter({ repository, index, reader, clock, signal });
  try {
    const packs = [...sources].toSorted();
    await copyNeeded({ index, reader, writer, needed, isMarked: (pack) => marked.has(pack) }, packs, signal);
    await writer.finish();
    return { packs: writer.stored.packs, bytes: writer.stored.bytes };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "repository-damaged") throw error;
    const hint = `if another prune is at work, try again after it; else see what is damaged: kvsync check ${repository.label} --read-data`;
    throw new AppError(
      "repository-damaged",
      `prune removes nothing, since it could not copy what snapshots need: ${error.message}`,
      { hint, cause: error },
    );
  } finally {
    await writer.close();
  }
}

async function markPacks({ repository, options }: Run, packs: readonly PackUse[]): Promise<void> {
  const { signal } = options;
  await forEach(packs, "mark", options, ({ pack }) =>
    repository.store.putNew(markName(pack), new Uint8Array(), { signal }),
  );
}

/** Those that were removed. */
async function removePacks(run: Run, packs: readonly PackUse[]): Promise<readonly PackUse[]> {
  const { repository, options, now } = run;
  const { signal, grace } = options;
  const removed: PackUse[] = [];
  await forEach(packs, "remove", options, async (use) => {
    const mark = await repository.store.head(markName(use.pack), { signal });
    if (mark === undefined || mark.modified + grace > now) return;
    await repository.store.remove(packName(use.pack), { signal });
    removed.push(use);
  });
  return removed;
}

/** Of packs that were gone when this prune began, if they are as old as the grace. */
async function removeMarks({ repository, options, now, marks }: Run, packs: ReadonlySet<ObjectId>): Promise<number> {
  const { signal, grace, dryRun } = options;
  let removed = 0;
  const old = [...marks].filter(([pack, marked]) => !packs.has(pack) && marked + grace <= now);
  await forEach(old, "remove", options, async ([pack]) => {
    if ((await repository.store.head(packName(pack), { signal })) !== undefined) return;
    if (!dryRun) await repository.store.remove(markName(pack), { signal });
    removed++;
  });
  return removed;
}

async function listMarkTimes(store: Store, signal: AbortSignal | undefined): Promise<ReadonlyMap<ObjectId, EpochMs>> {
  const marks = new Map<ObjectId, EpochMs>();
  for await (const page of store.list(FOLDERS.marks, { signal })) {
    for (const { name, modified } of page) {
      const pack = idOfName(name);
      if (pack !== undefined) marks.set(pack, modified);
    }
  }
  return marks;
}

/** Runs `work` for each item, as many at once as a store takes. */
async function forEach<T>(
  items: readonly T[],
  kind: PruneStep["kind"],
  { onStep }: PruneOptions,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  let done = 0;
  const limit = pLimit(STORE_CALLS);
  await limit.map(items, async (item) => {
    await work(item);
    onStep?.({ kind, done: ++done, total: items.length });
  });
}

const NOTHING: PackAmount = { packs: 0, bytes: 0 };

function amountOf(packs: readonly PackUse[]): PackAmount {
  return { packs: packs.length, bytes: packs.reduce((sum, { size }) => sum + size, 0) };
}
