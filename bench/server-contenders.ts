// The servers that `servers` compares, each a process of its own that is asked over HTTP by four connections which are kept. Their data lie on a
// disk, where a commit costs what it costs, and not on the memory file system of the other cases.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Pool } from "undici";
import { MAIN } from "./cases.ts";
import { memoryOf } from "./daemon-process.ts";
import { ACCOUNT_ID, API_TOKEN } from "./server-process.ts";

export const CONNECTIONS = 4;
export const NAMESPACES = 8;

export interface Pair {
  readonly key: string;
  readonly value: string;
}

export interface Page {
  readonly keys: number;
  /** Empty: there is no further page. */
  readonly cursor: string;
}

/** `namespace`: one of eight, by its number. */
export interface ServerUnderTest {
  readonly name: string;
  /** In one bulk write. */
  readonly bulkPairs: number;
  write(namespace: number, pair: Pair): Promise<void>;
  writeBulk(namespace: number, pairs: readonly Pair[]): Promise<void>;
  /** Throws unless it is there. */
  read(namespace: number, key: string): Promise<void>;
  list(namespace: number, options: { readonly prefix?: string; readonly cursor?: string }): Promise<Page>;
  /** Of the server's own process, so far. */
  peakBytes(): number;
  stop(): Promise<void>;
}

interface Started {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts `program`, whose first line says in JSON at which `url` it listens. */
async function start(program: string, args: readonly string[]): Promise<Started> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const kill = (): boolean => child.kill();
  process.once("exit", kill);
  const ended = once(child, "close");
  const early = ended.then(([code]) => {
    throw new Error(`${program} ended with ${code} before it listened`);
  });
  const [line] = (await Promise.race([once(createInterface(child.stdout), "line"), early])) as [string];
  early.catch(() => undefined);
  const { url } = JSON.parse(line) as { readonly url: string };
  return {
    url,
    pid: child.pid!,
    async stop() {
      process.off("exit", kill);
      kill();
      await ended;
    },
  };
}

/** `kvsync serve` as a user starts it: with what the first line of the program says of memory. `options` name its store. */
export async function kvsyncServer(name: string, options: readonly string[]): Promise<ServerUnderTest> {
  const server = await start(MAIN, ["serve", "--port", "0", "--token", API_TOKEN, "--json", "--quiet", ...options]);
  const { origin, pathname } = new URL(server.url);
  const ask = asker(origin, { authorization: `Bearer ${API_TOKEN}`, "content-type": "application/json" });
  const root = `${pathname.replace(/\/$/, "")}/accounts/${ACCOUNT_ID}/storage/kv/namespaces`;
  const ids = await namespacesOf(ask, root);
  const path = (namespace: number, rest: string): string => `${root}/${ids[namespace]}${rest}`;
  return {
    name,
    bulkPairs: 10_000,
    async write(namespace, { key, value }) {
      await ask("PUT", path(namespace, `/values/${encodeURIComponent(key)}`), value);
    },
    async writeBulk(namespace, pairs) {
      await ask("PUT", path(namespace, "/bulk"), JSON.stringify(pairs));
    },
    async read(namespace, key) {
      await ask("GET", path(namespace, `/values/${encodeURIComponent(key)}`));
    },
    async list(namespace, options) {
      const text = await ask("GET", path(namespace, `/keys?${new URLSearchParams(options).toString()}`));
      const page = JSON.parse(text) as {
        readonly result: readonly unknown[];
        readonly result_info: { readonly cursor: string };
      };
      return { keys: page.result.length, cursor: page.result_info.cursor };
    },
    peakBytes: () => memoryOf(server.pid).peakBytes,
    async stop() {
      await ask.close();
      await server.stop();
    },
  };
}

/** Makes those of the eight that are not there yet. */
async function namespacesOf(ask: Asker, root: string): Promise<string[]> {
  interface Namespace {
    readonly id: string;
    readonly title: string;
  }
  const { result: there } = JSON.parse(await ask("GET", root)) as { readonly result: readonly Namespace[] };
  const ids: string[] = [];
  for (let number = 0; number < NAMESPACES; number++) {
    const title = `bench-${number}`;
    const found = there.find((namespace) => namespace.title === title);
    const made = async (): Promise<Namespace> =>
      (JSON.parse(await ask("POST", root, JSON.stringify({ title }))) as { readonly result: Namespace }).result;
    ids.push((found ?? (await made())).id);
  }
  return ids;
}

/** A bulk write is a loop in its Worker. */
export async function miniflareServer(): Promise<ServerUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), "kvsync-bench-miniflare-"));
  const script = join(dirname(fileURLToPath(import.meta.url)), "miniflare-server.mjs");
  const server = await start(process.execPath, [script, folder]);
  const ask = asker(server.url, {});
  const path = (namespace: number, verb: string, query: Readonly<Record<string, string>> = {}): string =>
    `/${namespace}/${verb}?${new URLSearchParams(query).toString()}`;
  return {
    name: "miniflare's KV",
    bulkPairs: 1000,
    async write(namespace, { key, value }) {
      await ask("PUT", path(namespace, "write", { key }), value);
    },
    async writeBulk(namespace, pairs) {
      await ask("POST", path(namespace, "bulk"), JSON.stringify(pairs));
    },
    async read(namespace, key) {
      await ask("GET", path(namespace, "read", { key }));
    },
    async list(namespace, options) {
      const text = await ask("GET", path(namespace, "list", { ...options }));
      const page = JSON.parse(text) as { readonly keys: readonly unknown[]; readonly cursor?: string };
      return { keys: page.keys.length, cursor: page.cursor ?? "" };
    },
    // Its database is in a process of its own, which is started by this one.
    peakBytes: () => Number.NaN,
    async stop() {
      await ask.close();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Asker {
  /** Gives what was answered, all of it. Throws unless it is an answer of success. */
  (method: "GET" | "PUT" | "POST", path: string, body?: string): Promise<string>;
  close(): Promise<void>;
}

function asker(origin: string, headers: Readonly<Record<string, string>>): Asker {
  const pool = new Pool(origin, { connections: CONNECTIONS, headersTimeout: 0, bodyTimeout: 0 });
  const ask = async (method: "GET" | "PUT" | "POST", path: string, body?: string): Promise<string> => {
    const answer = await pool.request({ method, path, headers, ...(body === undefined ? {} : { body }) });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return text;
  };
  return Object.assign(ask, { close: () => pool.close() });
}
