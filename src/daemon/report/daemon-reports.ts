// Whom the daemon reports to besides its log: the service manager, and whoever asks over HTTP for health and metrics.

import type { Clock } from "../../core/clock.ts";
import { redact } from "../../core/redact.ts";
import type { Daemon } from "../daemon.ts";
import type { DaemonListener } from "../daemon-event.ts";
import { countEvents, healthSnapshot, metricsSnapshot } from "./event-metrics.ts";
import { areLoopsAlive } from "../../monitor/health.ts";
import type { HealthAddress } from "../../monitor/health-address.ts";
import { openHealthServer } from "../../monitor/health-server.ts";
import type { Heartbeats } from "../heartbeats.ts";
import type { Log } from "./log.ts";
import { openMetrics } from "../../monitor/metrics.ts";
import type { DaemonStatus } from "../control/daemon-status.ts";
import type { MappingStatus } from "../../mapping/status.ts";
import { openSystemdNotify } from "./systemd-notify.ts";
import { monotonicMicros } from "../../core/system-clock.ts";

export interface DaemonReportsDeps {
  readonly clock: Clock;
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly daemon: Daemon;
  readonly heartbeats: Heartbeats;
  readonly health: HealthAddress | undefined;
}

export interface DaemonReports {
  readonly listen: DaemonListener;
  /** Where health and metrics are served. */
  readonly url: string | undefined;
  /** A reload begins; to be called back when it has ended. */
  readonly reloading: () => () => void;
  /** The daemon is about to stop. */
  close(): Promise<void>;
}

export async function openDaemonReports(deps: DaemonReportsDeps): Promise<DaemonReports> {
  const { clock, env, log, daemon, heartbeats } = deps;
  const web = deps.health === undefined ? undefined : await openWeb(deps.health, deps);
  const systemd = openSystemdNotify({
    clock,
    log,
    env,
    isAlive: () => areLoopsAlive(heartbeats.list()),
    monotonicMicros,
  });
  let told = "";
  const tellStatus = (): void => {
    const text = statusLine(daemon.status());
    if (text !== told) systemd.status(redact(text));
    told = text;
  };
  systemd.ready();
  tellStatus();
  return {
    url: web?.url,
    listen: (event) => {
      web?.listen(event);
      if (event.kind === "backup-ended" || ("mapping" in event && event.kind !== "round-began")) tellStatus();
    },
    reloading: () => {
      systemd.reloading();
      return () => systemd.ready();
    },
    close: async () => {
      systemd.stopping();
      await web?.close();
      await systemd.close();
    },
  };
}

async function openWeb(
  { host, port }: HealthAddress,
  { clock, version, daemon, heartbeats }: DaemonReportsDeps,
): Promise<{ readonly url: string; readonly listen: DaemonListener; close(): Promise<void> }> {
  const metrics = await openMetrics({ clock, version, read: () => metricsSnapshot(daemon.status()) });
  const status = (): ReturnType<typeof healthSnapshot> => healthSnapshot(daemon.status(), heartbeats.list());
  const server = await openHealthServer({ host, port, status, metrics });
  return { url: server.url, listen: countEvents(metrics), close: () => server.close() };
}

/** `3 kept in step, 1 on hold`: nothing that changes with each round, since each message is a process. */
function statusLine({ mappings, backups }: DaemonStatus): string {
  if (mappings.length + backups.length === 0) return "no mappings";
  const counts = new Map<string, number>();
  for (const mapping of mappings) counts.set(wordOf(mapping), (counts.get(wordOf(mapping)) ?? 0) + 1);
  const failing = backups.filter(({ failure }) => failure !== null).length;
  const ofBackups = failing > 0 ? `${failing} ${failing === 1 ? "backup" : "backups"} failing` : "backups in order";
  const parts = [...counts].map(([word, times]) => `${times} ${word}`);
  return [...parts, ...(backups.length === 0 ? [] : [ofBackups])].join(", ");
}

function wordOf({ state }: MappingStatus): string {
  if (state === "hold") return "on hold";
  if (state === "paused") return "paused";
  if (state === "error") return "failing";
  return state === "starting" ? "starting" : "kept in step";
}
