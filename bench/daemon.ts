// The daemon over time: a real `kvsync run` that watches 10,000 files, and then 100,000, and is edited beside. Its memory,
// descriptors and timers after the start, after 2,000 edits and, with 100,000, after 40,000 new files at once; and whether all
// of these arrive.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { bulkGet, countKeys, MAIN, writeConfig } from "./cases.ts";
import { type Daemon, inStep, type Reading, startDaemon, WAIT_MS_MAX } from "./daemon-process.ts";
import { benchRoot, HUNDRED_THOUSAND, makeTree, seededRandom, TEN_THOUSAND, type TreeShape } from "./make-tree.ts";
import { startServer } from "./server-process.ts";

const EDITS = 2000;
/** So many at once, then a pause that is long enough for a round of their own. */
const EDITS_AT_ONCE = 20;
const EDIT_PAUSE_MS = 300;
const BURST_FILES = 40_000;
const BURST_START = "burst/d";
const FILES_PER_FOLDER = 100;
const BURST_ARRIVES_MS_MAX = 5000;
/** As many as one bulk get asks for. */
const SAMPLE_KEYS = 100;
const SAMPLE_PAUSE_MS = 100;
const MEBIBYTE = 1024 * 1024;

/** Prints a table for each and what it means. Returns how many targets were missed. */
export async function benchDaemon(): Promise<number> {
  const few = await watch(TEN_THOUSAND, { rssBytesMax: 130 * MEBIBYTE, hasBurst: false });
  return few + (await watch(HUNDRED_THOUSAND, { rssBytesMax: 300 * MEBIBYTE, hasBurst: true }));
}

interface Asked {
  readonly rssBytesMax: number;
  readonly hasBurst: boolean;
}

async function watch(shape: TreeShape, asked: Asked): Promise<number> {
  const folder = mkdtempSync(join(benchRoot(), "watched-"));
  cpSync(makeTree(shape), folder, { recursive: true });
  const server = await startServer(MAIN);
  const daemon = await startDaemon(writeConfig("push", folder, server.url));
  try {
    await inStep(daemon);
    const readings = [await daemon.read("after the first push")];
    const edits = await edit(daemon, { folder, url: server.url, files: shape.files });
    readings.push(await daemon.read(`after ${EDITS} edits`));
    const burst = asked.hasBurst ? await createAtOnce(daemon, folder, server.url) : undefined;
    if (asked.hasBurst) readings.push(await daemon.read(`after ${BURST_FILES} new files`));
    return tell({ shape, asked, readings, edits, burst });
  } finally {
    await daemon.stop();
    await server.stop();
    server.discard();
    rmSync(folder, { recursive: true });
  }
}

interface Edits {
  readonly requests: number;
  readonly arrived: number;
}

/** An hour's edits in half a minute: a hundred rounds over a few files each. */
async function edit(
  daemon: Daemon,
  { folder, url, files }: { readonly folder: string; readonly url: string; readonly files: number },
): Promise<Edits> {
  const random = seededRandom(3);
  const before = daemon.status().requests;
  const edited = new Map<string, string>();
  for (let number = 0; number < EDITS; number++) {
    const index = Math.floor(random() * files);
    const key = keyOf("d", index);
    const text = `{"edit":${number}}`;
    writeFileSync(join(folder, key), text);
    edited.set(key, text);
    if (number % EDITS_AT_ONCE === EDITS_AT_ONCE - 1) await pause(EDIT_PAUSE_MS);
  }
  await inStep(daemon);
  const requests = daemon.status().requests - before;
  const found = await bulkGet(url, [...edited.keys()]);
  return {
    requests,
    arrived: [...edited].filter(([key, text]) => found.get(key) === text).length + (EDITS - edited.size),
  };
}

interface Burst {
  readonly createMs: number;
  readonly arriveMs: number;
  readonly arrived: number;
}

