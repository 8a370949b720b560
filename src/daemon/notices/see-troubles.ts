// From how the daemon stands to what a person should look at, and what is well. Pure. What cannot be told yet, as of a mapping that has not had
// its first round, is said to be unknown: else each restart would seem to mend everything.

import type { BackupConfig, BackupSchedule } from "../../config/config.ts";
import type { DurationMs, EpochMs } from "../../core/clock.ts";
import { countedKeys } from "../../core/guards.ts";
import { renderDuration } from "../../core/units.ts";
import { backupLoopName } from "../backups/backup-loop-name.ts";
import type { BackupStatus } from "../../backups/backup-status.ts";
import type { RoundReport } from "../../mapping/round-port.ts";
import type { MappingStatus } from "../../mapping/status.ts";
import type { Sightings } from "../../notices/news.ts";
import type { NoticeItem } from "../../notices/notice.ts";
import type { AccountStatus, DaemonStatus } from "../control/daemon-status.ts";

/** One request that is sent again is nothing. */
const SILENCE_MS_MIN: DurationMs = 60_000;
const DAY_MS: DurationMs = 86_400_000;
const KEYS_TOLD_MAX = 20;

export interface SeenWith {
  readonly backups: ReadonlyMap<string, BackupConfig>;
  /** How old a backup may be; undefined: twice the time between two of its runs. */
  readonly backupAgeMs: DurationMs | undefined;
}

export function seeTroubles(
  {
    mappings,
    backups,
    accounts,
    stuck,
    now,
  }: Pick<DaemonStatus, "mappings" | "backups" | "accounts" | "stuck" | "now">,
  settings: SeenWith,
): Sightings {
  const seen = new Map<string, NoticeItem | "well" | "unknown">();
  const silent = new Set(stuck);
  for (const mapping of mappings) {
    const { mapping: name } = mapping;
    seen.set(`stuck mapping ${name}`, silent.has(name) ? stuckItem({ mapping: name }) : "well");
    // A person has paused it: what it was is told again when it goes on.
    if (mapping.paused !== null) {
      for (const event of ["held", "failing", "conflict"]) seen.set(`${event} mapping ${mapping.mapping}`, "unknown");
      continue;
    }
    seen.set(`held mapping ${mapping.mapping}`, heldItem(mapping));
    seen.set(`failing mapping ${mapping.mapping}`, failingItem(mapping));
    seen.set(`conflict mapping ${mapping.mapping}`, waitingItem(mapping));
  }
  for (const backup of backups) {
    const { backup: name } = backup;
    seen.set(`stuck backup ${name}`, silent.has(backupLoopName(name)) ? stuckItem({ backup: name }) : "well");
    seen.set(`failing backup ${backup.backup}`, failingBackup(backup));
    seen.set(`backup-old backup ${backup.backup}`, oldBackup(backup, now, settings));
  }
  for (const account of accounts) seen.set(`failing account ${account.account}`, failingAccount(account, now));
  return seen;
}

const NOTHING = { mapping: null, backup: null, account: null, hint: null, command: null, again: false } as const;

function heldItem({ mapping, hold }: MappingStatus): NoticeItem | "well" | "unknown" {
  if (hold === null) return "well";
  // It runs with the next round.
  if (hold.approved) return "unknown";
  const { since, message, hint, plan, guard, writes, removes } = hold;
  const command = `kvsync approve ${mapping} --plan ${plan}`;
  return { ...NOTHING, event: "held", mapping, since, message, hint, command, plan, guard, writes, removes };
}

function failingItem({ mapping, error, lastRound }: MappingStatus): NoticeItem | "well" | "unknown" {
  if (error === null) return lastRound === null ? "unknown" : "well";
  const { since, message, hint, code } = error;
  return { ...NOTHING, event: "failing", mapping, since, message, hint, command: `kvsync status ${mapping}`, code };
}

/** Since when is not known: it was alive within the half hour before it was found to be silent. */
function stuckItem(about: Pick<NoticeItem, "mapping"> | Pick<NoticeItem, "backup">): NoticeItem {
  return {
    ...NOTHING,
    ...about,
    event: "failing",
    since: null,
    message: "its loop shows no sign of life any more: nothing of it is done",
    hint: "see the log of the daemon, and start it anew: nothing is lost by that",
    command: "kvsync status",
    code: "failed",
  };
}

function waitingItem({ mapping, conflicts, localLookedAt }: MappingStatus): NoticeItem | "well" | "unknown" {
  if (conflicts === 0) return localLookedAt === null ? "unknown" : "well";
  const message = `${countedKeys(conflicts)} changed on both sides, and ${conflicts === 1 ? "waits" : "wait"} for a person`;
  const command = `kvsync conflicts list ${mapping}`;
  return {
    ...NOTHING,
    event: "conflict",
    mapping,
    since: null,
    message,
    command,
    count: conflicts,
    keys: [],
    waits: true,
  };
}

function failingBackup({ backup, failure }: BackupStatus): NoticeItem | "well" {
  if (failure === null) return "well";
  const { since, message, hint, code } = failure;
  return { ...NOTHING, event: "failing", backup, since, message, hint, command: `kvsync backup ${backup}`, code };
}

function oldBackup(
  { backup, lastCompleteAt, knownSince }: BackupStatus,
  now: EpochMs,
  { backups, backupAgeMs }: SeenWith,
): NoticeItem | "well" | "unknown" {
  const schedule = backups.get(backup)?.schedule;
  const from = lastCompleteAt ?? knownSince;
  if (schedule === undefined || from === null) return "unknown";
  const ageMs = now - from;
  if (ageMs <= (backupAgeMs ?? 2 * periodMs(schedule))) return "well";
  const message =
    lastCompleteAt === null
      ? `it was never complete, in ${renderDuration(ageMs)}`
      : `it was complete ${renderDuration(ageMs)} ago`;
  const command = `kvsync backup ${backup}`;
  return { ...NOTHING, event: "backup-old", backup, since: from, message, command, lastCompleteAt };
}

function periodMs(schedule: BackupSchedule): DurationMs {
  return schedule.kind === "every" ? schedule.everyMs : DAY_MS;
}

function failingAccount(
  { account, retrying, retryingForMs, requests }: AccountStatus,
  now: EpochMs,
): NoticeItem | "well" | "unknown" {
  if (retrying === null) return requests.total === 0 ? "unknown" : "well";
  const silentMs = retryingForMs ?? 0;
  // It may be well already, or not answer at all.
  if (silentMs < SILENCE_MS_MIN) return "unknown";
  const since = Math.round(now - silentMs) as EpochMs;
  const message = `it does not answer: ${retrying}`;
  return { ...NOTHING, event: "failing", account, since, message, command: "kvsync doctor", code: "network" };
}

/** Of a round that was done: the keys that both sides had changed and that it settled as the mapping's `conflict` says; undefined: none. */
export function settledConflicts(mapping: string, { changes, startedAt }: RoundReport): NoticeItem | undefined {
  const keys = [...new Set(changes.filter(({ event }) => event === "conflict").map(({ key }) => key))];
  if (keys.length === 0) return undefined;
  return {
    ...NOTHING,
    event: "conflict",
    mapping,
    since: startedAt,
    message: "both sides had changed the same keys, and it was done what its conflict: says",
    command: `kvsync history ${mapping}`,
    count: keys.length,
    keys: keys.slice(0, KEYS_TOLD_MAX),
    waits: false,
  };
}
