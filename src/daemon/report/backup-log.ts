// What backups come to, as lines of the log: what was backed up, and when the next one is; what failed, and what to type.

import { renderRun } from "../../backups/render-run.ts";
import type { BackupConfig } from "../../config/config.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import type { BackupEvent } from "../backups/backup-loop.ts";
import type { Log } from "./log.ts";

type Ended = Extract<BackupEvent, { readonly kind: "backup-ended" }>;

export function logBackup(event: BackupEvent & { readonly backup: BackupConfig }, log: Log): void {
  const { backup } = event;
  switch (event.kind) {
    case "backup-began":
      return log.debug("began");
    case "backup-stopped":
      return log.debug("stopped");
    case "backup-retrying":
      return log.warn(`a request to the repository failed; trying again in ${renderDuration(event.waitMs)}`, {
        error: event.error,
      });
    case "backup-stuck":
      return log.error(`cannot run; trying again in ${renderDuration(event.retryInMs)}`, {
        error: event.error,
      });
    case "backup-ended":
      return logEnded(event, backup, log);
  }
}

function logEnded(event: Ended, backup: BackupConfig, log: Log): void {
  const { report, memory, problems, nextInMs, wasFailing, isNews } = event;
  const { lastRun: run, failure } = memory;
  for (const { source, problem } of problems) {
    const { code, subject, message } = problem;
    log[problem.failure ? "warn" : "info"](`${visible(source)}: ${visible(subject)}: ${visible(message)}`, {
      code,
      key: subject,
    });
  }
  const next = `next in ${renderDuration(nextInMs)}`;
  if (failure === null) {
    const what = wasFailing ? "works again" : "done";
    return log.info(`${what}: ${renderRun(run!)}, to ${visible(backup.repositoryLabel)}; ${next}`);
  }
  const { attempts } = failure;
  const times = attempts === 1 ? "" : ` (${attempts} times in a row)`;
  const text = `failed${times}; trying again in ${renderDuration(nextInMs)}`;
  // The first tells; the rest only that it goes on.
  log[isNews ? "error" : "debug"](text, { error: withAdvice(report.failure!, backup) });
  for (const { source, failure: own } of report.sources) {
    if (own !== undefined && report.sources.length > 1)
      log[isNews ? "warn" : "debug"](`${visible(source)} failed`, { error: own });
  }
}

/** A failure without advice of its own is best looked at by hand. */
function withAdvice(error: AppError, { name }: BackupConfig): AppError {
  if (error.hint !== undefined) return error;
  return new AppError(error.code, error.message, { hint: `try it by hand: kvsync backup ${name}`, cause: error.cause });
}
