// One run of a hook's program: started without a shell, in a process group of its own, fed through stdin, and ended when
// its time is over. Own code around node:child_process, since its `timeout` ends the program alone and leaves what
// that has started.

import { type ChildProcess, spawn } from "node:child_process";
import { statSync } from "node:fs";
import process from "node:process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Clock, DurationMs } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";

/** How long a program that was asked to end may take to do so. */
export const KILL_GRACE_MS: DurationMs = 5000;
/** How long to wait for what a program that has ended wrote last, which a process it has left behind may keep open. */
const DRAIN_MS: DurationMs = 500;
/** Of stderr the last of it is kept: where programs say what went wrong. */
const TAIL_CHARS_MAX = 2000;
/** Lines are written to stdin in pieces of about this size. */
const CHUNK_CHARS = 65_536;

export interface HookRun {
  readonly clock: Clock;
  /** A program and its arguments. */
  readonly run: readonly string[];
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** For stdin, each without its line break. */
  readonly lines: Iterable<string>;
  readonly timeoutMs: DurationMs;
  /** Aborted: end it at once, as after a timeout. */
  readonly signal: AbortSignal;
}

export type HookOutcome =
  | { readonly kind: "done" }
  /** `reason`: "ended with exit code 1"; `stderr`: its last lines, or "". */
  | { readonly kind: "failed"; readonly reason: string; readonly stderr: string };

/** Runs a program to its end. A failure is an outcome and never thrown; afterwards the program runs no longer, but what it
 * put into the background goes on if it ended by itself. */
export async function runHook(hook: HookRun): Promise<HookOutcome> {
  let child: ChildProcess;
  try {
    child = start(hook);
  } catch (error) {
    return { kind: "failed", reason: startFault(systemError(error), hook), stderr: "" };
  }
  const tail = keepTail(child.stderr);
  const fed = feed(child, hook.lines);
  const exit = await untilExit(child, hook);
  if (exit.kind === "not-started") return { kind: "failed", reason: startFault(exit.error, hook), stderr: "" };
  await drained(child, hook.clock);
  await fed;
  const reason = exit.ended ?? exitReason(exit);
  return reason === undefined ? { kind: "done" } : { kind: "failed", reason, stderr: tail() };
}

function start({ run, folder, env }: HookRun): ChildProcess {
  const [program = "", ...args] = run;
  // `detached` makes it the leader of a process group, so that all of it can be ended.
  return spawn(program, args, { cwd: folder, env, stdio: ["pipe", "ignore", "pipe"], detached: true });
}

type Exit =
  | { readonly kind: "not-started"; readonly error: NodeJS.ErrnoException }
  | {
      readonly kind: "exited";
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      /** Why we ended it, if we did. */
      readonly ended: string | undefined;
    };

async function untilExit(child: ChildProcess, { clock, timeoutMs, signal }: HookRun): Promise<Exit> {
  const over = new AbortController();
  let ended: string | undefined;
  const exited = new Promise<Exit>((resolve) => {
    child.once("error", (error) => {
      // After the start it tells of a signal that could not be sent, and the program's exit is still to come.
      if (child.pid === undefined) resolve({ kind: "not-started", error });
    });
    child.once("exit", (code, exitSignal) => resolve({ kind: "exited", code, signal: exitSignal, ended }));
  });
  const end = async (reason: string): Promise<void> => {
    if (ended !== undefined) return;
    ended = reason;
    signalGroup(child, "SIGTERM");
    if (await elapsed(clock, KILL_GRACE_MS, over.signal)) signalGroup(child, "SIGKILL");
  };
  const onAbort = (): void => void end("was ended, since kvsync stops");
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort);
  void elapsed(clock, timeoutMs, over.signal).then((isOver) => {
    if (isOver) void end(`took longer than ${renderDuration(timeoutMs)} and was ended`);
  });
  const exit = await exited;
  over.abort();
  signal.removeEventListener("abort", onAbort);
  // What is left of a group that was to end. Nothing else can have got its number: it was freed just now.
  if (ended !== undefined) signalGroup(child, "SIGKILL");
  return exit;
}

/** Resolves to true after `duration`, and to false as soon as `signal` is aborted. */
function elapsed(clock: Clock, duration: DurationMs, signal: AbortSignal): Promise<boolean> {
  return clock.sleep(duration, signal).then(
    () => true,
    () => false,
  );
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // ESRCH: nobody is left. EPERM: those left run as somebody else, which only they themselves can have brought about.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}

function exitReason({
  code,
  signal,
}: {
  readonly code: number | null;
  readonly signal: string | null;
}): string | undefined {
  if (code === 0) return undefined;
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
}

/** Some faults of a start are thrown, others are told as an event. What has no code is a bug. */
function systemError(error: unknown): NodeJS.ErrnoException {
  if (error instanceof Error && "code" in error) return error as NodeJS.ErrnoException;
  throw error;
}

/** The system says ENOENT of a missing program and of a missing folder alike. */
function startFault(error: NodeJS.ErrnoException, { run, folder }: HookRun): string {
  const program = visible(run[0] ?? "");
  if (!isFolder(folder)) return `cannot start: there is no folder ${visible(folder)}`;
  if (error.code === "ENOENT") return `cannot start: there is no program "${program}"`;
  if (error.code === "EACCES") return `cannot start: "${program}" is not executable`;
  return `cannot start: ${visible(error.message)}`;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    systemError(error);
    return false;
  }
}

/** Writes all lines to stdin. A program is free not to read them: what counts is how it ends. */
async function feed(child: ChildProcess, lines: Iterable<string>): Promise<void> {
  if (child.stdin === null) return;
  try {
    await pipeline(Readable.from(chunks(lines)), child.stdin);
  } catch (error) {
    systemError(error);
  }
}

function* chunks(lines: Iterable<string>): Generator<string> {
  let chunk = "";
  for (const line of lines) {
    chunk += `${line}\n`;
    if (chunk.length < CHUNK_CHARS) continue;
    yield chunk;
    chunk = "";
  }
  if (chunk !== "") yield chunk;
}

function keepTail(stream: Readable | null): () => string {
  let tail = "";
  stream?.setEncoding("utf8").on("data", (text: string) => {
    tail = (tail + text).slice(-TAIL_CHARS_MAX);
  });
  return () => tail.trimEnd();
}

/** Resolves when the program's pipes are empty, or are held open by others. */
async function drained(child: ChildProcess, clock: Clock): Promise<void> {
  child.stdin?.destroy();
  const { stderr } = child;
  if (stderr === null || stderr.closed) return;
  const closed = new AbortController();
  stderr.once("close", () => closed.abort());
  await elapsed(clock, DRAIN_MS, closed.signal);
  stderr.destroy();
}
