// Our command line between a folder and a KV that others wrote.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MiniflarePeer, NAMESPACE_TITLE, startMiniflare } from "./miniflare.ts";

const MAIN = join(dirname(fileURLToPath(import.meta.url)), "../../src/main.ts");
let peer: MiniflarePeer;
let folder: string;

beforeAll(async () => {
  peer = await startMiniflare();
  folder = mkdtempSync(join(tmpdir(), "kvsync-peer-sync-"));
  const mapping = { folder: "kv", account: "peer", namespace: NAMESPACE_TITLE, settle_window: "0s" };
  for (const mode of ["pull", "push"]) {
    const config = {
      state_dir: "state",
      accounts: { peer: { endpoint: peer.url, account_id: "any", api_token: "any" } },
      mappings: { app: { ...mapping, mode } },
    };
    writeFileSync(join(folder, `${mode}.yaml`), JSON.stringify(config));
  }
});

afterAll(async () => {
  await peer.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the command line and expects it to end with `exitCode`; the output is compared too, so that a failure shows it. */
async function kvsync(exitCode: number, ...args: string[]): Promise<void> {
  const run = await new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { cwd: folder, timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : error.code, output: stdout + stderr });
    });
  });
  expect(run).toEqual({ exitCode, output: expect.any(String) });
}

function base64(bytes: Uint8Array | string): string {
  return Buffer.from(bytes).toString("base64");
}

function onDisk(path: string): Buffer {
  return readFileSync(join(folder, "kv", path));
}

const binary = Uint8Array.from({ length: 2000 }, (_, index) => (index * 7) & 0xff);

test("what a Worker writes, a pull brings down: text, binary, metadata, expiration, changes and deletions", async () => {
  await peer.put([
    { key: "text.txt", base64: base64("héllo\n") },
    { key: "folder/binary", base64: base64(binary) },
    { key: "meta.json", base64: base64("{}"), metadata: { by: "worker" }, expirationTtl: 3600 },
    { key: "a", base64: base64("both a key") },
    { key: "a/b", base64: base64("and a folder") },
    { key: "gone", base64: base64("soon") },
    ...Array.from({ length: 150 }, (_, index) => ({ key: `many/${index}`, base64: base64(`value ${index}`) })),
  ]);
  await kvsync(0, "pull", "-c", "pull.yaml");
  expect(onDisk("text.txt").toString()).toBe("héllo\n");
  expect(onDisk("folder/binary").equals(binary)).toBe(true);
  expect(onDisk("a/b").toString()).toBe("and a folder");
  for (let index = 0; index < 150; index++) expect(onDisk(`many/${index}`).toString()).toBe(`value ${index}`);
  await kvsync(0, "diff", "-c", "pull.yaml");

  await peer.put([{ key: "text.txt", base64: base64(binary) }]);
  await peer.delete(["gone"]);
  await kvsync(4, "diff", "-c", "pull.yaml");
  await kvsync(0, "pull", "-c", "pull.yaml");
  expect(onDisk("text.txt").equals(binary)).toBe(true);
  expect(() => onDisk("gone")).toThrow("ENOENT");
  await kvsync(0, "diff", "-c", "pull.yaml");
});

test("what a push writes, a Worker sees, with the metadata that it had given", async () => {
  for (const [path, content] of [
    ["meta.json", '{"changed":true}'],
    ["new.bin", binary],
    ["a/new", ""],
  ] as const) {
    writeFileSync(join(folder, "kv", path), content);
  }
  await kvsync(0, "push", "-c", "push.yaml");
  const [meta, added, empty, kept] = await peer.get(["meta.json", "new.bin", "a/new", "a"]);
  expect(meta).toMatchObject({ base64: base64('{"changed":true}'), metadata: { by: "worker" } });
  expect(added?.base64).toBe(base64(binary));
  expect(empty?.base64).toBe("");
  expect(kept?.base64).toBe(base64("both a key"));
  await kvsync(0, "diff", "-c", "push.yaml");
});
