// What Prometheus expects of every process (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics), read
// when it is asked for. Not prom-client's own collection: that has a timer of 10 ms, and a daemon that has nothing to do is
// to sleep.

import { readdirSync } from "node:fs";
import process from "node:process";
import type { Counter, Gauge, OpenMetricsContentType, Registry } from "prom-client";
import type { Clock } from "../core/clock.ts";

const MICROS_PER_SECOND = 1_000_000;

/** Returns what brings them up to date. */
export function openProcessMetrics(
  clock: Clock,
  prom: { readonly Counter: typeof Counter; readonly Gauge: typeof Gauge },
  registers: Registry<OpenMetricsContentType>[],
): () => void {
  const cpu = new prom.Counter({
    name: "process_cpu_seconds_total",
    help: "Time that the process has used, in the system and by itself.",
    registers,
  });
  const gauge = (name: string, help: string) => new prom.Gauge({ name: `process_${name}`, help, registers });
  const memory = gauge("resident_memory_bytes", "Memory that the process uses.");
  const files = gauge("open_fds", "Files, sockets and watches that are open.");
  gauge("start_time_seconds", "When the process started.").set(Math.round(clock.now() / 1000 - process.uptime()));
  return () => {
    const { user, system } = process.cpuUsage();
    cpu.reset();
    cpu.inc((user + system) / MICROS_PER_SECOND);
    memory.set(process.memoryUsage.rss());
    const open = countOpenFiles();
    if (open === undefined) files.remove();
    else files.set(open);
  };
}

/** Undefined where the system does not tell. */
function countOpenFiles(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== "string") throw error;
    return undefined;
  }
}
