// Whether the progress line tells the truth while the request budget decides: a pull in a terminal, from a server that is
// far away. The line is read every second, and held against how long the pull really went on from then.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { type FarAway, openFarAway } from "./far-away.ts";
import { benchRoot } from "./make-tree.ts";
import { median } from "./measure.ts";
import { ACCOUNT_ID, API_TOKEN, startServer } from "./server-process.ts";

const MAIN = process.env["KVSYNC_BENCH_MAIN"] ?? fileURLToPath(new URL("../dist/main.js", import.meta.url));
const NAMESPACE = "far";
const KEYS = 60_000;
const REQUESTS = 300;
const WINDOW_MS = 60_000;
const LATENCY_MS = 200;
const COLUMNS = 80;
const WRONG_BY_MAX = 0.1;
/** An error below this is none, whatever part of the rest it is. */
const WRONG_MS_MIN = 2000;

interface Sample {
  readonly atMs: number;
  readonly line: string;
}

interface Pull {
  readonly samples: readonly Sample[];
  readonly endedAt: number;
}

/** Prints what the line said, and how wrong it was. Returns how many targets were missed. */
export async function benchProgress(): Promise<number> {
  const requests = Number(process.env["KVSYNC_BENCH_REQUESTS"] ?? REQUESTS);
  const folder = mkdtempSync(join(benchRoot(), "progress-"));
  try {
    await fill(folder);
    const server = await startServer(MAIN, join(folder, "server"), ["--rate-limit", `${requests}/1m`]);
    const far = await openFarAway(Number(new URL(server.url).port), LATENCY_MS);
    try {
      const url = new URL(server.url);
      url.port = String(far.port);
      const config = writeConfig(folder, url.href, { requests, per: "1m", share: "100%" });
      return tell(requests, await pull(config, folder), far);
    } finally {
      far.close();
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function fill(folder: string): Promise<void> {
  const pairs = join(folder, "pairs.jsonl");
  const lines = Array.from(
    { length: KEYS },
    (_, i) => `{"key":"page/${Math.floor(i / 100)}/${i}","value":"value number ${i}"}\n`,
  );
  writeFileSync(pairs, lines.join(""));
  mkdirSync(join(folder, "server"));
  const server = await startServer(MAIN, join(folder, "server"));
  const config = writeConfig(folder, server.url, { requests: 1_000_000, per: "1s" });
  execFileSync(MAIN, ["namespace", "create", NAMESPACE, "-c", config], { stdio: ["ignore", "ignore", "inherit"] });
  execFileSync(MAIN, ["bulk", "put", pairs, "-n", NAMESPACE, "-c", config], { stdio: ["ignore", "ignore", "inherit"] });
  await server.stop();
}

function writeConfig(folder: string, endpoint: string, budget: object): string {
  const config = {
    state_dir: join(folder, "state"),
    accounts: { bench: { endpoint, account_id: ACCOUNT_ID, api_token: API_TOKEN, budget } },
    mappings: {
      [NAMESPACE]: { folder: join(folder, "pulled"), account: "bench", namespace: NAMESPACE, mode: "pull" },
    },
  };
  const file = join(folder, "kvsync.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config));
  return file;
}

/** Pulls in a terminal, and reads its last line every second. */
async function pull(config: string, folder: string): Promise<Pull> {
  const results = join(folder, "results");
  const command = `stty rows 24 cols ${COLUMNS}; exec '${MAIN}' pull ${NAMESPACE} -c '${config}' > '${results}'`;
  const child = spawn("script", ["-qfec", command, "/dev/null"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, TERM: "xterm", CI: "" },
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  let line = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const shown = stripVTControlCharacters(chunk.toString())
      .split(/[\r\n]+/)
      .filter((text) => text.trim() !== "");
    line = shown.at(-1) ?? line;
  });
  const samples: Sample[] = [];
  const timer = setInterval(() => {
    samples.push({ atMs: performance.now(), line });
    process.stderr.write(`${line}\n`);
  }, 1000);
  const code = await ended;
  const endedAt = performance.now();
  clearInterval(timer);
  if (code !== 0) throw new Error(`the pull ended with ${code}: ${readFileSync(results, "utf8")}`);
  return { samples, endedAt };
}

interface Judged {
  readonly leftMs: number;
  readonly saidMs: number | undefined;
  readonly line: string;
}

function tell(budget: number, { samples, endedAt }: Pull, far: FarAway): number {
  const { sentAt } = far;
  const startedAt = samples[0]!.atMs;
  const late: Judged[] = samples
    .filter(({ atMs }) => atMs > (startedAt + endedAt) / 2)
    .map(({ atMs, line }) => ({ leftMs: endedAt - atMs, saidMs: saidMs(line), line }));
  const wrong = late.map(wrongBy);
  const worst = Math.max(...wrong);
  const worstMs = Math.max(
    ...late.map(({ leftMs, saidMs: said }) => (said === undefined ? 0 : Math.abs(said - leftMs))),
  );
  const silent = late.filter((judged) => judged.saidMs === undefined && judged.leftMs > WRONG_MS_MIN).length;
  const wide = Math.max(...samples.map(({ line }) => line.length));
  const most = Math.max(...sentAt.map((at) => sentAt.filter((other) => other >= at && other < at + WINDOW_MS).length));
  const waits = samples.filter(({ line }) => line.includes("waiting")).length;
  const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)} %`;
  process.stdout.write(
    `\n**Time left: ${KEYS} keys, ${budget} requests a minute, ${LATENCY_MS} ms away: ${Math.round((endedAt - startedAt) / 1000)} s**\n\n`,
  );
  const rows: readonly (readonly [string, string, boolean | undefined])[] = [
    ["wrong in the second half, worst", percent(worst), worst <= WRONG_BY_MAX],
    ["wrong in the second half, median", percent(median(wrong)), undefined],
    ["the same in seconds, worst", `${(worstMs / 1000).toFixed(1)} s`, undefined],
    ["samples there without a time left", String(silent), silent === 0],
    ["samples that tell of a wait", `${waits} of ${samples.length}`, waits > 0],
    ["widest line", `${wide} of ${COLUMNS} columns`, wide < COLUMNS],
    ["requests", String(sentAt.length), undefined],
    ["most requests in one window", `${most} of ${budget}`, most <= budget && most >= budget * 0.99],
    ["refused with 429", String(far.refused()), far.refused() === 0],
  ];
  process.stdout.write("| | | target |\n|---|---:|---|\n");
  for (const [name, value, met] of rows) {
    process.stdout.write(`| ${name} | ${value} | ${met === undefined ? "" : met ? "met" : "MISSED"} |\n`);
  }
  if (worst > WRONG_BY_MAX)
    for (const { leftMs, line } of late) process.stdout.write(`${(leftMs / 1000).toFixed(1)} s left: ${line}\n`);
  return rows.filter(([, , met]) => met === false).length;
}

function wrongBy({ leftMs, saidMs }: Judged): number {
  if (saidMs === undefined) return leftMs <= WRONG_MS_MIN ? 0 : 1;
  const errorMs = Math.abs(saidMs - leftMs);
  return errorMs <= WRONG_MS_MIN ? 0 : errorMs / leftMs;
}

/** `1m 5s left` in milliseconds. */
function saidMs(line: string): number | undefined {
  const text = /((?:[\d.]+(?:ms|s|m|h) ?)+)left/.exec(line)?.[1];
  if (text === undefined) return undefined;
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const parts = [...text.matchAll(/([\d.]+)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit!] ?? 0), 0);
}
