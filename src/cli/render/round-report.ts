// What a round says while it runs and when it is done: actions and problems as they happen, then the summary, for people
// or, with --json, for programs. The summary's form is a contract: see README.md.

import { count, counted } from "../../core/counted.ts";
import type { DurationMs, MonotonicMs } from "../../core/clock.ts";
import { countedKeys, renderTrip } from "../../core/guards.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderByteCount, renderDuration } from "../../core/units.ts";
import type { PlanTrip } from "../../engine/plan/measure.ts";
import type { Target } from "../../engine/plan/action.ts";
import type { Progress as RoundProgress, RoundEvents, RoundResult } from "../../engine/round-request.ts";
import type { RequestCounts } from "../../kv/kv-api.ts";
import { openChangeList } from "./change-list.ts";
import type { Context } from "../context.ts";
import type { Output } from "./output.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { openShownProblems } from "./shown-problems.ts";
import { openUnsettled } from "./unsettled-keys.ts";
import { type ContentOptions, showContents } from "./show-contents.ts";
import { requestsRecord } from "./request-counts.ts";
import { shellWord } from "../../core/shell-word.ts";
import { type Held, heldRecord, renderHeld, renderHint } from "./render-held.ts";

export interface Subject {
  readonly command: string;
  /** The mapping's name; undefined for one-shot copies. */
  readonly mapping: string | undefined;
  readonly account: string | undefined;
  readonly namespace: string | undefined;
  /** `./example -> local:app-config` */
  readonly route: string;
  readonly dryRun: boolean;
  /** The command that carries it out, as it is to be typed: without --dry-run and --force. `removes`: also the removals. */
  readonly again: (removes: boolean) => string;
  /** The destination is a snapshot, which nothing changes: what differs cannot be carried over. */
  readonly isFixed?: boolean;
  /** When the work on it began: finding the namespace may have taken a while. */
  readonly startedAt: MonotonicMs;
  /** The command only compares: what would be done is a difference, and one is no failure. */
  readonly compares: boolean;
  /** Every line of what is done, however many there are. */
  readonly all?: boolean;
  /** Show how values differ. */
  readonly content?: ContentOptions | undefined;
  /** What is changed goes either way: each action says which. */
  readonly twoWay?: boolean;
  /** What the sides are called; unless given, the source and the destination. */
  readonly sides?: Readonly<Record<Target, string>>;
}

/** What a round came upon besides its keys. */
export interface Found {
  /** Unless it is given, what the guards of all rounds say. */
  readonly held?: Held | undefined;
  /** What is gone and waits to be removed: how many keys, and how long the first of them. */
  readonly later?: { readonly keys: number; readonly inMs: DurationMs } | undefined;
  /** Of a dry run: what is not there yet. */
  readonly creates?: { readonly kind: "namespace" | "folder"; readonly name: string } | undefined;
}

export interface RoundReport {
  readonly events: RoundEvents;
  /** Prints the summary; returns the exit code. */
  finish(result: RoundResult, requests: RequestCounts | undefined, found?: Found): ExitCode;
  close(): void;
}

export function openRoundReport(context: Context, subject: Subject): RoundReport {
  const { output, clock, options } = context;
  const name = subject.mapping ?? subject.route;
  const sides = subject.sides ?? SIDES;
  const progress = context.openProgress(name);
  const shown = openShownProblems(context);
  const unsettled = openUnsettled(context, sides);
  let isWaiting = false;
  if (subject.mapping !== undefined) output.note(`${visible(subject.mapping)}: ${visible(subject.route)}`);

  const changes = openChangeList(output, {
    dryRun: subject.dryRun,
    all: subject.all === true || options.verbose === true,
    twoWay: subject.twoWay === true,
    sides,
  });
  const trippedOf = ({ trip, held }: RoundResult): Held | undefined =>
    trip === undefined || held === 0 ? undefined : heldByTrip(trip, sides);

  return {
    events: {
      onProblem: shown.tell,
      onPlan: (plan, sides) => {
        if (subject.dryRun) changes.plan(plan);
        const { content } = subject;
        return content && showContents(plan, sides, { output, signal: context.signal, ...content });
      },
      onDone: (done) => changes.done(done),
      onWaiting: (key) => {
        isWaiting = true;
        changes.waiting(key);
      },
      onLagging: (key, lags) => unsettled.tell(key, lags),
      onProgress: (state) => progress.update(progressState(state)),
    },
    finish(result, requests, { held = trippedOf(result), later, creates } = {}) {
      progress.close();
      const durationMs = Math.round(clock.monotonic() - subject.startedAt);
      changes.finish();
      shown.finish();
      unsettled.finish(result.lagging);
      const run = { ...subject, again: subject.again(result.removed > 0 || !subject.compares) };
      if (held !== undefined) output.event(heldRecord(held, run));
      // The summary is the last line.
      output.event({ ...summaryRecord(subject, result, requests, durationMs), ...laterRecord(later), creates });
      if (creates !== undefined) output.line(`  the ${creates.kind} ${visible(creates.name)} would be created`);
      if (later !== undefined) output.line(`  ${renderLater(later, subject)}`);
      output.report(`${visible(name)}: ${renderResult(subject, result, requests)}, ${renderDuration(durationMs)}`);
      if (isWaiting && !output.json) output.note(renderConflictHint(name, output.stderr));
      if (result.outdated > 0 && !output.json) output.warn(renderOutdated(result, run, output.stderr));
      else if (held !== undefined && !output.json) output.warn(renderHeld(held, run, output.stderr));
      else if (
        subject.command === "diff" &&
        subject.isFixed !== true &&
        result.written + result.removed > 0 &&
        !output.json
      )
        output.note(renderHint("To carry these differences over, type:", run.again, output.stderr));
      const code = exitCodeOf(subject, result);
      const failure = failureOf(code, { subject: visible(name), result, held, again: run.again });
      if (failure !== undefined) context.keepFailure(failure);
      return code;
    },
    close: () => progress.close(),
  };
}

