// kvsync migrate cutover and abort: what is asked of a migration from beside it. The process that runs it looks for that twice a second;
// where none runs, an abort needs none.

import { kvsyncCommand } from "../../core/shell-word.ts";
import { AppError, visible } from "../../core/errors.ts";
import { abortMigration } from "../../migration/abort-migration.ts";
import { findMigration } from "../../migration/find-migration.ts";
import { isOver, type MigrationRecord } from "../../migration/migration-record.ts";
import { isRunning, whileIdle } from "../../migration/run-mark.ts";
import type { Context } from "../context.ts";
import { nextStep } from "./next-step.ts";

export async function askCutover(context: Context, name: string, now: boolean): Promise<void> {
  const { output } = context;
  const { stateDir } = await context.config();
  const { folder, record } = findMigration(stateDir, name);
  if (isOver(record) || !record.follow) throw notFollowing(record);
  if (record.state === "proving") {
    throw new AppError("usage", `"${visible(name)}" is cut over already: both sides are being compared`, {
      hint: `see how far that is: ${kvsyncCommand("migrate status", [name])}`,
    });
  }
  if (record.state !== "ready" && record.state !== "cutting-over" && !now) {
    throw new AppError("usage", `"${visible(name)}" is ${record.state}, and not ready yet`, {
      hint: "wait until it is: kvsync migrate status; or cut over with what is copied by then: add --now",
    });
  }
  folder.ask("cutover");
  const runs = isRunning(folder);
  tellAsked(context, record, "cutover", runs);
  if (!runs) output.note("no process works on it: it cuts over when the kvsync migrate command is typed again");
}

export async function askAbort(context: Context, name: string): Promise<void> {
  const { clock, output } = context;
  const { stateDir } = await context.config();
  const { folder, record } = findMigration(stateDir, name);
  if (isOver(record)) throw new AppError("usage", `"${visible(name)}" is ${record.state} already`);
  const isAborted = whileIdle(folder, () => abortMigration(folder, clock));
  const runs = !isAborted;
  if (runs) folder.ask("abort");
  tellAsked(context, record, "abort", runs);
  output.note(nextStep({ ...record, state: "aborted" }, false)!);
}

function tellAsked({ output }: Context, { name, state }: MigrationRecord, asked: string, runs: boolean): void {
  output.event({ type: "summary", command: `migrate ${asked}`, migration: name, state, running: runs });
  const what = asked === "abort" ? (runs ? "is asked to stop" : "is aborted") : "is asked to cut over";
  output.report(`${visible(name)} ${what}`);
}

function notFollowing({ name, state, follow }: MigrationRecord): AppError {
  const why = follow ? `is ${state}` : "does not follow its source";
  return new AppError("usage", `"${visible(name)}" ${why}: there is nothing to cut over`, {
    hint: "a migration follows its source with --follow; type its command again to carry over what has changed since",
  });
}
