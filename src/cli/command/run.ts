// kvsync run: the daemon. Keeps the mappings of the config in step until it is told to stop.

import { dirname } from "node:path";
import process from "node:process";
import type { Command } from "commander";
import type { Config, ListenAddress } from "../../config/config.ts";
import { PAGE_ADDRESS_DEFAULT, parseListenAddress } from "../../config/listen-address.ts";
import { loadConfig } from "../../config/load-config.ts";
import { configSecrets } from "../../config/config-secrets.ts";
import type { DurationMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { redact } from "../../core/redact.ts";
import { type Daemon, type DaemonAccounts, openDaemon, STOP_GRACE_MS } from "../../daemon/daemon.ts";
import type { DaemonEvent, DaemonListener } from "../../daemon/daemon-event.ts";
import { type EventFeed, openEventFeed } from "../../daemon/event-feed.ts";
import { openEventHooks } from "../../daemon/event-hooks.ts";
import { logEvents } from "../../daemon/report/event-log.ts";
import { type Heartbeats, openHeartbeats } from "../../daemon/heartbeats.ts";
import { isJournalStream, type Log, openLog } from "../../daemon/report/log.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import { openDaemonAccounts } from "../../daemon/daemon-accounts.ts";
import { tellPrograms } from "../run/tell-programs.ts";
import { openDaemonReports } from "../../daemon/report/daemon-reports.ts";
import { type HealthAddress, parseHealthAddress } from "../../monitor/health-address.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { isDamage as isDamageOfSqlite, operationErrorOf } from "../../journal/operation-error.ts";
import { readTextFile } from "../../config/read-file.ts";
import { type Greeting, openGreeting } from "../run/greeting.ts";
import { keepHeapSmall } from "../process/launch.ts";
import { pageFolder } from "../process/page-folder.ts";
import { VERSION } from "../process/version.ts";

interface Options {
  readonly health?: string;
  readonly page?: string | true;
}

/** What one daemon after another works with, in one process. */
interface Surroundings {
  readonly context: Context;
  readonly names: readonly string[];
  readonly health: HealthAddress | undefined;
  readonly pageAddress: ListenAddress | undefined;
  readonly log: Log;
  readonly heartbeats: Heartbeats;
  readonly accounts: DaemonAccounts;
  readonly greeting: Greeting;
  readonly listeners: Set<DaemonListener>;
  readonly feed: EventFeed;
  readonly onEvent: DaemonListener;
  readonly onOpened: (daemon: Daemon) => void;
}

/** A journal that is damaged again so soon after it was begun is the disk's fault, and another one would not help. */
const DAMAGE_INTERVAL_MS_MIN: DurationMs = 60_000;

export function define(command: Command, start: Start): void {
  command
    .argument("[mapping...]", "Mappings of the config; all, and those of auto, if none is named")
    .option("--health <address>", "Serve /health and /metrics there: a port, or 127.0.0.1:9477; loopback only")
    .option("--page [address]", "Serve the status page there: a port, or 127.0.0.1:9478, the default")
    .action((names: string[], options: Options) => start((context) => run(context, names, options)));
}

async function run(context: Context, names: readonly string[], options: Options): Promise<ExitCode> {
  keepHeapSmall();
  const { clock, cwd, env, output } = context;
  const health = options.health === undefined ? undefined : parseHealthAddress(options.health);
  const pageAddress = options.page === undefined ? undefined : parsePageOption(options.page);
  const config = await context.config();
  // Says what is wrong with the names, or that there is nothing to do.
  const hasWork =
    config.auto !== undefined || [...config.backups.values()].some(({ schedule }) => schedule !== undefined);
  if (names.length > 0 || !hasWork) await context.mappings(names);
  const log = await openProcessLog(context);
  const heartbeats = openHeartbeats(clock);
  const greeting = openGreeting({
    output,
    cwd,
    logTells: !output.stdout.isTerminal,
    whenNone:
      config.auto === undefined
        ? "no mappings: the backups of the config are made, each at its time"
        : "nothing to sync yet: each folder that appears under root is a mapping",
    program: env["npm_execpath"] === undefined ? "kvsync" : "npx kvsync",
  });
  /** The config, as it is after the last reload. */
  let present = (): Config => config;
  const hooks = openEventHooks({
    clock,
    log,
    env,
    secrets: () => configSecrets(present()),
    folder: config.file === undefined ? cwd : dirname(config.file),
  });
  const feed = openEventFeed(clock);
  const listeners = new Set([
    feed.listen,
    logEvents(log, (mapping) => greeting.tells(mapping)),
    greeting.listen,
    hooks.listen,
    tellPrograms(output),
  ]);
  const onEvent = (event: DaemonEvent): void => {
    for (const listen of listeners) listen(event);
  };
  const accounts = openDaemonAccounts({
    clock,
    env,
    config,
    onEvent,
  });
  try {
    const parts = {
      context,
      names,
      health,
      pageAddress,
      log,
      heartbeats,
      accounts,
      greeting,
      listeners,
      feed,
      onEvent,
      onOpened: (daemon: Daemon): void => void (present = () => daemon.config()),
    };
    let again = await runDaemon(parts, config, false);
    while (again !== undefined) again = await runDaemon(parts, again, true);
    await hooks.close();
  } finally {
    await accounts.close();
    heartbeats.close();
  }
  output.report("stopped: what was begun is finished, or is left for the next start");
  output.event({ type: "summary", command: "run" });
  return EXIT.done;
}

/** Runs until the process is to stop; or until the journal is found to be damaged: then it returns the config to go on with,
 * with a new journal. */
async function runDaemon(parts: Surroundings, config: Config, isJournalDamaged: boolean): Promise<Config | undefined> {
  const { context, accounts, heartbeats, names, feed, onEvent } = parts;
  const { clock, cwd, env, options } = context;
  const startedAt = clock.monotonic();
  // What happens before there is somebody to report it to is reported then.
  const early: DaemonEvent[] = [];
  const keepEarly = (event: DaemonEvent): void => void early.push(event);
  parts.listeners.add(keepEarly);
  const openOptions = {
    clock,
    version: VERSION,
    pid: process.pid,
    config,
    isJournalDamaged,
    lockTimeoutMs: context.lockTimeoutMs,
    signal: context.signal,
    only: names,
    accounts,
    heartbeats,
    cwd,
    env,
    loadConfig: async () => loadConfig({ path: options.config, cwd, env, readFile: readTextFile }),
    onEvent,
    feed,
    pageAddress: parts.pageAddress,
    pageFolder: pageFolder(),
  };
  let daemon: Daemon | undefined;
  try {
    daemon = await openDaemon(openOptions);
    parts.onOpened(daemon);
    await report(parts, daemon, () => {
      parts.listeners.delete(keepEarly);
      return early;
    });
    return undefined;
  } catch (thrown) {
    const error = operationErrorOf(thrown) ?? thrown;
    const isDamage = error instanceof AppError && error.code === "state-damaged" && isDamageOfJournal(thrown);
    if (isDamage && (!isJournalDamaged || clock.monotonic() - startedAt >= DAMAGE_INTERVAL_MS_MIN))
      return daemon?.config() ?? config;
    throw error;
  } finally {
    parts.listeners.delete(keepEarly);
    await daemon?.stop(STOP_GRACE_MS);
  }
}

/** And not of the lock, nor a journal of a newer kvsync. */
function isDamageOfJournal(error: unknown): boolean {
  return isDamageOfSqlite(error instanceof AppError ? error.cause : error);
}

/** Tells whoever is to know that the daemon is up, and waits until it is to stop. */
async function report(parts: Surroundings, daemon: Daemon, takeEarly: () => readonly DaemonEvent[]): Promise<void> {
  const { context, log, heartbeats, health, greeting, listeners } = parts;
  const { stateDir } = daemon.config();
  const { clock, env, output } = context;
  const reports = await openDaemonReports({ clock, version: VERSION, env, log, daemon, heartbeats, health });
  for (const event of takeEarly()) reports.listen(event);
  listeners.add(reports.listen);
  try {
    if (daemon.journalReplaced !== undefined) {
      const file = daemon.journalReplaced;
      log.warn("the journal was damaged, and has been put aside: the first rounds delete nothing", { file });
    }
    output.event({
      type: "ready",
      pid: process.pid,
      stateDir,
      health: reports.url ?? null,
      page: daemon.pageUrl() ?? null,
    });
    if (reports.url !== undefined) output.note(`health and metrics: ${reports.url}/health and /metrics`);
    if (daemon.pageUrl() !== undefined)
      output.note(`status page: ${daemon.pageUrl()}; kvsync page prints a link that logs in`);
    greeting.expectAll();
    await untilStopped(context, daemon, () => reload(daemon, reports.reloading, log));
  } finally {
    listeners.delete(reports.listen);
    await reports.close();
  }
}

/** `--page` alone is the default address. Throws AppError `usage`. */
function parsePageOption(text: string | true): ListenAddress {
  if (text === true) return PAGE_ADDRESS_DEFAULT;
  const parsed = parseListenAddress(text);
  if (parsed.kind === "value") return parsed.value;
  throw new AppError("usage", `--page: ${parsed.message}`);
}

function openProcessLog({ clock, env, output, options }: Context): Promise<Log> {
  return openLog({
    clock,
    level: options.verbose === true ? "debug" : options.quiet === true ? "warn" : "info",
    stream: { write: (text) => process.stderr.write(redact(text)) },
    isTerminal: output.stderr.isTerminal && !output.json,
    isJournald: isJournalStream(env["JOURNAL_STREAM"], process.stderr.fd),
    colours: output.stderr.bold("") !== "",
  });
}

function reload(daemon: Daemon, reloading: () => () => void, log: Log): void {
  const done = reloading();
  daemon
    .reload()
    .catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
      log.error("the config was not loaded again, and the old one stays", { error });
    })
    .finally(done);
}

/** Until a signal says stop, or the daemon fails. SIGHUP means a reload; but stop, if it is the terminal that goes away. */
async function untilStopped({ signal, stdin }: Context, daemon: Daemon, reloadConfig: () => void): Promise<void> {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const onHangup = (): void => (stdin.isTTY ? stop() : reloadConfig());
  const onStop = (): void => stop();
  process.on("SIGHUP", onHangup);
  signal.addEventListener("abort", onStop, { once: true });
  if (signal.aborted) stop();
  try {
    await Promise.race([stopped, daemon.failed]);
  } finally {
    process.off("SIGHUP", onHangup);
    signal.removeEventListener("abort", onStop);
  }
}
