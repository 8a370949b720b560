// kvsync run: the daemon. Keeps the mappings of the config in step until it is told to stop.

import process from "node:process";
import type { Command } from "commander";
import type { Config } from "../../config/config.ts";
import { loadConfig } from "../../config/load-config.ts";
import type { Secret } from "../../config/secret.ts";
import { AppError } from "../../core/errors.ts";
import { type Daemon, openDaemon, STOP_GRACE_MS } from "../../daemon/daemon.ts";
import type { DaemonListener } from "../../daemon/daemon-event.ts";
import { openEventHooks } from "../../daemon/event-hooks.ts";
import { logEvents } from "../../daemon/event-log.ts";
import { openHeartbeats } from "../../daemon/heartbeats.ts";
import { isJournalStream, type Log, openLog } from "../../daemon/log.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { openDaemonAccounts } from "../daemon-accounts.ts";
import { tellPrograms } from "../daemon-json.ts";
import { openDaemonReports, parseHealthAddress } from "../daemon-reports.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { readTextFile } from "../read-file.ts";
import { openGreeting } from "../run-greeting.ts";
import { keepHeapSmall } from "../small-heap.ts";
import { VERSION } from "../version.ts";

interface Options {
  readonly health?: string;
}

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Mappings of the config; all, and those of auto, if none is named")
    .option("--health <address>", "Serve /health and /metrics there: a port, or 127.0.0.1:9477; loopback only")
    .action((names: string[], options: Options) => start((context) => run(context, names, options)));
}

async function run(context: Context, names: readonly string[], options: Options): Promise<ExitCode> {
  keepHeapSmall();
  const { clock, cwd, env, output } = context;
  const health = options.health === undefined ? undefined : parseHealthAddress(options.health);
  const config = await context.config();
  // Says what is wrong with the names, or that there is nothing to do.
  if (names.length > 0 || config.auto === undefined) await context.mappings(names);
  const log = await openProcessLog(context);
  const heartbeats = openHeartbeats(clock);
  const greeting = openGreeting({ output, cwd, program: env["npm_execpath"] === undefined ? "kvsync" : "npx kvsync" });
  const hooks = openEventHooks({ clock, log, env, secrets: secretsOf(config) });
  const listeners = [logEvents(log), greeting.listen, hooks.listen, tellPrograms(output)];
  const onEvent: DaemonListener = (event) => {
    for (const listen of listeners) listen(event);
  };
  const accounts = openDaemonAccounts({
    clock,
    env,
    config,
    onRetry: (account, { reason, waitMs }) => onEvent({ kind: "account-retries", account, reason, waitMs }),
    onWait: (account, waitMs) => onEvent({ kind: "account-waits", account, waitMs }),
  });
  try {
    const daemon = await openDaemon({
      clock,
      version: VERSION,
      pid: process.pid,
      config,
      only: names,
      accounts,
      heartbeats,
      loadConfig: async () => loadConfig({ path: context.options.config, cwd, env, readFile: readTextFile }),
      onEvent,
    });
    try {
      const reports = await openDaemonReports({ clock, env, log, daemon, heartbeats, health });
      listeners.push(reports.listen);
      try {
        if (daemon.journalReplaced !== undefined) tellReplaced(log, daemon.journalReplaced);
        output.event({ type: "ready", pid: process.pid, stateDir: config.stateDir, health: reports.url ?? null });
        if (reports.url !== undefined) output.note(`health and metrics: ${reports.url}/health and /metrics`);
        greeting.expectAll();
        await untilStopped(context, daemon, (signal) => onHangup(signal, daemon, reports.reloading, log));
      } finally {
        await reports.close();
      }
    } finally {
      await daemon.stop(STOP_GRACE_MS);
    }
    await hooks.close();
  } finally {
    await accounts.close();
    heartbeats.close();
  }
  output.line("stopped: what was begun is finished, or is left for the next start");
  output.event({ type: "summary", command: "run" });
  return EXIT.done;
}

function openProcessLog({ clock, env, output, options }: Context): Promise<Log> {
  return openLog({
    clock,
    level: options.verbose === true ? "debug" : options.quiet === true ? "warn" : "info",
    stream: process.stderr,
    isTerminal: output.stderr.isTerminal && !output.json,
    isJournald: isJournalStream(env["JOURNAL_STREAM"], process.stderr.fd),
    colours: output.stderr.bold("") !== "",
  });
}

/** Those that stand in the config, and so perhaps in the environment: hooks are not to see them. */
function secretsOf({ accounts }: Config): readonly Secret[] {
  return [...accounts.values()].flatMap(({ credentials }) => {
    if (credentials.kind === "none") return [];
    const source = credentials.kind === "token" ? credentials.token : credentials.key;
    return source.kind === "value" ? [source.secret] : [];
  });
}

function tellReplaced(log: Log, file: string): void {
  log.warn("the journal was damaged, and has been put aside: the first rounds delete nothing", { file });
}

interface Hangup {
  /** Resolves when the process is to stop. */
  readonly stop: () => void;
  readonly isTerminal: boolean;
}

/** SIGHUP: of a terminal that goes away it means stop; else the config is read again. */
function onHangup({ stop, isTerminal }: Hangup, daemon: Daemon, reloading: () => () => void, log: Log): void {
  if (isTerminal) return stop();
  const done = reloading();
  daemon
    .reload()
    .catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
      log.error("the config was not loaded again, and the old one stays", { error });
    })
    .finally(done);
}

/** Until a signal says stop, or the daemon fails with a bug. */
async function untilStopped(
  { signal, stdin }: Context,
  daemon: Daemon,
  hangup: (signal: Hangup) => void,
): Promise<void> {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const listener = (): void => hangup({ stop, isTerminal: stdin.isTTY });
  process.on("SIGHUP", listener);
  signal.addEventListener("abort", () => stop(), { once: true });
  if (signal.aborted) stop();
  try {
    await Promise.race([stopped, daemon.failed]);
  } finally {
    process.off("SIGHUP", listener);
  }
}
