// The daemon while its API is not there: what it says at once, how it stands meanwhile, and that it ends when it is told to.

import { spawnSync } from "node:child_process";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DaemonFixture } from "../support/daemon-process.ts";

let fixture: DaemonFixture;
let server: Server;
let connections: Set<Socket>;
/** What is done with a connection; undefined: it is accepted, and never answered. */
let answer: ((socket: Socket) => void) | undefined;

beforeEach(async () => {
  fixture = new DaemonFixture();
  connections = new Set();
  answer = undefined;
  server = createServer((socket) => {
    connections.add(socket);
    socket.on("error", () => {});
    answer?.(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { readonly port: number };
  const endpoint = `http://127.0.0.1:${port}/client/v4`;
  fixture.write(
    "kvsync.yaml",
    `
state_dir: ./state
accounts: { far: { endpoint: "${endpoint}", account_id: dev, api_token: t } }
root: ./kv
mappings: { app: { account: far, mode: two-way, create: true } }
`,
  );
  fixture.write("kv/app/a", "1");
});

afterEach(async () => {
  for (const socket of connections) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  await fixture.close();
});

function ready(): Promise<void> {
  return fixture.until(() => fixture.out.includes('"ready"'));
}

describe("an API that is not there", () => {
  beforeEach(() => {
    answer = (socket) => socket.destroy();
  });

  it("is told of at once in the log, and within seconds by status and health", async () => {
    await fixture.start("--json", "--health", "0");
    await ready();
    await fixture.until(() => fixture.err.includes("does not answer"), 2000);
    const line = fixture.err.split("\n").find((text) => text.includes("does not answer"));
    expect(JSON.parse(line!)).toMatchObject({
      level: "warn",
      account: "far",
      message: expect.stringMatching(/^account "far" does not answer, trying again in \S+: could not /),
    });
    const health = (): Promise<Response> => fetch(`${healthUrl()}/health`);
    await fixture.until(async () => (await health()).status === 503, 8000);
    expect(await (await health()).text()).toContain('account \\"far\\" does not answer');
    const { stdout } = await fixture.run("status");
    expect(stdout).toMatch(/account far: .*; no good answer for \S+, trying again: could not /);
    await fixture.stop();
  });
});

function healthUrl(): string {
  return /"health":"([^"]+)"/.exec(fixture.out)![1]!;
}

describe("an API that accepts and never answers", () => {
  it("does not keep the daemon from ending", async () => {
    await fixture.start("--json");
    await fixture.until(() => connections.size > 0);
    const asked = performance.now();
    const { code } = await fixture.stop("SIGTERM");
    expect(code).toBe(0);
    expect(performance.now() - asked).toBeLessThan(14_000);
  });
});

describe("metrics", () => {
  it.skipIf(spawnSync("promtool", ["--version"]).error !== undefined)("are what Prometheus takes", async () => {
    await fixture.start("--json", "--health", "0");
    await ready();
    const text = await (await fetch(`${healthUrl()}/metrics`)).text();
    const { status, stderr, stdout } = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
    expect(stdout + stderr).toBe("");
    expect(status).toBe(0);
    await fixture.stop("SIGKILL");
  });
});
