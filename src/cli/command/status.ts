// kvsync status: what the daemon does and how it stands; with --wait, only when all is in step. Where none runs, how things
// stood when the last rounds ended.

import type { Command } from "commander";
import type { DurationMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { parseDuration } from "../../core/units.ts";
import { type ControlClient, openControlClient } from "../../daemon/control/control-client.ts";
import type { DaemonStatus } from "../../daemon/control/daemon-status.ts";
import type { MappingStatus } from "../../mapping/status.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode, exitCodeOf, worstExitCode } from "../exit-code.ts";
import { readKnownState } from "../round/known-state.ts";
import { watchStatus } from "../round/watch-status.ts";
import { renderKnownStatus, renderStatus } from "../render/render-status.ts";

interface Options {
  readonly wait?: boolean;
  readonly timeout: string;
  /** An interval; true: the usual one. */
  readonly watch?: string | true;
}

/** How often a state that is waited for is asked for. */
const ASK_INTERVAL_MS: DurationMs = 200;
const STARTING_MS_MAX: DurationMs = 5000;
/** How often a status that is watched is asked for, and how often at most. */
const WATCH_INTERVAL_MS: DurationMs = 1000;
const WATCH_INTERVAL_MS_MIN: DurationMs = 100;

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Mappings to show; all if none is named")
    .option("--wait", "Look at both sides anew, and wait until all of it is in step, held or conflicted")
    .option("--timeout <duration>", "With --wait: fail if it takes longer", "5m")
    .option("--watch [interval]", "Show it again and again, until Ctrl-C: every second, or every 5s, say")
    .action((names: string[], options: Options) => start((context) => status(context, names, options)));
}

async function status(context: Context, names: readonly string[], options: Options): Promise<ExitCode> {
  const timeout = parseDuration(options.timeout);
  if (timeout.kind === "fault") throw new AppError("usage", `--timeout: ${timeout.message}`);
  const stateDir = await context.stateDir();
  const isWaited = options.wait === true;
  if (options.watch !== undefined) {
    if (isWaited)
      throw new AppError("usage", "--wait ends when all is in step, and --watch never: only one can be meant");
    const intervalMs = parseInterval(options.watch);
    await watchStatus(context, { stateDir, names, intervalMs, ask: (client) => ask(client, names) });
    return EXIT.done;
  }
  let client: ControlClient;
  try {
    client = await connect(context, stateDir, isWaited ? STARTING_MS_MAX : 0);
  } catch (error) {
    if (isWaited || !(error instanceof AppError) || error.code !== "not-running") throw error;
    return tellKnown(context, { stateDir, names, error });
  }
  try {
    const wait = { stateDir, client, names, timeoutMs: timeout.value };
    const shown = isWaited ? await waitFor(context, wait) : await ask(client, names);
    tell(context, shown);
    for (const { error } of shown.mappings) if (error !== null) context.keepFailure(failureOf(error));
    if (!isWaited) return EXIT.done;
    // Of all, one that is paused is left out.
    const paused = names.length === 0 ? EXIT.done : EXIT.held;
    return worstExitCode(shown.mappings.map((mapping) => exitCodeOfState(mapping, paused)));
  } finally {
    client.close();
  }
}

function parseInterval(text: string | true): DurationMs {
  if (text === true) return WATCH_INTERVAL_MS;
  const interval = parseDuration(text);
  if (interval.kind === "value" && interval.value >= WATCH_INTERVAL_MS_MIN) return interval.value;
  const why = interval.kind === "fault" ? interval.message : "100ms is the shortest interval";
  throw new AppError("usage", `--watch: ${why}`, {
    hint: "a mapping comes before it: kvsync status app-config --watch",
  });
}

/** A daemon that was started a moment ago, by the line before in a script, is given `patienceMs` to be there. */
async function connect({ clock, signal }: Context, stateDir: string, patienceMs: DurationMs): Promise<ControlClient> {
  const until = clock.monotonic() + patienceMs;
  for (;;) {
    try {
      return await openControlClient(stateDir, { clock, signal });
    } catch (error) {
      const isStarting = error instanceof AppError && error.code === "not-running" && clock.monotonic() < until;
      if (!isStarting) throw error;
    }
    await clock.sleep(ASK_INTERVAL_MS, signal);
  }
}

async function ask(client: ControlClient, names: readonly string[]): Promise<DaemonStatus> {
  const answer = await client.call({ op: "status" });
  // A daemon of an older version knows of none, and pauses nothing.
  const { backups = [], notices = [] } = answer as Partial<DaemonStatus>;
  const all = answer.mappings.map((mapping) => ({ ...mapping, paused: mapping.paused ?? null }));
  const status = { ...answer, mappings: all, backups, notices };
  if (names.length === 0) return status;
  const known = new Map(status.mappings.map((mapping) => [mapping.mapping, mapping]));
  const mappings = names.map((name) => {
    const mapping = known.get(name);
    if (mapping !== undefined) return mapping;
    throw new AppError("usage", `the daemon runs no mapping "${name}"`, {
      hint: known.size === 0 ? "it runs none" : `it runs ${[...known.keys()].join(", ")}`,
    });
  });
  return { ...status, mappings, backups: [] };
}

