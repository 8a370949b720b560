// A stop does not wait for whoever reads stdout: a pipe that nobody reads holds no command.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCli } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const STOP_MS_MAX = 5000;

let server: TestServer;
let cwd: string;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-pipes-"));
  server = await startTestServer({ token: "right", validate: false });
  const url = `${server.namespacesUrl}/${await server.createNamespace("app")}`;
  const put = (path: string, body: string, type: string): Promise<Response> =>
    fetch(`${url}/${path}`, { method: "PUT", body, headers: { authorization: "Bearer right", "content-type": type } });
  await put("values/large", "x".repeat(5_000_000), "application/octet-stream");
  const pairs = Array.from({ length: 9000 }, (_, i) => ({ key: `${"long/".repeat(60)}${i}`, value: "" }));
  await put("bulk", JSON.stringify(pairs), "application/json");
  const account = `{ endpoint: "${server.url}", account_id: ${server.accountId}, api_token: right }`;
  writeFileSync(join(cwd, "kvsync.yaml"), `state_dir: ./state\naccounts: { dev: ${account} }\n`);
});

afterAll(async () => {
  await server.close();
  rmSync(cwd, { recursive: true });
});

/** Stops the command once it has begun to write, and tells how it ended. */
async function stop(args: readonly string[]): Promise<object> {
  const child = startCli([...args, "-n", "dev:app"], { cwd });
  const exited = once(child, "exit");
  child.stderr?.resume();
  // The first piece is there, and nobody takes it or what follows, which is more than all that is in between can hold.
  await once(child.stdout!, "readable");
  const stopped = performance.now();
  child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), 3 * STOP_MS_MAX);
  const [code, signal] = (await exited) as [number | null, NodeJS.Signals | null];
  clearTimeout(killer);
  const tookMs = performance.now() - stopped;
  return { end: signal ?? code, inTime: tookMs < STOP_MS_MAX };
}

test.each([
  ["key get", ["key", "get", "large"]],
  ["key list", ["key", "list"]],
  ["bulk get", ["bulk", "get", "large", "other"]],
])("%s into a pipe that nobody reads ends", async (_, args) => {
  expect(await stop(args)).toEqual({ end: 143, inTime: true });
});
