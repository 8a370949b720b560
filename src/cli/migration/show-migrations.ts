// kvsync migrate status: how migrations stand, read from what they keep on disk, beside the process that runs.

import { count } from "../../core/counted.ts";
import { visible } from "../../core/errors.ts";
import { renderByteCount, renderDuration } from "../../core/units.ts";
import { findMigration } from "../../migration/find-migration.ts";
import { listMigrations, openMigrationFolder } from "../../migration/migration-folder.ts";
import {
  isOver,
  type MigrationRecord,
  type NamespaceRecord,
  type RunningProgress,
  sumCounts,
} from "../../migration/migration-record.ts";
import { isRunning } from "../../migration/run-mark.ts";
import type { Context } from "../context.ts";
import { nextStep } from "./next-step.ts";

/** `name`: one of them, with its namespaces; else all. */
export async function showMigrations(context: Context, name: string | undefined): Promise<void> {
  const { output } = context;
  const stateDir = await context.stateDir();
  const records = name === undefined ? listMigrations(stateDir) : [findMigration(stateDir, name).record];
  for (const record of records) {
    const folder = openMigrationFolder(stateDir, record.name);
    const runs = !isOver(record) && isRunning(folder);
    const progress = runs ? folder.readProgress() : undefined;
    output.event({
      type: "migration",
      ...record,
      running: runs,
      progress: progress ?? null,
      total: sumCounts(record.namespaces),
    });
    output.line(renderRecord(context, record, { runs, progress }));
    if (name === undefined) continue;
    for (const one of record.namespaces) output.line(`  ${renderNamespace(record, one)}`);
  }
  if (records.length === 0) output.note("there are no migrations");
  output.event({ type: "summary", command: "migrate status", migrations: records.length });
}

interface Running {
  readonly runs: boolean;
  readonly progress: RunningProgress | undefined;
}

function renderRecord({ clock, output }: Context, record: MigrationRecord, { runs, progress }: Running): string {
  const { name, state, asked, namespaces, failure, startedAt, endedAt, rounds, quietRounds, runs: starts } = record;
  const copied = namespaces.filter(({ isCopied }) => isCopied).length;
  const parts = [`${count(copied)} of ${count(namespaces.length)} namespaces copied`];
  const { keys, failed } = sumCounts(namespaces);
  if (progress !== undefined) {
    const total = progress.keysTotal === null ? "" : ` of ${count(progress.keysTotal)}`;
    parts.push(`this pass ${count(progress.keys)}${total} keys, ${renderByteCount(progress.bytes)}`);
    parts.push(`${count(progress.requests)} requests`);
  } else if (keys > 0) parts.push(`${count(keys)} keys`);
  if (failed > 0) parts.push(`${count(failed)} failed`);
  if (rounds > 0) parts.push(`${count(rounds)} rounds since, the last ${count(quietRounds)} without a change`);
  const lasted = renderDuration(Math.round(((endedAt ?? clock.now()) - startedAt) / 1000) * 1000);
  parts.push(`${isOver(record) ? "took" : "since"} ${lasted}${starts > 1 ? `, ${count(starts)} starts` : ""}`);
  const how = isOver(record) || runs ? state : `${state}, but no process works on it`;
  const lines = [
    `${output.stdout.bold(visible(name))}  ${visible(asked.source.account)} -> ${visible(asked.destination.account)}: ${how}; ${parts.join(", ")}`,
  ];
  if (failure !== null && !runs && !isOver(record))
    lines.push(`  it ended with: ${visible(failure.message)} (${failure.code})`);
  const next = nextStep(record, runs);
  if (next !== undefined && state !== "done") lines.push(`  ${next}`);
  return lines.join("\n");
}

function renderNamespace({ asked }: MigrationRecord, one: NamespaceRecord): string {
  const { source, destination, counts, isCopied, failure, verdict, before } = one;
  const parts = [isCopied ? "copied" : "not copied yet"];
  if (isCopied) parts.push(`${count(counts.keys)} keys`);
  if (counts.failed > 0) parts.push(`${count(counts.failed)} failed`);
  if (counts.kept > 0) parts.push(`${count(counts.kept)} left as the destination has them`);
  if (before.archive !== null) parts.push(`${count(before.keys)} keys that were there are kept in ${before.archive}`);
  if (verdict !== null) parts.push(`proof: ${verdict}`);
  if (failure !== null) parts.push(`failed: ${visible(failure.message)}`);
  const to = `${visible(asked.destination.account)}:${visible(destination.title)}${destination.id === null ? "" : ` (${destination.id})`}`;
  return `${visible(asked.source.account)}:${visible(source.title)} (${source.id}) -> ${to}: ${parts.join(", ")}`;
}
