// Writing values of the trash back to where they were in their mapping's folder, with their metadata and expirations: for the command
// line and for the daemon.
//
// A file that is there already stays, unless it is to be replaced. Then what it holds is kept in the trash first [I6], and it is replaced
// only while it is still what was kept: the folder's own write sees to that. The namespace is not written to: the next round carries
// over what was restored, as it does with any file that somebody changed.

import { isUtf8 } from "node:buffer";
import { lstatSync } from "node:fs";
import { resolve } from "node:path";
import type { Config, MappingConfig, Mode } from "../config/config.ts";
import { knownMappings } from "../config/known-mappings.ts";
import type { ByteCount, Clock, EpochMs } from "../core/clock.ts";
import { type Entry, isSameVersion } from "../core/entry.ts";
import { AppError, visible } from "../core/errors.ts";
import type { Key } from "../core/key.ts";
import { encodeKey } from "../core/names/path-codec.ts";
import type { Problem } from "../core/problem.ts";
import { onePage, transferOptions } from "../engine/observer.ts";
import { type HistoryNote, openHistory } from "../journal/history.ts";
import type { Journal } from "../journal/journal.ts";
import { openTrash } from "../journal/trash.ts";
import { openTrashIndex, type TrashItem } from "../journal/trash-index.ts";
import type { Value, Write } from "../replica/replica.ts";
import { openTreeReplica, type TreeReplica } from "../replica/tree/tree-replica.ts";

export interface RestoreDeps {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly stateDir: string;
  readonly signal?: AbortSignal | undefined;
}

export interface RestoredItem {
  readonly item: TrashItem;
  /** Where it is, or was to be. */
  readonly file: string;
  /** "same": the file held the value already. An error: it was not written. */
  readonly outcome: "written" | "same" | AppError;
  /** Its expiration has passed: it was written without one. */
  readonly hasExpired: boolean;
  /** Of the mapping: the next round of a pull may replace the file again. */
  readonly mode: Mode;
}

/** Of values that are in memory at once: those of the trash, and what lies in their places now. */
const GROUP_BYTES_MAX: ByteCount = 32 * 2 ** 20;
const GROUP_ITEMS_MAX = 100;

/** `items`: of `mapping`, each key once. One outcome for each, in their order. Throws AppError `root-missing` if the folder is not there,
 * `usage` if files of a mapping of mode pull are to be replaced, and what the trash itself fails with. */
export async function restoreItems(
  deps: RestoreDeps,
  mapping: MappingConfig,
  items: readonly TrashItem[],
  { replace }: { readonly replace: boolean },
): Promise<readonly RestoredItem[]> {
  if (replace) refusePull(mapping);
  const { clock, journal } = deps;
  const tree = openTree(deps, mapping);
  const restored: RestoredItem[] = [];
  try {
    for (const group of groupsOf(mapping, items)) {
      deps.signal?.throwIfAborted();
      const written = await restoreGroup({ ...deps, mapping, tree, replace }, group);
      restored.push(...written);
      openHistory(journal).append(written.flatMap((each) => noteOf(each, clock.now())));
    }
  } finally {
    await tree.close();
  }
  return restored;
}

/** Throws AppError `usage` if the mapping whose value `item` was is not in the config, nor one that `auto` finds. */
export function mappingOfItem(config: Config, { id, mapping: name }: TrashItem): MappingConfig {
  const mapping = knownMappings(config).find((known) => known.name === name);
  if (mapping !== undefined) return mapping;
  throw new AppError("usage", `mapping "${visible(name)}", whose value it was, is not in the config`, {
    hint: `say where to write it: kvsync trash restore ${id} --to FILE`,
  });
}

export function noSuchItem(id: number): AppError {
  return new AppError("usage", `there is no number ${id} in the trash`, {
    hint: "kvsync trash list shows what there is",
  });
}

