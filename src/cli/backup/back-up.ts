// One backup: a location into a snapshot, and what is said of it.

import type { Snapshot, StoredSnapshot } from "../../backup/repository/repository.ts";
import { readSnapshot, writeSnapshot } from "../../backup/repository/snapshots.ts";
import { openReadEstimator } from "../../backup/snapshot/estimate-reads.ts";
import { takeSnapshot, type TakenSnapshot } from "../../backup/snapshot/take-snapshot.ts";
import type { MonotonicMs } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount, renderDuration } from "../../core/units.ts";
import type { OpenLocation } from "../../mapping/open-location.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode, exitCodeOf } from "../exit-code.ts";
import { VERSION } from "../process/version.ts";
import { count } from "../render/progress.ts";
import { countRequests, requestsRecord } from "../render/request-counts.ts";
import { openShownProblems } from "../render/shown-problems.ts";
import { viewSource } from "../round/source-view.ts";
import type { Backup, KnownSnapshots } from "./backup-request.ts";
import { filterOf, parentOf, sourceOf } from "./backup-source.ts";
import { budgetOf, openEstimateTeller } from "./estimate-teller.ts";
import type { UsedRepository } from "./open-repository.ts";
import { shortId } from "./short-id.ts";

export interface BackUpDeps {
  readonly used: UsedRepository;
  /** Takes the new snapshot, too. */
  readonly known: KnownSnapshots;
  readonly backup: Backup;
  readonly startedAt: MonotonicMs;
}

/** Throws AppError "source-empty", and what the repository and the source fail with. */
export async function backUp(context: Context, source: OpenLocation, deps: BackUpDeps): Promise<ExitCode> {
  const { used, known, backup } = deps;
  const requests = countRequests([source.api]);
  const about = { source: sourceOf(source), filter: filterOf(source, backup.filter, backup.excludeDefaults) };
  const summary = parentOf(known.list, about);
  const parent = summary && (await readSnapshot(used.repository, summary.id, { signal: context.signal }));
  const before = used.storedBytes();
  const taken = await take(context, { source, parent, requests }, deps);
  if (taken.entries === 0 && taken.complete && backup.failEmpty) throw await emptySource(source);
  const isSkipped = backup.skipUnchanged && taken.complete && parent?.root === taken.root;
  const stored = isSkipped ? undefined : await store(context, { ...about, taken, parent }, deps);
  if (stored !== undefined) known.list.push(stored);
  const ended = { source, taken, stored, storedBytes: used.storedBytes() - before, requests: requests() };
  tellEnd(context, ended, deps);
  return codeOf(context, ended, deps);
}

interface Taking {
  readonly source: OpenLocation;
  readonly parent: StoredSnapshot | undefined;
  readonly requests: ReturnType<typeof countRequests>;
}

async function take(
  context: Context,
  { source, parent, requests }: Taking,
  { used, backup }: BackUpDeps,
): Promise<TakenSnapshot> {
  const { clock, signal } = context;
  const { label } = source.replica;
  const progress = context.openProgress(label);
  const shown = openShownProblems(context);
  const estimator = openReadEstimator();
  const teller = openEstimateTeller(context, {
    label,
    budget: await budgetOf(context, source),
    isFirst: parent === undefined,
  });
  const { isManaged } = backup.filter;
  try {
    return await takeSnapshot(
      { clock, reader: await used.reader(), writer: await used.writer(), parent },
      {
        source: viewSource(source.replica, clock, { isManaged, excludeDefaults: backup.excludeDefaults }),
        readsAll: backup.readsAll,
        signal,
        onProblem: (problem) => shown.tell(problem),
        onListed: (_, wanted) => estimator.add(wanted),
        onProgress: ({ done, total, bytesRead }) => {
          teller.tell(estimator.estimate(), total !== undefined);
          progress.update({ phase: "backing up", done, total, bytes: bytesRead, requests: requests()?.total });
        },
      },
    );
  } finally {
    progress.close();
    shown.finish();
  }
}

