// kvsync migrate: one run of a migration, from the command line to its exit code.

import { count, counted } from "../../core/counted.ts";
import process from "node:process";
import { resolve } from "node:path";
import { AppError, visible } from "../../core/errors.ts";
import { operationErrorOf } from "../../journal/operation-error.ts";
import { beginMigration, sideOf } from "../../migration/begin-migration.ts";
import { idMapOf } from "../../migration/id-map.ts";
import type { MigrationProgress } from "../../migration/migration-events.ts";
import { type MigrationFolder, openMigrationFolder } from "../../migration/migration-folder.ts";
import { type MigrationRecord, sumCounts } from "../../migration/migration-record.ts";
import { writePlanFile } from "../../migration/preflight/plan-file.ts";
import { failureOf, type PassOutcome } from "../../migration/pass-namespaces.ts";
import { type Ended, runMigration } from "../../migration/run-migration.ts";
import { watchRequests } from "../../migration/watch-requests.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode, exitCodeOf, worstExitCode } from "../exit-code.ts";
import { keepHeapSmall } from "../process/launch.ts";
import { VERSION } from "../process/version.ts";
import { countRequests, requestsRecord } from "../render/request-counts.ts";
import { openState } from "../round/run-mappings.ts";
import type { AskedMigration } from "./asked-migration.ts";
import { exitCodeOfVerdict } from "./exit-code-of-verdict.ts";
import { openProofStep, type ProofStep } from "./proof-step.ts";
import { tellReport } from "./tell-report.ts";
import { tellMigration } from "./tell-migration.ts";

export interface Migrate extends AskedMigration {
  readonly accepted: readonly string[];
  readonly follow: boolean;
  /** As it is written: `sample=1%`. */
  readonly verify: string;
  readonly proofShare: number;
  /** Where the report is written; undefined: in the migration's folder. */
  readonly report: string | undefined;
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly plan: string | undefined;
  readonly intervalMs: number;
  readonly settleWindowMs: number;
}

export async function runMigrate(context: Context, migrate: Migrate): Promise<ExitCode> {
  const { clock } = context;
  const startedAt = clock.monotonic();
  // It takes as long as the budgets let it, and holds values of several namespaces at once.
  keepHeapSmall();
  const { stateDir } = await context.config();
  const source = await context.account(migrate.sourceAccount);
  const destination = await context.account(migrate.destinationAccount);
  const requests = countRequests([source.api, destination.api]);
  const folder = openMigrationFolder(stateDir, migrate.name);
  const state = await openState(context, stateDir, migrate.dryRun);
  const watch = watchRequests(folder, clock);
  const signal = AbortSignal.any([context.signal, watch.aborted]);
  const keep = openProgressKeeper(context, folder, requests);
  const proof = openProofStep(context, { source, destination, folder, report: migrate.report });
  const told = tellMigration(context, {
    ...migrate,
    source: source.name,
    destination: destination.name,
    onProgress: (progress) => keep.update(progress),
  });
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
        pair: state.deps,
        requests: watch,
        settleWindowMs: migrate.settleWindowMs,
        intervalMs: migrate.intervalMs,
        force: migrate.force,
        by: `kvsync ${VERSION}`,
        events: told.events,
        prove: proof.prove,
      },
      begun,
      { dryRun, planFile: planPath(context, migrate), proofShare: migrate.proofShare },
    );
    told.finish();
    const durationMs = Math.round(clock.monotonic() - startedAt);
    if (ended.kind === "planned")
      return endPlanned(context, migrate, ended, { asked, requests: requests(), durationMs });
    return endRun(context, ended.record, ended.outcome, { folder, proof, requests: requests(), durationMs });
  } catch (thrown) {
    told.finish();
    const error = operationErrorOf(thrown) ?? thrown;
    noteEnd(context, folder, error, {
      isAborted: watch.aborted.aborted && !context.signal.aborted,
      dryRun: migrate.dryRun,
    });
    throw watch.aborted.aborted && !context.signal.aborted ? watch.aborted.reason : error;
  } finally {
    keep.close();
    watch.close();
    state.close();
  }
}

function planPath({ cwd }: Context, { plan }: Migrate): string | undefined {
  return plan === undefined ? undefined : resolve(cwd, plan);
}

function resumedDry({ name, state }: MigrationRecord): AppError {
  return new AppError(
    "usage",
    `the migration "${visible(name)}" has begun, and is ${state}: there is nothing to foretell`,
    {
      hint: `see how it stands: kvsync migrate status ${visible(name)}`,
    },
  );
}

interface EndOf {
  readonly requests: ReturnType<ReturnType<typeof countRequests>>;
  readonly durationMs: number;
}

