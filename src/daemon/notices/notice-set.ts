// All targets of notices of a daemon, each by itself, and the looks at how things stand: soon after something happened, and every so often, since
// that something lasts is not an event.

import { hostname } from "node:os";
import pLimit from "p-limit";
import type { Config, NotifyConfig } from "../../config/config.ts";
import { configSecrets, noticeSecrets } from "../../config/config-secrets.ts";
import { readTextFile } from "../../config/read-file.ts";
import type { Secret } from "../../config/secret.ts";
import type { Environment } from "../../config/yaml-source.ts";
import type { Clock, DurationMs } from "../../core/clock.ts";
import type { Journal } from "../../journal/journal.ts";
import { openNoticeTargets } from "../../journal/notice-targets.ts";
import { hookEnvironment } from "../../mapping/hooks/hook-environment.ts";
import type { NoticeStatus } from "../../notices/notice-status.ts";
import type { DaemonStatus } from "../control/daemon-status.ts";
import type { DaemonEvent, DaemonListener } from "../daemon-event.ts";
import { type NoticeTargetLoop, openNoticeTarget } from "./notice-target.ts";
import { seeTroubles, settledConflicts } from "./see-troubles.ts";

export interface NoticeSetDeps {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly status: () => DaemonStatus;
  readonly version: string;
  readonly env: Environment;
  /** Where programs run. */
  readonly folder: string;
  readonly onEvent: DaemonListener;
  /** Is told of what ends the looks. */
  readonly onBug: (error: unknown) => void;
}

export interface NoticeSet {
  readonly listen: DaemonListener;
  status(): readonly NoticeStatus[];
  /** Makes the targets those of `config`. Those that are alike in it are not disturbed. */
  follow(config: Config): Promise<void>;
  stop(): Promise<void>;
}

/** How often it is looked how things stand, at the least and at the most. */
const LOOK_MS_MAX: DurationMs = 15_000;
const LOOK_MS_MIN: DurationMs = 1000;

/** What a look is to follow upon. */
const WAKING: ReadonlySet<DaemonEvent["kind"]> = new Set(["held", "lifted", "failed", "recovered", "backup-ended"]);

export function openNoticeSet(deps: NoticeSetDeps): NoticeSet {
  const { clock, journal, onEvent, onBug } = deps;
  const targets = new Map<string, NoticeTargetLoop>();
  const kept = openNoticeTargets(journal);
  const stopping = new AbortController();
  /** Two that follow at once would both open what both have ended, and one of those loops would be nobody's to stop. */
  const inTurn = pLimit(1);
  let backups: Config["backups"] = new Map();
  let secrets: readonly Secret[] = [];
  let wake = new AbortController();

  function open(target: NotifyConfig, config: Config): NoticeTargetLoop {
    const { version, env, folder } = deps;
    return openNoticeTarget({
      clock,
      config: target,
      sender: { host: hostname(), stateDir: config.stateDir },
      journal: kept,
      delivery: {
        clock,
        env,
        // By the secrets of the present config, also for a target that is the same as before.
        programEnv: () => hookEnvironment(env, secrets),
        folder,
        readFile: readTextFile,
        version,
      },
      onEvent: (event) => onEvent({ ...event, target: target.name }),
      onBug,
    });
  }

  async function follow(config: Config): Promise<void> {
    ({ backups } = config);
    secrets = configSecrets(config);
    const wanted = new Map(config.notify.map((target) => [target.name, target]));
    const ending = [...targets.values()].filter((target) => !isSame(wanted.get(target.config.name), target.config));
    await Promise.all(ending.map((target) => target.stop()));
    if (stopping.signal.aborted) return;
    const before = new Map(targets);
    targets.clear();
    for (const target of ending) before.delete(target.config.name);
    kept.keep(new Set(wanted.keys()));
    for (const [name, target] of wanted) targets.set(name, before.get(name) ?? open(target, config));
    wake.abort();
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      lookAll();
      await pause(LOOK_MS_MIN, stopping.signal);
      const now = clock.monotonic();
      const dueIn = [...targets.values()].map((target) => (target.nextAt() ?? Infinity) - now);
      const waitMs = Math.max(0, Math.min(LOOK_MS_MAX - LOOK_MS_MIN, ...dueIn));
      await pause(targets.size === 0 ? Infinity : waitMs, AbortSignal.any([stopping.signal, wake.signal]));
    }
  }

  function lookAll(): void {
    if (targets.size === 0) return;
    const status = deps.status();
    for (const target of targets.values()) {
      const { backupAgeMs } = target.config;
      target.see(seeTroubles(status, { backups, backupAgeMs }));
    }
  }

  /** Sleeps, but not beyond `signal`. */
  async function pause(duration: DurationMs, signal: AbortSignal): Promise<void> {
    await clock.sleep(duration, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  const running = run();
  running.catch(onBug);
  return {
    listen: (event) => {
      if (targets.size === 0) return;
      if (event.kind === "round-ended" && event.mapping.conflict !== "hold") {
        const { name } = event.mapping;
        const item = settledConflicts(name, event.report);
        if (item === undefined) return;
        for (const target of targets.values()) target.happened(`settled mapping ${name}`, item);
      } else if (!WAKING.has(event.kind)) return;
      wake.abort();
    },
    status: () => [...targets.values()].map((target) => target.status()),
    follow: (config) => inTurn(() => follow(config)),
    stop: async () => {
      stopping.abort();
      await running.catch(() => {});
      await inTurn(() => {});
      await Promise.all([...targets.values()].map((target) => target.stop()));
    },
  };
}

function isSame(a: NotifyConfig | undefined, b: NotifyConfig): boolean {
  return a !== undefined && identityOf(a) === identityOf(b);
}

/** Holds secrets: for comparison alone. */
function identityOf(target: NotifyConfig): string {
  const { to, on } = target;
  const names = to.kind === "webhook" ? [...to.headers.keys()] : [];
  return JSON.stringify([target, [...on], names, noticeSecrets(to).map((secret) => secret.reveal())]);
}
