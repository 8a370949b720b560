// Production into local development, as the README tells: what is copied into the KV of `wrangler dev`, a Worker there reads.

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
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
import { type MiniflarePeer, NAMESPACE_TITLE, startMiniflare } from "./miniflare.ts";

const MAIN = join(dirname(fileURLToPath(import.meta.url)), "../../src/main.ts");
const KEYS = 300;
let peer: MiniflarePeer;
let production: EmbeddedServer;
let folder: string;

beforeAll(async () => {
  [peer, production] = await Promise.all([startMiniflare(), startEmbeddedServer()]);
  folder = mkdtempSync(join(tmpdir(), "kvsync-local-dev-"));
  const accounts = {
    prod: { endpoint: production.url, account_id: ACCOUNT_ID, api_token: TOKEN },
    dev: { endpoint: peer.explorerUrl, account_id: "dev", api_token: "any" },
  };
  writeFileSync(join(folder, "kvsync.yaml"), JSON.stringify({ state_dir: "state", accounts }));
  const later = Math.floor(Date.now() / 1000) + 86_400;
  const id = await createNamespace(production.url, "app");
  await call(production.url, "PUT", `/${id}/bulk`, [
    { key: "a/text", value: "h\u00e9llo \u{1f600}", metadata: { by: "production" }, expiration: later },
    { key: "a/binary", value: base64(binary), base64: true },
    ...Array.from({ length: KEYS }, (_, i) => ({ key: `many/${i}`, value: `value ${i}` })),
  ]);
});

afterAll(async () => {
  await Promise.all([peer.close(), production.close()]);
  rmSync(folder, { recursive: true, force: true });
});

const binary = Uint8Array.from({ length: 2000 }, (_, index) => (index * 7) & 0xff);

function base64(bytes: Uint8Array | string): string {
  return Buffer.from(bytes).toString("base64");
}

/** Runs the command line and expects it to end with `exitCode`; the output is compared too, so that a failure shows it. */
async function kvsync(exitCode: number, ...args: string[]): Promise<void> {
  const run = await new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { cwd: folder, timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : error.code, output: stdout + stderr });
    });
  });
  expect(run).toEqual({ exitCode, output: expect.any(String) });
}

test("a Worker reads what was copied of production: text, binary, metadata, expiration, and no more than the limit", async () => {
  await kvsync(0, "copy", "prod:app", `dev:${NAMESPACE_TITLE}`, "--limit", "52");
  const [binaryValue, text, first, behind] = await peer.get(["a/binary", "a/text", "many/0", "many/99"]);
  expect(binaryValue?.base64).toBe(base64(binary));
  expect(text).toMatchObject({ base64: base64("h\u00e9llo \u{1f600}"), metadata: { by: "production" } });
  expect(first?.base64).toBe(base64("value 0"));
  expect(behind).toBeNull();
  await kvsync(0, "check", "prod:app", `dev:${NAMESPACE_TITLE}`, "--prefix", "a/");
});

test("a folder goes the same way, and a Worker's own keys stay", async () => {
  mkdirSync(join(folder, "kv"));
  writeFileSync(join(folder, "kv", "flag.json"), '{"on":true}');
  await peer.put([{ key: "own", base64: base64("of the Worker") }]);
  await kvsync(0, "copy", "./kv", `dev:${NAMESPACE_TITLE}`);
  const [flag, own] = await peer.get(["flag.json", "own"]);
  expect([flag?.base64, own?.base64]).toEqual([base64('{"on":true}'), base64("of the Worker")]);
});