function endPlanned(
  context: Context,
  { name, dryRun, plan: path }: Migrate,
  { plan, isStopped, news }: Extract<Ended, { readonly kind: "planned" }>,
  { asked, requests, durationMs }: EndOf & { readonly asked: MigrationRecord["asked"] },
): ExitCode {
  const { output, clock } = context;
  for (const line of news) output.note(`  note: ${line}`);
  if (dryRun && path !== undefined) {
    writePlanFile(resolve(context.cwd, path), new Date(clock.now()).toISOString(), asked, plan);
    output.note(`saved as ${visible(path)}: kvsync migrate ... --plan ${visible(path)} does exactly that`);
  }
  output.event({
    type: "summary",
    command: "migrate",
    migration: name,
    state: "planned",
    ...(dryRun && { dryRun }),
    stopped: isStopped,
    requests: requestsRecord(requests),
    retries: requests?.retries ?? 0,
    durationMs,
  });
  if (!isStopped) return EXIT.done;
  const first = plan.findings.find(({ severity }) => severity !== "note")!;
  context.keepFailure(
    new AppError("held", `nothing was changed: ${first.message}`, first.hint === undefined ? {} : { hint: first.hint }),
  );
  if (!output.json) output.warn("  nothing was changed");
  return EXIT.held;
}

function endRun(
  context: Context,
  record: MigrationRecord,
  { failures }: PassOutcome,
  { folder, proof, requests, durationMs }: EndOf & { readonly folder: MigrationFolder; readonly proof: ProofStep },
): ExitCode {
  const { output } = context;
  const { name, state } = record;
  const counts = sumCounts(record.namespaces);
  const ids = idMapOf(record);
  for (const [title, error] of failures)
    context.tellFailure(
      new AppError(error.code, `${visible(title)}: ${error.message}`, {
        ...(error.hint !== undefined && { hint: error.hint }),
        cause: error,
      }),
      title,
    );
  output.event({ type: "ids", migration: name, ids });
  const report = proof.report();
  if (report !== undefined) tellReport(context, report, proof.files);
  output.event({
    type: "summary",
    command: "migrate",
    migration: name,
    state,
    namespaces: record.namespaces.length,
    ...counts,
    folder: folder.path,
    bytesUp: requests?.bytesUp ?? 0,
    bytesDown: requests?.bytesDown ?? 0,
    requests: requestsRecord(requests),
    retries: requests?.retries ?? 0,
    durationMs,
  });
  output.report(
    `${visible(name)}: ${state}, ${counted(record.namespaces.length, "namespace")}, ${counted(counts.keys, "key")}, ${count(counts.written)} written, ${count(counts.failed)} failed, ${count(requests?.total ?? 0)} requests`,
  );
  output.note(`  the map of old to new ids is ${visible(folder.path)}/ids.json`);
  if (failures.size > 0) output.note(`${visible(name)} stands at ${state}; to go on, type the same command again`);
  const codes: ExitCode[] = [...failures.values()].map(exitCodeOf);
  if (report !== undefined) codes.push(exitCodeOfVerdict(report.verdict));
  if (counts.failed > 0) {
    context.keepFailure(new AppError("incomplete", `${count(counts.failed)} keys failed: the lines before name them`));
    codes.push(EXIT.incomplete);
  }
  return worstExitCode(codes);
}

/** Says in the record how a run ended that did not come to the end. Where the disk is full, or there is no record yet, there is none to
 * say it in, and the error tells it anyway. */
function noteEnd(
  { clock, output, signal }: Context,
  folder: MigrationFolder,
  error: unknown,
  { isAborted, dryRun }: { readonly isAborted: boolean; readonly dryRun: boolean },
): void {
  const record = folder.read();
  if (dryRun || record?.pid !== process.pid) return;
  const now = clock.now();
  try {
    if (isAborted) {
      folder.write({ ...record, state: "aborted", changedAt: now, endedAt: now });
      folder.clearRequests();
    } else if (error instanceof AppError && !signal.aborted) {
      folder.write({ ...record, failure: failureOf(error, clock), changedAt: now });
    }
  } catch (second) {
    if (!(second instanceof AppError)) throw second;
  }
  const { name, state } = record;
  if (isAborted) output.note(`  to put the destination back as it was, type: kvsync migrate undo ${visible(name)}`);
  else output.note(`${visible(name)} stands at ${state}; to go on, type the same command again`);
}

interface ProgressKeeper {
  update(progress: MigrationProgress): void;
  close(): void;
}

const KEEP_INTERVAL_MS = 2000;

/** Keeps how far it is in the record, for `kvsync migrate status`, as often as a person looks. */
function openProgressKeeper(
  { clock }: Context,
  folder: MigrationFolder,
  requests: ReturnType<typeof countRequests>,
): ProgressKeeper {
  let keptAt = Number.NEGATIVE_INFINITY;
  return {
    update({ keys, keysTotal, bytes }) {
      const now = clock.monotonic();
      if (now - keptAt < KEEP_INTERVAL_MS) return;
      keptAt = now;
      folder.writeProgress({
        keys,
        keysTotal: keysTotal ?? null,
        bytes,
        requests: requests()?.total ?? 0,
        retries: requests()?.retries ?? 0,
        at: clock.now(),
      });
    },
    close: () => folder.writeProgress(undefined),
  };
}
