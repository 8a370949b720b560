// `npm run simulate:cut-over -- --runs 20 --seed 1`: a migration that follows its source while programs write there and what is written
// shows late, cut over right after the last write. Runs `dist/`. In every other run somebody goes on writing after the cut-over.
// Exits with 1 if a report names a key that nobody wrote late, or does not name one that differs.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { liveCutOver } from "./cut-over.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "20" },
    keys: { type: "string", default: "400" },
    /** A minute on Cloudflare. */
    lag: { type: "string", default: "3000" },
    "at-once": { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
  },
});
const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const seeds = Array.from({ length: Number(values.runs) }, (_, i) => Number(values.seed) + i);
let wrong = 0;

async function work(): Promise<void> {
  for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
    const outcome = await liveCutOver({
      seed,
      keys: Number(values.keys),
      lagMs: Number(values.lag),
      start: (args, cwd) => spawn(process.execPath, [main, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] }),
    });
    const isEqual = outcome.late > 0 || outcome.verdict === "equal";
    const isRight = outcome.wronglyNamed.length + outcome.unnamed.length === 0 && isEqual;
    if (!isRight) wrong++;
    process.stdout.write(`${isRight ? "right" : "WRONG"} ${JSON.stringify(outcome)}\n`);
  }
}

await Promise.all(Array.from({ length: Number(values["at-once"]) }, work));
process.exit(wrong > 0 ? 1 : 0);
