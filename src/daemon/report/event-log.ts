// The daemon's events as lines of its log. What changed nothing is not worth a line.

import type { Problem, ProblemCode } from "../../core/problem.ts";
import { counted } from "../../core/counted.ts";
import { renderDuration } from "../../core/units.ts";
import type { DaemonEvent, DaemonListener, MappingEvent } from "../daemon-event.ts";
import { decodeHoldReason, renderHoldAdvice, renderHoldReason } from "../../mapping/hold-reason.ts";
import type { Pause } from "../../journal/pauses.ts";
import { logBackup } from "./backup-log.ts";
import type { Log } from "./log.ts";
import type { RoundReport } from "../../mapping/round-port.ts";
import { nameOf, NO_PROBLEMS, type StandingProblems } from "../../mapping/standing-problems.ts";
import type { WatchState } from "../../mapping/status.ts";

/** Problems told line by line after one round. */
const PROBLEMS_TOLD_MAX = 20;
/** A file that is being saved may be gone, or change, just when it is looked at. The next look sees to it; one that is so for
 * longer is told. */
const FLEETING: ReadonlySet<ProblemCode> = new Set(["vanished", "changed-while-reading"]);
const FLEETING_MS = 10_000;
/** Waits shorter than this are not worth a line. */
const WAIT_TOLD_MS = 5000;

/** `isToldElsewhere`: whether people are told on the same screen what this mapping's round did, so that the log need not. */
export function logEvents(log: Log, isToldElsewhere: (mapping: string) => boolean = () => false): DaemonListener {
  /** Of each mapping the problems that stood after its last round: a file that nobody can read is not to be told of with
   * every look. */
  const told = new Map<string, StandingProblems>();
  return (event) => {
    if ("backup" in event) return logBackup(event, log.with({ backup: event.backup.name }));
    if (!("mapping" in event)) return logDaemon(event, log);
    const { name } = event.mapping;
    const before = told.get(name) ?? NO_PROBLEMS;
    if (event.kind === "stopped") told.delete(name);
    const standing = event.kind === "round-ended" ? lastingOf(event.report) : NO_PROBLEMS;
    if (event.kind === "round-ended") told.set(name, standing);
    const isTold = event.kind === "round-ended" && event.report.isFull && isToldElsewhere(name);
    logMapping(event, log.with({ mapping: name }), { name, before, standing, isTold });
  };
}

function lastingOf({ standing, startedAt, durationMs }: RoundReport): StandingProblems {
  const isLasting = ({ code, since }: StandingProblems["known"][number]): boolean =>
    !FLEETING.has(code) || startedAt + durationMs - since >= FLEETING_MS;
  return { ...standing, known: standing.known.filter(isLasting) };
}

interface Told {
  readonly name: string;
  /** The problems that were told, and those that stand now. */
  readonly before: StandingProblems;
  readonly standing: StandingProblems;
  readonly isTold: boolean;
}

function logDaemon(
  event: Exclude<DaemonEvent, { readonly mapping: unknown } | { readonly backup: unknown }>,
  log: Log,
): void {
  switch (event.kind) {
    case "account-waits":
      if (event.waitMs < WAIT_TOLD_MS) return;
      log.info(`waiting ${renderDuration(event.waitMs)} for the request budget`, { account: event.account });
      return;
    case "account-retries":
      log[event.isNew ? "warn" : "debug"](
        `account "${event.account}" does not answer, trying again in ${renderDuration(event.waitMs)}: ${event.reason}`,
        { account: event.account },
      );
      return;
    case "account-recovered":
      log.info(`account "${event.account}" answers again, after ${renderDuration(event.afterMs)}`, {
        account: event.account,
      });
      return;
    case "account-answered":
    case "account-waited":
      return;
    case "reloaded": {
      const { added, changed, removed } = event;
      log.info("the config was loaded again", { added, changed, removed });
      return;
    }
    case "folder-skipped":
      log.warn(`the folder "${event.folder}" is no mapping: its name cannot be one`, { folder: event.folder });
      return;
    case "page-login":
      log.info(`somebody logged in to the status page, from ${event.address}`, { address: event.address });
      return;
    case "page-login-refused":
      log.warn(`a link to the status page was no good any more, or never was one: asked from ${event.address}`, {
        address: event.address,
        hint: "kvsync page prints another link",
      });
      return;
    case "notice-sent":
      log.info(`told ${event.target} of ${counted(event.items, "thing")}`, { target: event.target, notice: event.id });
      return;
    case "notice-failed": {
      const { target, id, reason, hint, retryInMs, isNew } = event;
      const then =
        retryInMs === undefined ? "it is not sent again" : `trying again in ${renderDuration(Math.round(retryInMs))}`;
      const level = retryInMs === undefined ? "error" : isNew ? "warn" : "debug";
      log[level](`could not tell ${target}: ${reason}; ${then}`, { target, notice: id, hint });
    }
  }
}

