// One backup: a location into a snapshot, and what is said of it.

import { count, counted } from "../../core/counted.ts";
import { type BackedUp, type BackUpEvents, backUpSource, type KnownSnapshots } from "../../backups/back-up-source.ts";
import type { UsedRepository } from "../../backups/used-repository.ts";
import { openReadEstimator } from "../../backup/snapshot/estimate-reads.ts";
import type { MonotonicMs } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount, renderDuration } from "../../core/units.ts";
import type { OpenLocation } from "../../mapping/open-location.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode, exitCodeOf } from "../exit-code.ts";
import { VERSION } from "../process/version.ts";
import { countRequests, requestsRecord } from "../render/request-counts.ts";
import { openShownProblems } from "../render/shown-problems.ts";
import type { Backup } from "./backup-request.ts";
import { budgetOf, type EstimateTeller, openEstimateTeller } from "./estimate-teller.ts";
import { mendSnapshot } from "./open-snapshot.ts";
import { shortId } from "./short-id.ts";

export interface BackUpDeps {
  readonly used: UsedRepository;
  readonly known: KnownSnapshots;
  readonly backup: Backup;
  readonly startedAt: MonotonicMs;
}

/** Throws as {@link backUpSource} does. */
export async function backUp(context: Context, source: OpenLocation, deps: BackUpDeps): Promise<ExitCode> {
  const { clock, signal } = context;
  const { used, known, backup } = deps;
  const { label } = source.replica;
  const requests = countRequests([source.api]);
  const sentBefore = used.storeRequests();
  const budget = await budgetOf(context, source);
  const progress = context.openProgress(label);
  const shown = openShownProblems(context);
  const estimator = openReadEstimator();
  let teller: EstimateTeller | undefined;
  const events: BackUpEvents = {
    onBegin: (isFirst) => (teller = openEstimateTeller(context, { label, budget, isFirst })),
    onProblem: (problem) => shown.tell(problem),
    onListed: (_, wanted) => estimator.add(wanted),
    onProgress: ({ done, total, bytesRead }) => {
      teller?.tell(estimator.estimate(), total !== undefined);
      progress.update({ phase: "backing up", done, total, bytes: bytesRead, requests: requests()?.total });
    },
  };
  const close = (): void => {
    progress.close();
    shown.finish();
  };
  const backedUp = await backUpSource({ clock, signal, version: VERSION, used, known }, source, backup, events).finally(
    close,
  );
  const sent = used.storeRequests();
  const storeRequests = sent === undefined ? undefined : sent - (sentBefore ?? 0);
  const ended = { ...backedUp, source, requests: requests(), storeRequests };
  tellEnd(context, ended, deps);
  return codeOf(context, ended, deps);
}

interface Ended extends BackedUp {
  readonly source: OpenLocation;
  readonly requests: ReturnType<ReturnType<typeof countRequests>>;
  /** Undefined: the repository lies in a folder. */
  readonly storeRequests: number | undefined;
}

function tellEnd(
  { output, clock }: Context,
  { source, taken, stored, storedBytes, requests, storeRequests }: Ended,
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
    storeRequests: storeRequests ?? null,
    durationMs,
  });
  const parts = [
    counted(entries, "key"),
    renderByteCount(bytes),
    `${counted(read, "value")} read`,
    `${renderByteCount(storedBytes)} stored`,
  ];
  if (problems > 0) parts.push(`${count(problems)} failed`);
  if (requests !== undefined) parts.push(counted(requests.total, "request"));
  if (storeRequests !== undefined) parts.push(`${counted(storeRequests, "request")} to the store`);
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
  const hasGap = failure === undefined && problems === 0;
  const why =
    failure === undefined
      ? hasGap
        ? "its source is not"
        : `${counted(problems, "key")} could not be read`
      : `it broke off (${failure.error.message}), and ${counted(problems, "key")} that ${problems === 1 ? "was listed is" : "were listed are"} missing`;
  const lack = `${name} is not complete: ${why}`;
  const hint = hasGap
    ? "a snapshot of the place itself can be complete: name that as the source"
    : source.snapshot !== undefined
      ? mendSnapshot(source.snapshot)
      : `run the same command again: what is stored in ${visible(used.label)} is not read again`;
  if (!output.json) output.warn(`  ${lack}\n  ${output.stderr.bold("hint:")} ${hint}`);
  const code = failure?.error.code ?? "incomplete";
  context.keepFailure(new AppError(code, lack, { hint }));
  return failure === undefined ? EXIT.incomplete : exitCodeOf(failure.error);
}
