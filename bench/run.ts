// `npm run bench [-- --runs N] [case...]`: builds the command line, runs the cases, and prints one Markdown table a case with
// ratios and whether the target was met. Exits with 1 if a target was missed. `--against MAIN.JS` (for `latency`) measures
// another build beside this one.

import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { benchDaemon } from "./daemon.ts";
import { archiveCases } from "./archives.ts";
import { benchBackups } from "./backups.ts";
import { type BenchCase, cases as ownCases, sweep, type Target } from "./cases.ts";
import { type Measured, measureInTurns, median } from "./measure.ts";
import { benchFleet } from "./fleet.ts";
import { benchLatency } from "./latency.ts";
import { benchPage } from "./page.ts";
import { benchProgress } from "./progress.ts";
import { benchSaves } from "./saves.ts";
import { benchServerMemory } from "./server-memory.ts";
import { benchServers } from "./servers.ts";

const cases: Readonly<Record<string, BenchCase>> = { ...ownCases, ...archiveCases };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "5" },
    "no-build": { type: "boolean", default: false },
    against: { type: "string", multiple: true, default: [] },
  },
});

/** What is more than a contest of commands. Each returns how many targets it missed. */
const others: Readonly<Record<string, () => Promise<number>>> = {
  daemon: benchDaemon,
  saves: benchSaves,
  progress: benchProgress,
  page: benchPage,
  backups: benchBackups,
  "server-memory": benchServerMemory,
  servers: () => benchServers({ runs: Number(values.runs) }),
  fleet: benchFleet,
  latency: () => benchLatency({ runs: Number(values.runs), against: values.against }),
};
const names = [...Object.keys(cases), ...Object.keys(others)];
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no case ${unknown.join(", ")}; there are: ${names.join(", ")}\n`);
  process.exit(2);
}

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
if (!values["no-build"]) execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: ["ignore", 2, 2] });
const chosen = positionals.length > 0 ? positionals : names;
if (chosen.some((name) => name in cases || name === "latency" || name === "servers")) {
  execFileSync("bash", [join(root, "test/peers/install.sh")], { stdio: ["ignore", 2, 2] });
}

let missed = 0;
sweep();
for (const name of chosen) {
  const benchCase = cases[name];
  if (benchCase !== undefined) await run(benchCase);
  else missed += (await others[name]?.()) ?? 0;
}
sweep();
process.exit(missed > 0 ? 1 : 0);

async function run(benchCase: BenchCase): Promise<void> {
  const runs = benchCase.runs ?? Number(values.runs);
  await benchCase.with(async (contenders) => {
    const measured = await measureInTurns(contenders, runs);
    process.stdout.write(
      `\n**${benchCase.title}** (median of ${runs}${runs === 1 ? "" : ", contenders in turns"})\n\n`,
    );
    process.stdout.write("| | wall | spread | peak memory | against | target |\n|---|---:|---:|---:|---|---|\n");
    for (const row of measured) process.stdout.write(`${renderRow(row, measured, benchCase.targets[row.name])}\n`);
  });
}

function renderRow(row: Measured, all: readonly Measured[], target: Target | undefined): string {
  if (row.samples.length === 0) return `| ${row.name} | not installed | | | | |`;
  const walls = row.samples.map((sample) => sample.wallMs);
  const spread = `${seconds(Math.min(...walls))}–${seconds(Math.max(...walls))}`;
  const { against, verdict } = judge(row, all, target);
  return `| ${row.name} | ${seconds(wallOf(row))} | ${spread} | ${mebibytes(peakOf(row))} | ${against} | ${verdict} |`;
}

function judge(
  row: Measured,
  all: readonly Measured[],
  target: Target | undefined,
): { against: string; verdict: string } {
  if (target === undefined) return { against: "", verdict: "" };
  const other = all.find((candidate) => candidate.name === target.of && candidate.samples.length > 0);
  const against: string[] = [];
  const wanted: { text: string; met: boolean }[] = [];
  if (other !== undefined) {
    const wall = wallOf(row) / wallOf(other);
    const peak = peakOf(row) / peakOf(other);
    against.push(`${wall.toFixed(2)}x wall of ${target.of}`);
    if (!Number.isNaN(peak)) against.push(`${peak.toFixed(2)}x memory`);
    if (target.wall !== undefined) wanted.push({ text: `wall <= ${target.wall}x`, met: wall <= target.wall });
    if (target.peak !== undefined) wanted.push({ text: `memory <= ${target.peak}x`, met: peak <= target.peak });
  }
  if (target.peakBytesMax !== undefined) {
    wanted.push({ text: `memory < ${mebibytes(target.peakBytesMax)}`, met: peakOf(row) < target.peakBytesMax });
  }
  missed += wanted.filter((one) => !one.met).length;
  return {
    against: against.join(", "),
    verdict: wanted.map(({ text, met }) => `${text} ${met ? "met" : "MISSED"}`).join(", "),
  };
}

function wallOf(row: Measured): number {
  return median(row.samples.map((sample) => sample.wallMs));
}

function peakOf(row: Measured): number {
  return median(row.samples.map((sample) => sample.peakBytes ?? Number.NaN));
}

function seconds(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(ms < 100 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function mebibytes(bytes: number): string {
  return Number.isNaN(bytes) ? "" : `${Math.round(bytes / 1024 / 1024)} MB`;
}
