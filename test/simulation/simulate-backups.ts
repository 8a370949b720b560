// `npm run simulate:backups -- --seeds 200 --seed 1`: backups, prunes and people who forget, at once on one store whose listings lag, hours
// between two calls, and programs that die: so many times. Exits with 1 if a snapshot that was reported as written is lost.

import { parseArgs } from "node:util";
import { liveAtOnce } from "./backups-at-once.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const first = Number(values.seed);
const sums = { written: 0, forgotten: 0, killed: 0, gaveUp: 0, packsRemoved: 0, copied: 0 };
let failed = 0;
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  const report = await liveAtOnce(seed);
  for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += report[name];
  if (report.lost.length + report.failures.length === 0) continue;
  failed++;
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
}
process.stdout.write(
  `${JSON.stringify({ seed: first, seeds: Number(values.seeds), ...sums, failed }, undefined, 2)}\n`,
);
process.exit(failed > 0 ? 1 : 0);