/** Throws AppError `usage`: the next round would replace what was restored by what the namespace holds. */
export function refusePull({ name, mode }: MappingConfig): void {
  if (mode !== "pull") return;
  throw new AppError(
    "usage",
    `mapping "${visible(name)}" pulls: its next round would replace the restored file again`,
    {
      hint: "write the value to a file with kvsync trash restore NUMBER --to FILE, and put it into the namespace with kvsync key put KEY --path FILE",
    },
  );
}

function* groupsOf(mapping: MappingConfig, items: readonly TrashItem[]): Generator<readonly TrashItem[]> {
  let group: TrashItem[] = [];
  let bytes = 0;
  for (const item of items) {
    const adds = item.size + sizeOnDisk(fileOf(mapping, item.key));
    if (group.length === GROUP_ITEMS_MAX || (group.length > 0 && bytes + adds > GROUP_BYTES_MAX)) {
      yield group;
      [group, bytes] = [[], 0];
    }
    group.push(item);
    bytes += adds;
  }
  if (group.length > 0) yield group;
}

/** 0: there is none, or it cannot be told; whoever reads it says why. */
function sizeOnDisk(file: string): ByteCount {
  try {
    return lstatSync(file, { throwIfNoEntry: false })?.size ?? 0;
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code !== "string") throw error;
    return 0;
  }
}

interface GroupDeps extends RestoreDeps {
  readonly mapping: MappingConfig;
  readonly tree: TreeReplica;
  readonly replace: boolean;
}

async function restoreGroup(deps: GroupDeps, items: readonly TrashItem[]): Promise<readonly RestoredItem[]> {
  const { clock, journal, stateDir, mapping, tree, replace, signal } = deps;
  const index = openTrashIndex(journal, stateDir);
  const found = await lookAt(tree, items, signal);
  const byKey = new Map(items.map((item) => [item.key, item]));
  const outcomes = new Map<Key, RestoredItem["outcome"]>();
  const writes: Write[] = [];
  const lost: Value[] = [];
  for (const item of items) {
    const there = found.values.get(item.key);
    const state = stateOf(item, found, clock);
    if (state === "same") outcomes.set(item.key, state);
    else if (typeof state !== "string") outcomes.set(item.key, refused(mapping, item, state));
    else if (there !== undefined && !replace) outcomes.set(item.key, exists(mapping, item));
    else {
      try {
        writes.push({ value: valueOf(item, index.read(item), clock), expected: there?.entry });
        if (there !== undefined) lost.push(there);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        outcomes.set(item.key, error);
      }
    }
  }
  const trash = openTrash(journal, { clock, stateDir, mapping: mapping.name });
  if (lost.length > 0) await trash.save(lost, { reason: "replaced", side: tree.label });
  if (writes.length > 0) {
    for await (const page of tree.write(onePage(writes), transferOptions({ signal }))) {
      for (const outcome of page) {
        const { key, kind } = outcome;
        outcomes.set(key, kind === "written" ? kind : refused(mapping, byKey.get(key)!, outcome.problem));
      }
    }
  }
  return items.map((item) => ({
    item,
    file: fileOf(mapping, item.key),
    outcome: outcomes.get(item.key)!,
    hasExpired: hasExpired(item, clock),
    mode: mapping.mode,
  }));
}

/** What would become of the file of `item`: it is new, it replaces another content, or it holds the value already. */
export type ItemState = "new" | "replaces" | "same";

/** What restoring each of `items` would come to now; an error: it would fail with that. Changes nothing. Throws AppError
 * `root-missing`. */
export async function compareWithFolder(
  { clock, stateDir, signal }: Omit<RestoreDeps, "journal">,
  mapping: MappingConfig,
  items: readonly TrashItem[],
): Promise<ReadonlyMap<TrashItem, ItemState | AppError>> {
  const tree = openTree({ clock, stateDir }, mapping);
  const states = new Map<TrashItem, ItemState | AppError>();
  try {
    for (const group of groupsOf(mapping, items)) {
      signal?.throwIfAborted();
      const found = await lookAt(tree, group, signal);
      for (const item of group) {
        const state = stateOf(item, found, clock);
        states.set(item, typeof state === "string" ? state : refused(mapping, item, state));
      }
    }
  } finally {
    await tree.close();
  }
  return states;
}

