// Loaded into the daemon that is measured, and nowhere else: tells, when it is sent SIGUSR2, what only a process itself can
// say, the timers and handles that it waits for.

import { renameSync, writeFileSync } from "node:fs";
import process from "node:process";

process.on("SIGUSR2", () => {
  const file = process.env.KVSYNC_BENCH_PROBE;
  const resources = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  writeFileSync(`${file}.new`, JSON.stringify(resources));
  renameSync(`${file}.new`, file);
});
