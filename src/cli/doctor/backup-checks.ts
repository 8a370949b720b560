// What `kvsync doctor` finds out about a backup of the config: whether its repository can be opened with the passphrase at hand, or may be
// made; what it keeps; and whether it runs. Nothing is written.

import { type BackupMemory, readBackupMemory } from "../../backups/backup-memory.ts";
import { openExistingRepository } from "../../backups/used-repository.ts";
import { readPassphrase } from "../../backups/passphrase.ts";
import type { BackupConfig } from "../../config/config.ts";
import { readTextFile } from "../../config/read-file.ts";
import { backupTag } from "../../core/backup-tag.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import { repositoryDeps } from "../backup/open-repository.ts";
import type { Context } from "../context.ts";
import { lookAtJournal } from "../round/look-at-journal.ts";
import { type Check, fail, ok, warn } from "./check.ts";

export async function* checkBackup(context: Context, stateDir: string, backup: BackupConfig): AsyncGenerator<Check> {
  const memory = lookAtJournal(context, stateDir, (journal) => readBackupMemory(journal, backup));
  yield await checkRepository(context, backup, memory);
  yield* checkSettings(backup);
  if (memory !== undefined) yield checkRuns(context, backup, memory);
}

async function checkRepository(
  context: Context,
  backup: BackupConfig,
  memory: BackupMemory | undefined,
): Promise<Check> {
  const subject = subjectOf(backup);
  const shown = visible(backup.repositoryLabel);
  // As the daemon opens it: with nobody to ask.
  const deps = { ...repositoryDeps(context), ask: undefined };
  try {
    const used = await openExistingRepository(deps, { ...backup.repository, label: backup.repositoryLabel });
    if (used !== undefined) {
      await used.close();
      return ok(subject, `the repository ${shown} is there, and can be opened`);
    }
    if ((memory?.repositoryId ?? null) !== null)
      return fail(
        subject,
        `the repository ${shown} is not there any more`,
        "mount its disk, or make a new one with kvsync backup LOC REPO",
      );
    if (backup.isPlain)
      return ok(subject, `the repository ${shown} does not exist yet, and will be made without encryption`);
    const passphrase = await readPassphrase(
      { label: backup.repositoryLabel, configured: backup.repository.passphrase, isNew: true },
      { env: context.env, cwd: context.cwd, readFile: readTextFile, ask: undefined },
    );
    return passphrase === undefined
      ? fail(
          subject,
          `the repository ${shown} does not exist yet, and there is no passphrase for a new one`,
          "set passphrase_file in its entry under repositories, or encryption: none in the backup",
        )
      : ok(subject, `the repository ${shown} does not exist yet, and will be made, encrypted`);
  } catch (error) {
    if (!(error instanceof AppError) || context.signal.aborted) throw error;
    return fail(subject, error.message, error.hint ?? "check its entry under repositories");
  }
}

function* checkSettings(backup: BackupConfig): Generator<Check> {
  const subject = subjectOf(backup);
  if (backup.keep.length === 0)
    yield warn(
      subject,
      "none of its snapshots is ever forgotten: the repository grows for good",
      "add keep: { last: 7, daily: 14, monthly: 12 }, say",
    );
  else if (backup.sharesSourcesWith.length > 0)
    yield ok(
      subject,
      `forgets only snapshots with its tag ${backupTag(backup.name)}, since ${backup.sharesSourcesWith.join(", ")} may have made the others`,
    );
  if (backup.schedule === undefined)
    yield ok(subject, "has no schedule: it runs when kvsync backup --all or a timer asks for it");
}

function checkRuns(
  { clock }: Context,
  backup: BackupConfig,
  { failure, lastCompleteAt, lastDrill }: BackupMemory,
): Check {
  const subject = subjectOf(backup);
  const age = (since: number): string => renderDuration(Math.max(0, clock.now() - since));
  if (failure !== null)
    return fail(
      subject,
      `fails, for ${age(failure.since)}: ${failure.message}`,
      failure.hint ?? `try it by hand: kvsync backup ${backup.name}`,
    );
  if (lastDrill?.proven === false)
    return fail(subject, `its last drill failed: ${lastDrill.message}`, `kvsync drill ${backup.repositoryLabel}`);
  return ok(subject, lastCompleteAt === null ? "has not run yet" : `was complete ${age(lastCompleteAt)} ago`);
}

function subjectOf({ name }: BackupConfig): string {
  return `backup ${name}`;
}
