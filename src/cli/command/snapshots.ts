// kvsync snapshots: what a repository has, the oldest first.

import { count, counted } from "../../core/counted.ts";
import type { Command } from "commander";
import { renderDoubt, timeSnapshots } from "../../backup/repository/snapshot-times.ts";
import { listSnapshots, type SnapshotSummary } from "../../backup/repository/snapshots.ts";
import { REPOSITORY_FORMS } from "../../backup/store/open-store.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import { openUsedRepository } from "../backup/open-repository.ts";
import { shortId } from "../backup/short-id.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";

export function define(command: Command, start: Start): void {
  command
    .argument("<repository>", REPOSITORY_FORMS)
    .action((repository: string) => start((context) => showSnapshots(context, repository)));
}

async function showSnapshots(context: Context, text: string): Promise<ExitCode> {
  const { output, clock, signal } = context;
  const startedAt = clock.monotonic();
  const used = await openUsedRepository(context, text);
  try {
    const { snapshots, problems } = await listSnapshots(used.repository, { signal });
    for (const timed of timeSnapshots(snapshots, await used.repository.store.now({ signal }))) {
      output.event(recordOf(timed.snapshot));
      output.line(renderSnapshot(timed.snapshot, renderDoubt(timed)));
    }
    for (const problem of problems) output.warn(`  ${output.stderr.red("!")} ${visible(problem)}`);
    const durationMs = Math.round(clock.monotonic() - startedAt);
    const summary = { type: "summary", command: "snapshots", repository: text, snapshots: snapshots.length };
    output.event({ ...summary, failed: problems.length, durationMs });
    output.note(`${count(snapshots.length)} ${snapshots.length === 1 ? "snapshot" : "snapshots"} in ${visible(text)}`);
    if (problems.length === 0) return EXIT.done;
    context.keepFailure(
      new AppError("incomplete", `${counted(problems.length, "snapshot")} of ${visible(text)} cannot be read`, {
        hint: `see what is damaged: kvsync check ${text}`,
      }),
    );
    return EXIT.incomplete;
  } finally {
    await used.close();
  }
}

function recordOf({ id, ...facts }: SnapshotSummary): object {
  return { type: "snapshot", id, ...facts };
}

/** `3f2a9c41  2026-11-28 12:00:00Z  prod:app-config  1,234 keys, 3.4 MB  nightly`. `doubt`: of its time. */
function renderSnapshot(
  { id, created, source, filter, entries, bytes, tags, complete, problems }: SnapshotSummary,
  doubt: string | undefined,
): string {
  const parts = [
    shortId(id),
    `${created.slice(0, 19).replace("T", " ")}Z`,
    visible(source.label),
    `${count(entries)} ${entries === 1 ? "key" : "keys"}, ${renderByteCount(bytes)}`,
  ];
  if (doubt !== undefined) parts.push(doubt);
  if (!complete) parts.push(`not complete (${count(problems)} missing)`);
  if (isFiltered(filter)) parts.push("filtered");
  if (tags.length > 0) parts.push(visible(tags.join(", ")));
  return parts.join("  ");
}

/** Whether keys were left out that somebody named. */
function isFiltered(filter: unknown): boolean {
  const { prefix = "", include = [], exclude = [] } = (filter ?? {}) as Readonly<Record<string, string | string[]>>;
  return prefix.length + include.length + exclude.length > 0;
}
