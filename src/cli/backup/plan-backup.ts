// kvsync backup --dry-run: one listing, and what a backup would have to read and store by it. Nothing is made.

import { counted } from "../../core/counted.ts";
import type { BackupTarget } from "../../backups/backup-targets.ts";
import type { UsedRepository } from "../../backups/used-repository.ts";
import { openReadEstimator } from "../../backup/snapshot/estimate-reads.ts";
import { visible } from "../../core/errors.ts";
import { failedKeys } from "../../core/problem.ts";
import { renderByteCount, renderDuration } from "../../core/units.ts";
import { viewSource } from "../../mapping/source-view.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { countRequests, requestsRecord } from "../render/request-counts.ts";
import { openShownProblems } from "../render/shown-problems.ts";
import { type Backup, openTarget } from "./backup-request.ts";
import { budgetOf, renderEstimate, timeOf } from "./estimate-teller.ts";

export interface PlannedBackup {
  /** Undefined: there is no repository yet. */
  readonly used: UsedRepository | undefined;
  readonly backup: Backup;
}

export async function tellPlannedBackup(
  context: Context,
  target: BackupTarget,
  { used, backup }: PlannedBackup,
): Promise<ExitCode> {
  const { clock, signal, output } = context;
  const startedAt = clock.monotonic();
  const source = await openTarget(context, target, backup);
  const requests = countRequests([source.api]);
  const shown = openShownProblems(context);
  const estimator = openReadEstimator();
  const index = await used?.index();
  const { isManaged } = backup.filter;
  let [keys, bytes, failed] = [0, 0, 0];
  try {
    const view = viewSource(source, clock, { isManaged, excludeDefaults: backup.excludeDefaults });
    const onProblem: typeof shown.tell = (problem) => {
      failed += failedKeys(problem);
      shown.tell(problem);
    };
    for await (const page of view.list({ signal, onProblem })) {
      const wanted = page.filter(({ fingerprint }) => {
        return backup.readsAll || fingerprint === undefined || index?.isReliable(fingerprint) !== true;
      });
      keys += page.length;
      bytes += wanted.reduce((sum, { size = 0 }) => sum + size, 0);
      estimator.add(wanted);
    }
  } finally {
    shown.finish();
    await source.replica.close();
  }
  const estimate = estimator.estimate();
  const timeMs = timeOf(estimate, await budgetOf(context, source));
  const durationMs = Math.round(clock.monotonic() - startedAt);
  output.event({
    type: "summary",
    command: "backup",
    account: source.account,
    namespace: source.namespace,
    repository: used?.label ?? null,
    snapshot: null,
    written: keys,
    failed,
    valuesRead: estimate.values,
    bytesRead: bytes,
    estimatedRequests: source.api === undefined ? 0 : estimate.requests,
    bytesUp: 0,
    bytesDown: requests()?.bytesDown ?? 0,
    requests: requestsRecord(requests()),
    retries: requests()?.retries ?? 0,
    durationMs,
    dryRun: true,
  });
  const reads =
    source.api === undefined
      ? `${counted(estimate.values, "value")} to read`
      : estimate.values === 0
        ? "no values to read"
        : renderEstimate(estimate, timeMs);
  const known = bytes > 0 ? `, ${renderByteCount(bytes)} as far as sizes are known` : "";
  output.report(
    `${visible(source.replica.label)}: ${counted(keys, "key")}, ${reads}${known} (dry run, ${renderDuration(durationMs)})`,
  );
  return failed > 0 ? EXIT.incomplete : EXIT.done;
}
