// `kvsync sync` where the API fails while it is written to: one run is enough.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { FaultPlan } from "../../src/server/faults.ts";
import { type CliRun, records, runCli } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let cwd: string;

beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-lost-"));
  // Answers that are cut are no answers of the document.
  server = await startTestServer({ token: "right", validate: false });
  mkdirSync(join(cwd, "app"));
  for (let i = 0; i < 40; i++) writeFileSync(join(cwd, "app", `k${i}`), `value ${i}`);
  writeFileSync(
    join(cwd, "kvsync.yaml"),
    [
      "state_dir: ./state",
      `accounts: { dev: { endpoint: "${server.url}", account_id: acct, api_token: right } }`,
      "mappings:",
      "  app: { account: dev, folder: ./app, mode: two-way, create: true }",
      "",
    ].join("\n"),
  );
});

afterEach(async () => {
  await server.close();
  rmSync(cwd, { recursive: true });
});

const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd });

async function keys(): Promise<string> {
  const { stdout } = await kvsync("key", "list", "dev:app");
  return stdout.trim().split("\n").sort().join();
}

const files = (): string => readdirSync(join(cwd, "app")).sort().join();

const faults: readonly (readonly [what: string, rule: NonNullable<FaultPlan["rules"]>[number]])[] = [
  ["is done and its answer is lost", { kind: "reset-after", first: 1 }],
  ["is half done and fails", { kind: "server-error", applied: "half", first: 1 }],
  ["is half done and comes to a timeout", { kind: "gateway-timeout", applied: "half", first: 2 }],
  ["is cut off before it arrives", { kind: "reset-before", first: 2 }],
  ["is refused for its rate", { kind: "rate-limited", retryAfterSeconds: 1, first: 1 }],
  ["leaves keys out", { kind: "unsuccessful-keys", keys: 5, first: 2 }],
];

it.each(faults)("a write and a removal, each of which %s, end well in one run", async (_, rule) => {
  server.setFaults({ rules: [{ ...rule, operations: ["bulkWrite"] }] });
  const first = await kvsync("sync", "--json");
  expect([first.code, records(first.stdout).at(-1)]).toMatchObject([0, { written: 40, unchanged: 0, failed: 0 }]);
  server.setFaults({});
  expect(await keys()).toBe(files());
  for (let i = 0; i < 8; i++) rmSync(join(cwd, "app", `k${i}`));
  server.setFaults({ rules: [{ ...rule, operations: ["bulkDelete"] }] });
  const second = await kvsync("sync", "--json");
  expect([second.code, records(second.stdout).at(-1)]).toMatchObject([0, { written: 0, removed: 8, failed: 0 }]);
  server.setFaults({});
  expect(await keys()).toBe(files());
  const third = await kvsync("sync", "--json");
  expect([third.code, records(third.stdout).at(-1)]).toMatchObject([0, { written: 0, removed: 0, failed: 0 }]);
});
