// Health: signs of life, the verdict on them, and what a monitor gets over HTTP.

import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type HealthReport, type HealthSnapshot, judgeHealth } from "../../../src/monitor/health.ts";
import { type HealthServer, openHealthServer } from "../../../src/monitor/health-server.ts";
import { openHeartbeats } from "../../../src/daemon/heartbeats.ts";
import { openMetrics } from "../../../src/monitor/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";

describe("a loop", () => {
  const clock = new FakeClock();
  const heartbeats = openHeartbeats(clock);
  const isAlive = (): boolean[] => heartbeats.list().map((loop) => loop.isAlive);

  it("is alive while it beats in time, dead when it is late, and alive again when it beats", async () => {
    const loop = heartbeats.open("app-config", 10_000);
    expect(heartbeats.list()).toEqual([{ name: "app-config", isAlive: true }]);
    await clock.advance(9999);
    loop.beat();
    await clock.advance(9999);
    expect(isAlive()).toEqual([true]);
    await clock.advance(1);
    expect(isAlive()).toEqual([false]);
    loop.beat();
    expect(isAlive()).toEqual([true]);
    loop.close();
  });

  it("may announce a longer sleep", async () => {
    const loop = heartbeats.open("scrub", 10_000);
    loop.beat(3_600_000);
    await clock.advance(3_599_999);
    expect(isAlive()).toEqual([true]);
    loop.beat();
    await clock.advance(10_000);
    expect(isAlive()).toEqual([false]);
    loop.close();
  });

  it("that has ended is not missed", async () => {
    const loop = heartbeats.open("gone", 10_000);
    const other = heartbeats.open("gone", 10_000);
    loop.close();
    loop.beat();
    expect(heartbeats.list()).toHaveLength(1);
    other.close();
    await clock.advance(100_000);
    expect(heartbeats.list()).toEqual([]);
    heartbeats.open("open", 10_000);
    heartbeats.close();
    expect(clock.sleeping).toBe(0);
  });
});

const well: HealthSnapshot = {
  loops: [{ name: "app-config", isAlive: true }],
  accounts: [{ name: "prod", trouble: undefined }],
  mappings: [{ name: "app-config", state: "in-step", trouble: undefined }],
  backups: [{ name: "nightly", trouble: undefined }],
};
const held = {
  name: "sessions",
  state: "held",
  trouble: { kind: "hold", message: "320 keys would be removed", hint: "kvsync approve sessions" },
} as const;

describe("the verdict", () => {
  it.each<[string, HealthSnapshot, readonly string[]]>([
    ["all is well", well, []],
    ["nothing to do is well", { loops: [], accounts: [], mappings: [], backups: [] }, []],
    [
      "a loop is dead",
      { ...well, loops: [...well.loops, { name: "sessions", isAlive: false }] },
      ['the loop "sessions" shows no sign of life'],
    ],
    [
      "a mapping is held",
      { ...well, mappings: [...well.mappings, held] },
      ['mapping "sessions" is on hold: 320 keys would be removed'],
    ],
    [
      "an account does not answer",
      { ...well, accounts: [{ name: "prod", trouble: "could not list: connection refused" }] },
      ['account "prod" does not answer: could not list: connection refused'],
    ],
    [
      "a mapping leaves keys out",
      {
        ...well,
        mappings: [{ name: "x", state: "incomplete", trouble: { kind: "problems", message: "a.json is bad" } }],
      },
      ['mapping "x" leaves keys out: a.json is bad'],
    ],
    [
      "a mapping fails",
      { ...well, mappings: [{ name: "x", state: "failing", trouble: { kind: "error", message: "token refused" } }] },
      ['mapping "x" fails: token refused'],
    ],
  ])("%s", (_, snapshot, troubles) => {
    const report = judgeHealth(snapshot);
    expect(report.troubles).toEqual(troubles);
    expect(report.status).toBe(troubles.length === 0 ? "ok" : "failing");
  });
});

describe("over HTTP", () => {
  let server: HealthServer;
  let snapshot: HealthSnapshot;
  const open = async (host = "127.0.0.1", port = 0): Promise<HealthServer> =>
    openHealthServer({
      host,
      port,
      status: () => snapshot,
      metrics: await openMetrics({
        clock: new FakeClock(),
        version: "1.2.3",
        read: () => ({ accounts: [], mappings: [], backups: [] }),
      }),
    });
  beforeEach(async () => {
    snapshot = well;
    server = await open();
  });
  afterEach(() => server.close());

  it("health is 200 and says what there is", async () => {
    const answer = await fetch(`${server.url}/health`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await answer.json()).toEqual({
      status: "ok",
      troubles: [],
      accounts: [{ name: "prod" }],
      loops: [{ name: "app-config", isAlive: true }],
      mappings: [{ name: "app-config", state: "in-step" }],
      backups: [{ name: "nightly" }],
    });
  });

  it("health is 503 and names the trouble while there is any", async () => {
    snapshot = { ...well, mappings: [held] };
    const failing = await fetch(`${server.url}/health?verbose`);
    expect(failing.status).toBe(503);
    expect((await failing.json()) as HealthReport).toMatchObject({
      status: "failing",
      troubles: ['mapping "sessions" is on hold: 320 keys would be removed'],
      mappings: [{ trouble: { hint: "kvsync approve sessions" } }],
    });
    snapshot = well;
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });

  it("metrics are OpenMetrics for whoever asks for that, and in the older text format for others", async () => {
    const accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    const open = await fetch(`${server.url}/metrics`, { headers: { accept } });
    expect(open.headers.get("content-type")).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(await open.text()).toMatch(/kvsync_build_info\{version="1\.2\.3"\} 1\n[^]*# EOF\n$/);
    const old = await fetch(`${server.url}/metrics`);
    expect(old.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await old.text()).not.toContain("# EOF");
  });

  it("HEAD has no body, other paths are 404 and other methods 405", async () => {
    const head = await fetch(`${server.url}/health`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect((await fetch(`${server.url}/`)).status).toBe(404);
    const post = await fetch(`${server.url}/health`, { method: "POST", body: "x" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("a web page whose name points here learns nothing", async () => {
    const statusFor = (host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const outgoing = request(`${server.url}/health`, { headers: { host } }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        outgoing.on("error", reject).end();
      });
    expect(await statusFor("evil.example:9477")).toBe(421);
    expect(await statusFor("127.0.0.1.evil.example")).toBe(421);
    expect(await statusFor("localhost:9477")).toBe(200);
    expect(await statusFor("[::1]:9477")).toBe(200);
  });

  it("nobody else is listened to than loopback", async () => {
    for (const host of ["0.0.0.0", "::", "192.168.0.1", "example.com", "127.0.0.1.example.com", ""]) {
      await expect(open(host)).rejects.toMatchObject({ code: "config-invalid" });
    }
  });

  it("a port that is taken is an error that says so", async () => {
    const port = Number(new URL(server.url).port);
    await expect(open("127.0.0.1", port)).rejects.toMatchObject({ code: "address-in-use" });
  });

  it("closing does not wait for a client that keeps its connection", async () => {
    const other = await open();
    await (await fetch(`${other.url}/health`)).text();
    await other.close();
    await expect(fetch(`${other.url}/health`)).rejects.toThrow();
  });
});
