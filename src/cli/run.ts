// One run of the command line: from its arguments to an exit code. Whatever is thrown on the way ends up here.

import process from "node:process";
import { type Command, CommanderError } from "commander";
import { AppError } from "../core/errors.ts";
import { hideSecret } from "../core/redact.ts";
import { systemClock } from "../core/system-clock.ts";
import { operationErrorOf } from "../journal/operation-error.ts";
import type { Start } from "./command-entry.ts";
import { type GlobalOptions, openContext } from "./context.ts";
import { EXIT, type ExitCode, exitCodeOf, exitCodeOfSignal, failureOfExitCode } from "./exit-code.ts";
import { openOutput, type Output } from "./render/output.ts";
import { buildProgram, SHORT_HELP } from "./program.ts";
import { tellError } from "./render/render-error.ts";
import { openStopSignals, type StopSignals } from "./process/stop-signals.ts";
import { expectToSettle } from "./process/unsettled.ts";

/** Runs the command that `args` ask for and ends the process with its exit code. */
export async function runCli(args: readonly string[]): Promise<void> {
  let stop: StopSignals | undefined;
  // For what goes wrong before the options are known.
  const verbose = args.includes("-v") || args.includes("--verbose");
  const json = args.includes("--json");
  const onClosed = (failure: AppError | undefined): void => {
    if (failure === undefined) stop?.stop("SIGPIPE");
    else if (stop === undefined) throw failure;
    else stop.fail(failure);
  };
  let output = openProcessOutput({ progress: false, wait: true, json, verbose }, onClosed, undefined);
  let exitCode: ExitCode = EXIT.done;
  let hasThrown = false;

  const start: Start = async (work) => {
    const options = program.opts<GlobalOptions>();
    stop = openStopSignals((by) => {
      if (by === "SIGINT" && process.stderr.isTTY) output.note("stopping; Ctrl-C again stops at once");
    });
    output = openProcessOutput(options, onClosed, stop.signal);
    const { stdin, env } = process;
    for (const name of ["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY"]) hideSecret(env[name] ?? "");
    const context = openContext({
      clock: systemClock,
      cwd: process.cwd(),
      env,
      stdin,
      output,
      signal: stop.signal,
      options,
    });
    try {
      exitCode = (await work(context)) ?? EXIT.done;
    } catch (error) {
      throw context.explain(error);
    } finally {
      await context.close();
    }
    if (output.json && stop.failure() === undefined) tellEnding(output, exitCode, context.failures());
  };
  const fail = (error: unknown): ExitCode => failWith(error, output, stop, verbose);
  process.on("uncaughtException", (error) => process.exit(fail(error)));
  expectToSettle(fail);
  const program = buildProgram(start, {
    out: (text) => process.stdout.write(text),
    // Help that nobody has asked for: the error that follows says what is wrong.
    err: (text) => {
      if (!output.json) process.stderr.write(text);
    },
    json,
  });

  try {
    if (args.length === 0) process.stdout.write(SHORT_HELP);
    // `help COMMAND` is `COMMAND --help`.
    else await program.parseAsync(args[0] === "help" ? [...args.slice(1), "--help"] : args, { from: "user" });
  } catch (error) {
    hasThrown = true;
    exitCode = fail(error instanceof CommanderError ? usageError(error, program, args) : error);
  }
  const isFlushed = await flushUntilStopped(output, stop?.signal);
  const failure = stop?.failure();
  // It came to nobody's notice, or too late: what the command has said is lost all the same.
  if (failure !== undefined && !hasThrown) {
    exitCode = fail(failure);
    await output.flush();
  }
  const signal = stop?.received();
  process.exit(isFlushed || signal === undefined ? exitCode : exitCodeOfSignal(signal));
}

/** How long a command that was stopped waits for whoever reads its output: its last lines are for them. */
const STOPPED_FLUSH_MS = 1000;

/** False: the command was stopped, and its reader has not taken everything. */
async function flushUntilStopped(output: Output, signal: AbortSignal | undefined): Promise<boolean> {
  const flushed = output.flush().then(() => true);
  if (signal === undefined) return flushed;
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  return Promise.race([flushed, stopped.then(() => systemClock.sleep(STOPPED_FLUSH_MS)).then(() => false)]);
}

function openProcessOutput(
  options: GlobalOptions,
  onClosed: (failure: AppError | undefined) => void,
  signal: AbortSignal | undefined,
): Output {
  const { stdout, stderr, env } = process;
  const { json = false, quiet = false, verbose = false, progress } = options;
  return openOutput({ stdout, stderr, env, json, quiet, verbose, progress: progress && !json, onClosed, signal });
}

/** The last line on stderr with --json, of a command that has done what it could, and failed all the same. */
function tellEnding(output: Output, exitCode: ExitCode, failures: readonly AppError[]): void {
  const failure = failures.find((error) => exitCodeOf(error) === exitCode) ?? failureOfExitCode(exitCode);
  if (failure !== undefined) tellError(failure, output, { exitCode });
}

function failWith(thrown: unknown, output: Output, stop: StopSignals | undefined, verbose: boolean): ExitCode {
  if (thrown === undefined) return EXIT.done;
  const signal = stop?.received();
  const failure = signal === undefined ? stop?.failure() : undefined;
  const error = failure ?? operationErrorOf(thrown) ?? thrown;
  // A command that was stopped fails in many ways: all of them mean that it was stopped.
  const exitCode = signal === undefined ? exitCodeOf(error) : exitCodeOfSignal(signal);
  if (signal === "SIGPIPE") return exitCode;
  const isAbort = signal !== undefined && error instanceof Error && error.name === "AbortError";
  const shown = isAbort ? new AppError("interrupted", `stopped by ${signal}`) : error;
  tellError(shown, output, { exitCode, verbose });
  return exitCode;
}

/** What commander found wrong with the command line; undefined if it was asked for help, and gave it. */
function usageError(error: CommanderError, program: Command, args: readonly string[]): AppError | undefined {
  if (error.exitCode === 0) return undefined;
  const [message = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  // A group of commands without one of them: its help was shown.
  if (error.code === "commander.help") return new AppError("usage", "a command is missing");
  const meant = /^\(D(.*)\)$/.exec(rest.join(" "))?.[1];
  return new AppError("usage", message, {
    hint: meant === undefined ? `see ${commandOf(program, args)} --help` : `d${meant}`,
  });
}

/** The command that `args` call: `kvsync key put`. */
function commandOf(program: Command, args: readonly string[]): string {
  let command = program;
  const names = [program.name()];
  for (const arg of args) {
    const next = command.commands.find((candidate) => candidate.name() === arg);
    if (next === undefined) continue;
    command = next;
    names.push(arg);
  }
  return names.join(" ");
}
