// A run of a backup in the daemon: with the daemon's accounts, in the background, and with nobody to ask for a passphrase.

import type { BackupReport } from "../../backups/backup-report.ts";
import { runBackupPlan } from "../../backups/run-backup-plan.ts";
import type { BackupConfig } from "../../config/config.ts";
import type { Environment } from "../../config/yaml-source.ts";
import type { Clock } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { LocationDeps } from "../../mapping/open-location.ts";
import type { AccountsPort, DaemonAccount } from "../../mapping/round-port.ts";
import type { BackupCall } from "./backup-loop.ts";

export interface BackupRunDeps {
  readonly clock: Clock;
  readonly cwd: string;
  readonly env: Environment;
  readonly version: string;
  readonly stateDir: string;
  readonly accounts: AccountsPort;
}

/** Throws the reason of an aborted signal, and a bug. */
export async function runDaemonBackup(
  deps: BackupRunDeps,
  backup: BackupConfig,
  call: BackupCall,
): Promise<BackupReport> {
  const { clock, cwd, env, version, accounts } = deps;
  const used = new Map<string, DaemonAccount>();
  const account = async (name: string): Promise<DaemonAccount> => {
    const opened = await accounts.open(name);
    used.set(name, opened);
    return opened;
  };
  const report = await runBackupPlan(
    {
      clock,
      cwd,
      env,
      version,
      stateDir: deps.stateDir,
      ask: undefined,
      onStoreRetry: call.onStoreRetry,
      account,
      locations: (signal) => locationsOf(deps, account, signal),
      priority: "backup",
    },
    {
      backup,
      memory: call.memory,
      signal: call.signal,
      events: { onProblem: call.onProblem, onProgress: call.onProgress, onSourceProgress: call.onSourceProgress },
    },
  );
  // A token may have been renewed by the next run.
  const isRefused = [report.failure, ...report.sources.map(({ failure }) => failure)].some(
    (failure) => failure?.code === "unauthorized",
  );
  if (isRefused) for (const stale of used.values()) await accounts.renew(stale);
  return report;
}

function locationsOf(
  { clock, cwd, env, stateDir }: BackupRunDeps,
  account: (name: string) => Promise<DaemonAccount>,
  signal: AbortSignal,
): LocationDeps {
  return {
    clock,
    signal,
    stateDir,
    cwd,
    home: env["HOME"],
    isRepository: () => false,
    account: (name) => account(name!),
    // The sources of a config name their accounts.
    bound: async (location) => location,
    snapshot: ({ repository, which }) => {
      throw new AppError(
        "location-invalid",
        `${visible(`${repository}@${which}`)} is a snapshot, and no source of a backup`,
        {
          hint: "name a namespace or a folder",
        },
      );
    },
  };
}
