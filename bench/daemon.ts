// The daemon over time: a real `kvsync run` that watches 100,000 files and is edited beside. Its memory, descriptors and timers
// after the start, after 2,000 edits and after 40,000 new files at once; and whether all of these arrive.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bulkGet, countKeys, MAIN, writeConfig } from "./cases.ts";
import { benchRoot, HUNDRED_THOUSAND, makeTree, seededRandom } from "./make-tree.ts";
import { startServer } from "./server-process.ts";

const EDITS = 2000;
/** So many at once, then a pause that is long enough for a round of their own. */
const EDITS_AT_ONCE = 20;
const EDIT_PAUSE_MS = 300;
const BURST_FILES = 40_000;
const FILES_PER_FOLDER = 100;
const RSS_BYTES_MAX = 200 * 1024 * 1024;
/** Longer than a connection is kept for the next request. */
const IDLE_MS = 6000;
const WAIT_MS_MAX = 300_000;

const here = dirname(fileURLToPath(import.meta.url));

interface Reading {
  readonly moment: string;
  readonly rssBytes: number;
  readonly peakBytes: number;
  readonly descriptors: number;
  readonly timers: number;
  readonly watches: number;
}

interface Daemon {
  readonly pid: number;
  /** Sends a request and waits for the answer: what `kvsync status --json` says of the only mapping. */
  status(): { readonly state: string; readonly pending: number; readonly requests: number };
  read(moment: string): Promise<Reading>;
  stop(): Promise<void>;
}

/** Prints a table and what it means. Returns how many targets were missed. */
export async function benchDaemon(): Promise<number> {
  const folder = mkdtempSync(join(benchRoot(), "watched-"));
  cpSync(makeTree(HUNDRED_THOUSAND), folder, { recursive: true });
  const server = await startServer(MAIN);
  const daemon = await startDaemon(writeConfig("push", folder, server.url));
  try {
    await inStep(daemon);
    const started = await daemon.read("after the first push");
    const edits = await edit(daemon, folder, server.url);
    const edited = await daemon.read(`after ${EDITS} edits`);
    const burst = await createAtOnce(daemon, folder, server.url);
    const grown = await daemon.read(`after ${BURST_FILES} new files`);
    return tell([started, edited, grown], edits, burst);
  } finally {
    await daemon.stop();
    await server.stop();
    server.discard();
    rmSync(folder, { recursive: true });
  }
}