function stateOf(item: TrashItem, { values, problems }: Found, clock: Clock): ItemState | Problem {
  const there = values.get(item.key);
  if (there === undefined) return problems.get(item.key) ?? "new";
  return isSameVersion(there.entry, entryOf(item, clock)) ? "same" : "replaces";
}

function openTree({ clock, stateDir }: Pick<RestoreDeps, "clock" | "stateDir">, mapping: MappingConfig): TreeReplica {
  const { folder, names, prefix, quietMs } = mapping;
  return openTreeReplica({ clock, root: folder, label: folder, names, prefix, ignorePaths: [stateDir], quietMs });
}

interface Found {
  readonly values: ReadonlyMap<Key, Value>;
  /** Why nothing can be written there, whatever it is. */
  readonly problems: ReadonlyMap<Key, Problem>;
}

/** What the files of the keys of `items` hold now. */
async function lookAt(tree: TreeReplica, items: readonly TrashItem[], signal: AbortSignal | undefined): Promise<Found> {
  const keys = items.map(({ key }) => key);
  const problems = new Map<Key, Problem>();
  const onProblem = (problem: Problem): void => void problems.set(problem.subject as Key, problem);
  const entries = await tree.lookup!(keys, { onProblem, ...(signal !== undefined && { signal }) });
  const values = new Map<Key, Value>();
  for await (const page of tree.read(onePage(entries), transferOptions({ signal }))) {
    for (const outcome of page) {
      if (outcome.kind === "value") values.set(outcome.key, outcome.value);
      if (outcome.kind === "problem") problems.set(outcome.key, outcome.problem);
    }
  }
  return { values, problems };
}

function valueOf(item: TrashItem, bytes: Uint8Array, clock: Clock): Value {
  return { entry: { ...entryOf(item, clock), binary: !isUtf8(bytes) }, bytes, readAt: clock.now() };
}

function entryOf(item: TrashItem, clock: Clock): Entry {
  const { key, fingerprint, metadata, size } = item;
  const expiration = hasExpired(item, clock) ? undefined : item.expiration;
  return {
    key,
    fingerprint,
    metadata,
    expiration,
    ttlSeconds: undefined,
    size,
    signature: undefined,
    binary: undefined,
  };
}

function hasExpired({ expiration }: TrashItem, clock: Clock): boolean {
  return expiration !== undefined && expiration * 1000 <= clock.now();
}

function fileOf({ folder, names }: MappingConfig, key: Key): string {
  return resolve(folder, encodeKey(key, names));
}

function exists(mapping: MappingConfig, item: TrashItem): AppError {
  const next = "--replace keeps that file in the trash, and takes its place";
  return notRestored(mapping, item, "it exists already, and is not overwritten", next);
}

function refused(mapping: MappingConfig, item: TrashItem, { code, message }: Problem): AppError {
  const next = code === "changed-on-disk" ? "try again" : "move away what is there";
  return notRestored(mapping, item, `it ${message}`, next);
}

function notRestored(mapping: MappingConfig, { id, key }: TrashItem, why: string, next: string): AppError {
  return new AppError("io", `could not restore ${visible(fileOf(mapping, key))}: ${why}`, {
    hint: `${next}, or write it elsewhere: kvsync trash restore ${id} --to FILE`,
  });
}

function noteOf({ item, outcome }: RestoredItem, at: EpochMs): readonly HistoryNote[] {
  if (outcome !== "written") return [];
  const { id, mapping, key, size: bytes } = item;
  const reason = `number ${id} of the trash was written back`;
  return [{ at, mapping, key, side: "local", event: "restored", reason, bytes }];
}
