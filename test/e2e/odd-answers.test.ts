// Answers and systems that nobody expects are the network's failures, and no bug of kvsync: exit code 1, and one line.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../support/cli.ts";

let cwd: string;
let server: Server;
let env: Record<string, string>;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-odd-"));
  server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { "x-long": "x".repeat(20 * 1024) }).end("value");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  env = {
    CLOUDFLARE_ACCOUNT_ID: "acct",
    CLOUDFLARE_API_TOKEN: "right",
    CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`,
    KVSYNC_STATE_DIR: join(cwd, "state"),
  };
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(cwd, { recursive: true });
});

test.each([
  ["key get", ["key", "get", "k", "-n", "app"]],
  ["copy", ["copy", "cloudflare:app", "./out"]],
  ["namespace list", ["namespace", "list"]],
])("headers of 20 KiB end %s with 1 and a line", async (_, args) => {
  const { code, stderr } = await runCli(args, { cwd, env });
  expect([code, stderr]).toEqual([1, expect.stringContaining("the answer has more headers than anybody reads")]);
  expect(stderr).not.toContain("bug");
});

test("headers of 20 KiB are a failed check of doctor", async () => {
  const { code, stdout, stderr } = await runCli(["doctor"], { cwd, env });
  expect([code, stderr]).toEqual([1, ""]);
  expect(stdout).toMatch(/fail {2}account cloudflare: could not reach the API: /);
});
