// A copy of a repository to another one from the command line: the snapshots that the other one lacks.

import { count, counted } from "../../core/counted.ts";
import { copyRepository, type CopyReport } from "../../backup/copy/copy-repository.ts";
import type { SnapshotSummary } from "../../backup/repository/snapshots.ts";
import { isBucket } from "../../config/resolve-repository.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { shellWord } from "../../core/shell-word.ts";
import { openExistingRepository, openOrCreateRepository, openUsedRepository } from "./open-repository.ts";
import { requestsTo } from "./requests-to.ts";
import { renderSnapshotFacts } from "./render-snapshot.ts";

type Used = Awaited<ReturnType<typeof openUsedRepository>>;

export interface CopyRepositoryRequest {
  readonly dryRun: boolean;
  /** A new repository is one that whoever reads the store can read. */
  readonly isPlain: boolean;
}

export async function runCopyRepository(
  context: Context,
  source: string,
  destination: string,
  request: CopyRepositoryRequest,
): Promise<ExitCode> {
  if (destination.includes(":") && !isBucket(destination)) {
    throw new AppError("usage", `${visible(source)} is a repository, and ${visible(destination)} is none`, {
      hint: `to write a snapshot there, type: kvsync restore ${shellWord(source)}@latest ${shellWord(destination)}`,
    });
  }
  const { dryRun, isPlain } = request;
  const from = await openUsedRepository(context, source);
  try {
    const to = dryRun
      ? await openExistingRepository(context, destination)
      : await openOrCreateRepository(context, destination, { isPlain });
    try {
      if (to?.isNew === true) tellCreated(context, to);
      return await copyTo(context, from, { to, label: destination, dryRun });
    } finally {
      await to?.close();
    }
  } finally {
    await from.close();
  }
}

interface Destination {
  /** Undefined: there is none yet, and on a dry run there will be none. */
  readonly to: Used | undefined;
  readonly label: string;
  readonly dryRun: boolean;
}

async function copyTo(context: Context, from: Used, { to, label, dryRun }: Destination): Promise<ExitCode> {
  const { clock, output, signal } = context;
  const startedAt = clock.monotonic();
  const open = async () => ({ index: await from.index(), reader: await from.reader() });
  const source = { repository: from.repository, open };
  const destination = to && { repository: to.repository, writer: await to.writer() };
  const progress = context.openProgress(label);
  let report: CopyReport;
  try {
    report = await copyRepository(source, destination, {
      dryRun,
      signal,
      onSnapshot: (snapshot, copy) => tellCopied(context, snapshot, { copy, dryRun }),
      onFailure: ({ snapshot, error }) => tellFailure(context, snapshot, error),
      onProgress: ({ snapshots, total, bytesRead }) =>
        progress.update({ phase: "copying", unit: "snapshots", done: snapshots, total, bytes: bytesRead }),
    });
  } catch (error) {
    // The next run goes on with what is stored.
    if (signal.aborted) await to?.keepStored();
    throw error;
  } finally {
    progress.close();
  }
  const { copied, present, failed } = report;
  const what = `${count(copied)} ${copied === 1 ? "snapshot" : "snapshots"} of ${visible(from.label)} to ${visible(label)}`;
  const read = dryRun ? "" : `, ${counted(report.values, "value")} (${renderByteCount(report.bytesRead)}) read`;
  output.report(
    `${dryRun ? "would copy" : "copied"} ${what}${read}; ${count(present)} there already${requestsTo(from.storeRequests(), to?.storeRequests())}`,
  );
  output.event({
    type: "summary",
    command: "copy",
    source: from.label,
    destination: label,
    ...report,
    bytesStored: to?.storedBytes() ?? 0,
    storeRequests: { source: from.storeRequests() ?? null, destination: to?.storeRequests() ?? null },
    ...(dryRun && { dryRun }),
    durationMs: Math.round(clock.monotonic() - startedAt),
  });
  if (failed === 0) return EXIT.done;
  const lacking = `${count(failed)} ${failed === 1 ? "snapshot" : "snapshots"} of ${visible(from.label)}`;
  context.keepFailure(
    new AppError("incomplete", `${lacking} could not be copied`, {
      hint: `see what is damaged: kvsync check ${shellWord(from.label)} --read-data`,
    }),
  );
  return EXIT.incomplete;
}

function tellCreated({ output }: Context, { repository, label }: Used): void {
  const { id, isEncrypted } = repository;
  output.event({ type: "created", repository: label, id, encrypted: isEncrypted });
  output.report(`made a new repository in ${visible(label)}, ${isEncrypted ? "encrypted" : "not encrypted"}`);
}

function tellCopied(
  { output }: Context,
  snapshot: SnapshotSummary,
  { copy, dryRun }: { readonly copy: string | undefined; readonly dryRun: boolean },
): void {
  const { id, created, source } = snapshot;
  output.event({ type: "copied", snapshot: id, copy: copy ?? null, created, source: source.label });
  output.line(`  ${dryRun ? "would copy" : "copied"}  ${visible(source.label)}  ${renderSnapshotFacts(snapshot)}`);
}

function tellFailure({ output }: Context, snapshot: SnapshotSummary | undefined, error: AppError): void {
  const of = snapshot === undefined ? "" : `snapshot ${snapshot.id.slice(0, 8)} of ${snapshot.source.label}: `;
  const text = `${of}${error.message}`;
  output.warn(`  ${output.stderr.red("!")} ${visible(text)}`, {
    type: "problem",
    snapshot: snapshot?.id ?? null,
    message: text,
  });
}
