// `npm run simulate:backup-kills -- --kills 200 --seed 1 --store folder|s3`: backups, copies, forgets, prunes and repairs killed with SIGKILL so
// many times, several at once, in folders or in object storage that fails all along. Runs `dist/`. Exits with 1 if a snapshot that was
// reported as complete is lost, or anything is damaged, or room is not freed in the end.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { liveKilledBackups } from "./killed-backups.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    keys: { type: "string", default: "400" },
    large: { type: "string", default: "1200000" },
    store: { type: "string", default: "folder" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    main: { type: "string", default: fileURLToPath(new URL("../../dist/main.js", import.meta.url)) },
  },
});
const { store, main } = values;
if (store !== "folder" && store !== "s3") throw new Error("--store is folder or s3");
const startedAt = Date.now();

const report = await liveKilledBackups({
  seed: Number(values.seed),
  kills: Number(values.kills),
  store,
  keys: Number(values.keys),
  // With 18000000 a backup makes several packs of values.
  large: [2 / 3, 1 / 3].map((share) => Math.floor(Number(values.large) * share)),
  start: (args, cwd, env) =>
    spawn(process.execPath, [main, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    }),
  tell: (line) => process.stderr.write(`${line}\n`),
});
const seconds = Math.round((Date.now() - startedAt) / 1000);
process.stdout.write(`${JSON.stringify({ seed: Number(values.seed), store, seconds, ...report })}\n`);
process.exit(report.failures.length > 0 ? 1 : 0);
