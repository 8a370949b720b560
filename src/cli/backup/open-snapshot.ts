// A snapshot that was named on the command line, opened: `./backups@latest`.

import type { UsedRepository } from "../../backups/used-repository.ts";
import { findSnapshot } from "../../backup/repository/find-snapshot.ts";
import type { StoredSnapshot } from "../../backup/repository/repository.ts";
import { parseSnapshotName, type SnapshotName } from "../../backup/snapshot/snapshot-name.ts";
import { openSnapshotReplica } from "../../backup/snapshot/snapshot-replica.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { OpenSnapshot } from "../../mapping/open-location.ts";
import type { Context } from "../context.ts";
import { openUsedRepository } from "./open-repository.ts";
import { shellWord } from "../../core/shell-word.ts";
import { shortId } from "./short-id.ts";

export interface NamedSnapshot {
  readonly used: UsedRepository;
  readonly snapshot: StoredSnapshot;
  /** `./backups@3f2a9c41` */
  readonly label: string;
}

/** The repository is the caller's to close. Throws as {@link openUsedRepository} does, and AppError "snapshot-not-found". */
export async function findNamedSnapshot(
  context: Context,
  { repository, which, source }: SnapshotName,
): Promise<NamedSnapshot> {
  const used = await openUsedRepository(context, repository);
  try {
    const snapshot = await findSnapshot(used.repository, which, source, {
      signal: context.signal,
      onWarning: warnOf(context),
    });
    return { used, snapshot, label: `${repository}@${shortId(snapshot.id)}` };
  } catch (error) {
    await used.close();
    throw error;
  }
}

export function warnOf({ output }: Pick<Context, "output">): (warning: string) => void {
  return (warning) => output.warn(`  ${output.stderr.yellow("warning")} ${warning}`);
}

/** As a location. */
export async function openNamedSnapshot(context: Context, name: SnapshotName): Promise<OpenSnapshot> {
  const { used, snapshot, label } = await findNamedSnapshot(context, name);
  try {
    const shared = { clock: context.clock, snapshot, reader: await used.reader(), label, close: () => used.close() };
    return {
      replica: openSnapshotReplica(shared),
      snapshot,
      repositoryId: used.repository.id,
      repository: used.label,
      repositoryFolder: used.folder,
      without: (skips) => openSnapshotReplica({ ...shared, skips }),
    };
  } catch (error) {
    await used.close();
    throw error;
  }
}

/** What to type where a snapshot cannot be read as a whole. */
export function mendSnapshot({ repository }: Pick<OpenSnapshot, "repository">): string {
  return `the repository may still have what is missing: kvsync repair index ${shellWord(repository)}; then type the same command again`;
}

/** The name of a snapshot as an argument. Throws AppError "location-invalid". */
export function parseSnapshotArgument(text: string): SnapshotName {
  const name = parseSnapshotName(text);
  if (name !== undefined) return name;
  throw new AppError("location-invalid", `"${visible(text)}" names no snapshot`, {
    hint: "write REPO@latest, REPO@2026-11-01T12:00 or REPO@ID; kvsync snapshots REPO shows which there are",
  });
}
