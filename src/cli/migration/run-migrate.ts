// kvsync migrate: one run of a migration, from the command line to its exit code.

import { kvsyncCommand } from "../../core/shell-word.ts";
import process from "node:process";
import { resolve } from "node:path";
import { AppError, visible } from "../../core/errors.ts";
import { operationErrorOf } from "../../journal/operation-error.ts";
import { beginMigration, sideOf } from "../../migration/begin-migration.ts";
import type { HealthAddress } from "../../monitor/health-address.ts";
import type { PairDeps } from "../../mapping/pair.ts";
import { type MigrationFolder, openMigrationFolder } from "../../migration/migration-folder.ts";
import { hookEventOf } from "../../migration/migration-hooks.ts";
import type { MigrationRecord, MigrationState } from "../../migration/migration-record.ts";
import { openRunMark } from "../../migration/run-mark.ts";
import { runMigration } from "../../migration/run-migration.ts";
import { watchRequests } from "../../migration/watch-requests.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode, worstExitCode } from "../exit-code.ts";
import { keepHeapSmall } from "../process/launch.ts";
import { VERSION } from "../process/version.ts";
import { countRequests } from "../render/request-counts.ts";
import { openState } from "../round/run-mappings.ts";
import type { AskedMigration } from "./asked-migration.ts";
import { endPlanned, endRun, noteEnd } from "./end-migrate.ts";
import { openProgressKeeper } from "./keep-progress.ts";
import { type MigrationHooksStep, openHooksStep } from "./migration-hooks-step.ts";
import { openProofStep } from "./proof-step.ts";
import { type MigrationHealthServer, serveHealth } from "./serve-health.ts";
import { tellMigration } from "./tell-migration.ts";

export interface Migrate extends AskedMigration {
  readonly accepted: readonly string[];
  readonly follow: boolean;
  /** As it is written: `sample=1%`. */
  readonly verify: string;
  readonly proofShare: number;
  /** Where the report is written; undefined: in the migration's folder. */
  readonly report: string | undefined;
  /** Where health and metrics are served while it runs. */
  readonly health: HealthAddress | undefined;
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly plan: string | undefined;
  readonly intervalMs: number;
  readonly settleWindowMs: number;
}

export async function runMigrate(context: Context, migrate: Migrate): Promise<ExitCode> {
  // It takes as long as the budgets let it, and holds values of several namespaces at once.
  keepHeapSmall();
  const config = await context.config();
  const folder = openMigrationFolder(config.stateDir, migrate.name);
  const state = await openState(context, config.stateDir, migrate.dryRun);
  try {
    const mark = migrate.dryRun ? undefined : await openRunMark(context, folder);
    const hooks = openHooksStep(context, config, migrate.name);
    if (mark?.forgotten.includes("abort") === true)
      context.output.note(`${visible(migrate.name)} was asked to abort, and ended before it did: it goes on now`);
    let health: MigrationHealthServer | undefined;
    try {
      health = await serveHealth(context, migrate.health, folder);
      const code = await runOnce(context, migrate, { folder, pair: state.deps, hooks, health });
      return worstExitCode([code, (await hooks.end()) ? EXIT.done : EXIT.failed]);
    } finally {
      await health?.close();
      await hooks.end();
      mark?.close();
    }
  } finally {
    state.close();
  }
}

interface Opened {
  readonly folder: MigrationFolder;
  readonly pair: PairDeps;
  readonly hooks: MigrationHooksStep;
  readonly health: MigrationHealthServer | undefined;
}

async function runOnce(context: Context, migrate: Migrate, { folder, pair, hooks, health }: Opened): Promise<ExitCode> {
  const { clock } = context;
  const startedAt = clock.monotonic();
  const source = await context.account(migrate.sourceAccount);
  const destination = await context.account(migrate.destinationAccount);
  health?.use([source, destination]);
  const requests = countRequests([source.api, destination.api]);
  // A dry run is nobody's process to ask, and tells nobody how far it is.
  const watch = watchRequests(migrate.dryRun ? NO_REQUESTS : folder, clock);
  const signal = AbortSignal.any([context.signal, watch.aborted]);
  const keep = migrate.dryRun ? undefined : openProgressKeeper(context, folder, requests);
  const proof = openProofStep(context, { source, destination, folder, report: migrate.report });
  const told = tellMigration(context, {
    ...migrate,
    source: source.name,
    destination: destination.name,
    onProgress: (progress) => {
      keep?.update(progress);
      health?.progressed(progress);
    },
  });
  const onRetry: typeof told.events.onRetry = (...retry) => {
    told.events.onRetry(...retry);
    health?.retries(...retry);
  };
  const onState = (state: MigrationState): void => {
    told.events.onState(state);
    const event = hookEventOf(state);
    if (event !== undefined) hooks.happened(event, folder.read());
  };
  try {
    const asked = { ...migrate.asked, source: sideOf(source), destination: sideOf(destination) };
    const { name, accepted, follow, verify, dryRun } = migrate;
    const seed = Math.floor(clock.random() * 2 ** 31);
    const begun = await beginMigration(
      { clock, signal, folder, source, destination, pid: process.pid },
      { name, asked, accepted, follow, verify, seed },
    );
    if (begun.isResumed && dryRun) throw resumedDry(begun.record);
    const ended = await runMigration(
      {
        clock,
        signal,
        source,
        destination,
        folder,
        pair,
        requests: watch,
        settleWindowMs: migrate.settleWindowMs,
        intervalMs: migrate.intervalMs,
        force: migrate.force,
        by: `kvsync ${VERSION}`,
        events: { ...told.events, onState, onRetry },
        prove: proof.prove,
      },
      begun,
      { dryRun, planFile: planPath(context, migrate), proofShare: migrate.proofShare },
    );
    told.finish();
    const durationMs = Math.round(clock.monotonic() - startedAt);
    if (ended.kind === "planned")
      return endPlanned(context, migrate, ended, { asked, requests: requests(), durationMs });
    if (ended.outcome.failures.size > 0) hooks.happened("failed", folder.read());
    return endRun(context, ended.record, ended.outcome, { folder, proof, requests: requests(), durationMs });
  } catch (thrown) {
    told.finish();
    const error = operationErrorOf(thrown) ?? thrown;
    const isAborted = watch.aborted.aborted && !context.signal.aborted;
    const event = noteEnd(context, folder, error, { isAborted, dryRun: migrate.dryRun });
    if (event !== undefined) hooks.happened(event, folder.read());
    throw isAborted ? watch.aborted.reason : error;
  } finally {
    keep?.close();
    watch.close();
  }
}

const NO_REQUESTS: Pick<MigrationFolder, "request"> = { request: () => undefined };

function planPath({ cwd }: Context, { plan }: Migrate): string | undefined {
  return plan === undefined ? undefined : resolve(cwd, plan);
}

function resumedDry({ name, state }: MigrationRecord): AppError {
  return new AppError(
    "usage",
    `the migration "${visible(name)}" has begun, and is ${state}: a dry run is possible only before it begins`,
    {
      hint: `see how it stands: ${kvsyncCommand("migrate status", [name])}`,
    },
  );
}
