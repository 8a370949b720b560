// kvsync run: the daemon. Keeps the mappings of the config in step until it is told to stop.

import process from "node:process";
import type { Command } from "commander";
import { AppError } from "../../core/errors.ts";
import { loadConfig } from "../../config/load-config.ts";
import { type Daemon, openDaemon, STOP_GRACE_MS } from "../../daemon/daemon.ts";
import type { DaemonListener } from "../../daemon/daemon-event.ts";
import { openEventHooks } from "../../daemon/event-hooks.ts";
import { logEvents } from "../../daemon/event-log.ts";
import { isJournalStream, type Log, openLog } from "../../daemon/log.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { openDaemonAccounts } from "../daemon-accounts.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { readTextFile } from "../read-file.ts";
import { openGreeting } from "../run-greeting.ts";
import { VERSION } from "../version.ts";

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Mappings of the config; all, and those of auto, if none is named")
    .action((names: string[]) => start((context) => run(context, names)));
}

async function run(context: Context, names: readonly string[]): Promise<ExitCode> {
  const { clock, cwd, env, output, options } = context;
  const config = await context.config();
  // Says what is wrong with the names, or that there is nothing to do.
  if (names.length > 0 || config.auto === undefined) await context.mappings(names);
  const log = await openProcessLog(context);
  const greeting = openGreeting({ output, cwd, program: env["npm_execpath"] === undefined ? "kvsync" : "npx kvsync" });
  const hooks = openEventHooks({ clock, log, env, secrets: [] });
  const listeners = [logEvents(log), greeting.listen, hooks.listen, tellPrograms(context)];
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
      loadConfig: async () => loadConfig({ path: options.config, cwd, env, readFile: readTextFile }),
      onEvent,
    });
    if (daemon.journalReplaced !== undefined) {
      log.warn("the journal was damaged, and has been put aside: the first rounds delete nothing", {
        file: daemon.journalReplaced,
      });
    }
    output.event({ type: "ready", pid: process.pid, stateDir: config.stateDir });
    greeting.expectAll();
    try {
      await untilStopped(context, daemon, log);
    } finally {
      await daemon.stop(STOP_GRACE_MS);
    }
    await hooks.close();
  } finally {
    await accounts.close();
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

/** Until a signal says stop, or the daemon fails. SIGHUP reloads the config; of a terminal that goes away it means stop. */
async function untilStopped({ signal, stdin }: Context, daemon: Daemon, log: Log): Promise<void> {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const onHangup = (): void => {
    if (stdin.isTTY) stop();
    else reload(daemon, log);
  };
  process.on("SIGHUP", onHangup);
  signal.addEventListener("abort", () => stop(), { once: true });
  if (signal.aborted) stop();
  try {
    await Promise.race([stopped, daemon.failed]);
  } finally {
    process.off("SIGHUP", onHangup);
  }
}

function reload(daemon: Daemon, log: Log): void {
  daemon.reload().catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    log.error("the config was not loaded again, and the old one stays", { error });
  });
}

/** With --json: what changes the state of a mapping, as events on stdout. */
function tellPrograms({ output }: Context): DaemonListener {
  return (event) => {
    if (!("mapping" in event)) return;
    const mapping = event.mapping.name;
    if (event.kind === "round-ended") {
      const { written, removed, unchanged, conflicts, failed, lagging, held } = event.report.result;
      const counts = { written, removed, unchanged, conflicts, failed, lagging, held };
      output.event({ type: "round", mapping, step: event.step, ...counts, durationMs: event.report.durationMs });
    }
    if (event.kind === "held") output.event({ type: "held", mapping, plan: event.hold.plan });
    if (event.kind === "lifted") output.event({ type: "lifted", mapping });
    if (event.kind === "failed") {
      const { code, message, hint } = event.error;
      output.event({ type: "failed", mapping, code, message, hint, retryInMs: event.retryInMs });
    }
    if (event.kind === "recovered") output.event({ type: "recovered", mapping });
  };
}
