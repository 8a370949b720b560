// kvsync migrate verify: the comparison of a report, done again from the report alone.

import { count } from "../../core/counted.ts";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { ioError } from "../../config/read-file.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import type { ProofProgress } from "../../migration/proof/proving.ts";
import type { OpenAccount } from "../../accounts/accounts.ts";
import { parseNamespaceId } from "../../kv/namespace-id.ts";
import type { NamespaceId } from "../../kv/kv-api.ts";
import { checkClock } from "../../migration/check-clock.ts";
import { openSides } from "../../migration/copy/open-sides.ts";
import { countBoth } from "../../migration/prove-migration.ts";
import type { VerifyDepth } from "../../migration/proof/verify-depth.ts";
import {
  buildReport,
  type MigrationReport,
  parseReport,
  type ReportedNamespace,
} from "../../migration/report/migration-report.ts";
import { renderMoment } from "../../migration/report/describe-finding.ts";
import { counted } from "../../migration/report/numbers.ts";
import { type NamespaceChanges, verifyReport } from "../../migration/report/verify-report.ts";
import { reportFiles, writeReport } from "../../migration/report/write-report.ts";
import type { Context } from "../context.ts";
import type { ExitCode } from "../exit-code.ts";
import { VERSION } from "../process/version.ts";
import { requestsRecord } from "../render/request-counts.ts";
import { findAccount } from "./find-account.ts";
import { exitCodeOfVerdict } from "./exit-code-of-verdict.ts";
import { tellReport } from "./tell-report.ts";

export interface VerifyOptions {
  /** Undefined: as deep as the report. */
  readonly verify: VerifyDepth | undefined;
  /** Where the new report is written; undefined: nowhere. */
  readonly report: string | undefined;
  readonly settleWindowMs: number;
}

export async function runVerify(context: Context, path: string, options: VerifyOptions): Promise<ExitCode> {
  const { clock, signal, cwd } = context;
  const startedAt = clock.monotonic();
  const before = parseReport(readReport(resolve(cwd, path), path), path);
  const source = await findAccount(context, before.source);
  const destination = await findAccount(context, before.destination);
  const progress = context.openProgress(before.name);
  let hasWaited = false;
  const onProgress = ({ phase, keys, pending }: ProofProgress): void => {
    if (phase === "waiting" && !hasWaited) {
      hasWaited = true;
      const late = `${counted(pending, "key")} ${pending === 1 ? "does" : "do"} not look equal`;
      const wait = renderDuration(options.settleWindowMs);
      context.output.note(`  ${late}: looked at again in ${wait}, when KV has had the time to show what was written`);
    }
    progress.update({ phase, done: keys, total: undefined, bytes: 0 });
  };
  try {
    const { facts, changes } = await verifyReport(
      {
        clock,
        signal,
        settleWindowMs: options.settleWindowMs,
        by: `kvsync ${VERSION}`,
        requests: countBoth(source.api, destination.api),
        openSides: async (namespace) => sidesOf({ context, source, destination }, before, namespace),
        onProgress,
      },
      before,
      options.verify,
    );
    progress.close();
    checkClock([source, destination]);
    const report = buildReport(facts, exitCodeOfVerdict);
    const files = options.report === undefined ? undefined : reportFiles(resolve(cwd, options.report));
    if (files !== undefined) writeReport(files, report);
    tellReport(context, report, files);
    for (const change of changes) tellChanges(context, before, change);
    tellSummary(context, report, Math.round(clock.monotonic() - startedAt));
    return exitCodeOfVerdict(report.verdict);
  } finally {
    progress.close();
  }
}

/** For programs: the last line. */
function tellSummary(
  { output }: Context,
  { name, verdict, totals, requests }: MigrationReport,
  durationMs: number,
): void {
  const { source, destination } = requests;
  output.event({
    type: "summary",
    command: "migrate verify",
    migration: name,
    verdict,
    ...totals.counts,
    bytesUp: source.bytesUp + destination.bytesUp,
    bytesDown: source.bytesDown + destination.bytesDown,
    requests: { source: requestsRecord(source), destination: requestsRecord(destination) },
    retries: source.retries + destination.retries,
    durationMs,
  });
}

function readReport(path: string, label: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw ioError(error, `could not read ${visible(label)}`);
  }
}

interface Opened {
  readonly context: Context;
  readonly source: OpenAccount;
  readonly destination: OpenAccount;
}

function sidesOf(
  { context: { clock }, source, destination }: Opened,
  { rename, filter }: MigrationReport,
  namespace: ReportedNamespace,
): ReturnType<Parameters<typeof verifyReport>[0]["openSides"]> {
  const [from, to] = [namespace.source, namespace.destination].map(({ id, title }) => ({ id: idOf(id), title }));
  const sides = openSides(
    { clock, source, destination },
    { rename, filter },
    {
      source: from!,
      destination: to!,
      destinationId: () => to!.id,
    },
  );
  return Promise.resolve({
    source: sides.provedSource,
    destination: sides.destination,
    excludedBecause: (key) => sides.excludedBecause(key),
    close: () => sides.close(),
  });
}

function idOf(text: string): NamespaceId {
  const id = parseNamespaceId(text);
  if (id !== undefined) return id;
  throw new AppError("usage", `the report has "${visible(text)}" for the id of a namespace, which is none`);
}

/** What is otherwise than it was when the report was written. */
function tellChanges(
  { output }: Context,
  { finishedAt, namespaces }: MigrationReport,
  { title, isSame, still, fresh, gone }: NamespaceChanges,
): void {
  output.event({ type: "changes", namespace: title, since: finishedAt, ...isSame, still, fresh, gone });
  const sides = [sideWords("source", isSame.source), sideWords("destination", isSame.destination)].join(", ");
  const now = still + fresh;
  const keys =
    now + gone === 0
      ? ""
      : `. ${counted(now, "key")} ${now === 1 ? "differs" : "differ"} now, ${count(still)} of these did then; ${counted(gone, "key")} differed then and ${gone === 1 ? "does" : "do"} not now`;
  const label = namespaces.length > 1 ? `${visible(title)}: ` : "";
  output.line(`${label}since the report of ${renderMoment(finishedAt)}, ${sides}${keys}`);
}

function sideWords(side: string, isSame: boolean | null): string {
  if (isSame === null) return `it cannot be told whether the ${side} has changed`;
  return isSame ? `the ${side} has not changed` : `the ${side} has changed (keys that expired count)`;
}
