// The daemon's status as people read it: a line for each mapping, and below it only what is out of the ordinary.

import { count, counted } from "../../core/counted.ts";
import type { DurationMs, EpochMs } from "../../core/clock.ts";
import { renderAlike } from "../../core/names/alike-names.ts";
import { visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import type { AccountStatus, DaemonStatus } from "../../daemon/control/daemon-status.ts";
import type { MappingState, MappingStatus, WatchState } from "../../mapping/status.ts";
import type { NoticeStatus } from "../../notices/notice-status.ts";
import type { Style } from "./output.ts";
import { renderBackup } from "./render-backup.ts";

const WORDS: Readonly<Record<MappingState, string>> = {
  starting: "starting",
  "in-step": "in step",
  working: "working",
  waiting: "waiting for the budget",
  behind: "behind",
  incomplete: "in step, but for some",
  hold: "on hold",
  error: "failing",
  paused: "paused",
  stopped: "not running",
};
const ARROWS = { push: "->", pull: "<-", "two-way": "<->" } as const;
const PROBLEMS_SHOWN_MAX = 5;
const BEING_WRITTEN_SHOWN_MAX = 3;
const ALIKE_SHOWN_MAX = 3;
/** So long that one may want to ask for it. */
const LONG_WAIT_MS: DurationMs = 5000;

/** What the journal knows, where no daemon runs. */
export function renderKnownStatus(
  { mappings, backups }: Pick<DaemonStatus, "mappings" | "backups">,
  now: EpochMs,
  style: Style,
): readonly string[] {
  const lines = mappings.flatMap((mapping) => renderMapping(mapping, now, style));
  lines.push(...backups.flatMap((backup) => renderBackup(backup, now, style)));
  return [...lines, style.dim("as the last rounds left it: nothing is kept in step now")];
}

export function renderStatus(status: DaemonStatus, style: Style): readonly string[] {
  const lines = status.mappings.flatMap((mapping) => renderMapping(mapping, status.now, style));
  if (status.mappings.length === 0) lines.push("no mappings");
  lines.push(...status.backups.flatMap((backup) => renderBackup(backup, status.now, style)));
  lines.push(...status.notices.flatMap((target) => renderUndelivered(target, status.now, style)));
  for (const loop of status.stuck)
    lines.push(
      `${style.bold(visible(loop))}: ${style.red("its loop shows no sign of life any more")}: nothing of it is done`,
      "  hint: see the log of the daemon, and start it anew: nothing is lost by that",
    );
  for (const folder of status.skippedFolders)
    lines.push(`${style.yellow("skipped")} folder "${visible(folder)}": its name cannot name a mapping`);
  for (const account of status.accounts) lines.push(style.dim(renderAccount(account)));
  lines.push(style.dim(`daemon ${status.pid}, up ${renderDuration(status.now - status.startedAt)}`));
  return lines;
}

function renderMapping(mapping: MappingStatus, now: EpochMs, style: Style): readonly string[] {
  const { state, mode, folder, account, namespace, hold, paused, error, watcher, problems, problemCount, alike } =
    mapping;
  const paint = state === "error" || state === "hold" ? style.red : state === "in-step" ? style.green : style.yellow;
  const parts = [paint(WORDS[state]), ...facts(mapping, now)];
  const route = style.dim(`${visible(folder)} ${ARROWS[mode]} ${account}:${visible(namespace)}`);
  const lines = [`${style.bold(visible(mapping.mapping))}  ${parts.join(", ")}  ${route}`];
  if (paused !== null) {
    const why = paused.reason === null ? "" : `: ${visible(paused.reason)}`;
    lines.push(
      `  paused for ${renderDuration(Math.max(0, now - paused.since))}${why}`,
      `  hint: kvsync resume ${visible(mapping.mapping)} goes on`,
    );
  }
  if (mapping.conflicts > 0)
    lines.push(`  hint: kvsync conflicts list ${visible(mapping.mapping)} shows what waits for you`);
  if (hold !== null) {
    const { mapping: name } = mapping;
    const how = hold.approved
      ? `approved: it runs with the next round${paused === null ? "" : " after kvsync resume"}`
      : `hint: look with kvsync diff ${name}; kvsync approve ${name} --plan ${hold.plan} lets it run`;
    lines.push(
      `  plan ${hold.plan}: ${visible(hold.message)}`,
      `  ${count(hold.writes)} to write, ${count(hold.removes)} to remove, held for ${renderDuration(now - hold.since)}`,
      `  hint: ${visible(hold.hint)}`,
      `  ${how}`,
    );
  }
  if (error !== null) {
    lines.push(`  ${visible(error.message)} (${error.code}, for ${renderDuration(now - error.since)})`);
    if (error.hint !== null) lines.push(`  hint: ${visible(error.hint)}`);
    if (error.retryAt !== null) {
      const waitMs = Math.max(0, error.retryAt - now);
      const sooner = waitMs < LONG_WAIT_MS ? "" : `; at once with kvsync sync --now ${mapping.mapping}`;
      lines.push(`  trying again in ${renderDuration(waitMs)}${sooner}`);
    }
  }
  for (const { subject, message, code, since } of problems.slice(0, PROBLEMS_SHOWN_MAX)) {
    const age = since === null ? "" : `, for ${renderDuration(now - since)}`;
    lines.push(`  ${style.red("!")} ${visible(subject)}: ${visible(message)} (${code}${age})`);
  }
  const untold = problemCount - Math.min(problems.length, PROBLEMS_SHOWN_MAX);
  if (untold > 0) lines.push(`  ... and ${count(untold)} more`);
  const { beingWritten } = mapping;
  for (const key of beingWritten.slice(0, BEING_WRITTEN_SHOWN_MAX))
    lines.push(`  ${style.yellow("waiting")} for ${visible(key)}, which is still being written`);
  if (beingWritten.length > BEING_WRITTEN_SHOWN_MAX) lines.push("  ... and for more files that are being written");
  for (const pair of alike.pairs.slice(0, ALIKE_SHOWN_MAX))
    lines.push(`  ${style.yellow("note")} ${visible(renderAlike(pair))}`);
  if (alike.count > ALIKE_SHOWN_MAX)
    lines.push(`  ... and ${count(alike.count - ALIKE_SHOWN_MAX)} more names that are alike`);
  // A folder that is missing cannot be watched either.
  if (watcher !== null && error?.code !== "root-missing") lines.push(...watching(watcher, style));
  return lines;
}

/** How its folder is watched, where that is not by the system's events alone. */
function watching(watcher: WatchState, style: Style): readonly string[] {
  switch (watcher.kind) {
    case "watching": {
      const { alsoPolling, seenLate } = watcher;
      if (alsoPolling !== undefined)
        return [`  also polling its folder every ${renderDuration(alsoPolling.everyMs)}: ${alsoPolling.reason}`];
      if (seenLate === undefined) return [];
      const every = renderDuration(seenLate.everyMs);
      return [
        `  ${style.yellow("not told")} of all changes in its folder: ${seenLate.reason}, and is seen within ${every} only`,
        "  hint: watch: auto or watch: polling looks for them",
      ];
    }
    case "polling":
    case "unwatched": {
      const every = renderDuration(watcher.everyMs);
      const how =
        watcher.kind === "polling"
          ? `${style.yellow("polling")} its folder every ${every}`
          : `${style.yellow("not watching")} its folder, which is rescanned every ${every}`;
      const line = `  ${how}: ${visible(watcher.reason)}`;
      return watcher.hint === undefined ? [line] : [line, `  hint: ${visible(watcher.hint)}`];
    }
    case "off":
      return [`  not watching its folder (watch: off), which is rescanned every ${renderDuration(watcher.everyMs)}`];
  }
}

const RARELY_MS: DurationMs = 12 * 3_600_000;

function facts(mapping: MappingStatus, now: EpochMs): readonly string[] {
  const { working, pending, conflicts, removesLater, pollIntervalMs } = mapping;
  const parts: string[] = [];
  if (working !== null && working.phase !== "queued") {
    const of = working.keysTotal === null ? "" : `/${count(working.keysTotal)}`;
    parts.push(`${working.phase} ${count(working.keys)}${of}`);
  }
  if (pending > 0) parts.push(`${count(pending)} pending`);
  if (conflicts > 0) parts.push(counted(conflicts, "conflict waits", "conflicts wait"));
  if (removesLater !== null) {
    const { keys, dueAt } = removesLater;
    const when = dueAt > now ? `in ${renderDuration(dueAt - now)}` : "with the next round";
    parts.push(`${count(keys)} gone, ${keys === 1 ? "" : "the first "}removed ${when}`);
  }
  parts.push(lookOf(mapping, now));
  // For safety alone it is not worth a word.
  const isFed = mapping.feed?.state === "up";
  if (isFed) parts.push("told of changes");
  if (mapping.feed?.state === "lost") parts.push("not told of changes now");
  if (pollIntervalMs !== null && !(isFed && pollIntervalMs >= RARELY_MS))
    parts.push(`polled every ${renderDuration(pollIntervalMs)}`);
  return parts;
}

/** A plan that was applied is about its own keys: that is no look at everything. */
function lookOf({ localLookedAt, lastRound }: MappingStatus, now: EpochMs): string {
  if (localLookedAt !== null) return `looked at ${ago(now - localLookedAt)}`;
  if (lastRound === null) return "not looked at yet";
  const { startedAt, written, removed } = lastRound;
  return `looked at for a plan only, ${ago(now - startedAt)}: ${count(written)} written, ${count(removed)} removed`;
}

function ago(duration: DurationMs): string {
  return duration < 1000 ? "just now" : `${renderDuration(duration)} ago`;
}

/** Those who are told are not worth a line while they are. */
function renderUndelivered({ target, undelivered }: NoticeStatus, now: EpochMs, style: Style): readonly string[] {
  if (undelivered === null) return [];
  const { since, reason, hint, isTriedAgain } = undelivered;
  const then = isTriedAgain ? "it is tried again" : "it is not tried again";
  const age = renderDuration(Math.max(0, now - since));
  return [
    `${style.bold(`notices to ${target}`)}: ${style.red("the last one could not be delivered")}, for ${age}: ${visible(reason)}; ${then}`,
    `  hint: ${visible(hint ?? `try it with kvsync notify test ${target}`)}`,
  ];
}

function renderAccount({ account, budgetLeft, budget, waiting, retrying, retryingForMs }: AccountStatus): string {
  const queue = waiting > 0 ? `, ${counted(waiting, "request waits", "requests wait")}` : "";
  const trouble =
    retrying === null
      ? ""
      : `; no good answer for ${renderDuration(retryingForMs ?? 0)}, trying again: ${visible(retrying)}`;
  const waits = queue + trouble;
  if (budgetLeft === null || budget === null) return `account ${account}: no request limit${waits}`;
  const window = renderDuration(budget.windowMs);
  return `account ${account}: ${count(budgetLeft)} of ${count(budget.requests)} requests left in ${window}${waits}`;
}
