// `npm run simulate:servers -- --kills 50 --crashes 10 --seed 1`: two servers over one PostgreSQL, four clients, one server killed with SIGKILL so
// many times, and the database made to crash. Runs `dist/`. Exits with 1 if an answer was wrong, or if what was acknowledged is not there.

import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { liveKilledServers } from "./killed-servers.ts";
import { serveBy } from "./team-servers.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    crashes: { type: "string", default: "10" },
    clients: { type: "string", default: "4" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const startedAt = Date.now();
const loadBefore = loadavg()[0]!;

const { requests, acknowledged, backMs, afterCrashMs, echoes, wrong } = await liveKilledServers({
  seed: Number(values.seed),
  kills: Number(values.kills),
  crashes: Number(values.crashes),
  clients: Number(values.clients),
  liveMsMax: 3000,
  startServe: serveBy(main),
  tell: (line) => process.stderr.write(`${line}\n`),
});
const spread = (all: readonly number[]): object => {
  const sorted = all.map(Math.round).toSorted((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], slowest: sorted.at(-1) };
};
const report = {
  seed: Number(values.seed),
  seconds: Math.round((Date.now() - startedAt) / 1000),
  load: [loadBefore, loadavg()[0]],
  requests: { ...requests, slowestMs: Math.round(requests.slowestMs) },
  acknowledged,
  kills: backMs.length,
  backMs: spread(backMs),
  crashes: afterCrashMs.length,
  afterCrashMs: { steady: spread(afterCrashMs.map(([a]) => a!)), killed: spread(afterCrashMs.map(([, b]) => b!)) },
  echoes,
  wrong,
};
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
const isWhole = backMs.length === Number(values.kills) && afterCrashMs.length === Number(values.crashes);
process.exit(wrong.length === 0 && isWhole ? 0 : 1);