async function createAtOnce(daemon: Daemon, folder: string, url: string): Promise<Burst> {
  const began = Date.now();
  for (let index = 0; index < BURST_FILES; index++) {
    const path = join(folder, keyOf(BURST_START, index));
    if (index % FILES_PER_FOLDER === 0) mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `{"new":${index}}`);
  }
  const created = Date.now();
  const { arrived, seenAt } = await arrivals(url, created + WAIT_MS_MAX);
  await inStep(daemon);
  return { createMs: created - began, arriveMs: seenAt - created, arrived };
}

/** Waits until all of the burst is at the remote, which is asked itself, for little at a time: to start `kvsync status` ten times
 * a second takes half a core from what is measured. Once a sample is there, all keys are counted; `seenAt` is when a count that
 * found them was over. */
async function arrivals(url: string, giveUpAt: number): Promise<{ readonly arrived: number; readonly seenAt: number }> {
  const sample = Array.from({ length: SAMPLE_KEYS }, (_, at) =>
    keyOf(BURST_START, Math.round((at * (BURST_FILES - 1)) / (SAMPLE_KEYS - 1))),
  );
  for (;;) {
    const isLate = Date.now() > giveUpAt;
    const isSampleThere = (await bulkGet(url, sample)).size === SAMPLE_KEYS;
    const arrived = isSampleThere || isLate ? await countKeys(url, BURST_START) : 0;
    const seenAt = Date.now();
    if (arrived === BURST_FILES || isLate) return { arrived, seenAt };
    await pause(SAMPLE_PAUSE_MS);
  }
}

/** As makeTree names them. */
function keyOf(start: string, index: number): string {
  const parent = Math.floor(index / FILES_PER_FOLDER)
    .toString()
    .padStart(5, "0");
  return `${start}${parent}/f${(index % FILES_PER_FOLDER).toString().padStart(2, "0")}.json`;
}

interface Outcome {
  readonly shape: TreeShape;
  readonly asked: Asked;
  readonly readings: readonly Reading[];
  readonly edits: Edits;
  readonly burst: Burst | undefined;
}

function tell({ shape, asked: { rssBytesMax }, readings, edits, burst }: Outcome): number {
  const megabytes = (bytes: number): string => `${Math.round(bytes / MEBIBYTE)} MB`;
  const rows = readings.map(({ moment, rssBytes, peakBytes, descriptors, timers, watches }) => [
    moment,
    megabytes(rssBytes),
    megabytes(peakBytes),
    ...[descriptors, timers, watches].map(String),
  ]);
  const [started] = readings as readonly [Reading];
  const targets: (readonly [text: string, met: boolean])[] = [
    [
      `memory < ${megabytes(rssBytesMax)} after the first push and after the edits`,
      readings.slice(0, 2).every(({ rssBytes }) => rssBytes < rssBytesMax),
    ],
    ["no more descriptors than at the start", readings.every(({ descriptors }) => descriptors <= started.descriptors)],
    ["no more timers than at the start", readings.every(({ timers }) => timers <= started.timers)],
    [`${edits.arrived} of ${EDITS} edits arrived, with ${edits.requests} requests`, edits.arrived === EDITS],
  ];
  if (burst !== undefined) {
    const { arrived, arriveMs, createMs } = burst;
    targets.push([
      `${arrived} of ${BURST_FILES} new files arrived, ${seconds(arriveMs)} after the last was made (in ${seconds(createMs)})`,
      arrived === BURST_FILES && arriveMs <= BURST_ARRIVES_MS_MAX,
    ]);
  }
  const lines = [
    `\n**The daemon, watching ${shape.files.toLocaleString("en")} files**\n`,
    "| | memory | peak so far | descriptors | timers | folders watched |",
    "|---|---:|---:|---:|---:|---:|",
    ...rows.map((cells) => `| ${cells.join(" | ")} |`),
    "",
    ...targets.map(([text, met]) => `- ${text}: ${met ? "met" : "MISSED"}`),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  return targets.filter(([, met]) => !met).length;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
