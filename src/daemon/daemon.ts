// The daemon: the state folder under its lock, the supervisor over it, and the control socket through which it is asked.
// Everything that a process brings along (config files, accounts, signals, a terminal) is handed in.

import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import pLimit from "p-limit";
import type { Config, ListenAddress, MappingConfig, PageConfig } from "../config/config.ts";
import type { Clock, DurationMs, EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { compileFilter } from "../core/filter.ts";
import { openBudgets } from "../journal/budgets.ts";
import { openPauses } from "../journal/pauses.ts";
import { type Journal, openJournal, openScratchJournal } from "../journal/journal.ts";
import { awaitStateLock, type StateLock } from "../journal/lock.ts";
import { stateCheck } from "../journal/state-file.ts";
import { type BackupSet, openBackupSet } from "./backups/backup-set.ts";
import { runDaemonBackup } from "./backups/run-backup.ts";
import type { DaemonListener } from "./daemon-event.ts";
import type { Environment } from "../config/yaml-source.ts";
import type { EventFeed } from "./event-feed.ts";
import { type Fronts, openFronts } from "./fronts.ts";
import type { Heartbeats } from "./heartbeats.ts";
import { keepBudgets } from "./keep-budgets.ts";
import { type MigrationLooks, openMigrationLooks } from "./migration-looks.ts";
import { type NoticeSet, openNoticeSet } from "./notices/notice-set.ts";
import { type MappingRoundsDeps, openMappingRounds } from "../mapping/mapping-rounds.ts";
import type { AccountsPort } from "../mapping/round-port.ts";
import type { AccountStatus, DaemonStatus } from "./control/daemon-status.ts";
import type { Reloaded } from "./loop/loop-set.ts";
import { openSupervisor, type Supervisor } from "./loop/supervisor.ts";
import { type WatchEvents, type Watcher } from "./watch/watcher.ts";
import { openNoWatcher, openWatcher, SWAPPED_ROOT_CHECK_MS } from "./watch/open-watcher.ts";

export interface DaemonAccounts extends AccountsPort {
  isWaiting(name: string): boolean;
  /** What is left of the budgets of accounts that are opened from now on follows from what an earlier process sent. */
  startFrom(recent: (account: string) => readonly DurationMs[]): void;
  /** How long ago each account's last requests were sent, for the next process. */
  recent(): ReadonlyMap<string, readonly DurationMs[]>;
  status(): readonly AccountStatus[];
  /** Goes by `config` from now on: accounts that it says otherwise about, or whose credentials have changed, are connected
   * anew when they are next opened. Returns their names. */
  use(config: Config): Promise<ReadonlySet<string>>;
  /** Closes the old connections of accounts that were renewed: nobody uses them any more. */
  closeRetired(): Promise<void>;
}

export interface DaemonDeps {
  readonly clock: Clock;
  readonly version: string;
  readonly pid: number;
  readonly config: Config;
  /** The journal was found to be damaged in use: it is put aside, and a new one begun. */
  readonly isJournalDamaged: boolean;
  /** How long to wait for another kvsync that works with the state folder. */
  readonly lockTimeoutMs: DurationMs;
  /** Aborts that wait. */
  readonly signal: AbortSignal;
  /** Only these mappings; empty: all, and those of `auto`. */
  readonly only: readonly string[];
  readonly accounts: DaemonAccounts;
  /** Reads the config again. Throws AppError `config-invalid`. */
  readonly loadConfig: () => Promise<Config>;
  readonly heartbeats: Heartbeats;
  readonly onEvent: DaemonListener;
  /** Of the same events, for those who follow them. */
  readonly feed: EventFeed;
  /** Where the status page is served, whatever the config says; undefined: as it says. */
  readonly pageAddress: ListenAddress | undefined;
  /** Of the status page's files. */
  readonly pageFolder: string;
  /** What backups are made with. */
  readonly cwd: string;
  readonly env: Environment;
}

export interface Daemon {
  /** The journal was damaged, has been put aside under this name, and begun anew. */
  readonly journalReplaced: string | undefined;
  status(): DaemonStatus;
  /** Where the status page is served. */
  pageUrl(): string | undefined;
  /** The config that it goes by now. */
  config(): Config;
  /** Reads the config again and goes on with it. Throws what is wrong with it: then the old one stays. */
  reload(): Promise<Reloaded>;
  /** Rounds that run may end within `graceMs`; what is left of them is the next start's. */
  stop(graceMs: DurationMs): Promise<void>;
  /** Rejects with a bug, or with AppError `state-damaged`: then the daemon is to be stopped, and opened again with a new
   * journal. Never resolves. */
  readonly failed: Promise<never>;
}

/** Throws AppError `locked` if another kvsync works with the state folder, `io` if that cannot be used. */
export async function openDaemon(deps: DaemonDeps): Promise<Daemon> {
  const { clock } = deps;
  const { stateDir } = deps.config;
  const lock = await awaitStateLock(stateDir, { clock, signal: deps.signal, waitMs: deps.lockTimeoutMs });
  let journal: Journal | undefined;
  try {
    journal = openJournal({ stateDir, clock, isDamaged: deps.isJournalDamaged });
    return await openOver(deps, lock, journal);
  } catch (error) {
    journal?.close();
    lock.close();
    throw error;
  }
}

async function openOver(deps: DaemonDeps, lock: StateLock, journal: Journal): Promise<Daemon> {
  const { clock, onEvent } = deps;
  const { stateDir } = deps.config;
  const startedAt = clock.now();
  const scratch = openScratchJournal();
  const budgets = openBudgets(journal, clock);
  deps.accounts.startFrom((account) => budgets.get(account));
  const keeping = keepBudgets({ clock, budgets, recent: () => deps.accounts.recent() });
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  failed.catch(() => {});
  keeping.failed.catch(fail);
  let config = deps.config;
  const checkState = stateCheck(lock, journal);
  const closeState = (): void => {
    scratch.close();
    journal.close();
    lock.close();
  };

  const migrations = openMigrationLooks({ clock, stateDir });
  const status = (): DaemonStatus => statusOf(deps, { startedAt, config, supervisor, backups, migrations, notices });
  const notices = openNotices(deps, { journal, status, onBug: fail });
  const tell: DaemonListener = (event) => {
    onEvent(event);
    notices.listen(event);
  };
  const state = { journal, scratch, checkState, config: () => config };
  const supervisor = openMappings({ ...deps, onEvent: tell }, state, fail);
  supervisor.failed.catch(fail);
  const backups = openBackups({ ...deps, onEvent: tell }, journal, fail);
  // Who asks for some of the mappings asks for nothing else.
  const followBackups = (stale: ReadonlySet<string>): Promise<void> =>
    deps.only.length > 0 ? Promise.resolve() : backups.follow(config, stale);
  const watching = new AbortController();
  const watched = watchState({ clock, checkState, signal: watching.signal }).catch(fail);

  /** One after the other: all parts go by the config that was read last. */
  const inTurn = pLimit(1);
  const reload = (): Promise<Reloaded> => inTurn(reloadOnce);
  const reloadOnce = async (): Promise<Reloaded> => {
    const next = await loadAnew(deps, stateDir);
    await fronts!.page.follow(pageOf(next, deps));
    config = next;
    const stale = await deps.accounts.use(config);
    const reloaded = await supervisor.reload(config, stale);
    await followBackups(stale);
    await notices.follow(config);
    await deps.accounts.closeRetired();
    return reloaded;
  };

  let fronts: Fronts | undefined;
  /** Ends all that was begun, whatever that is. */
  const endAll = (graceMs: DurationMs, close: () => void): Promise<void> => {
    watching.abort();
    return end(
      [
        () => watched,
        async () => fronts?.close(),
        () => notices.stop(),
        // Beside the rounds: both break off what takes too long.
        async () => void (await Promise.all([supervisor.stop(graceMs), backups.stop()])),
        () => keeping.close(),
        () => deps.accounts.closeRetired(),
      ],
      close,
    );
  };
  try {
    fronts = await openFronts({
      clock,
      stateDir,
      journal,
      config: () => config,
      onEvent: tell,
      startedAt,
      supervisor,
      backups,
      status,
      reload,
      feed: deps.feed,
      signal: watching.signal,
      page: pageOf(config, deps),
      pageFolder: deps.pageFolder,
      onBug: fail,
    });
    await followBackups(new Set());
    await notices.follow(config);
  } catch (error) {
    // The journal and the lock are closed by who opened them: nothing may work with the state folder by then.
    await endAll(0, () => scratch.close());
    throw error;
  }
  return {
    journalReplaced: journal.replaced,
    status,
    pageUrl: () => fronts.page.url(),
    config: () => config,
    reload,
    stop: (graceMs) => endAll(graceMs, closeState),
    failed,
  };
}

/** What the command line says of the status page goes before what the config does. */
function pageOf({ page }: Config, { pageAddress }: DaemonDeps): PageConfig | undefined {
  return pageAddress === undefined ? page : { listen: pageAddress, hosts: page?.hosts ?? [] };
}

type MappingState = Pick<MappingRoundsDeps, "journal" | "scratch" | "checkState" | "config">;

function openMappings(deps: DaemonDeps, state: MappingState, fail: (error: unknown) => void): Supervisor {
  const { clock, only, accounts, heartbeats, onEvent } = deps;
  const { stateDir } = deps.config;
  let spools = 0;
  return openSupervisor({
    clock,
    config: deps.config,
    only,
    openRounds: (mapping) => openMappingRounds({ ...state, clock, stateDir, mapping, accounts, spool: ++spools }),
    pauses: openPauses(state.journal, clock),
    openWatcher: (mapping, events) => watchFolder({ clock, stateDir, mapping, events }),
    listFolders,
    isWaiting: (account) => accounts.isWaiting(account),
    heartbeats,
    onEvent: (event) => {
      onEvent(event);
      if (event.kind === "failed" && (event.error.code === "state-damaged" || event.error.code === "state-removed"))
        fail(event.error);
    },
  });
}

function openBackups(deps: DaemonDeps, journal: Journal, onBug: (error: unknown) => void): BackupSet {
  const { clock, cwd, env, version, accounts, heartbeats, onEvent } = deps;
  const runDeps = { clock, cwd, env, version, stateDir: deps.config.stateDir, accounts };
  return openBackupSet({
    clock,
    journal,
    heartbeats,
    run: (backup, call) => runDaemonBackup(runDeps, backup, call),
    onEvent,
    onBug,
  });
}

function openNotices(
  { clock, version, env, cwd, config, onEvent }: DaemonDeps,
  deps: { readonly journal: Journal; readonly status: () => DaemonStatus; readonly onBug: (error: unknown) => void },
): NoticeSet {
  const folder = config.file === undefined ? cwd : dirname(config.file);
  return openNoticeSet({ clock, version, env, folder, onEvent, ...deps });
}

interface Running {
  readonly startedAt: EpochMs;
  readonly config: Config;
  readonly supervisor: Supervisor;
  readonly backups: BackupSet;
  readonly migrations: MigrationLooks;
  readonly notices: NoticeSet;
}

function statusOf(
  { version, pid, clock, accounts, heartbeats }: DaemonDeps,
  { startedAt, config, supervisor, backups, migrations, notices }: Running,
): DaemonStatus {
  return {
    version,
    pid,
    startedAt,
    now: clock.now(),
    configFile: config.file ?? null,
    stateDir: config.stateDir,
    mappings: supervisor.mappings(),
    backups: backups.status(),
    migrations: migrations(),
    accounts: accounts.status(),
    notices: notices.status(),
    skippedFolders: supervisor.skippedFolders(),
    stuck: heartbeats
      .list()
      .filter(({ isAlive }) => !isAlive)
      .map(({ name }) => name),
  };
}

async function loadAnew({ loadConfig }: DaemonDeps, stateDir: string): Promise<Config> {
  const next = await loadConfig();
  if (next.stateDir === stateDir) return next;
  throw new AppError("config-invalid", `state_dir cannot change from ${stateDir} while the daemon runs`, {
    hint: "restart it, or take the change back; it goes on with the config it has",
  });
}

/** Ends one after the other, each also if one before it failed: nobody is to be left with a journal that is closed. Throws the
 * first failure. */
async function end(parts: readonly (() => Promise<void>)[], closeState: () => void): Promise<void> {
  const failures: unknown[] = [];
  for (const part of parts) await part().catch((error: unknown) => failures.push(error));
  closeState();
  if (failures.length > 0) throw failures[0];
}

/** How often it is looked whether the state folder is still the one that is used, besides before each round. */
const STATE_CHECK_MS: DurationMs = 10_000;

/** Rejects with AppError `state-removed`. */
async function watchState(deps: {
  readonly clock: Clock;
  readonly checkState: () => void;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { clock, checkState, signal } = deps;
  while (!signal.aborted) {
    checkState();
    await clock.sleep(STATE_CHECK_MS, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

function listFolders(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

function watchFolder(options: {
  readonly clock: Clock;
  readonly stateDir: string;
  readonly mapping: MappingConfig;
  readonly events: WatchEvents;
}): Promise<Watcher> {
  const { clock, stateDir, mapping, events } = options;
  // A look at the namespace is one at the folder as well.
  const rescanIntervalMs = Math.min(
    mapping.rescanIntervalMs,
    mapping.mode === "push" ? Infinity : mapping.pollIntervalMs,
  );
  if (mapping.watch === "off") return Promise.resolve(openNoWatcher(rescanIntervalMs));
  // What a link leads to may be in a folder that is no key's.
  const filter = compileFilter(mapping.symlinks === "skip" ? mapping : { excludeDefaults: mapping.excludeDefaults });
  return openWatcher({
    clock,
    root: mapping.folder,
    ignorePaths: [stateDir],
    // A path with "%" may be another one's key.
    isFolderIgnored: (path) => !path.includes("%") && !filter.mayContain(`${path}/`),
    unwatched:
      mapping.symlinks === "follow"
        ? "what links lead to outside of the folder is not watched (symlinks: follow)"
        : undefined,
    rootCheckMs: mapping.rootSwaps === "allow" ? SWAPPED_ROOT_CHECK_MS : undefined,
    mode: mapping.watch,
    pollIntervalMs: mapping.watchIntervalMs,
    rescanIntervalMs,
    events,
  });
}

/** How long rounds may go on after the daemon is asked to stop: far less than a service manager waits. */
export const STOP_GRACE_MS: DurationMs = 10_000;
