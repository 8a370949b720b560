// kvsync backup --all, and kvsync backup NAME...: backups of the config, as the daemon runs them, but now. What they come to is kept beside
// what the daemon knows of them, so that neither makes what the other has just made.

import { counted } from "../../core/counted.ts";
import { dirname } from "node:path";
import pLimit from "p-limit";
import { openBackupHooks } from "../../backups/backup-hooks.ts";
import { type BackupMemory, recallBackup, rememberRun } from "../../backups/backup-memory.ts";
import { type BackupReport, runOf, type SourceReport } from "../../backups/backup-report.ts";
import { renderRun } from "../../backups/render-run.ts";
import { runBackupPlan } from "../../backups/run-backup-plan.ts";
import type { BackupConfig, Config } from "../../config/config.ts";
import { closestName } from "../../config/closest-name.ts";
import { configSecrets } from "../../config/config-secrets.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import { type Journal, openJournal } from "../../journal/journal.ts";
import { HOOKS_AT_ONCE_MAX } from "../../mapping/hooks/hooks.ts";
import { KILL_GRACE_MS } from "../../mapping/hooks/run-hook.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode, exitCodeOf, worstExitCode } from "../exit-code.ts";
import { VERSION } from "../process/version.ts";
import { openHookLog, tellHookFailure } from "../render/hook-output.ts";
import { openShownProblems } from "../render/shown-problems.ts";
import { locationDeps } from "../round/run-copy.ts";
import { repositoryDeps } from "./open-repository.ts";
import { shortId } from "./short-id.ts";

/** The backups of these names, or all. Throws "usage" for a name there is none of, "config-missing" if there is none. */
function selectBackups({ backups, file }: Config, names: readonly string[]): readonly BackupConfig[] {
  if (backups.size === 0) {
    throw new AppError(
      "config-missing",
      file === undefined ? "there is no config file" : `there are no backups in ${visible(file)}`,
      { hint: "add one under backups: see config.example.yaml; or name what to back up and where to" },
    );
  }
  if (names.length === 0) return [...backups.values()];
  return [...new Set(names)].map((name) => {
    const backup = backups.get(name);
    if (backup !== undefined) return backup;
    const meant = closestName(name, backups.keys());
    throw new AppError("usage", `there is no backup "${visible(name)}" in the config`, {
      hint: meant === undefined ? `backups are: ${[...backups.keys()].join(", ")}` : `did you mean "${meant}"?`,
    });
  });
}

/** One that fails does not stop the others. */
export async function runConfigured(context: Context, names: readonly string[]): Promise<ExitCode> {
  const config = await context.config();
  const backups = selectBackups(config, names);
  const codes: ExitCode[] = [];
  for (const backup of backups) codes.push(await runOne(context, config, backup));
  return worstExitCode(codes);
}

async function runOne(context: Context, config: Config, backup: BackupConfig): Promise<ExitCode> {
  const { clock, signal } = context;
  const known = withJournal(context, config, (journal) => recallBackup({ clock, journal }, backup));
  const shown = openShownProblems(context);
  const report = await runBackupPlan(
    {
      ...repositoryDeps(context),
      version: VERSION,
      stateDir: config.stateDir,
      locations: (stop) => ({ ...locationDeps(context, config), signal: stop }),
      account: (name) => context.account(name),
      priority: undefined,
    },
    {
      backup,
      memory: known,
      signal,
      events: {
        onSourceEnded: (source) => tellSource(context, backup, source),
        onProblem: (_, problem) => shown.tell(problem),
      },
    },
  ).finally(() => shown.finish());
  const memory = withJournal(context, config, (journal) => rememberRun({ clock, journal }, backup, report));
  tellEnd(context, backup, report);
  const isHooked = await runHooks(context, config, { backup, memory });
  return report.failure === undefined ? (isHooked ? EXIT.done : EXIT.failed) : exitCodeOf(report.failure);
}

/** Beside a daemon, which has it open as well. */
function withJournal<T>({ clock }: Context, { stateDir }: Config, work: (journal: Journal) => T): T {
  const journal = openJournal({ stateDir, clock, mayReplace: false });
  try {
    return work(journal);
  } finally {
    journal.close();
  }
}

function tellSource({ output }: Context, { name, repositoryLabel }: BackupConfig, source: SourceReport): void {
  const { source: label, snapshot, keys, read, bytes, bytesStored, problems, requests, complete, failure } = source;
  output.event({
    type: "snapshot",
    backup: name,
    source: label,
    repository: repositoryLabel,
    snapshot: snapshot ?? null,
    complete,
    keys,
    bytes,
    valuesRead: read,
    bytesStored,
    failed: problems,
    requests,
    error: failure === undefined ? null : { code: failure.code, message: failure.message, hint: failure.hint ?? null },
  });
  // What failed is told once, at the end.
  if (snapshot === undefined && failure !== undefined) return;
  const what = snapshot === undefined ? "nothing has changed, no snapshot made" : `snapshot ${shortId(snapshot)}`;
  const lack = complete ? "" : ", not complete";
  output.report(
    `${visible(label)} -> ${visible(repositoryLabel)}: ${what}${lack}, ${counted(keys, "key")}, ${counted(read, "value")} read, ${renderByteCount(bytesStored)} stored`,
  );
}

function tellEnd(context: Context, { name, repositoryLabel }: BackupConfig, report: BackupReport): void {
  const { output } = context;
  const run = runOf(report);
  for (const { failure } of report.sources) if (failure !== undefined) context.tellFailure(failure, name);
  const isTold = report.sources.some(({ failure }) => failure !== undefined);
  if (report.failure !== undefined && !isTold) context.tellFailure(report.failure, name);
  output.event({ type: "summary", command: "backup", backup: name, repository: repositoryLabel, ...run });
  const what = run.sources === 0 ? "no snapshot was made" : renderRun(run);
  output.report(`backup ${visible(name)}: ${report.failure === undefined ? "" : "failed, "}${what}`);
}

/** False: a program failed, which is told. */
async function runHooks(
  context: Context,
  config: Config,
  { backup, memory }: { readonly backup: BackupConfig; readonly memory: BackupMemory },
): Promise<boolean> {
  const { clock, env, cwd, signal } = context;
  const all = [backup.onFailure, backup.onSuccess].filter((hook) => hook !== undefined);
  if (all.length === 0) return true;
  const hooks = openBackupHooks({
    clock,
    log: openHookLog(context, backup.name),
    backup,
    folder: config.file === undefined ? cwd : dirname(config.file),
    env,
    secrets: () => configSecrets(config),
    limit: pLimit(HOOKS_AT_ONCE_MAX),
  });
  hooks.ended(memory);
  // Each program's own timeout comes first, so that it is told which of them it ran into.
  await hooks.close(Math.max(...all.map(({ timeoutMs }) => timeoutMs)) + KILL_GRACE_MS, signal);
  for (const [hook, failure] of hooks.failures()) {
    tellHookFailure(context, { kind: "backup", name: backup.name, hook, failure });
  }
  return hooks.failures().size === 0;
}