interface Wait {
  readonly stateDir: string;
  readonly client: ControlClient;
  readonly names: readonly string[];
  readonly timeoutMs: DurationMs;
}

/** The first status in which each mapping has been looked at since now and has nothing left to do, or waits for a person.
 * Throws the error of a mapping that still fails when the time is over. */
async function waitFor(
  { clock, signal, output }: Context,
  { stateDir, client, names, timeoutMs }: Wait,
): Promise<DaemonStatus> {
  const until = clock.monotonic() + timeoutMs;
  // One look for all; whatever becomes of it shows in the status.
  const asking = await openControlClient(stateDir, { clock, signal });
  let isDone = false;
  const paused = new Set(pausedOf(await ask(client, names)));
  const asked = names.filter((name) => !paused.has(name));
  const isNothingAsked = names.length > 0 && asked.length === 0;
  const looked = isNothingAsked ? Promise.resolve() : asking.call({ op: "sync", mappings: asked });
  looked.then(
    () => (isDone = true),
    // The daemon went away: the next question to it fails, and tells.
    () => {},
  );
  try {
    for (;;) {
      // Before the question: the status is to be of after that look.
      const isRoundOver = isDone;
      const status = await ask(client, names);
      if (status.mappings.every((mapping) => isSettled(mapping, isRoundOver))) return status;
      if (clock.monotonic() >= until) throw timedOut(status, isRoundOver);
      output.detail(`waiting for ${unsettled(status, isRoundOver).join(", ")}`);
      await clock.sleep(ASK_INTERVAL_MS, signal);
    }
  } finally {
    asking.close();
  }
}

/** `isRoundOver`: the look that was asked for is over. Not by the time of the last look, which is that of a clock that may be set. */
function isSettled({ state, hold }: MappingStatus, isRoundOver: boolean): boolean {
  if (state === "paused") return true;
  // One that was approved is carried out by the round that runs, or is held anew.
  if (state === "hold") return hold?.approved !== true;
  return isRoundOver && (state === "in-step" || state === "incomplete");
}

function unsettled({ mappings }: DaemonStatus, isRoundOver: boolean): readonly string[] {
  return mappings
    .filter((mapping) => !isSettled(mapping, isRoundOver))
    .map(({ mapping, state }) => `${mapping} (${state})`);
}

function timedOut(status: DaemonStatus, isRoundOver: boolean): AppError {
  const error = status.mappings.find((mapping) => mapping.error !== null)?.error;
  const message = `not in step in time: ${unsettled(status, isRoundOver).join(", ")}`;
  if (error === undefined || error === null) {
    return new AppError("io", message, { hint: "see kvsync status; give it longer with --timeout", retryable: true });
  }
  return new AppError(error.code, `${message}: ${error.message}`, error.hint === null ? {} : { hint: error.hint });
}

function pausedOf({ mappings }: DaemonStatus): readonly string[] {
  return mappings.flatMap(({ mapping, paused }) => (paused === null ? [] : [mapping]));
}

function exitCodeOfState({ state, conflicts, error, paused }: MappingStatus, ofPaused: ExitCode): ExitCode {
  if (paused !== null) return ofPaused;
  if (error !== null) return exitCodeOf(failureOf(error));
  if (state === "hold") return EXIT.held;
  if (state === "incomplete") return EXIT.incomplete;
  return conflicts > 0 ? EXIT.conflicts : EXIT.done;
}

function failureOf({ code, message, hint }: NonNullable<MappingStatus["error"]>): AppError {
  return new AppError(code, message, hint === null ? {} : { hint });
}

/** Without a daemon: what its journal knows. Throws `error`, which says that there is none. */
async function tellKnown(
  context: Context,
  {
    stateDir,
    names,
    error,
  }: { readonly stateDir: string; readonly names: readonly string[]; readonly error: AppError },
): Promise<never> {
  const { clock, output } = context;
  const { mappings, backups, configFile = null } = await readKnownState(context, stateDir, names);
  const now = clock.now();
  for (const mapping of mappings) output.event({ type: "mapping", ...mapping });
  for (const backup of backups) output.event({ type: "backup", ...backup });
  output.event({ type: "summary", command: "status", running: false, now, stateDir, configFile });
  for (const line of renderKnownStatus({ mappings, backups }, now, output.stdout)) output.line(line);
  throw error;
}

function tell({ output }: Context, status: DaemonStatus): void {
  for (const mapping of status.mappings) output.event({ type: "mapping", ...mapping });
  for (const backup of status.backups) output.event({ type: "backup", ...backup });
  const { mappings: _, backups: __, ...daemon } = status;
  output.event({ type: "summary", command: "status", running: true, ...daemon });
  for (const line of renderStatus(status, output.stdout)) output.line(line);
}
