// What memory `kvsync serve` takes with 100 clients that at once write and read values of 25 MiB, every fifth of them over a slow line; and
// how fast a single one writes and reads such values. `STORE=postgres://...` in the environment measures that store as well,
// `SERVER=dist/main.js` another build.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { MAIN } from "./cases.ts";
import { memoryOf } from "./daemon-process.ts";
import { benchRoot } from "./make-tree.ts";
import { median } from "./measure.ts";
import { ACCOUNT_ID, API_TOKEN } from "./server-process.ts";

const MEBIBYTE = 1024 * 1024;
const VALUE_BYTES = 25 * MEBIBYTE;
const CLIENTS = 100;
const SLOW_EVERY = 5;
/** What a slow client sends, or takes, before it pauses: 25 MiB in four seconds. */
const SLOW_STEP_BYTES = 512 * 1024;
const SLOW_PAUSE_MS = 80;
const CHUNK_BYTES = 64 * 1024;
const PEAK_BYTES_MAX = 256 * MEBIBYTE;
const TIMES = 15;

/** Each value begins elsewhere in it. */
const material = makeMaterial(VALUE_BYTES + CLIENTS * 4096);

/** Prints a table a store. Returns how many targets were missed. */
export async function benchServerMemory(): Promise<number> {
  const data = mkdtempSync(join(benchRoot(), "server-memory-"));
  try {
    const store = process.env["STORE"];
    const missed = await measureStore("SQLite", ["--data", data]);
    return missed + (store === undefined ? 0 : await measureStore("PostgreSQL", ["--store", store]));
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

async function measureStore(name: string, options: readonly string[]): Promise<number> {
  const server = await startServer(options);
  try {
    const lines: string[] = [];
    const peak = (moment: string): void => {
      const { peakBytes } = memoryOf(server.pid);
      lines.push(`| ${moment} | ${mebibytes(peakBytes)} |`);
    };
    peak("start");
    await atOnce((client) => server.put(client, isSlow(client)));
    peak(`${CLIENTS} clients write`);
    await atOnce((client) => server.get(client, isSlow(client)));
    peak(`${CLIENTS} clients read`);
    await atOnce((client) =>
      client % 2 === 0 ? server.put(client, isSlow(client)) : server.get(client, isSlow(client)),
    );
    peak("half of them write, the others read");
    const isMet = memoryOf(server.pid).peakBytes < PEAK_BYTES_MAX;
    const written = await speedOf(() => server.put(0, false));
    const read = await speedOf(() => server.get(0, false));
    process.stdout.write(
      `\n**\`kvsync serve\` on ${name}, values of 25 MiB, every fifth client slow**\n\n` +
        `| after | peak memory, so far |\n|---|---:|\n${lines.join("\n")}\n\n` +
        `memory < ${mebibytes(PEAK_BYTES_MAX)} ${isMet ? "met" : "MISSED"}; ` +
        `one client (median of ${TIMES}): ${written} written, ${read} read\n`,
    );
    return isMet ? 0 : 1;
  } finally {
    await server.stop();
  }
}

async function atOnce(work: (client: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => work(client)));
}

async function speedOf(work: () => Promise<void>): Promise<string> {
  const took: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    const startedAt = performance.now();
    await work();
    took.push(performance.now() - startedAt);
  }
  return `${Math.round(VALUE_BYTES / MEBIBYTE / (median(took) / 1000))} MiB/s`;
}

function isSlow(client: number): boolean {
  return client % SLOW_EVERY === 0;
}

interface MeasuredServer {
  readonly pid: number;
  put(client: number, slow: boolean): Promise<void>;
  /** Also compares every byte. */
  get(client: number, slow: boolean): Promise<void>;
  stop(): Promise<void>;
}

/** As a user starts it: with what the first line of the program says of memory. */
async function startServer(options: readonly string[]): Promise<MeasuredServer> {
  const main = process.env["SERVER"] ?? MAIN;
  const child = spawn(main, ["serve", "--port", "0", "--token", API_TOKEN, "--json", "--quiet", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = (): boolean => child.kill();
  process.once("exit", kill);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { url } = JSON.parse(line) as { readonly url: string };
  const agent = new Agent({ keepAlive: true });
  const send = (method: string, path: string, headers: Record<string, string> = {}): ClientRequest =>
    httpRequest(`${url}/accounts/${ACCOUNT_ID}/storage/kv/namespaces${path}`, {
      agent,
      method,
      headers: { authorization: `Bearer ${API_TOKEN}`, ...headers },
    });
  const created = send("POST", "", { "content-type": "application/json" });
  created.end(JSON.stringify({ title: `server-memory-${process.pid}` }));
  const { result } = JSON.parse(String(await contentOf(await answerTo(created)))) as {
    readonly result: { id: string };
  };
  return {
    pid: child.pid!,
    async put(client, slow) {
      const sent = send("PUT", `/${result.id}/values/key-${client}`, { "content-length": String(VALUE_BYTES) });
      const answered = answerTo(sent);
      await sendValue(sent, client, slow);
      await contentOf(await answered);
    },
    async get(client, slow) {
      const sent = send("GET", `/${result.id}/values/key-${client}`);
      sent.end();
      await takeValue(await answerTo(sent), client, slow);
    },
    async stop() {
      agent.destroy();
      process.off("exit", kill);
      kill();
      await ended;
    },
  };
}

async function sendValue(sent: ClientRequest, client: number, slow: boolean): Promise<void> {
  for (let at = 0; at < VALUE_BYTES; at += CHUNK_BYTES) {
    if (!sent.write(valueOf(client, at, CHUNK_BYTES))) await once(sent, "drain");
    if (slow && at % SLOW_STEP_BYTES === 0) await pause(SLOW_PAUSE_MS);
  }
  sent.end();
}

async function takeValue(answer: IncomingMessage, client: number, slow: boolean): Promise<void> {
  let at = 0;
  let pauseAt = SLOW_STEP_BYTES;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (!valueOf(client, at, chunk.length).equals(chunk)) throw new Error(`the value of client ${client} is another`);
    at += chunk.length;
    if (!slow || at < pauseAt) continue;
    pauseAt += SLOW_STEP_BYTES;
    await pause(SLOW_PAUSE_MS);
  }
  if (at !== VALUE_BYTES) throw new Error(`the value of client ${client} has ${at} bytes`);
}

async function answerTo(sent: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${String(await contentOf(answer))}`);
  return answer;
}

async function contentOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function valueOf(client: number, at: number, length: number): Buffer {
  return material.subarray(client * 4096 + at, client * 4096 + at + length);
}

/** Does not compress, and is the same each time. */
function makeMaterial(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += 64) createHash("sha512").update(String(at)).digest().copy(bytes, at);
  return bytes;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / MEBIBYTE)} MB`;
}