function renderConflictHint(mapping: string, style: Output["stderr"]): string {
  return renderHint(
    "To see which keys both sides have changed, and to decide them, type:",
    `kvsync conflicts list ${shellWord(mapping)}`,
    style,
  );
}

function renderOutdated(
  { outdated, unsettled }: RoundResult,
  { again }: { readonly again: string },
  style: Output["stderr"],
): string {
  if (outdated === unsettled) {
    const why = "It is not sure yet whether the plan still fits, and nothing was changed.";
    return renderHint(
      `${why} When the settle window is over, in a minute unless the config says more, type:`,
      again,
      style,
    );
  }
  return renderHint(
    "The plan no longer fits, and nothing was changed. To make it again, type:",
    "kvsync plan --out FILE",
    style,
  );
}

/** Nothing is to be done about it now: it is told, and counts as no difference. */
function renderLater({ keys, inMs }: NonNullable<Found["later"]>, { twoWay, sides = SIDES }: Subject): string {
  const [from, other] = twoWay === true ? ["one side", "the other"] : [sides.source, sides.destination];
  const when = `in ${renderDuration(inMs)}`;
  return keys === 1
    ? `1 key is gone from ${from}, and is removed from ${other} ${when}`
    : `${count(keys)} keys are gone from ${from}, and are removed from ${other} later, the first of them ${when}`;
}

function laterRecord(later: Found["later"]): object {
  return later === undefined ? {} : { removesLater: later.keys, removesLaterInMs: later.inMs };
}

function progressState({ phase, keys, keysTotal, bytes }: RoundProgress) {
  const names = { compare: "comparing", transfer: "writing", remove: "removing" };
  return { phase: names[phase], done: keys, total: keysTotal, bytes };
}

function renderResult({ dryRun, compares }: Subject, result: RoundResult, requests: RequestCounts | undefined): string {
  const verb = dryRun ? (compares ? "to write" : "would be written") : "written";
  const removed = dryRun ? (compares ? "to remove" : "would be removed") : "removed";
  const parts = [
    `${count(result.written)} ${verb}`,
    `${count(result.removed)} ${removed}`,
    `${count(result.unchanged)} unchanged`,
  ];
  if (result.skipped > 0) parts.push(`${count(result.skipped)} left alone`);
  if (result.conflicts > 0) parts.push(`${count(result.conflicts)} in conflict`);
  if (result.lagging > 0) parts.push(`${count(result.lagging)} not settled yet`);
  if (result.held > 0) parts.push(`${count(result.held)} ${dryRun ? "would be held" : "held"}`);
  if (result.failed > 0) parts.push(`${count(result.failed)} failed`);
  if (requests !== undefined)
    parts.push(
      counted(requests.total, "request"),
      `${renderByteCount(requests.bytesUp)} up, ${renderByteCount(requests.bytesDown)} down`,
    );
  return parts.join(", ");
}

const SIDES: Readonly<Record<Target, string>> = { source: "the source", destination: "the destination" };

function heldByTrip(trip: PlanTrip, sides: Readonly<Record<Target, string>>): Held {
  const other = sides[trip.to === "source" ? "destination" : "source"];
  return { guard: trip.guard, reason: renderTrip(trip, { changed: sides[trip.to], other }) };
}

function summaryRecord(
  subject: Subject,
  result: RoundResult,
  requests: RequestCounts | undefined,
  durationMs: number,
): object {
  const { command, mapping, account, namespace, dryRun } = subject;
  const { written, removed, unchanged, skipped, conflicts, held, failed, lagging } = result;
  return {
    type: "summary",
    command,
    mapping,
    account,
    namespace,
    written,
    removed,
    unchanged,
    skipped,
    conflicts,
    held,
    failed,
    lagging,
    bytesUp: requests?.bytesUp ?? 0,
    bytesDown: requests?.bytesDown ?? 0,
    requests: requestsRecord(requests),
    retries: requests?.retries ?? 0,
    durationMs,
    ...(dryRun && { dryRun }),
  };
}

/** What the round has failed in as a whole. */
function failureOf(
  code: ExitCode,
  about: {
    readonly subject: string;
    readonly result: RoundResult;
    readonly held: Held | undefined;
    readonly again: string;
  },
): AppError | undefined {
  const { subject, result, held, again } = about;
  if (code === EXIT.held)
    return new AppError("held", `${subject} is held, and nothing was changed: ${held?.reason ?? "a guard holds it"}`, {
      hint: `to see the whole plan: ${again} --dry-run; to let it pass: ${again} --force`,
    });
  if (code === EXIT.planOutdated)
    return new AppError("plan-outdated", `${subject}: the plan no longer fits, and nothing was changed`, {
      hint: "make it again: kvsync plan --out FILE",
    });
  if (code === EXIT.incomplete) return new AppError("incomplete", `${subject}: ${countedKeys(result.failed)} failed`);
  return undefined;
}

function exitCodeOf({ compares, dryRun }: Subject, result: RoundResult): ExitCode {
  if (result.outdated > 0) return EXIT.planOutdated;
  if (result.held > 0 && !compares) return EXIT.held;
  // What cannot be compared is not alike: to a comparison it is a difference.
  const isComparison = compares && dryRun;
  if (result.failed > (isComparison ? result.unknown : 0)) return EXIT.incomplete;
  if (isComparison && result.written + result.removed + result.conflicts + result.unknown > 0) return EXIT.different;
  return EXIT.done;
}
