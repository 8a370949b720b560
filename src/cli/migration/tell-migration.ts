// What a migration says while it runs: for people, and with --json for programs.

import { count, counted } from "../../core/counted.ts";
import { visible } from "../../core/errors.ts";
import type { Problem } from "../../core/problem.ts";
import { renderByteCount, renderDuration } from "../../core/units.ts";
import type { MigrationEvents, MigrationProgress } from "../../migration/migration-events.ts";
import { isStamped } from "../../migration/copy/open-sides.ts";
import type { Asked, MigrationState } from "../../migration/migration-record.ts";
import type { Finding } from "../../migration/preflight/judge-preflight.ts";
import type { MigrationPlan } from "../../migration/preflight/migration-plan.ts";
import type { Context } from "../context.ts";
import { nextStep } from "./next-step.ts";
import type { Output } from "../render/output.ts";
import { openShownProblems } from "../render/shown-problems.ts";

export interface ToldMigration {
  readonly events: MigrationEvents;
  /** Takes the progress bar away, and says how many problems were not shown. */
  finish(): void;
}

export interface TellOptions {
  readonly name: string;
  readonly source: string;
  readonly destination: string;
  readonly dryRun: boolean;
  readonly accepted: readonly string[];
  readonly asked: Pick<Asked, "stamp">;
  readonly onProgress: (progress: MigrationProgress) => void;
}

export function tellMigration(context: Context, options: TellOptions): ToldMigration {
  const { output } = context;
  const { source, destination } = options;
  const progress = context.openProgress(options.name);
  const shown = openShownProblems(context);
  return {
    events: {
      onPlanned: (plan) => tellPlan(output, plan, options),
      onState: (state) => {
        output.event({ type: "state", migration: options.name, state });
        const text = STATES[state];
        const next = nextStep({ name: options.name, state, follow: true }, true);
        const steps = [text, next].filter((part) => part !== undefined).join(": ");
        if (text !== undefined && !output.json) output.note(`${visible(options.name)}: ${steps}`);
      },
      onKept: (title, archive, keys) => {
        output.event({ type: "kept", namespace: title, archive, keys });
        if (!output.json)
          output.note(`  kept what ${label(destination, title)} held: ${counted(keys, "key")}, ${archive}`);
      },
      onCreated: ({ id, title }) => {
        output.event({ type: "created", account: destination, namespace: title, id });
        if (!output.json) output.note(`  created ${label(destination, title)} (${id})`);
      },
      onPassed: (namespace, { isFirst, changed, counts }) => {
        const { source: from, destination: to } = namespace;
        output.event({ type: "namespace", namespace: from.title, from: from.id, to: to.id, ...namespace.counts });
        if (!isFirst && changed === 0) return;
        const parts = [counted(counts.keys, "key"), `${count(counts.written)} written`];
        if (counts.removed > 0) parts.push(`${count(counts.removed)} removed`);
        parts.push(`${count(counts.unchanged)} unchanged`);
        if (counts.kept > 0) parts.push(`${count(counts.kept)} left as the destination has them`);
        if (counts.gone > 0) parts.push(`${count(counts.gone)} expired or deleted meanwhile`);
        if (counts.failed > 0) parts.push(`${count(counts.failed)} failed`);
        output.report(`${label(source, from.title)} -> ${label(destination, to.title)}: ${parts.join(", ")}`);
      },
      onProblem: (title, problem) => tellProblem(context, shown, title, problem),
      onRetry: (title, error, waitMs) => {
        const text = `${visible(title)}: ${error.message}`;
        if (output.json)
          output.event({ type: "retry", namespace: title, code: error.code, message: error.message, waitMs });
        else output.note(`  ${text}; again in ${renderDuration(Math.round(waitMs / 1000) * 1000)}`);
      },
      onProgress: (state) => {
        options.onProgress(state);
        const { phase, keys, keysTotal, bytes, namespaces, namespacesDone } = state;
        const shownPhase = namespaces > 1 ? `${phase} (${namespacesDone} of ${namespaces} namespaces done)` : phase;
        progress.update({ phase: shownPhase, done: keys, total: keysTotal, bytes });
      },
    },
    finish: () => {
      progress.close();
      shown.finish();
    },
  };
}