function logMapping(event: MappingEvent, log: Log, { name, ...round }: Told): void {
  switch (event.kind) {
    case "started":
      if (event.paused === undefined) return log.debug("started");
      return logPaused(event.paused, log);
    case "stopped":
      return log.info("stopped");
    case "round-began":
      return log.debug("round began", { step: event.step, reasons: event.reasons });
    case "round-ended":
      return logRound(event.report, log, round);
    case "held": {
      const { plan, writes, removes } = event.hold;
      const reason = decodeHoldReason(event.hold.reason);
      const hint = `look with kvsync diff ${name}; kvsync approve ${name} --plan ${plan} lets it run; ${renderHoldAdvice(reason)}`;
      return log.warn(`held: ${renderHoldReason(reason)}`, { plan, writes, removes, hint });
    }
    case "paused":
      return logPaused(event.pause, log);
    case "resumed":
      return log.info("resumed");
    case "conflict-resolved": {
      const { key, keep, done } = event.resolved;
      return log.info(`${key}: a conflict was resolved: ${done}`, { key, keep });
    }
    case "discarded":
      return log.info("the plan it was held with was discarded", { plan: event.plan });
    case "lifted":
      return log.info("no longer held");
    case "failed": {
      const text = `failed; trying again in ${renderDuration(event.retryInMs)}`;
      // The first tells; the rest only that it goes on.
      if (event.repeats === 0) return log.error(text, { error: event.error });
      return log.debug(text, { error: event.error, repeats: event.repeats });
    }
    case "recovered":
      return log.info("works again");
    case "watcher": {
      const { state } = event;
      return logWatcher(state, log);
    }
    case "feed-up":
      return log.info(
        event.isBack ? "the change feed is back: no more polling" : "the server offers a change feed: no polling",
      );
    case "feed-lost": {
      const { reason, hint, retryInMs } = event;
      const retry = retryInMs === undefined ? {} : { retryInMs: Math.round(retryInMs) };
      return log.warn(`the change feed is lost, polling until it is back: ${reason}`, { hint, ...retry });
    }
    case "feed-reset":
      return log.info(`the change feed begins anew, looking at all keys: ${event.reason}`);
    case "restored":
      return log.info(`restored ${event.key} from the trash`, { key: event.key, item: event.item, file: event.file });
    case "scrubbed":
      for (const { code, subject, message } of event.problems)
        log.warn(`${subject}: ${message}`, { code, key: subject });
      return;
    case "rescan":
      return log.debug(`looking at all files: ${event.reason}`);
  }
}

function logPaused({ mapping, reason, since }: Pause, log: Log): void {
  const why = reason === undefined ? "" : `: ${reason}`;
  log.info(`paused${why}`, { since, hint: `kvsync resume ${mapping} goes on` });
}

function logWatcher(state: WatchState, log: Log): void {
  const { everyMs } = state.kind === "watching" ? (state.seenLate ?? state.alsoPolling ?? NEVER) : state;
  switch (state.kind) {
    case "watching":
      if (state.seenLate !== undefined)
        return log.warn(`not told of all changes: ${state.seenLate.reason}`, { everyMs, hint: "set watch: auto" });
      if (state.alsoPolling !== undefined) return log.info(`polling besides: ${state.alsoPolling.reason}`, { everyMs });
      return log.debug("watching", { folders: state.folders });
    case "polling":
      // What was asked for is no warning.
      if (state.hint === undefined) return log.info(`polling: ${state.reason}`, { everyMs });
      return log.warn(`polling instead of watching: ${state.reason}`, { everyMs, hint: state.hint });
    case "unwatched":
      return log.warn(`not watching: ${state.reason}`, { everyMs, hint: state.hint });
    case "off":
      return log.info("not watching: watch: off asks for it", { everyMs });
  }
}

const NEVER = { everyMs: undefined };

function logRound(
  { result, durationMs, newlyAlike }: RoundReport,
  log: Log,
  { before, standing, isTold }: Omit<Told, "name">,
): void {
  const { written, removed, unchanged, conflicts, failed, lagging, bytes } = result;
  const fields = { written, removed, unchanged, conflicts, failed, lagging, bytes, durationMs };
  if (written + removed > 0) log[isTold ? "debug" : "info"]("synced", fields);
  else log.debug("nothing to do", fields);
  logProblems(standing, log, before);
  for (const { code, subject, message } of newlyAlike) log.warn(message, { code, key: subject });
}

/** What is new, and what is over, each line by line up to a bound. */
function logProblems(standing: StandingProblems, log: Log, before: StandingProblems): void {
  const [isOld, isStanding] = [isIn(before), isIn(standing)];
  const begun = standing.known.filter((problem) => !isOld(problem));
  const over = before.known.filter((problem) => !isStanding(problem));
  for (const { code, subject, message } of begun.slice(0, PROBLEMS_TOLD_MAX))
    log.warn(`${subject}: ${message}`, { code, key: subject });
  const untold = Math.max(0, begun.length - PROBLEMS_TOLD_MAX) + Math.max(0, standing.more - before.more);
  if (untold > 0) log.warn(`${untold} more keys or files have problems`, { hint: "kvsync status shows the first" });
  for (const { code, subject } of over.slice(0, PROBLEMS_TOLD_MAX))
    log.info(`${subject} is in order again`, { code, key: subject });
  if (over.length > PROBLEMS_TOLD_MAX)
    log.info(`${over.length - PROBLEMS_TOLD_MAX} more keys or files are in order again`);
}

function isIn({ known }: StandingProblems): (problem: Problem) => boolean {
  const names = new Set(known.map(nameOf));
  return (problem) => names.has(nameOf(problem));
}
