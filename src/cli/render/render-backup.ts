// How backups stand, as people read it: a line for each, and below it what failed and what to type.

import { count } from "../../core/counted.ts";
import type { BackupStatus } from "../../backups/backup-status.ts";
import type { EpochMs } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import { renderByteCount, renderDuration } from "../../core/units.ts";
import type { Style } from "./output.ts";

const WORDS: Readonly<Record<BackupStatus["state"], string>> = {
  waiting: "in order",
  running: "running",
  failing: "failing",
  stopped: "not running",
};

export function renderBackup(status: BackupStatus, now: EpochMs, style: Style): readonly string[] {
  const { backup, state, repository, lastRun, lastCompleteAt, failure, lastDrill, nextAt, runningSince } = status;
  const paint = failure !== null ? style.red : state === "waiting" ? style.green : style.yellow;
  const parts = [paint(failure !== null && state !== "running" ? "failing" : WORDS[state])];
  if (runningSince !== null) parts.push(`for ${renderDuration(now - runningSince)}`);
  parts.push(
    lastCompleteAt === null
      ? "never complete yet"
      : `complete ${renderDuration(Math.max(0, now - lastCompleteAt))} ago`,
  );
  if (lastRun !== null && failure === null)
    parts.push(
      `${count(lastRun.keys)} ${lastRun.keys === 1 ? "key" : "keys"}`,
      `${renderByteCount(lastRun.bytesStored)} added`,
    );
  if (lastDrill !== null) {
    const age = renderDuration(Math.max(0, now - lastDrill.at));
    parts.push(lastDrill.proven ? `drill proven ${age} ago` : style.red(`drill failed ${age} ago`));
  }
  if (nextAt !== null)
    parts.push(`${failure === null ? "next" : "again"} in ${renderDuration(Math.max(0, nextAt - now))}`);
  const route = `${status.sources.map(visible).join(" ")} -> ${visible(repository)}`;
  const lines = [`${style.bold(`backup ${visible(backup)}`)}  ${parts.join(", ")}  ${style.dim(route)}`];
  if (failure !== null) {
    const times = failure.attempts === 1 ? "" : `, ${count(failure.attempts)} times`;
    lines.push(
      `  ${visible(failure.message)} (${failure.code}, for ${renderDuration(Math.max(0, now - failure.since))}${times})`,
    );
    lines.push(`  hint: ${visible(failure.hint ?? `try it by hand: kvsync backup ${backup}`)}`);
  }
  if (lastDrill?.proven === false)
    lines.push(`  drill: ${visible(lastDrill.message ?? "something came back otherwise")}`);
  return lines;
}
