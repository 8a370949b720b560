// After a migration: the snippet that it wrote, pasted into wrangler's config. And that config read by our command line.

import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  ACCOUNT_ID,
  call,
  createNamespace,
  type EmbeddedServer,
  startEmbeddedServer,
  TOKEN,
} from "./embedded-server.ts";
import { openWrangler, type Wrangler } from "./wrangler.ts";

const MAIN = join(dirname(fileURLToPath(import.meta.url)), "../../src/main.ts");
const TITLE = 'app-config "eu"\n// ü';
let source: EmbeddedServer;
let destination: EmbeddedServer;
let wrangler: Wrangler;

beforeAll(async () => {
  [source, destination] = await Promise.all([startEmbeddedServer(), startEmbeddedServer()]);
  wrangler = await openWrangler({ url: destination.url, token: TOKEN, accountId: ACCOUNT_ID });
  const account = (server: EmbeddedServer) => ({ endpoint: server.url, account_id: ACCOUNT_ID, api_token: TOKEN });
  const accounts = { old: account(source), new: account(destination) };
  writeFileSync(file("kvsync.yaml"), JSON.stringify({ state_dir: "./state", accounts }));
  // Of the account that wrangler uses alone.
  writeFileSync(
    file("new.yaml"),
    JSON.stringify({ state_dir: "./state-new", accounts: { new: account(destination) } }),
  );
  const id = await createNamespace(source.url, TITLE);
  await call(source.url, "PUT", `/${id}/bulk`, [{ key: "greeting", value: "hello" }]);
  await kvsync("migrate", "old", "new", "--all-namespaces", "--name", "move", "--settle-window", "100ms");
});

afterAll(async () => {
  await wrangler.close();
  await Promise.all([source.close(), destination.close()]);
});

const file = (name: string): string => join(wrangler.folder, name);

/** Runs the command line, expects it to succeed, and returns what it printed. */
async function kvsync(...args: string[]): Promise<string> {
  const run = await new Promise<{ readonly exitCode: unknown; readonly stdout: string; readonly stderr: string }>(
    (resolve) => {
      execFile(
        process.execPath,
        [MAIN, ...args],
        { cwd: wrangler.folder, timeout: 50_000 },
        (error, stdout, stderr) => {
          resolve({ exitCode: error === null ? 0 : error.code, stdout, stderr });
        },
      );
    },
  );
  expect(run).toEqual({ exitCode: 0, stdout: expect.any(String), stderr: expect.any(String) });
  return run.stdout;
}

test.each([
  [
    "jsonc",
    "wrangler.jsonc",
    (snippet: string) => snippet.replace("{", '{\n  "name": "worker",\n  "compatibility_date": "2026-10-01",'),
  ],
  ["toml", "wrangler.toml", (snippet: string) => `name = "worker"\ncompatibility_date = "2026-10-01"\n\n${snippet}`],
])(
  "wrangler reads and writes through a config with the snippet of kind %s, and so does kvsync",
  async (kind, name, paste) => {
    const snippet = readFileSync(file(join("state", "migrations", "move", `ids.wrangler.${kind}`)), "utf8");
    rmSync(file("wrangler.jsonc"), { force: true });
    writeFileSync(file(name), paste(snippet));
    const binding = ["--binding", "APP_CONFIG_EU_U", "--remote", "--config", name];
    const read = await wrangler.run(["kv", "key", "get", "greeting", ...binding, "--text"]);
    expect({ exitCode: read.exitCode, output: read.output }).toEqual({
      exitCode: 0,
      output: expect.stringContaining("hello"),
    });
    const written = await wrangler.run(["kv", "key", "put", kind, "by wrangler", ...binding]);
    expect(written).toMatchObject({ exitCode: 0 });
    expect(await kvsync("-c", "new.yaml", "key", "get", kind, "-n", "wrangler:APP_CONFIG_EU_U")).toContain(
      "by wrangler",
    );
  },
);
