// /health: for whoever asks, by whatever name; true within a second; and no load on the store.

import type { IncomingMessage } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../../src/core/system-clock.ts";
import { openHealth } from "../../../../src/server/access/health.ts";
import { openServer } from "../../../../src/server/server.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { rawCall } from "../kv-fixture.ts";

function open(check: () => void | Promise<void>) {
  const clock = new FakeClock();
  const warnings: string[] = [];
  let looks = 0;
  const health = openHealth({
    clock,
    check: () => {
      looks++;
      return check();
    },
    warn: (message) => warnings.push(message),
  });
  const ask = async (): Promise<[number, unknown]> => {
    const answer = await health.answer({ url: "/health", method: "GET" } as IncomingMessage)!;
    return [answer.status, JSON.parse(answer.body as string).status];
  };
  return { clock, warnings, health, ask, looks: () => looks };
}

describe("health", () => {
  it("is well while the store answers, and asks it once a second at the most", async () => {
    const { clock, ask, looks } = open(() => undefined);
    for (let i = 0; i < 10; i++) expect(await ask()).toEqual([200, "ok"]);
    await clock.advance(999);
    await ask();
    expect(looks()).toBe(1);
    await clock.advance(1);
    await Promise.all([ask(), ask(), ask()]);
    expect(looks()).toBe(2);
  });

  it("is not while the store cannot be reached, and both are told once", async () => {
    let isReachable = false;
    const { clock, ask, warnings } = open(() => {
      if (!isReachable) throw new Error("no route to host");
    });
    for (let i = 0; i < 3; i++) {
      expect(await ask()).toEqual([503, "unavailable"]);
      await clock.advance(1000);
    }
    isReachable = true;
    expect(await ask()).toEqual([200, "ok"]);
    expect(warnings).toEqual([
      "/health: the data cannot be reached: no route to host",
      "/health: the data can be reached again",
    ]);
  });

  it("is not when the store does not answer within two seconds; there is one look at a time", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { clock, ask, looks } = open(() => promise);
    for (let i = 0; i < 3; i++) {
      const asked = ask();
      await clock.advance(2000);
      expect(await asked).toEqual([503, "unavailable"]);
    }
    expect(looks()).toBe(1);
    resolve();
    await clock.advance(0);
    expect(await ask()).toEqual([200, "ok"]);
    expect(clock.sleeping).toBe(0);
  });

  it("is not when the server stops", async () => {
    const { ask, health } = open(() => undefined);
    health.stop();
    expect(await ask()).toEqual([503, "stopping"]);
  });
});

describe("over HTTP", () => {
  const start = async () => {
    const log: string[] = [];
    const server = await openServer({
      clock: systemClock,
      database: ":memory:",
      token: "secret",
      log: (line) => log.push(line),
    });
    onTestFinished(() => server.close());
    const call = (method: string, target: string, headers: Record<string, string> = {}) =>
      rawCall(server.port, method, target, { headers });
    return { server, call, log };
  };

  it.each([
    ["GET", "/health", 200],
    ["GET", "/health?from=lb", 200],
    ["HEAD", "/health", 200],
    ["POST", "/health", 405],
    ["GET", "/healthy", 404],
    ["GET", "/client/v4/health", 404],
  ])("%s %s is %i, whoever asks", async (method, target, status) => {
    const { call, server, log } = await start();
    expect((await call(method, target, { host: "kv.example.com" })).status).toBe(status);
    if (status === 404) return;
    expect([server.counts().total, log]).toEqual([0, []]);
  });

  it("while the server drains, it says so and requests are served as ever, the last on their connections", async () => {
    const { call, server } = await start();
    server.drain();
    expect(await call("GET", "/health")).toMatchObject({ status: 503, text: '{"status":"stopping"}\n' });
    const answer = await call("GET", "/client/v4/accounts", { authorization: "Bearer secret" });
    expect(answer.status).toBe(200);
    expect(answer.headers.connection).toBe("close");
  });
});
