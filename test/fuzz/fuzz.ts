// `npm run fuzz`: ten minutes of each fuzzer, two at a time. `-- --minutes 1 --only server --seed 7` for less, for one, or to
// see again what a seed found. Exits with 1 if any of them finds a difference.

import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pLimit from "p-limit";
import { loadFuzzers } from "./fuzzer.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    only: { type: "string" },
    /** Run it in this process. */
    here: { type: "boolean", default: false },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const fuzzers = await loadFuzzers();
const chosen = [...fuzzers].filter(([file]) => values.only === undefined || file === values.only);
if (chosen.length === 0) throw new Error(`there is no fuzzer ${values.only}, but ${[...fuzzers.keys()].join(", ")}`);

if (values.here) {
  for (const [file, fuzzer] of chosen) {
    const cases = await fuzzer.run({ seed, deadlineMs: Date.now() + minutes * 60_000 });
    process.stdout.write(`${file} (${fuzzer.name}): ${cases} cases in ${minutes} min, seed ${seed}: no difference\n`);
  }
  process.exit(0);
}

const limit = pLimit(availableParallelism());
const codes = await Promise.all(chosen.map(([file]) => limit(() => runOne(file))));
process.exit(codes.every((code) => code === 0) ? 0 : 1);

/** In a process of its own: a reader that hangs or takes all memory must not take the others with it. */
function runOne(file: string): Promise<number | null> {
  const args = ["--here", "--only", file, "--minutes", values.minutes, "--seed", values.seed];
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], { stdio: "inherit" });
  return new Promise((resolve) => {
    child.once("close", (code) => {
      if (code !== 0) process.stdout.write(`${file}: FAILED (seed ${seed})\n`);
      resolve(code);
    });
  });
}
