// From a save to its value at the remote: a real `kvsync run` over 10, 10,000 and 100,000 files, one file saved at a time, in the
// two ways that editors have: a new file renamed over the old one, and the old one written over.

import { cpSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { bulkGet, MAIN, writeConfig } from "./cases.ts";
import { inStep, startDaemon } from "./daemon-process.ts";
import { benchRoot, HUNDRED_THOUSAND, makeTree, seededRandom, TEN, TEN_THOUSAND, type TreeShape } from "./make-tree.ts";
import { median } from "./measure.ts";
import { startServer } from "./server-process.ts";

const SAVES = 50;
/** What a person is not to notice. */
const RENAMED_MS_MAX = 300;
/** Longer than a round takes, and never in step with one. */
const PAUSE_MS_MIN = 300;
const PAUSE_MS_SPREAD = 300;
const WAIT_MS_MAX = 30_000;

type Way = "renamed" | "written over";

/** Prints a table. Returns how many targets were missed. */
export async function benchSaves(): Promise<number> {
  const lines = [
    "\n**From a save to its value at the remote**\n",
    `| files | way | median of ${SAVES} | 9 of 10 within | slowest | target |`,
    "|---:|---|---:|---:|---:|---|",
  ];
  let missed = 0;
  for (const shape of [TEN, TEN_THOUSAND, HUNDRED_THOUSAND]) {
    for (const [way, took] of await saveInto(shape)) {
      const sorted = took.toSorted((a, b) => a - b);
      const middle = median(took);
      const isMet = way !== "renamed" || middle <= RENAMED_MS_MAX;
      if (!isMet) missed++;
      const target = way === "renamed" ? `<= ${RENAMED_MS_MAX} ms ${isMet ? "met" : "MISSED"}` : "";
      const [most, slowest] = [sorted[Math.ceil(SAVES * 0.9) - 1]!, sorted.at(-1)!];
      lines.push(
        `| ${shape.files.toLocaleString("en")} | ${way} | ${[middle, most, slowest].map((ms) => `${ms.toFixed(0)} ms`).join(" | ")} | ${target} |`,
      );
    }
  }
  process.stdout.write(`${lines.join("\n")}\n`);
  return missed;
}

async function saveInto(shape: TreeShape): Promise<ReadonlyMap<Way, readonly number[]>> {
  const folder = mkdtempSync(join(benchRoot(), "saved-"));
  cpSync(makeTree(shape), folder, { recursive: true });
  const server = await startServer(MAIN);
  const daemon = await startDaemon(writeConfig("push", folder, server.url));
  const random = seededRandom(6);
  const took = new Map<Way, number[]>([
    ["renamed", []],
    ["written over", []],
  ]);
  try {
    await inStep(daemon);
    const [parent] = readdirSync(folder);
    const [name] = readdirSync(join(folder, parent!));
    const key = `${parent!}/${name!}`;
    const path = join(folder, key);
    for (let number = 0; number < SAVES; number++) {
      for (const [way, times] of took) {
        await pause(PAUSE_MS_MIN + random() * PAUSE_MS_SPREAD);
        const text = `{"save":${number},"way":"${way}"}`;
        const began = performance.now();
        save(way, path, text);
        await visible(server.url, key, text);
        times.push(performance.now() - began);
      }
    }
  } finally {
    await daemon.stop();
    await server.stop();
    server.discard();
    rmSync(folder, { recursive: true });
  }
  return took;
}

function save(way: Way, path: string, text: string): void {
  if (way === "written over") return writeFileSync(path, text);
  // As JetBrains does; the name is excluded by default.
  writeFileSync(`${path}___jb_tmp___`, text);
  renameSync(`${path}___jb_tmp___`, path);
}

async function visible(url: string, key: string, text: string): Promise<void> {
  const end = Date.now() + WAIT_MS_MAX;
  while ((await bulkGet(url, [key])).get(key) !== text) {
    if (Date.now() > end) throw new Error(`a save of ${key} did not arrive: the figures mean nothing`);
    await pause(5);
  }
}
