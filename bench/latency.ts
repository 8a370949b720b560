// What people see who are far from the API, with and without a budget that makes them wait: a first push and a pull of
// 20,000 files, beside the SDK's scripts and other builds of kvsync (`--against OTHER/dist/main.js`), which is how it is
// measured what a trick is worth where users are.

import { mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Budget, countKeys, expectCount, MAIN, UNLIMITED, writeConfig } from "./cases.ts";
import { type FarAway, openFarAway } from "./far-away.ts";
import { benchRoot, makeTree, type TreeShape } from "./make-tree.ts";
import { type Command, type Contender, measure, type Measured, measureInTurns, median } from "./measure.ts";
import { sdkEnvironment, type ServerProcess, startServer } from "./server-process.ts";

const TREE: TreeShape = { files: 20_000, bytesMin: 100, bytesMax: 4096, seed: 3 };
const NAMESPACE = "bench";
const LATENCIES_MS = [50, 200];
/** The rate of the default budget, 1,200 in five minutes, in a window that these few requests can fill. */
const DEFAULT_RATE: Budget = { requests: 60, per: "15s" };
const here = dirname(fileURLToPath(import.meta.url));

type Mode = "push" | "pull";

/** Fills the namespace `bench` of the server from the folder, or the folder from the namespace. */
interface Way {
  readonly name: string;
  readonly command: (url: string, folder: string) => Command;
}

/** Prints a table for each latency, budget and direction; `against` are the `main.js` of other builds. No targets. */
export async function benchLatency({ runs, against }: { runs: number; against: readonly string[] }): Promise<number> {
  const filled = await startServer(MAIN);
  await measure(sdkScript("push").command(filled.url, makeTree(TREE)));
  await filled.stop();
  const ways = (mode: Mode, budget: Budget): Way[] => [
    ...[MAIN, ...against].map((main) => kvsync(mode, main, budget)),
    // The scripts keep to no budget.
    ...(budget === UNLIMITED ? [sdkScript(mode)] : []),
  ];
  for (const latencyMs of LATENCIES_MS) {
    for (const budget of [UNLIMITED, DEFAULT_RATE]) {
      const limit = budget === UNLIMITED ? "no budget" : `${budget.requests} requests in ${budget.per}`;
      const pushes = ways("push", budget).map((way) => pushFarAway(way, latencyMs));
      tell(`First push of ${TREE.files} files, ${latencyMs} ms away, ${limit}`, await measureInTurns(pushes, runs));
      const pulls = ways("pull", budget).map((way) => pullFarAway(way, latencyMs, filled.data));
      tell(`Pull of ${TREE.files} keys, ${latencyMs} ms away, ${limit}`, await measureInTurns(pulls, runs));
    }
  }
  filled.discard();
  return 0;
}

function kvsync(mode: Mode, main: string, budget: Budget): Way {
  return {
    name: main === MAIN ? `kvsync ${mode}` : `kvsync ${mode} of ${main}`,
    command: (url, folder) => ({
      command: main,
      args: [mode, NAMESPACE, "-c", writeConfig(mode, folder, url, budget)],
    }),
  };
}

function sdkScript(mode: Mode): Way {
  return {
    name: "SDK script",
    command: (url, folder) => ({
      command: process.execPath,
      args: [join(here, `sdk-${mode}.mjs`), ...(mode === "push" ? [folder, NAMESPACE] : [NAMESPACE, folder])],
      env: sdkEnvironment(url),
    }),
  };
}

function pushFarAway(way: Way, latencyMs: number): Contender {
  let far: FarServer;
  return {
    name: way.name,
    async prepare() {
      far = await openFarServer(latencyMs);
      return way.command(far.url, makeTree(TREE));
    },
    async finish() {
      expectCount(way.name, "keys", await countKeys(far.server.url), TREE.files);
      await far.close();
      far.server.discard();
    },
  };
}

function pullFarAway(way: Way, latencyMs: number, data: string): Contender {
  let far: FarServer;
  let folder = "";
  return {
    name: way.name,
    async prepare() {
      far = await openFarServer(latencyMs, data);
      folder = mkdtempSync(join(benchRoot(), "pulled-"));
      return way.command(far.url, folder);
    },
    async finish() {
      await far.close();
      await measure({ command: "diff", args: ["-rq", makeTree(TREE), folder] });
      rmSync(folder, { recursive: true });
    },
  };
}

interface FarServer {
  readonly server: ServerProcess;
  readonly url: string;
  close(): Promise<void>;
}

async function openFarServer(latencyMs: number, data?: string): Promise<FarServer> {
  const server = await startServer(MAIN, data);
  const url = new URL(server.url);
  const far: FarAway = await openFarAway(Number(url.port), latencyMs);
  url.port = String(far.port);
  return {
    server,
    url: url.origin,
    async close() {
      far.close();
      await server.stop();
    },
  };
}

function tell(title: string, measured: readonly Measured[]): void {
  const walls = measured.map(({ samples }) => samples.map(({ wallMs }) => wallMs));
  const first = median(walls[0] ?? []);
  process.stdout.write(`\n**${title}** (median of ${walls[0]?.length}, contenders in turns)\n\n`);
  process.stdout.write("| | wall | spread | against the first | peak memory |\n|---|---:|---:|---:|---:|\n");
  for (const [index, { name, samples }] of measured.entries()) {
    const all = walls[index] ?? [];
    const peak = median(samples.map(({ peakBytes }) => peakBytes ?? Number.NaN));
    process.stdout.write(
      `| ${name} | ${seconds(median(all))} | ${seconds(Math.min(...all))}–${seconds(Math.max(...all))} ` +
        `| ${(median(all) / first).toFixed(2)} | ${Math.round(peak / 1024 / 1024)} MB |\n`,
    );
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
