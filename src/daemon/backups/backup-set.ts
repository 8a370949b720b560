// The backups that the daemon makes: a loop for each that has a schedule, in the order of the config. Runs into one repository come one after
// the other.

import { backupLoopName } from "./backup-loop-name.ts";
import pLimit, { type LimitFunction } from "p-limit";
import { type BackupMemoryDeps, placeOf, recallBackup, rememberRun } from "../../backups/backup-memory.ts";
import type { BackupReport } from "../../backups/backup-report.ts";
import { systemTimeZone } from "../../backups/after-backup.ts";
import type { BackupStatus } from "../../backups/backup-status.ts";
import type { BackupConfig, BackupSchedule, Config } from "../../config/config.ts";
import { repositorySecrets } from "../../config/config-secrets.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { DaemonListener } from "../daemon-event.ts";
import type { Heartbeats } from "../heartbeats.ts";
import { type BackupCall, type BackupLoop, openBackupLoop } from "./backup-loop.ts";

export interface BackupSetDeps extends BackupMemoryDeps {
  readonly run: (backup: BackupConfig, call: BackupCall) => Promise<BackupReport>;
  readonly heartbeats: Heartbeats;
  readonly onEvent: DaemonListener;
  /** Is told of what ends a loop. */
  readonly onBug: (error: unknown) => void;
}

export interface BackupSet {
  status(): readonly BackupStatus[];
  /** Runs these now. Throws AppError `usage` for a name of none that runs by itself: then none is begun. */
  runNow(names: readonly string[]): void;
  /** Makes the backups those of `config`. Those that are alike in it are not disturbed, unless they use one of the accounts in `stale`. */
  follow(config: Config, stale: ReadonlySet<string>): Promise<void>;
  /** Breaks off what runs. */
  stop(): Promise<void>;
}

export function openBackupSet(deps: BackupSetDeps): BackupSet {
  const { clock, heartbeats, onEvent, onBug } = deps;
  const loops = new Map<string, BackupLoop>();
  const gates = new Map<string, LimitFunction>();
  let isStopped = false;

  function gateOf({ repository }: BackupConfig): LimitFunction {
    const place = placeOf(repository.store);
    const gate = gates.get(place) ?? pLimit(1);
    gates.set(place, gate);
    return gate;
  }

  function start(backup: Scheduled): void {
    const loop = openBackupLoop({
      clock,
      backup,
      timeZone: backup.timeZone ?? systemTimeZone(),
      recall: () => recallBackup(deps, backup),
      run: (call) => deps.run(backup, call),
      remember: (report) => rememberRun(deps, backup, report),
      gate: gateOf(backup),
      heartbeat: heartbeats.open(backupLoopName(backup.name), HEARTBEAT_MS),
      onEvent: (event) => onEvent({ ...event, backup }),
    });
    loops.set(backup.name, loop);
    loop.ended.catch(onBug);
  }

  async function end(loop: BackupLoop): Promise<void> {
    loops.delete(loop.backup.name);
    await loop.stop();
  }

  return {
    status: () => [...loops.values()].map((loop) => loop.status()),
    runNow: (names) => {
      const found = names.map((name) => loops.get(name) ?? notFound(name, [...loops.keys()]));
      for (const loop of found) loop.runNow();
    },
    follow: async (config, stale) => {
      const wanted = new Map([...config.backups.values()].filter(isScheduled).map((backup) => [backup.name, backup]));
      const ending = [...loops.values()].filter(({ backup }) => {
        const now = wanted.get(backup.name);
        return now === undefined || !isSame(now, backup) || usesOf(backup).some((account) => stale.has(account));
      });
      await Promise.all(ending.map(end));
      if (isStopped) return;
      const kept = new Map(loops);
      loops.clear();
      for (const [name, backup] of wanted) {
        const loop = kept.get(name);
        if (loop === undefined) start(backup);
        else loops.set(name, loop);
      }
    },
    stop: async () => {
      isStopped = true;
      await Promise.all([...loops.values()].map((loop) => loop.stop()));
    },
  };
}

function notFound(name: string, known: readonly string[]): never {
  throw new AppError("usage", `the daemon makes no backup "${visible(name)}" by itself`, {
    hint: known.length === 0 ? "none of the config has a schedule (every, or at)" : `it makes ${known.join(", ")}`,
  });
}

type Scheduled = BackupConfig & { readonly schedule: BackupSchedule };

function isScheduled(backup: BackupConfig): backup is Scheduled {
  return backup.schedule !== undefined;
}

const HEARTBEAT_MS = 60_000;

function isSame(a: BackupConfig, b: BackupConfig): boolean {
  return identityOf(a) === identityOf(b);
}

/** Holds secrets: for comparison alone. */
function identityOf(backup: BackupConfig): string {
  const secrets = repositorySecrets(backup.repository).map((source) =>
    source.kind === "value" ? source.secret.reveal() : source.path,
  );
  return JSON.stringify([backup, secrets]);
}

/** The accounts of its sources. */
function usesOf({ sources }: BackupConfig): readonly string[] {
  return sources.flatMap((source) => (source.startsWith("/") ? [] : [source.split(":")[0] ?? ""]));
}
