// `npm run simulate:writers [-- --watch polling]`: programs that write as programs do, beside a real daemon, and what was visible at the remote
// meanwhile. Runs `dist/`, for two minutes. Exits with 1 if a value was visible that is no version of its file. Of a log that is
// written to all the time, what it holds after `stable_max` is one.

import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openWritersWorld, type WritersWorld } from "./writers-world.ts";

interface Outcome {
  readonly writer: string;
  /** Values that were visible, in order, each once in a row. */
  readonly uploads: number;
  /** Of those: what is no version of the file, and no documented exception. */
  readonly broken: number;
  readonly note: string;
}

const BYTES = 20_000_000;
const PIECE_BYTES = 100_000;

/** 20 MB at 2 MB/s, in pieces of 100 kB. */
async function growing(world: WritersWorld): Promise<Outcome> {
  const path = join(world.folder, "growing.bin");
  const seen = world.watch("growing.bin");
  writeFileSync(path, "");
  for (let written = 0; written < BYTES; written += PIECE_BYTES) {
    appendFileSync(path, Buffer.alloc(PIECE_BYTES, 120));
    await sleep(50);
  }
  await sleep(2000);
  const sizes = (await seen.stop()).map((value) => value.byteLength);
  const broken = sizes.filter((size) => size < BYTES).length;
  return { writer: "20 MB at 2 MB/s", uploads: sizes.length, broken, note: `; sizes ${sizes.join(", ")}` };
}

/** Truncates, pauses for three seconds, and writes: five times. */
async function truncating(world: WritersWorld): Promise<Outcome> {
  const path = join(world.folder, "truncated.txt");
  const text = (i: number): string => `version ${i}\n`.repeat(1000);
  writeFileSync(path, text(0));
  const seen = world.watch("truncated.txt");
  await sleep(1500);
  for (let i = 1; i <= 5; i++) {
    writeFileSync(path, "");
    await sleep(3000);
    appendFileSync(path, text(i).slice(0, 5000));
    await sleep(100);
    appendFileSync(path, text(i).slice(5000));
    await sleep(1500);
  }
  const found = (await seen.stop()).map(String);
  const whole = new Set(Array.from({ length: 6 }, (_, i) => text(i)));
  const broken = found.filter((value) => !whole.has(value)).length;
  return { writer: "truncate, 3 s, write; 5 times", uploads: found.length, broken, note: "" };
}

/** A line every 100 ms for two minutes. */
async function logging(world: WritersWorld): Promise<Outcome> {
  const path = join(world.folder, "app.log");
  const seen = world.watch("app.log");
  const began = Date.now();
  let all = "";
  for (let i = 0; Date.now() < began + 120_000; i++) {
    const line = `${i} something happened\n`;
    all += line;
    appendFileSync(path, line);
    await sleep(Math.max(0, began + (i + 1) * 100 - Date.now()));
  }
  await sleep(2000);
  const found = (await seen.stop()).map(String);
  const broken = found.filter((value) => !all.startsWith(value)).length;
  const isWhole = found.at(-1) === all;
  const note = `; lines ${found.map((value) => value.split("\n").length - 1).join(", ")}; the last one is ${isWhole ? "" : "not "}whole`;
  return { writer: "a log for two minutes", uploads: found.length, broken: broken + (isWhole ? 0 : 1), note };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

let broken = 0;
const { values } = parseArgs({ options: { watch: { type: "string", default: "auto" } } });
const world = await openWritersWorld(values.watch);
try {
  for (const outcome of await Promise.all([growing(world), truncating(world), logging(world)])) {
    print(`${outcome.writer}: ${outcome.uploads} values seen, ${outcome.broken} broken${outcome.note}`);
    broken += outcome.broken;
  }
  const { bulkWrite, write, bulkGet, list } = world.requests();
  print(`requests of the daemon: ${JSON.stringify({ bulkWrite, write, bulkGet, list })}`);
} finally {
  await world.close();
}
process.exit(broken > 0 ? 1 : 0);
