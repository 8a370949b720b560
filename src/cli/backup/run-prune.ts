// A prune from the command line: tells what it freed, what it marked, and when that can be removed.

import { count } from "../../core/counted.ts";
import { type PackAmount, prune, type PruneReport, type PruneStep } from "../../backup/prune/prune.ts";
import { LISTING_PATIENCE_MS, type PrunePolicy } from "../../backup/prune/plan-prune.ts";
import { visible } from "../../core/errors.ts";
import { renderByteCount } from "../../core/units.ts";
import type { Context } from "../context.ts";
import { requestsTo } from "./requests-to.ts";
import { openUsedRepository } from "./open-repository.ts";

export interface PruneRequest extends Omit<PrunePolicy, "now"> {
  readonly dryRun: boolean;
  /** Snapshots that were removed just now. */
  readonly forgotten?: readonly string[];
}

const PHASES: Readonly<Record<PruneStep["kind"], { readonly phase: string; readonly unit: string }>> = {
  read: { phase: "reading", unit: "pages of snapshots" },
  mark: { phase: "marking", unit: "packs" },
  remove: { phase: "removing", unit: "packs" },
};

export async function runPrune(context: Context, text: string, request: PruneRequest): Promise<void> {
  const used = await openUsedRepository(context, text);
  try {
    await pruneRepository(context, used, text, request);
  } finally {
    await used.close();
  }
}

/** With a summary of its own. */
export async function pruneRepository(
  context: Context,
  { repository, storeRequests }: Pick<Awaited<ReturnType<typeof openUsedRepository>>, "repository" | "storeRequests">,
  text: string,
  request: PruneRequest,
): Promise<void> {
  const { clock, output, signal } = context;
  const startedAt = clock.monotonic();
  const progress = context.openProgress(text);
  let report: PruneReport;
  try {
    report = await prune(repository, {
      ...request,
      patienceMs: LISTING_PATIENCE_MS,
      clock,
      signal,
      onStep: ({ kind, done, total }) => progress.update({ ...PHASES[kind], done, total }),
    });
  } finally {
    progress.close();
  }
  const [freed, ...more] = renderPrune(report, request.dryRun);
  for (const line of [`${freed}${requestsTo(storeRequests())}`, ...more]) output.report(line);
  const { removableFrom, before, ...amounts } = report;
  output.event({
    type: "summary",
    command: "prune",
    repository: text,
    ...amounts,
    packs: before.packs,
    bytes: before.bytes,
    removableFrom: removableFrom === undefined ? null : new Date(removableFrom).toISOString(),
    storeRequests: storeRequests() ?? null,
    ...(request.dryRun && { dryRun: true }),
    durationMs: Math.round(clock.monotonic() - startedAt),
  });
}

function renderPrune(report: PruneReport, dryRun: boolean): readonly string[] {
  const { removed, marked, rewritten, copied, waiting, young, removableFrom, before } = report;
  const lines = [`${dryRun ? "would free" : "freed"} ${amount(removed)} of ${amount(before)}`];
  const now = { packs: marked.packs + rewritten.packs, bytes: marked.bytes + rewritten.bytes };
  if (rewritten.packs > 0) {
    const what = dryRun ? "" : `, ${renderByteCount(copied.bytes)}`;
    lines.push(`${dryRun ? "would copy" : "copied"} what is needed of ${amount(rewritten)} to new packs${what}`);
  }
  if (now.packs > 0) lines.push(`${dryRun ? "would mark" : "marked"} ${amount(now)} to be removed by a later prune`);
  if (waiting.packs > 0)
    lines.push(`${amount(waiting)} ${waiting.packs === 1 ? "waits" : "wait"}, marked by an earlier prune`);
  if (young.packs > 0)
    lines.push(`${amount(young)} that no snapshot needs: too young to be marked, since a backup may be at work`);
  if (removableFrom !== undefined)
    lines.push(`prune again to remove what is marked: from ${new Date(removableFrom).toISOString()} on`);
  return lines.map(visible);
}

function amount({ packs, bytes }: PackAmount): string {
  return `${count(packs)} ${packs === 1 ? "pack" : "packs"} (${renderByteCount(bytes)})`;
}
