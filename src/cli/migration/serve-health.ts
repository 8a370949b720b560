// Health and metrics of a migration, for as long as its process runs: a migration that follows its source may do so for weeks.

import { budgetOf } from "../../accounts/account-budget.ts";
import type { OpenAccount } from "../../accounts/accounts.ts";
import type { DurationMs, EpochMs } from "../../core/clock.ts";
import { type AppError, visible } from "../../core/errors.ts";
import type { HealthAddress } from "../../monitor/health-address.ts";
import type { HealthSnapshot } from "../../monitor/health.ts";
import type { MetricsSnapshot } from "../../monitor/metrics.ts";
import type { MigrationProgress } from "../../migration/migration-events.ts";
import type { MigrationFolder } from "../../migration/migration-folder.ts";
import type { Context } from "../context.ts";
import { VERSION } from "../process/version.ts";

export interface MigrationHealthServer {
  /** To be called before the first request. */
  use(accounts: readonly OpenAccount[]): void;
  progressed(progress: MigrationProgress): void;
  /** What failed as a whole is tried again after `waitMs`. */
  retries(title: string, error: AppError, waitMs: DurationMs): void;
  close(): Promise<void>;
}

/** Undefined: nobody asked for it. Throws AppError "config-invalid" and "address-in-use". */
export async function serveHealth(
  { clock, output }: Context,
  address: HealthAddress | undefined,
  folder: Pick<MigrationFolder, "read">,
): Promise<MigrationHealthServer | undefined> {
  if (address === undefined) return undefined;
  const [{ openHealthServer }, { openMetrics }] = await Promise.all([
    import("../../monitor/health-server.ts"),
    import("../../monitor/metrics.ts"),
  ]);
  let accounts: readonly OpenAccount[] = [];
  let progress: MigrationProgress | undefined;
  let movedAt: EpochMs | undefined;
  /** By title, until when it waits, and why. */
  const waits = new Map<string, { readonly until: number; readonly why: string }>();
  const waiting = (): readonly string[] => {
    const now = clock.monotonic();
    return [...waits].flatMap(([title, { until, why }]) => (now < until ? [`${visible(title)}: ${why}`] : []));
  };
  const read = (): MetricsSnapshot => {
    const record = folder.read();
    const migration = { progress, movedAt, isRetrying: waiting().length > 0 };
    return {
      accounts: accounts.map((account) => ({
        name: account.name,
        requests: account.api.counts(),
        budgetLeft: budgetOf(account)?.left ?? Number.POSITIVE_INFINITY,
        budgetSize: budgetOf(account)?.requests ?? Number.POSITIVE_INFINITY,
      })),
      mappings: [],
      backups: [],
      migrations: record === undefined ? [] : [{ record, ...migration }],
    };
  };
  const status = (): HealthSnapshot => {
    const record = folder.read();
    const migrations = record && [{ name: record.name, state: record.state, trouble: waiting().join("; ") }];
    return { loops: [], accounts: [], mappings: [], backups: [], migrations };
  };
  const metrics = await openMetrics({ clock, version: VERSION, read });
  const server = await openHealthServer({ ...address, status, metrics });
  output.event({ type: "health", url: server.url });
  output.note(`health and metrics: ${server.url}/health and /metrics`);
  return {
    use: (opened) => {
      accounts = opened;
    },
    progressed: (next) => {
      if (next.keys !== progress?.keys || next.phase !== progress.phase) movedAt = clock.now();
      progress = next;
    },
    retries: (title, error, waitMs) => void waits.set(title, { until: clock.monotonic() + waitMs, why: error.message }),
    close: () => server.close(),
  };
}