async function store(
  { signal }: Context,
  {
    source,
    filter,
    taken,
    parent,
  }: Pick<Snapshot, "source" | "filter"> & {
    readonly taken: TakenSnapshot;
    readonly parent: StoredSnapshot | undefined;
  },
  { used, backup }: BackUpDeps,
): Promise<StoredSnapshot> {
  const { repository } = used;
  const writer = await used.writer();
  await writer.finish();
  const { listed, complete, problems, entries, bytes, root, pages } = taken;
  return writeSnapshot(repository, writer, {
    created: new Date(await repository.store.now({ signal })).toISOString(),
    by: `kvsync ${VERSION}`,
    tags: backup.tags,
    source,
    filter,
    listed,
    complete,
    problems,
    entries,
    bytes,
    root,
    parent: parent?.id ?? null,
    pages,
  });
}

async function emptySource({ replica, whenEmpty }: OpenLocation): Promise<AppError> {
  return new AppError("source-empty", `the source ${visible(replica.label)} is empty: no snapshot was made`, {
    hint: `${await whenEmpty()}; if it may be empty, add --no-fail-empty`,
  });
}

interface Ended {
  readonly source: OpenLocation;
  readonly taken: TakenSnapshot;
  /** Undefined: nothing had changed, and no snapshot was made. */
  readonly stored: StoredSnapshot | undefined;
  readonly storedBytes: number;
  readonly requests: ReturnType<ReturnType<typeof countRequests>>;
}

function tellEnd(
  { output, clock }: Context,
  { source, taken, stored, storedBytes, requests }: Ended,
  { used, startedAt }: BackUpDeps,
): void {
  const { entries, bytes, root, read, bytesRead, complete, problems } = taken;
  const durationMs = Math.round(clock.monotonic() - startedAt);
  output.event({
    type: "summary",
    command: "backup",
    account: source.account,
    namespace: source.namespace,
    repository: used.label,
    snapshot: stored?.id ?? null,
    written: entries,
    failed: problems,
    complete,
    bytes,
    root,
    valuesRead: read,
    bytesRead,
    bytesStored: storedBytes,
    bytesUp: requests?.bytesUp ?? 0,
    bytesDown: requests?.bytesDown ?? 0,
    requests: requestsRecord(requests),
    retries: requests?.retries ?? 0,
    durationMs,
  });
  const parts = [
    `${count(entries)} ${entries === 1 ? "key" : "keys"}`,
    renderByteCount(bytes),
    `${count(read)} values read`,
    `${renderByteCount(storedBytes)} stored`,
  ];
  if (problems > 0) parts.push(`${count(problems)} failed`);
  if (requests !== undefined) parts.push(`${count(requests.total)} requests`);
  const what = stored === undefined ? "nothing has changed, no snapshot made" : `snapshot ${shortId(stored.id)}`;
  output.report(
    `${visible(source.replica.label)} -> ${visible(used.label)}: ${what}, ${parts.join(", ")}, ${renderDuration(durationMs)}`,
  );
}

/** What is there is stored: all other keys are worth having. */
function codeOf(context: Context, { source, taken, stored }: Ended, { used }: BackUpDeps): ExitCode {
  if (taken.complete) return EXIT.done;
  const { output } = context;
  const { failure, problems } = taken;
  const name = `snapshot ${shortId(stored?.id ?? "")} of ${visible(source.replica.label)}`;
  const why =
    failure === undefined
      ? `${count(problems)} keys could not be read`
      : `it broke off (${failure.error.message}), and ${count(problems)} keys that were listed are missing`;
  const lack = `${name} is not complete: ${why}`;
  const hint = `run the same command again: what is stored in ${visible(used.label)} is not read again`;
  if (!output.json) output.warn(`  ${lack}\n  ${output.stderr.bold("hint:")} ${hint}`);
  const code = failure?.error.code ?? "incomplete";
  context.keepFailure(new AppError(code, lack, { hint }));
  return failure === undefined ? EXIT.incomplete : exitCodeOf(failure.error);
}
