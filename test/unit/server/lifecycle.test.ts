// Opening and closing: addresses, requests in flight, clients that go away.

import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/core/system-clock.ts";
import type { AnsweredExchange } from "../../../src/server/answered-exchange.ts";
import { openServer } from "../../../src/server/server.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { type Kv, openKv } from "./kv-fixture.ts";

const options = { clock: systemClock, database: ":memory:" };

/** A client that has sent half of a value. */
async function halfSent(kv: Kv): Promise<{ readonly send: (rest: string) => void; readonly answer: Promise<string> }> {
  const socket = connect(kv.server.port, "127.0.0.1");
  socket.on("error", () => undefined);
  const path = new URL(kv.server.namespacesUrl).pathname;
  const head = `PUT ${path}/${kv.id}/values/k HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\n`;
  socket.write(`${head}content-length: 9\r\n\r\nhalf`);
  while (kv.server.counts().write === 0) await new Promise((resolve) => setImmediate(resolve));
  return {
    send: (rest) => void socket.write(rest),
    answer: new Promise((resolve) => socket.once("data", (bytes) => resolve(bytes.toString()))),
  };
}

describe("opening", () => {
  it("tells its URL and port", async () => {
    const server = await openServer(options);
    expect(server.url).toBe(`http://127.0.0.1:${server.port}/client/v4`);
    await server.close();
  });

  it("says so when the address is in use, and leaves who uses it alone", async () => {
    const kv = await openKv();
    await expect(openServer({ ...options, port: kv.server.port })).rejects.toMatchObject({
      code: "address-in-use",
      message: `127.0.0.1:${kv.server.port} is in use`,
      hint: expect.stringContaining("another port"),
    });
    expect(await kv.names()).toEqual([]);
    await kv.close();
  });

  it.each(["0.0.0.0", "::", "192.0.2.1", "example.com"])("refuses %s without a token", async (host) => {
    await expect(openServer({ ...options, host })).rejects.toMatchObject({
      code: "usage",
      hint: expect.stringContaining("--token"),
    });
  });

  it("listens beyond loopback with a token", async () => {
    const server = await openServer({ ...options, host: "0.0.0.0", token: "t" });
    expect((await fetch(server.url.replace("0.0.0.0", "127.0.0.1"))).status).toBe(404);
    await server.close();
  });

  it("refuses an address that is not this machine's", async () => {
    await expect(openServer({ ...options, host: "192.0.2.1", token: "t" })).rejects.toMatchObject({ code: "usage" });
  });
});

describe("closing", () => {
  it("may be asked for twice", async () => {
    const server = await openServer(options);
    await Promise.all([server.close(), server.close()]);
    await server.close();
  });

  it("answers what was received, at once, though it was to be slow", async () => {
    const clock = new FakeClock();
    const kv = await openKv({ clock, faults: { rules: [{ kind: "slow", delayMs: 60_000 }] } });
    const pending = kv.call("GET", `/${kv.id}/values/k`);
    while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    await kv.close();
    expect((await pending).status).toBe(404);
  });

  it("takes the rest of what a client has begun to send", async () => {
    const kv = await openKv();
    const { send, answer } = await halfSent(kv);
    const closed = kv.server.close();
    send("whole");
    expect(await answer).toMatch(/^HTTP\/1.1 200/);
    await closed;
    await kv.close();
  });

  it("waits five seconds for a client that never finishes its request", async () => {
    const clock = new FakeClock();
    const told: string[] = [];
    const kv = await openKv({ clock, warn: (message) => told.push(message) });
    await halfSent(kv);
    const closed = kv.server.close();
    await clock.advance(5000);
    await closed;
    expect(told).toEqual([expect.stringContaining("1 request took over five seconds more")]);
    await kv.close();
  });
});

describe("a client that goes away in the middle of its request", () => {
  it("has written nothing, and troubles nobody", async () => {
    const lines: string[] = [];
    const kv = await openKv({ log: (line) => lines.push(line) });
    const path = `${new URL(kv.server.namespacesUrl).pathname}/${kv.id}/values/k`;
    const socket = connect(kv.server.port, "127.0.0.1");
    socket.write(
      `PUT ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\ncontent-length: 10\r\n\r\nhalf`,
    );
    while (kv.server.counts().write === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    while (lines.at(-1) !== `PUT ${path} the client went away`) await new Promise((resolve) => setImmediate(resolve));
    expect(await kv.names()).toEqual([]);
    await kv.close();
  });
});

describe("a failure within", () => {
  it("is answered as one, logged, and the server goes on", async () => {
    const folder = mkdtempSync(join(tmpdir(), "kvsync-server-"));
    const database = join(folder, "kv.sqlite");
    const lines: string[] = [];
    const kv = await openKv({ database, log: (line) => lines.push(line) });
    const other = new DatabaseSync(database);
    other.exec("ALTER TABLE value RENAME TO taken");
    expect(await kv.outcome("PUT", "/values/k", { body: "v" })).toEqual([500, 10001]);
    expect(lines.some((line) => line.startsWith("error: Error: no such table"))).toBe(true);
    other.exec("ALTER TABLE taken RENAME TO value");
    other.close();
    await kv.put("k", "v");
    expect(await kv.get("k")).toBe("v");
    await kv.close();
    rmSync(folder, { recursive: true });
  });
});

describe("a running server", () => {
  it("counts requests by operation, refused ones as well", async () => {
    const kv = await openKv();
    await kv.put("k", "v");
    await kv.get("k");
    await kv.names();
    await kv.json("POST", "/bulk/get", { keys: [] });
    await kv.call("GET", "/../nowhere");
    const { total, ...counts } = kv.server.counts();
    expect(counts).toMatchObject({ namespace: 1, write: 1, read: 1, list: 1, bulkGet: 1, other: 1, delete: 0 });
    expect(total).toBe(6);
    await kv.close();
  });

  it("logs a line for each request, and shows each exchange", async () => {
    const lines: string[] = [];
    const seen: AnsweredExchange[] = [];
    const kv = await openKv({ log: (line) => lines.push(line), onAnswer: (exchange) => seen.push(exchange) });
    await kv.put("k", "value", "?expiration_ttl=60");
    await kv.close(); // a line is written, and an exchange shown, after its answer has left
    expect(lines.at(-1)).toMatch(
      /^PUT \/client\/v4\/accounts\/testaccount\/.*\/values\/k\?expiration_ttl=60 200 \d+ms$/,
    );
    expect(seen.at(-1)).toMatchObject({ method: "PUT", query: "expiration_ttl=60", status: 200 });
    expect(seen.at(-1)?.requestBody?.toString()).toBe("value");
    expect(seen.at(-1)?.path).toMatch(/\/values\/k$/);
  });
});
