// kvsync migrate undo: puts the destination of a migration back as it was.

import { count, counted } from "../../core/counted.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import { findMigration } from "../../migration/find-migration.ts";
import type { MigrationRecord } from "../../migration/migration-record.ts";
import { undoMigration, type UndoneNamespace } from "../../migration/undo-migration.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode, exitCodeOf, worstExitCode } from "../exit-code.ts";
import { countRequests, requestsRecord } from "../render/request-counts.ts";
import { openShownProblems } from "../render/shown-problems.ts";
import { shellWord } from "../../core/shell-word.ts";
import { openState } from "../round/run-mappings.ts";
import { findAccount } from "./find-account.ts";

export interface Undo {
  readonly dryRun: boolean;
  /** Do not ask. */
  readonly yes: boolean;
  readonly settleWindowMs: number;
}

export async function runUndo(
  context: Context,
  name: string,
  { dryRun, yes, settleWindowMs }: Undo,
): Promise<ExitCode> {
  const { clock, output, signal } = context;
  const startedAt = clock.monotonic();
  const { stateDir } = await context.config();
  findMigration(stateDir, name);
  const state = await openState(context, stateDir, dryRun);
  const shown = openShownProblems(context);
  try {
    const { folder, record } = findMigration(stateDir, name);
    const destination = await findAccount(context, record.asked.destination);
    if (!dryRun && !yes && !(await isMeant(context, record))) {
      output.note("nothing was changed");
      context.keepFailure(new AppError("failed", "the answer was no: nothing was changed"));
      return EXIT.failed;
    }
    const requests = countRequests([destination.api]);
    const done: UndoneNamespace[] = [];
    const codes: ExitCode[] = [];
    const pair = state.deps;
    await undoMigration(
      {
        clock,
        pair,
        folder,
        destination,
        settleWindowMs,
        dryRun,
        signal,
        onProblem: (title, problem) => shown.tell({ ...problem, subject: `${title}: ${problem.subject}` }),
        onRetry: (error, waitMs) =>
          output.note(`  ${error.message}; again in ${renderDuration(Math.round(waitMs / 1000) * 1000)}`),
        onUndone: (undone) => {
          done.push(undone);
          tellNamespace(context, record, undone, dryRun);
        },
        onFailed: (namespace, error) => {
          context.tellFailure(error, namespace.destination.title);
          codes.push(exitCodeOf(error));
        },
      },
      record,
    );
    shown.finish();
    const sum = (of: "putBack" | "removed" | "left" | "failed"): number => done.reduce((all, one) => all + one[of], 0);
    const now = clock.now();
    const isWhole = sum("failed") + codes.length === 0;
    if (!dryRun && isWhole) folder.write({ ...record, state: "undone", changedAt: now, endedAt: now });
    const [written, removed, left, failed] = [sum("putBack"), sum("removed"), sum("left"), sum("failed")];
    output.event({
      type: "summary",
      command: "migrate undo",
      migration: name,
      written,
      removed,
      left,
      failed,
      ...(dryRun && { dryRun }),
      requests: requestsRecord(requests()),
      durationMs: Math.round(clock.monotonic() - startedAt),
    });
    if (isWhole) return EXIT.done;
    output.note(`${visible(name)} is not undone as a whole; to go on, type the same command again`);
    if (failed > 0) {
      context.keepFailure(new AppError("incomplete", `${counted(failed, "key")} failed: the lines before name them`));
      codes.push(EXIT.incomplete);
    }
    return worstExitCode(codes);
  } finally {
    state.close();
  }
}

function isMeant(context: Context, { name, asked, namespaces }: MigrationRecord): Promise<boolean> {
  const made = namespaces.filter(({ isNew }) => isNew).length;
  const question = `Remove from account ${visible(asked.destination.account)} what "${visible(name)}" brought to ${namespaces.length} namespaces (${made} of which it made), and put back what was there?`;
  return context.confirm(question, `look first: kvsync migrate undo ${shellWord(name)} --dry-run; then add --yes`);
}

function tellNamespace(
  { output }: Context,
  { asked }: MigrationRecord,
  undone: UndoneNamespace,
  dryRun: boolean,
): void {
  const { namespace, putBack, removed, left, failed, isDeleted } = undone;
  const { id, title } = namespace.destination;
  output.event({ type: "undone", namespace: title, id, written: putBack, removed, left, failed, deleted: isDeleted });
  const would = dryRun ? "would be " : "";
  const parts = [`${counted(removed, "key")} ${would}removed`, `${count(putBack)} ${would}put back`];
  if (left > 0) parts.push(`${count(left)} left: they are not as this migration noted them`);
  if (failed > 0) parts.push(`${count(failed)} failed`);
  if (isDeleted) parts.push("it is empty, and was deleted");
  else if (namespace.isNew && !dryRun) parts.push("the namespace itself stays");
  output.report(`${visible(asked.destination.account)}:${visible(title)}: ${parts.join(", ")}`);
}
