// `npm run simulate -- --days 30 --seed 1`: a two-way mapping through so many simulated days, and what became of every value.
// Exits with 1 if one is lost, or if the sides do not come to rest alike. `--lag SECONDS` (60) is how long the remote may
// lag behind itself, `--jumps HOURS` (6; 0: never) after how long, on average, the clock is set ahead or back by up to three
// days, `--decide MINUTES` (20; 0: never) how often a person decides a conflict or pauses the mapping, `--conflict hold` lets
// conflicts wait for that, `--mode push` or `pull` looks at those, `--trace KEY` tells what happens to one key.

import { parseArgs } from "node:util";
import { BAD_DAY, BUSY, DAY, HOUR, MINUTE, SECOND, TwoWayWorld } from "./two-way-world.ts";

const { values } = parseArgs({
  options: {
    days: { type: "string", default: "30" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    lag: { type: "string", default: "60" },
    jumps: { type: "string", default: "6" },
    mode: { type: "string", default: "two-way" },
    decide: { type: "string", default: "20" },
    conflict: { type: "string", default: "keep-both" },
    trace: { type: "string" },
  },
});
const days = Number(values.days);
const world = new TwoWayWorld({
  seed: Number(values.seed),
  lagMs: Number(values.lag) * SECOND,
  habits: BUSY,
  faults: BAD_DAY,
  ...(Number(values.jumps) > 0 && { jumpEveryMs: Number(values.jumps) * HOUR }),
  ...(Number(values.decide) > 0 && values.mode === "two-way" && { decideEveryMs: Number(values.decide) * MINUTE }),
  mapping: { mode: parseMode(values.mode), conflict: values.conflict === "hold" ? "hold" : "keep-both" },
  ...(values.trace !== undefined && {
    trace: { key: values.trace, tell: (line: string) => process.stderr.write(`${line}\n`) },
  }),
});

/** A one-way mapping is not alike on both sides in the end: what counts is that nothing is lost. */
function parseMode(mode: string): "two-way" | "push" | "pull" {
  if (mode === "two-way" || mode === "push" || mode === "pull") return mode;
  throw new Error(`there is no mode ${mode}`);
}

const startedAt = Date.now();
await world.open();
for (let day = 1; day <= days; day++) {
  await world.run(DAY);
  process.stderr.write(`day ${day} of ${days}, ${Math.round((Date.now() - startedAt) / 1000)} s\n`);
}
const report = await world.settle();
await world.close();
process.stdout.write(`${JSON.stringify({ seed: Number(values.seed), days, ...report }, undefined, 2)}\n`);
// A conflict that waits is one that nobody has decided.
const isAlike = values.mode === "two-way" && values.conflict !== "hold";
const restless = isAlike ? report.apart.length + report.unrest : 0;
process.exit(report.lost.length + restless > 0 ? 1 : 0);
