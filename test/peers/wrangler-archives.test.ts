// The .json of export and import, and what other programs make of it: wrangler loads what we write, and we take what wrangler
// prints and what jq rearranged.

import { execFile, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
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
import { openWrangler, type Wrangler, type WranglerRun } from "./wrangler.ts";

const MAIN = join(dirname(fileURLToPath(import.meta.url)), "../../src/main.ts");
const KEYS = 2500;
let server: EmbeddedServer;
let wrangler: Wrangler;

beforeAll(async () => {
  server = await startEmbeddedServer();
  wrangler = await openWrangler({ url: server.url, token: TOKEN, accountId: ACCOUNT_ID });
  const account = { endpoint: server.url, account_id: ACCOUNT_ID, api_token: TOKEN };
  writeFileSync(file("kvsync.yaml"), JSON.stringify({ state_dir: "./state", accounts: { local: account } }));
  const id = await createNamespace(server.url, "app");
  await call(server.url, "PUT", `/${id}/bulk`, mixedPairs());
  await kvsync(0, "export", "local:app", "app.json");
  await kvsync(0, "export", "local:app", "app.ndjson");
});

afterAll(async () => {
  await wrangler.close();
  await server.close();
});

const file = (name: string): string => join(wrangler.folder, name);

/** wrangler takes objects and lists for metadata, and nothing else. */
function mixedPairs(): readonly object[] {
  const later = Math.floor(Date.now() / 1000) + 86_400;
  return Array.from({ length: KEYS }, (_, i) => ({
    key: `${["a", "b/c", "ümläut", "\u{1f600}", "\ue000"][i % 5]}/${(i * 7919) % KEYS}`,
    value: ["text", "", 'h\u00e9llo \u{1f600} \u2028 " \\', Buffer.from([0, 255, i & 255]).toString("base64")][i % 4],
    base64: i % 4 === 3,
    ...(i % 3 === 0 && { metadata: i % 2 === 0 ? { i, by: "ü" } : [i, null] }),
    ...(i % 7 === 0 && { expiration: later + i }),
  }));
}

/** Runs the command line and expects it to end with `exitCode`; the output is compared too, so that a failure shows it. */
async function kvsync(exitCode: number, ...args: string[]): Promise<void> {
  const run = await new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { cwd: wrangler.folder, timeout: 50_000 }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : error.code, output: stdout + stderr });
    });
  });
  expect(run).toEqual({ exitCode, output: expect.any(String) });
}

async function ok(...args: string[]): Promise<WranglerRun> {
  const run = await wrangler.run(args);
  expect({ exitCode: run.exitCode, output: run.output }).toEqual({ exitCode: 0, output: expect.any(String) });
  return run;
}

test("wrangler loads a .json that an export wrote, whole and in parts", async () => {
  await kvsync(0, "export", "local:app", "parts.json", "--split", "60KB");
  const parts = readdirSync(wrangler.folder).filter((name) => /^parts-\d+\.json$/.test(name));
  expect(parts.length).toBeGreaterThan(2);
  for (const [title, files] of [
    ["whole", ["app.json"]],
    ["in-parts", parts],
  ] as const) {
    const id = await createNamespace(server.url, title);
    for (const name of files) {
      const { output } = await ok("kv", "bulk", "put", file(name), "--namespace-id", id, "--remote");
      expect(output).not.toMatch(/unexpected/i);
    }
    await kvsync(0, "check", "app.ndjson", `local:${title}`, "--values");
    await kvsync(0, "check", `local:${title}`, "parts.json", "--values");
  }
});

test("what wrangler's bulk get prints is imported", async () => {
  const wanted = mixedPairs()
    .filter((_, i) => i % 4 !== 3 && i % 3 !== 0 && i % 7 !== 0)
    .slice(0, 99)
    .map((pair) => (pair as { key: string }).key);
  const namespaces = await call<{ id: string; title: string }[]>(server.url, "GET", "");
  const id = namespaces.find(({ title }) => title === "app")?.id ?? "";
  writeFileSync(file("wanted.json"), JSON.stringify([...wanted, "nothing"]));
  const { stdout } = await ok("kv", "bulk", "get", file("wanted.json"), "--namespace-id", id, "--remote");
  writeFileSync(file("got.json"), stdout);
  const to = await createNamespace(server.url, "from-get");
  await kvsync(0, "import", "got.json", "local:from-get");
  expect(await call<unknown[]>(server.url, "GET", `/${to}/keys`)).toHaveLength(wanted.length);
  const includes = wanted.slice(0, 3).flatMap((key) => ["--include", key]);
  await kvsync(0, "check", "local:app", "local:from-get", "--values", ...includes);
});

const jq = (...args: string[]): Buffer => {
  const run = spawnSync("jq", args, { cwd: wrangler.folder, maxBuffer: 1 << 28 });
  expect(run.stderr?.toString()).toBe("");
  return run.stdout;
};

test.skipIf(spawnSync("jq", ["--version"]).status !== 0).each([
  ["in reverse, with the names in order", ["-S", "reverse", "app.json"]],
  ["as a line each", ["-c", ".[]", "app.json"]],
  ["with characters as escapes, indented by tabs", ["-a", "--tab", "sort_by(.value)", "app.json"]],
  ["out of the lines of an archive", ["-s", ".[1:-1]", "app.ndjson"]],
  ["with base64 as a string", ['map(if .base64 then .base64 = "true" else . end)', "app.json"]],
])("what jq rearranged is the same: %s", async (_, args) => {
  const title = `jq-${args[0]}-${args.length}`;
  writeFileSync(file(`${title}.json`), jq(...args));
  expect(readFileSync(file(`${title}.json`)).equals(readFileSync(file("app.json")))).toBe(false);
  await createNamespace(server.url, title);
  await kvsync(0, "import", `${title}.json`, `local:${title}`);
  await kvsync(0, "check", "app.ndjson", `local:${title}`, "--values");
});
