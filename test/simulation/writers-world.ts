// A real daemon over a real folder, and an embedded server that tells which values it was given: for programs that write beside it.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/core/system-clock.ts";
import { openServer } from "../../src/server/server.ts";

export interface WritersWorld {
  /** What the daemon pushes. */
  readonly folder: string;
  /** Looks at the value of `key` all the time. `stop` gives what was seen, each value once in a row. */
  watch(key: string): { stop(): Promise<readonly Buffer[]> };
  /** Requests so far, by operation. */
  requests(): Readonly<Record<string, number>>;
  close(): Promise<void>;
}

const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const TOKEN = "valid";
const LOOK_EVERY_MS = 20;

/** `watch`: as the config has it. */
export async function openWritersWorld(watch: string): Promise<WritersWorld> {
  const dir = mkdtempSync(join(tmpdir(), "kvsync-writers-"));
  const folder = join(dir, "app");
  mkdirSync(folder);
  const server = await openServer({ clock: systemClock, database: ":memory:", token: TOKEN });
  const namespaces = `${server.url}/accounts/dev/storage/kv/namespaces`;
  const headers = { authorization: `Bearer ${TOKEN}` };
  const made = await fetch(namespaces, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ title: "app" }),
  });
  const { result } = (await made.json()) as { readonly result: { readonly id: string } };
  const account = `{ endpoint: "${server.url}", account_id: dev, api_token: ${TOKEN} }`;
  const config = `accounts: { net: ${account} }\nmappings: { app: { account: net, mode: push, folder: ${folder}, watch: ${watch}, watch_interval: 100ms } }\n`;
  writeFileSync(join(dir, "kvsync.yaml"), config);
  const daemon = spawn(process.execPath, [main, "run", "--json"], { cwd: dir, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => daemon.once("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let out = "";
    daemon.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('"ready"')) resolve();
    });
    void ended.then(() => reject(new Error("the daemon ended before it was ready")));
  });

  async function valueOf(key: string): Promise<Buffer | undefined> {
    const answer = await fetch(`${namespaces}/${result.id}/values/${key}`, { headers });
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (answer.ok) return bytes;
    if (answer.status === 404) return undefined;
    throw new Error(`the server answered ${answer.status} for the value of ${key}`);
  }

  return {
    folder,
    watch: (key) => {
      const seen: Buffer[] = [];
      const over = new AbortController();
      const looking = (async () => {
        do {
          const value = await valueOf(key);
          if (value !== undefined && seen.at(-1)?.equals(value) !== true) seen.push(value);
          await pause(LOOK_EVERY_MS);
        } while (!over.signal.aborted);
      })();
      return {
        stop: async () => {
          over.abort();
          await looking;
          return seen;
        },
      };
    },
    requests: () => server.counts(),
    close: async () => {
      daemon.kill();
      await ended;
      await server.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
