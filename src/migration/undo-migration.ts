// A migration undone: what was at the destination before is put back from the archive of it, and what the migration brought is removed; both
// only where the destination is still as the migration left it. What somebody wrote there since stays, and is counted.
//
// It is the same one-way round, from what was there before, with the base that the copy has made: that says what the migration left. A
// killed undo is typed again, and goes on.

import { join } from "node:path";
import type { OpenAccount } from "../accounts/accounts.ts";
import { type Clock, type DurationMs, type EpochSeconds, toEpochSeconds } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { EXPIRATION_AHEAD_SECONDS_MIN } from "../core/limits.ts";
import type { Problem } from "../core/problem.ts";
import { renderRemote } from "../core/prefix.ts";
import { openArchiveFile } from "../mapping/open-location.ts";
import type { Namespace, NamespaceId } from "../kv/kv-api.ts";
import { listAllNamespaces } from "../kv/list-all-namespaces.ts";
import type { PairDeps } from "../mapping/pair.ts";
import { openMemoryReplica } from "../replica/memory.ts";
import { openNamespaceReplica } from "../replica/namespace/namespace-replica.ts";
import { NO_ALLOWANCES } from "../replica/archive/check-archive.ts";
import { withoutExpired } from "../replica/archive/without-expired.ts";
import type { ReadableReplica } from "../replica/replica.ts";
import { checkClock } from "./check-clock.ts";
import { copyNamespace } from "./copy/copy-namespace.ts";
import { identityOf, isStamped } from "./copy/open-sides.ts";
import { withPatience } from "./copy/patience.ts";
import type { MigrationFolder } from "./migration-folder.ts";
import { type MigrationRecord, type NamespaceRecord } from "./migration-record.ts";

interface UndoDeps {
  readonly clock: Clock;
  readonly pair: PairDeps;
  readonly folder: MigrationFolder;
  readonly destination: OpenAccount;
  /** All namespaces of the destination's account. */
  readonly there: readonly Namespace[];
  readonly settleWindowMs: number;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly onProblem: (title: string, problem: Problem) => void;
}

export interface UndoneNamespace {
  readonly namespace: NamespaceRecord;
  readonly putBack: number;
  readonly removed: number;
  /** Keys that somebody changed since, or brought, or removed. */
  readonly left: number;
  readonly failed: number;
  /** It was made by the migration, and is empty now. */
  readonly isDeleted: boolean;
}

export interface UndoAllDeps extends Omit<UndoDeps, "there"> {
  /** What fails for a while is tried again. */
  readonly onRetry: (error: AppError, waitMs: DurationMs) => void;
  readonly onUndone: (undone: UndoneNamespace) => void;
  /** One namespace could not be undone: the others are all the same. */
  readonly onFailed: (namespace: NamespaceRecord, error: AppError) => void;
}

/** Throws AppError where the account cannot be looked at, or by a clock that is wrong. */
export async function undoMigration(deps: UndoAllDeps, record: MigrationRecord): Promise<void> {
  const { clock, signal, destination, onRetry, onUndone, onFailed } = deps;
  let there: readonly Namespace[] | undefined;
  const patience = {
    clock,
    signal,
    mayRetry: () => true,
    onRetry: (error: AppError, waitMs: DurationMs) => {
      // A deletion whose answer was lost may have been carried out.
      there = undefined;
      onRetry(error, waitMs);
    },
  };
  const look = async (): Promise<readonly Namespace[]> => (there ??= await listAllNamespaces(destination.api, signal));
  await withPatience(patience, look);
  checkClock([destination]);
  for (const namespace of record.namespaces) {
    try {
      const undone = await withPatience(patience, async () =>
        undoNamespace({ ...deps, there: await look() }, record, namespace),
      );
      if (undone !== undefined) onUndone(undone);
    } catch (error) {
      if (!(error instanceof AppError) || signal.aborted) throw error;
      onFailed(namespace, error);
    }
  }
}

/** Undefined: nothing was done there. */
async function undoNamespace(
  deps: UndoDeps,
  record: MigrationRecord,
  namespace: NamespaceRecord,
): Promise<UndoneNamespace | undefined> {
  const { clock, pair, destination, settleWindowMs, dryRun, signal } = deps;
  const { source, isNew } = namespace;
  const to = { ...namespace.destination, id: namespace.destination.id ?? idOfAskedFor(deps, namespace) };
  if (to.id === null) return undefined;
  const label = renderRemote(destination.name, to.title, "");
  const target = openNamespaceReplica({
    clock,
    api: destination.api,
    namespaceId: to.id,
    label,
    stamp: isStamped(record.asked, to),
  });
  // An undo that was killed may have deleted it, or somebody else has.
  if (isNew && !deps.there.some(({ id }) => id === to.id))
    return { namespace, putBack: 0, removed: 0, left: 0, failed: 0, isDeleted: true };
  const before = await openBefore(deps, namespace);
  try {
    const { counts, left } = await copyNamespace(
      pair,
      { source: before, destination: target },
      {
        // What others did there stays.
        kind: "again",
        readsStamped: false,
        name: `undo of migration ${record.name}: ${source.title}`,
        identity: identityOf(record, source.id),
        settleWindowMs,
        mayOverwrite: false,
        // That all of it goes is what was asked for; what is not as it was left does not.
        force: true,
        dryRun,
        spool: 1,
        signal,
        onPlanned: async () => {},
        onProblem: (problem) => deps.onProblem(source.title, problem),
        onProgress: () => undefined,
      },
    );
    const { written: putBack, removed, failed } = counts;
    const done = { namespace, putBack, removed, left, failed };
    const isEmptied = isNew && !dryRun && left === 0 && failed === 0;
    return { ...done, isDeleted: isEmptied && (await deleteEmpty(deps, to.id)) };
  } finally {
    await before.close();
  }
}

/** Of a namespace whose creation the migration was killed at: it is there, and nothing was written to it. */
function idOfAskedFor({ there }: UndoDeps, { destination, isAskedFor = false }: NamespaceRecord): NamespaceId | null {
  return (isAskedFor ? there.find(({ title }) => title === destination.title)?.id : undefined) ?? null;
}

async function openBefore({ clock, folder, signal }: UndoDeps, { before }: NamespaceRecord): Promise<ReadableReplica> {
  if (before.archive === null) return openMemoryReplica({ clock, label: "nothing" });
  const path = join(folder.path, before.archive);
  const { replica } = await openArchiveFile({ clock, path, label: path, allowed: NO_ALLOWANCES, signal });
  const until = (toEpochSeconds(clock.now()) + EXPIRATION_AHEAD_SECONDS_MIN) as EpochSeconds;
  return withoutExpired(replica, until).replica;
}

/** A key that was written just now may not be listed yet: a namespace is deleted only if it is empty once that has settled. */
async function deleteEmpty(
  { clock, destination, settleWindowMs, signal }: UndoDeps,
  id: NamespaceId,
): Promise<boolean> {
  await clock.sleep(settleWindowMs, signal);
  const { keys, cursor } = await destination.api.listKeys(id, {}, { signal });
  if (keys.length > 0 || cursor !== "") return false;
  await destination.api.deleteNamespace(id, { signal });
  return true;
}
