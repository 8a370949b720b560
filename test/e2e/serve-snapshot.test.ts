// `kvsync serve --snapshot`: a KV server over a snapshot, which kvsync itself is pointed at.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CliRun, ended, records, runCli, startCli } from "../support/cli.ts";

let dir = "";
const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });
const writeConfig = (endpoint: string): void =>
  writeFileSync(
    join(dir, "kvsync.yaml"),
    `state_dir: ./state\naccounts:\n  local: { endpoint: embedded }\n  served: { endpoint: "${endpoint}", account_id: acc, api_token: a-token }\n`,
  );

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-serve-snapshot-"));
  writeConfig("http://127.0.0.1:1/client/v4");
  const pairs: object[] = Array.from({ length: 2500 }, (_, i) => ({ key: `k/${i}`, value: `value ${i}` }));
  pairs.push(
    { key: "k/binary", value: Buffer.from([255, 0]).toString("base64"), base64: true, metadata: { a: [1] } },
    { key: "k/later", value: "x", expiration: Math.floor(Date.now() / 1000) + 86_400 },
  );
  writeFileSync(join(dir, "pairs.ndjson"), pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
  writeFileSync(join(dir, "keys.json"), '["k/1"]');
  for (const args of [
    ["namespace", "create", "local:app"],
    ["bulk", "put", "pairs.ndjson", "-n", "local:app"],
    ["backup", "local:app", "./repo", "--no-encryption"],
    // What is served is the state that was backed up.
    ["key", "put", "k/1", "changed", "-n", "local:app"],
  ])
    expect(await kvsync(...args)).toMatchObject({ code: 0 });
}, 240_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it("serves the namespace as it was, and takes no writes", async () => {
  const server = startCli(["serve", "--snapshot", "./repo@latest", "--port", "0", "--json"], { cwd: dir });
  const run = ended(server);
  const line = await new Promise<string>((resolve) => createInterface(server.stdout!).once("line", resolve));
  writeConfig((JSON.parse(line) as { url: string }).url);
  const same = await kvsync("check", "./repo@latest", "served:app", "--values", "--json");
  expect(same).toMatchObject({ code: 0 });
  expect(records(same.stdout).at(-1)).toMatchObject({ unchanged: 2502, written: 0, removed: 0, failed: 0 });
  const differs = await kvsync("diff", "served:app", "local:app", "--json");
  expect(differs).toMatchObject({ code: 4 });
  expect(records(differs.stdout).filter((record) => "key" in record)).toMatchObject([{ key: "k/1" }]);
  expect(await kvsync("key", "get", "k/1", "-n", "served:app")).toMatchObject({ code: 0, stdout: "value 1" });
  for (const args of [
    ["key", "put", "k/1", "new", "-n", "served:app"],
    ["key", "delete", "k/1", "-n", "served:app"],
    ["bulk", "put", "pairs.ndjson", "-n", "served:app"],
    ["bulk", "delete", "keys.json", "-n", "served:app"],
    ["namespace", "create", "served:other"],
    ["namespace", "delete", "served:app", "--yes"],
  ]) {
    const refused = await kvsync(...args);
    expect({ args, code: refused.code }).toEqual({ args, code: 8 });
    expect(refused.stderr).toContain("read-only");
    expect(refused.stderr).toContain("hint: name another destination: this server shows a backup");
  }
  expect(await kvsync("key", "get", "k/1", "-n", "served:app")).toMatchObject({ stdout: "value 1" });
  server.kill("SIGTERM");
  expect(await run).toMatchObject({ code: 0 });
}, 240_000);

it("refuses what names no snapshot, and a database beside one", async () => {
  expect(await kvsync("serve", "--snapshot", "./repo@abcdef01", "--port", "0")).toMatchObject({ code: 1 });
  expect(await kvsync("serve", "--snapshot", "./repo", "--port", "0")).toMatchObject({ code: 2 });
  expect(await kvsync("serve", "--snapshot", "./repo@latest", "--data", "x")).toMatchObject({ code: 2 });
}, 240_000);
