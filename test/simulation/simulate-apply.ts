// `npm run simulate:apply -- --changes 100000 --kills 20 --seed 1`: an apply killed with SIGKILL so many times, and beside it one
// that is not killed and a plain push of the same changes. Runs `dist/`. Exits with 1 if a key is wrong, or was sent again
// although its change was recorded.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { liveKilledApply } from "./killed-apply.ts";

const { values } = parseArgs({
  options: {
    changes: { type: "string", default: "100000" },
    mappings: { type: "string", default: "1" },
    kills: { type: "string", default: "20" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const shared = {
  seed: Number(values.seed),
  changes: Number(values.changes),
  mappings: Number(values.mappings),
  start: (args: readonly string[], cwd: string) =>
    spawn(process.execPath, [main, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] }),
  tell: (line: string) => process.stderr.write(`${line}\n`),
};
const killed = await liveKilledApply({ ...shared, kills: Number(values.kills), by: "apply" });
const apply = await liveKilledApply({ ...shared, kills: 0, by: "apply" });
const push = await liveKilledApply({ ...shared, kills: 0, by: "push" });
const told = {
  ...killed,
  wrong: killed.wrong.length,
  sentAgain: killed.sentAgain.length,
  apply: apply.requests,
  push: push.requests,
};
process.stdout.write(`${JSON.stringify({ seed: shared.seed, ...told }, undefined, 2)}\n`);
const faults = [killed, apply, push].flatMap(({ wrong, sentAgain }) => [...wrong, ...sentAgain]);
process.exit(faults.length > 0 || killed.onceMore !== 12 ? 1 : 0);
