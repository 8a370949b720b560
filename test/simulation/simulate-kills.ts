// `npm run simulate:kills -- --kills 200 --seed 1`: the daemon killed with SIGKILL so many times during two-way work, and what
// became of every value. Runs `dist/`. Exits with 1 if one is lost, or if the sides do not end alike. With `--jumps` each daemon
// finds another time of day than the one before it, by hours or weeks (libfaketime; files keep the kernel's times).

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { KILL_FAULTS, liveKilled } from "./killed-daemon.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    jumps: { type: "boolean", default: false },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const LIBRARY = `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu/faketime/libfaketimeMT.so.1`;
const JUMPS = ["+0", "+2h", "-2h", "+40d", "-40d", "+1d"];
if (values.jumps && !existsSync(LIBRARY)) throw new Error(`--jumps needs ${LIBRARY}: apt-get install libfaketime`);
let daemons = 0;

/** The time of day of the next daemon. */
function clockOf(args: readonly string[]): NodeJS.ProcessEnv {
  if (!values.jumps || args[0] !== "run") return process.env;
  const FAKETIME = JUMPS[(daemons++ * 5 + Number(values.seed)) % JUMPS.length];
  return { ...process.env, LD_PRELOAD: LIBRARY, FAKETIME, FAKETIME_DONT_FAKE_MONOTONIC: "1", DONT_FAKE_MONOTONIC: "1" };
}

const report = await liveKilled({
  seed: Number(values.seed),
  kills: Number(values.kills),
  faults: { ...KILL_FAULTS, seed: Number(values.seed) },
  start: (args, cwd) =>
    spawn(process.execPath, [main, ...args], { cwd, env: clockOf(args), stdio: ["ignore", "pipe", "pipe"] }),
  tell: (line) => process.stderr.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify({ seed: Number(values.seed), ...report }, undefined, 2)}\n`);
process.exit(report.lost.length + report.unseen.length + report.apart.length > 0 ? 1 : 0);
