// An API that does not answer, as the user of a command sees it: told at once, and once, while the command tries again.

import { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ended, startCli } from "../support/cli.ts";
import { startTestServer } from "../support/server.ts";

let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-outage-"));
});

afterAll(() => rmSync(cwd, { recursive: true }));

/** A port of this machine that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function start(port: number, args: readonly string[]): ChildProcess {
  const env = {
    CLOUDFLARE_ACCOUNT_ID: "acct",
    CLOUDFLARE_API_TOKEN: "right",
    CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${port}/client/v4`,
  };
  const child = startCli(args, { cwd, env });
  child.stdin?.end();
  return child;
}

test("a refused connection is told at once, and its end when the server is there", async () => {
  const port = await closedPort();
  const child = start(port, ["namespace", "list"]);
  const over = ended(child);
  const [first] = (await once(child.stderr!, "data")) as [Buffer];
  expect(first.toString()).toBe(`could not reach 127.0.0.1:${port}: the connection was refused; trying again\n`);
  const server = await startTestServer({ port, token: "right" });
  try {
    const run = await over;
    expect(run.code).toBe(0);
    expect(run.stderr).toBe(
      `${first.toString()}127.0.0.1:${port} answers again\n0 namespaces in account "cloudflare"\n`,
    );
  } finally {
    await server.close();
  }
});

test("with -q nothing is told of an outage that ended", async () => {
  const flaky = createServer().listen(0, "127.0.0.1");
  await once(flaky, "listening");
  const { port } = flaky.address() as AddressInfo;
  const child = start(port, ["namespace", "list", "-q"]);
  const over = ended(child);
  const [socket] = await once(flaky, "connection");
  socket.destroy();
  flaky.close();
  await once(flaky, "close");
  const server = await startTestServer({ port, token: "right" });
  try {
    expect(await over).toMatchObject({ code: 0, stderr: "" });
  } finally {
    await server.close();
  }
});