async function startDaemon(config: string): Promise<Daemon> {
  const probe = `${config}.probe`;
  const child = spawn(MAIN, ["run", "--json", "--quiet", "-c", config], {
    env: { ...process.env, NODE_OPTIONS: `--import=${join(here, "daemon-probe.mjs")}`, KVSYNC_BENCH_PROBE: probe },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const kill = (): boolean => child.kill();
  process.once("exit", kill);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const pid = child.pid!;
  return {
    pid,
    status: () => statusOf(config),
    async read(moment) {
      await pause(IDLE_MS);
      rmSync(probe, { force: true });
      process.kill(pid, "SIGUSR2");
      while (!existsSync(probe)) await pause(10);
      const resources = JSON.parse(readFileSync(probe, "utf8")) as Readonly<Record<string, number>>;
      return { moment, ...memoryOf(pid), timers: resources["Timeout"] ?? 0, watches: resources["FSEventWrap"] ?? 0 };
    },
    async stop() {
      process.off("exit", kill);
      expectAlive(child);
      kill();
      await ended;
    },
  };
}

function statusOf(config: string): ReturnType<Daemon["status"]> {
  const output = execFileSync(MAIN, ["status", "--json", "-c", config], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const records = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  const mapping = records.find(({ type }) => type === "mapping")!;
  const accounts = records.at(-1)!["accounts"] as readonly { readonly requests: { readonly total: number } }[];
  const requests = accounts.reduce((sum, account) => sum + account.requests.total, 0);
  return { state: String(mapping["state"]), pending: Number(mapping["pending"]), requests };
}

function memoryOf(pid: number): Pick<Reading, "rssBytes" | "peakBytes" | "descriptors"> {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
  return {
    rssBytes: kibibytes("VmRSS") * 1024,
    peakBytes: kibibytes("VmHWM") * 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

function expectAlive(child: ChildProcess): void {
  if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}: its figures mean nothing`);
}

/** Without asking for a look: what was changed has to be noticed. */
async function inStep(daemon: Daemon): Promise<void> {
  const end = Date.now() + WAIT_MS_MAX;
  for (let seen = 0; seen < 3;) {
    if (Date.now() > end) throw new Error(`the daemon did not come to be in step: ${JSON.stringify(daemon.status())}`);
    const { state, pending } = safely(() => daemon.status()) ?? { state: "starting", pending: 0 };
    seen = state === "in-step" && pending === 0 ? seen + 1 : 0;
    await pause(100);
  }
}

/** Undefined while the daemon does not listen yet. */
function safely<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if ((error as { readonly status?: number }).status === 1) return undefined;
    throw error;
  }
}

interface Edits {
  readonly requests: number;
  readonly arrived: number;
}

/** An hour's edits in half a minute: a hundred rounds over a few files each. */
async function edit(daemon: Daemon, folder: string, url: string): Promise<Edits> {
  const random = seededRandom(3);
  const before = daemon.status().requests;
  const edited = new Map<string, string>();
  for (let number = 0; number < EDITS; number++) {
    const index = Math.floor(random() * HUNDRED_THOUSAND.files);
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
    const path = join(folder, keyOf("burst/d", index));
    if (index % FILES_PER_FOLDER === 0) mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `{"new":${index}}`);
  }
  const created = Date.now();
  const expected = HUNDRED_THOUSAND.files + BURST_FILES;
  let found = 0;
  while (found < expected && Date.now() < created + WAIT_MS_MAX) {
    await inStep(daemon);
    found = await countKeys(url);
  }
  const arrived = found - HUNDRED_THOUSAND.files;
  return { createMs: created - began, arriveMs: Date.now() - created, arrived };
}

/** As makeTree names them. */
function keyOf(start: string, index: number): string {
  const parent = Math.floor(index / FILES_PER_FOLDER)
    .toString()
    .padStart(5, "0");
  return `${start}${parent}/f${(index % FILES_PER_FOLDER).toString().padStart(2, "0")}.json`;
}

function tell([started, edited, grown]: readonly [Reading, Reading, Reading], edits: Edits, burst: Burst): number {
  const readings = [started, edited, grown];
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`;
  const rows = readings.map(({ moment, rssBytes, peakBytes, descriptors, timers, watches }) => [
    moment,
    megabytes(rssBytes),
    megabytes(peakBytes),
    ...[descriptors, timers, watches].map(String),
  ]);
  const targets: readonly (readonly [text: string, met: boolean])[] = [
    [
      `memory < ${megabytes(RSS_BYTES_MAX)} with ${HUNDRED_THOUSAND.files.toLocaleString("en")} files`,
      [started, edited].every(({ rssBytes }) => rssBytes < RSS_BYTES_MAX),
    ],
    ["no more descriptors than at the start", readings.every(({ descriptors }) => descriptors <= started.descriptors)],
    ["no more timers than at the start", readings.every(({ timers }) => timers <= started.timers)],
    [`${edits.arrived} of ${EDITS} edits arrived, with ${edits.requests} requests`, edits.arrived === EDITS],
    [
      `${burst.arrived} of ${BURST_FILES} new files arrived, ${seconds(burst.arriveMs)} after the last was made (in ${seconds(burst.createMs)})`,
      burst.arrived === BURST_FILES,
    ],
  ];
  const lines = [
    `\n**The daemon, watching ${HUNDRED_THOUSAND.files.toLocaleString("en")} files**\n`,
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
