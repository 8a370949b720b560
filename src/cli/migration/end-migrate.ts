// How a run of kvsync migrate ends: what is told, what is kept in the record, and the exit code.

import process from "node:process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { findWranglerFile } from "../../config/wrangler/wrangler-file.ts";
import { count, counted } from "../../core/counted.ts";
import { AppError, visible } from "../../core/errors.ts";
import { abortMigration } from "../../migration/abort-migration.ts";
import { ID_FILES, idMapOf } from "../../migration/id-map.ts";
import type { MigrationFolder } from "../../migration/migration-folder.ts";
import type { MigrationHookEvent } from "../../migration/migration-hooks.ts";
import { type MigrationRecord, sumCounts } from "../../migration/migration-record.ts";
import { failureOf, type PassOutcome } from "../../migration/pass-namespaces.ts";
import { writePlanFile } from "../../migration/preflight/plan-file.ts";
import type { Ended } from "../../migration/run-migration.ts";
import { renderBindings } from "../../migration/wrangler-bindings.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode, exitCodeOf, worstExitCode } from "../exit-code.ts";
import { type countRequests, requestsRecord } from "../render/request-counts.ts";
import { exitCodeOfVerdict } from "./exit-code-of-verdict.ts";
import { nextStep } from "./next-step.ts";
import type { ProofStep } from "./proof-step.ts";
import { tellReport } from "./tell-report.ts";

/** More are read in a file. */
const IDS_SHOWN_MAX = 10;

interface EndOf {
  readonly requests: ReturnType<ReturnType<typeof countRequests>>;
  readonly durationMs: number;
}

export function endPlanned(
  context: Context,
  { name, dryRun, plan: path }: { readonly name: string; readonly dryRun: boolean; readonly plan: string | undefined },
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

export function endRun(
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
  if (state === "done" && ids.length <= IDS_SHOWN_MAX) {
    const { jsonc, toml } = renderBindings(ids);
    const snippet = hasTomlConfig(context.cwd) ? toml : jsonc;
    output.note(`Workers find a namespace by its id. In wrangler's config the new ids are:\n${snippet}`);
  }
  const { json, jsonc, toml } = ID_FILES;
  output.note(`  the map of old to new ids is ${json}, ${jsonc} and ${toml} in ${visible(folder.path)}`);
  if (failures.size > 0 && state !== "done") tellNext(context, record);
  const codes: ExitCode[] = [...failures.values()].map(exitCodeOf);
  if (report !== undefined) codes.push(exitCodeOfVerdict(report.verdict));
  if (counts.failed > 0) {
    context.keepFailure(new AppError("incomplete", `${count(counts.failed)} keys failed: the lines before name them`));
    codes.push(EXIT.incomplete);
  }
  return worstExitCode(codes);
}

/** Whether the Worker whose folder this is has its config in TOML. */
function hasTomlConfig(cwd: string): boolean {
  const found = findWranglerFile(cwd, (path) => (existsSync(path) ? "" : undefined));
  return found?.path.endsWith(".toml") === true;
}

function tellNext({ output }: Context, record: MigrationRecord): void {
  const next = nextStep(record, false);
  if (next !== undefined) output.note(`${visible(record.name)} is ${record.state}: ${next}`);
}

/** What the hook is told. Says in the record how a run ended that did not come to the end. Where the disk is full, or there is no record yet, there is none to
 * say it in, and the error tells it anyway. */
export function noteEnd(
  context: Context,
  folder: MigrationFolder,
  error: unknown,
  { isAborted, dryRun }: { readonly isAborted: boolean; readonly dryRun: boolean },
): MigrationHookEvent | undefined {
  if (dryRun) return undefined;
  const { clock, signal } = context;
  let record: MigrationRecord | undefined;
  try {
    record = folder.read();
    // It may not have come to a record of its own, and the one there is is aborted all the same.
    if (isAborted) abortMigration(folder, clock);
    else if (record?.pid === process.pid && error instanceof AppError && !signal.aborted) {
      folder.write({ ...record, failure: failureOf(error, clock), changedAt: clock.now() });
    }
  } catch (second) {
    if (!(second instanceof AppError)) throw second;
  }
  if (record === undefined || (record.pid !== process.pid && !isAborted)) return undefined;
  tellNext(context, isAborted ? { ...record, state: "aborted" } : record);
  if (isAborted) return "aborted";
  // Who stops it by hand knows.
  return signal.aborted ? undefined : "failed";
}
