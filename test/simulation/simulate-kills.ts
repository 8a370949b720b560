// `npm run simulate:kills -- --kills 200 --seed 1`: the daemon killed with SIGKILL so many times during two-way work, and what
// became of every value. Runs `dist/`. Exits with 1 if one is lost, or if the sides do not end alike.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { KILL_FAULTS, liveKilled } from "./killed-daemon.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const report = await liveKilled({
  seed: Number(values.seed),
  kills: Number(values.kills),
  faults: { ...KILL_FAULTS, seed: Number(values.seed) },
  start: (args, cwd) => spawn(process.execPath, [main, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] }),
  tell: (line) => process.stderr.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify({ seed: Number(values.seed), ...report }, undefined, 2)}\n`);
process.exit(report.lost.length + report.unseen.length + report.apart.length > 0 ? 1 : 0);