function label(account: string, title: string): string {
  return `${account}:${visible(title)}`;
}

const STATES: { readonly [state in MigrationState]?: string } = {
  copying: "copying",
  "catching-up": "catching up with what has changed at the source",
  ready: "ready, nothing has changed for a while",
  "cutting-over": "cutting over: waiting until what was written last shows everywhere, then one last pass",
  proving: "comparing both sides",
};

function tellProblem(
  { output }: Context,
  shown: ReturnType<typeof openShownProblems>,
  title: string,
  problem: Problem,
): void {
  const { code, subject, message, failure } = problem;
  if (output.json) output.event({ type: "problem", namespace: title, code, subject, message, failure });
  else shown.tell({ ...problem, subject: `${title}: ${subject}` });
}

function tellPlan(output: Output, { namespaces, findings, estimate }: MigrationPlan, options: TellOptions): void {
  const { source, destination, dryRun, accepted, asked, name } = options;
  const { keys, writes, bytes, requests, timeMs, dollars, freePlanDays } = estimate;
  const stamp = namespaces.some(({ record }) => isStamped(asked, record.destination));
  output.event({ type: "plan", migration: name, namespaces: namespaces.length, ...estimate, stamp, dryRun });
  for (const finding of findings)
    output.event({ type: "finding", ...finding, accepted: accepted.includes(finding.code) });
  if (output.json) return;
  for (const { record, pass } of dryRun ? namespaces : []) {
    const made = record.isNew ? "to be created" : `has ${counted(pass.destination.keys, "key")}`;
    const kind = record.source.jurisdiction === undefined ? "" : `, jurisdiction ${record.source.jurisdiction}`;
    output.line(
      `  ${source}:${visible(record.source.title)} -> ${destination}:${visible(record.destination.title)} (${made}${kind}): ${counted(pass.source.keys, "key")}, ${count(pass.writes)} to write`,
    );
  }
  const size = bytes === 0 ? "" : `, ${renderByteCount(bytes)} of which the size is known`;
  output.note(
    `${visible(source)} -> ${visible(destination)}: ${counted(namespaces.length, "namespace")}, ${counted(keys, "key")}, ${count(writes)} to write${size}`,
  );
  const time =
    timeMs === 0
      ? "one window of the request budget"
      : `${renderDuration(Math.ceil(timeMs / 60_000) * 60_000)} under the request budgets`;
  const free = freePlanDays > 1 ? `, ${count(freePlanDays)} days on the Free plan` : "";
  output.note(
    `  takes about ${count(requests.source)} requests at the source and ${count(requests.destination)} at the destination: ${time}; $${dollars.toFixed(2)} beyond what a paid plan includes${free}. A value that is not text costs a request of its own`,
  );
  if (stamp)
    output.note(
      '  at the destination, the metadata of each key gets kvsync\'s checksum of the value, as "kvsync", also where there is no metadata; --no-stamp leaves metadata as it is',
    );
  for (const finding of findings) tellFinding(output, finding, accepted);
}

function tellFinding(output: Output, { code, severity, message, hint }: Finding, accepted: readonly string[]): void {
  const { stderr } = output;
  const isAccepted = severity === "asks" && accepted.includes(code);
  const mark = severity === "note" || isAccepted ? "note:" : stderr.red("!");
  const text = `  ${mark} ${message}${isAccepted ? " (accepted)" : ` (${code})`}`;
  if (severity === "note" || isAccepted) output.note(text);
  else output.warn(text);
  if (hint !== undefined && !isAccepted) output.note(`    ${stderr.bold("hint:")} ${hint}`);
}
