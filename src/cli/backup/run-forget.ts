// A forget from the command line: decides, tells why each snapshot is kept, and removes the others.

import { count, counted } from "../../core/counted.ts";
import { systemTimeZone } from "../../backups/after-backup.ts";
import { MAX_UNUSED } from "../../backup/prune/plan-prune.ts";
import type { Repository } from "../../backup/repository/repository.ts";
import { listSnapshots, type SnapshotSummary } from "../../backup/repository/snapshots.ts";
import { decideRetention, type SnapshotVerdict } from "../../backup/retention/decide-retention.ts";
import { findForForgetting, forgetSnapshots } from "../../backup/retention/forget-snapshots.ts";
import { AppError, visible } from "../../core/errors.ts";
import type { RetentionRule } from "../../core/retention-rule.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { shellWord } from "../../core/shell-word.ts";
import { openUsedRepository } from "./open-repository.ts";
import { renderSnapshotFacts } from "./render-snapshot.ts";
import { pruneRepository } from "./run-prune.ts";
import { GRACE_MS } from "../../backup/repository/mark-watch.ts";

export interface ForgetRequest {
  readonly rules: readonly RetentionRule[];
  /** Instead of rules. */
  readonly ids: readonly string[];
  readonly dryRun: boolean;
  /** Also what rules would never let go. */
  readonly force: boolean;
  readonly prune: boolean;
}

interface Decision {
  /** Ids of snapshots. */
  readonly forget: readonly string[];
  readonly kept: number;
  readonly sources: number;
  /** Snapshots that cannot be read: no rule forgets them. */
  readonly problems: readonly string[];
  readonly timeZone: string | undefined;
}

export async function runForget(context: Context, text: string, request: ForgetRequest): Promise<ExitCode> {
  const { output, clock, signal } = context;
  const { dryRun } = request;
  const startedAt = clock.monotonic();
  const used = await openUsedRepository(context, text);
  try {
    const { repository } = used;
    const decide = request.ids.length > 0 ? decideByIds : decideByRules;
    const { forget, kept, sources, problems, timeZone } = await decide(context, repository, request);
    if (!dryRun) await forgetSnapshots(repository, forget, { signal });
    const said = dryRun ? "would forget" : "forgot";
    const snapshots = `${count(forget.length)} ${forget.length === 1 ? "snapshot" : "snapshots"}`;
    output.report(`${said} ${snapshots} of ${visible(text)}, and ${dryRun ? "keep" : "kept"} ${count(kept)}`);
    if (timeZone !== undefined) output.note(`days, weeks, months and years are those of ${timeZone}`);
    const prunes = request.prune && problems.length === 0;
    if (!prunes && forget.length > 0 && !dryRun)
      output.note(`to free what only they needed, type: kvsync prune ${shellWord(text)}`);
    const durationMs = Math.round(clock.monotonic() - startedAt);
    output.event({
      type: "summary",
      command: "forget",
      repository: text,
      sources,
      kept,
      removed: forget.length,
      failed: problems.length,
      ...(timeZone !== undefined && { timeZone }),
      ...(dryRun && { dryRun }),
      durationMs,
    });
    if (problems.length > 0) return tellProblems(context, text, problems);
    const policy = { grace: GRACE_MS, maxUnused: MAX_UNUSED, dryRun, forgotten: dryRun ? [] : forget };
    if (prunes) await pruneRepository(context, used, text, policy);
    return EXIT.done;
  } finally {
    await used.close();
  }
}

async function decideByRules(
  context: Context,
  repository: Repository,
  { rules, dryRun }: ForgetRequest,
): Promise<Decision> {
  const { output, signal } = context;
  const timeZone = systemTimeZone();
  const { snapshots, problems } = await listSnapshots(repository, { signal });
  const now = await repository.store.now({ signal });
  const sources = decideRetention(snapshots, rules, { now, timeZone });
  const forget: string[] = [];
  for (const { label, verdicts, future } of sources) {
    output.line(output.stdout.bold(visible(label)));
    for (const verdict of verdicts) {
      tellVerdict(context, verdict, dryRun);
      if (!verdict.isKept) forget.push(verdict.snapshot.id);
    }
    for (const { id, created } of future) {
      output.warn(
        `  ${output.stderr.yellow("!")} snapshot ${id.slice(0, 8)} is of the future (${created}): the clock of its store was wrong`,
      );
    }
  }
  return { forget, kept: snapshots.length - forget.length, sources: sources.length, problems, timeZone };
}

function tellVerdict(
  { output }: Context,
  { snapshot, isKept, reasons }: SnapshotVerdict<SnapshotSummary>,
  dryRun: boolean,
): void {
  const { id, created, source, tags, complete } = snapshot;
  output.event({ type: "snapshot", id, created, source: source.label, tags, complete, kept: isKept, reasons });
  const style = output.stdout;
  const verb = isKept ? style.green("keep  ") : style.red(dryRun ? "would forget" : "forget");
  output.line(`  ${verb}  ${renderSnapshotFacts(snapshot)}  ${style.dim(reasons.join("; "))}`.trimEnd());
}

async function decideByIds(context: Context, repository: Repository, { ids, force }: ForgetRequest): Promise<Decision> {
  const { output, signal } = context;
  const named = await findForForgetting(repository, ids, { signal });
  for (const { id, snapshot, isLastComplete } of named) {
    const short = id.slice(0, 8);
    if (!force && snapshot === undefined) {
      throw new AppError("held", `snapshot ${short} cannot be read, so nobody can tell what it is`, {
        hint: `to forget it all the same, type: kvsync forget ${shellWord(repository.label)} ${short} --force`,
      });
    }
    if (!force && isLastComplete) {
      throw new AppError(
        "held",
        `snapshot ${short} is the last complete one of ${visible(snapshot?.source.label ?? "")}`,
        {
          hint: `to forget it all the same, type: kvsync forget ${shellWord(repository.label)} ${short} --force`,
        },
      );
    }
  }
  for (const { id, snapshot } of named) {
    output.event({ type: "snapshot", id, source: snapshot?.source.label ?? null, kept: false, reasons: ["named"] });
    output.line(
      `  ${output.stdout.red("forget")}  ${snapshot === undefined ? id.slice(0, 8) : renderSnapshotFacts(snapshot)}`,
    );
  }
  const { snapshots } = await listSnapshots(repository, { signal });
  const gone = new Set(named.map(({ id }) => id));
  const kept = snapshots.filter(({ id }) => !gone.has(id)).length;
  const sources = new Set(named.map(({ snapshot }) => snapshot?.source.label)).size;
  return { forget: [...gone], kept, sources, problems: [], timeZone: undefined };
}

function tellProblems(context: Context, text: string, problems: readonly string[]): ExitCode {
  const { output } = context;
  for (const problem of problems) output.warn(`  ${output.stderr.red("!")} ${visible(problem)}`);
  context.keepFailure(
    new AppError(
      "incomplete",
      `${counted(problems.length, "snapshot")} of ${visible(text)} cannot be read, and ${problems.length === 1 ? "was" : "were"} left alone`,
      {
        hint: `see what is damaged: kvsync check ${shellWord(text)}`,
      },
    ),
  );
  return EXIT.incomplete;
}
