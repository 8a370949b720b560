// kvsync backup: one or many locations into a repository, a snapshot each. One that fails does not stop the others.

import type { KnownSnapshots } from "../../backups/back-up-source.ts";
import { type BackupTarget, findTargets } from "../../backups/backup-targets.ts";
import { checkApart } from "../../backups/check-apart.ts";
import type { UsedRepository } from "../../backups/used-repository.ts";
import { listSnapshots } from "../../backup/repository/snapshots.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodeOf, worstExitCode } from "../exit-code.ts";
import { backUp } from "./back-up.ts";
import { type Backup, openTarget } from "./backup-request.ts";
import { findRepositoryFolder, openExistingRepository, openOrCreateRepository } from "./open-repository.ts";
import { tellPlannedBackup } from "./plan-backup.ts";

export async function runBackup(
  context: Context,
  locations: readonly string[],
  repositoryText: string,
  backup: Backup,
): Promise<ExitCode> {
  const targets = await findTargets(context, locations);
  if (backup.dryRun) return runDry(context, targets, repositoryText, backup);
  let opening: Promise<Destination> | undefined;
  // A mistyped source makes no repository.
  const open = (): Promise<Destination> => (opening ??= openDestination(context, repositoryText, backup));
  const folder = await findRepositoryFolder(context, repositoryText);
  try {
    const work = (target: BackupTarget): Promise<ExitCode> => backUpTarget(context, target, { open, folder, backup });
    return await eachOf(context, targets, { work, isToBlame: async (error) => isToBlame(opening, error) });
  } catch (error) {
    if (context.signal.aborted) await (await opening)?.used.keepStored();
    throw error;
  } finally {
    await (await opening?.catch(() => undefined))?.used.close();
  }
}

interface Destination {
  readonly used: UsedRepository;
  readonly known: KnownSnapshots;
}

async function openDestination(context: Context, text: string, { isPlain }: Backup): Promise<Destination> {
  const used = await openOrCreateRepository(context, text, { isPlain });
  try {
    if (used.isNew) tellCreated(context, used);
    return { used, known: await knownSnapshots(context, used) };
  } catch (error) {
    await used.close();
    throw error;
  }
}

async function runDry(
  context: Context,
  targets: readonly BackupTarget[],
  repositoryText: string,
  backup: Backup,
): Promise<ExitCode> {
  const used = await openExistingRepository(context, repositoryText);
  try {
    if (used === undefined)
      context.output.note(`${visible(repositoryText)} has no repository yet: kvsync backup would make one`);
    const work = (target: BackupTarget): Promise<ExitCode> => tellPlannedBackup(context, target, { used, backup });
    return await eachOf(context, targets, { work, isToBlame: async (error) => used?.isToBlame(error) === true });
  } finally {
    await used?.close();
  }
}

interface Work {
  readonly open: () => Promise<Destination>;
  /** Of the repository, on disk. */
  readonly folder: string | undefined;
  readonly backup: Backup;
}

async function backUpTarget(context: Context, target: BackupTarget, { open, folder, backup }: Work): Promise<ExitCode> {
  const startedAt = context.clock.monotonic();
  const source = await openTarget(context, target, backup);
  try {
    checkApart(source, folder);
    return await backUp(context, source, { ...(await open()), backup, startedAt });
  } finally {
    await source.replica.close();
  }
}

/** Whether `error` is of the repository that all go to, and not of one source. */
async function isToBlame(opening: Promise<Destination> | undefined, error: unknown): Promise<boolean> {
  if (opening === undefined) return false;
  const destination = await opening.catch(() => undefined);
  return destination === undefined || destination.used.isToBlame(error);
}

interface EachTarget {
  readonly work: (target: BackupTarget) => Promise<ExitCode>;
  readonly isToBlame: (error: AppError) => Promise<boolean>;
}

/** Runs `work` for each; of several, one that fails is told, and the others go on, unless it was the repository that failed. */
async function eachOf(
  context: Context,
  targets: readonly BackupTarget[],
  { work, isToBlame: isRepositoryToBlame }: EachTarget,
): Promise<ExitCode> {
  const codes: ExitCode[] = [];
  for (const target of targets) {
    try {
      codes.push(await work(target));
    } catch (error) {
      if (targets.length === 1 || !(error instanceof AppError) || context.signal.aborted) throw error;
      if (await isRepositoryToBlame(error)) throw error;
      context.tellFailure(
        new AppError(error.code, `${visible(target.text)}: ${error.message}`, {
          ...(error.hint !== undefined && { hint: error.hint }),
          cause: error,
        }),
        target.text,
      );
      codes.push(exitCodeOf(error));
    }
  }
  return worstExitCode(codes);
}

/** Those that are damaged are told: what they held may still be used. */
async function knownSnapshots({ output, signal }: Context, { repository }: UsedRepository): Promise<KnownSnapshots> {
  const { snapshots, problems } = await listSnapshots(repository, { signal });
  for (const problem of problems) output.warn(`  ${visible(problem)}`);
  return { list: [...snapshots] };
}

function tellCreated({ output }: Context, { label, repository: { isEncrypted, id } }: UsedRepository): void {
  const how = isEncrypted
    ? "encrypted: keep its passphrase, nobody can read the backups without it"
    : "not encrypted: whoever reads it can read the backups";
  if (output.json) output.event({ type: "created", repository: label, id, encrypted: isEncrypted });
  else output.note(`made a new repository in ${visible(label)}, ${how}`);
}
