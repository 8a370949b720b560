// `npm run simulate:migration -- --keys 200000 --kills 50 --seed 1`: a migration of 30 namespaces between two servers with tokens and limits
// of their own, killed with SIGKILL so many times. Runs `dist/`. Exits with 1 if both sides differ in the end, if a limit was passed, or
// if more than 2 % of the requests were needless: see migration-ledger.ts for how they are counted.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { liveKilledMigration } from "./killed-migration.ts";

const { values } = parseArgs({
  options: {
    keys: { type: "string", default: "200000" },
    kills: { type: "string", default: "50" },
    namespaces: { type: "string", default: "30" },
    requests: { type: "string", default: "1200" },
    seconds: { type: "string", default: "3" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const OVER_SHARE_MAX = 0.02;
const startedAt = Date.now();

const report = await liveKilledMigration({
  seed: Number(values.seed),
  kills: Number(values.kills),
  keys: Number(values.keys),
  namespaces: Number(values.namespaces),
  limit: { requests: Number(values.requests), seconds: Number(values.seconds) },
  start: (args, cwd) => spawn(process.execPath, [main, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] }),
  tell: (line) => process.stderr.write(`${line}\n`),
});
const seconds = Math.round((Date.now() - startedAt) / 1000);
process.stdout.write(`${JSON.stringify({ seed: Number(values.seed), seconds, ...report }, undefined, 2)}\n`);
const sum = (of: "sent" | "fewest" | "inFlight" | "over"): number =>
  report.kinds.reduce((total, kind) => total + kind[of], 0);
const overShare = sum("over") / (sum("fewest") + sum("inFlight"));
const checksFailed = Object.entries(report.checks).some(([code]) => code !== "0");
process.stdout.write(
  `${sum("sent")} requests: ${sum("fewest")} the fewest, ${sum("inFlight")} in flight at ${report.kills} kills, ${sum("over")} over (${(overShare * 100).toFixed(2)} %)\n`,
);
const isWell = report.failures.length === 0 && report.verdict === "equal" && report.rootsApart === 0 && !checksFailed;
process.exit(isWell && report.rateLimited === 0 && overShare <= OVER_SHARE_MAX ? 0 : 1);
