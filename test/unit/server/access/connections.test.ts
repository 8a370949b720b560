// Clients that hold connections without using them: too many, too slow to begin, too slow to go on.

import { hash } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/core/system-clock.ts";
import type { TokenGrant } from "../../../../src/server/access/rights.ts";
import { openServer, type RunningServer, type ServerOptions } from "../../../../src/server/server.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

let server: RunningServer;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

const start = async (options: Partial<ServerOptions> = {}): Promise<void> => {
  server = await openServer({ clock: systemClock, database: ":memory:", token: "t", ...options });
};

/** A connection, and what came over it. */
function dial() {
  const socket = connect(server.port, "127.0.0.1");
  sockets.push(socket);
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString()));
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const said = async (what: string): Promise<string> => {
    while (!text.includes(what))
      await Promise.race([once(socket, "data"), closed.then(() => Promise.reject(new Error(`closed after: ${text}`)))]);
    return text;
  };
  return { socket, closed, said, text: () => text };
}

const GET = "GET /client/v4/accounts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer t\r\n\r\n";
const PUT = (length: number): string =>
  `PUT /client/v4/accounts/a/storage/kv/namespaces/${"0".repeat(32)}/values/k HTTP/1.1\r\nhost: x\r\nauthorization: Bearer t\r\ncontent-length: ${length}\r\n\r\n`;

describe("more connections than allowed", () => {
  /** Two, which both wait for the rest of a request. */
  const fill = async (warnings: string[] = []): Promise<void> => {
    await start({ maxConnections: 2, warn: (message) => warnings.push(message) });
    for (let i = 0; i < 2; i++) dial().socket.write(PUT(10));
    while (server.counts().write < 2) await new Promise((resolve) => setImmediate(resolve));
  };

  it("are refused with 503, and told of once", async () => {
    const warnings: string[] = [];
    await fill(warnings);
    for (let i = 0; i < 3; i++) {
      const { socket, said, closed } = dial();
      socket.write(GET);
      expect(await said("\r\n\r\n")).toMatch(/^HTTP\/1\.1 503 [^]*retry-after: 1\r\n[^]*connection: close/i);
      await closed;
    }
    expect(warnings).toEqual(["there are 2 connections, which is the limit (--max-connections): more are refused"]);
  });

  it("can ask for the health of the server", async () => {
    await fill();
    const { socket, said } = dial();
    socket.write("GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
    expect(await said("}")).toContain("200 OK");
  });

  it("take the place of those that nobody uses", async () => {
    await start({ maxConnections: 2 });
    const idle = [dial(), dial()];
    for (const { socket, said } of idle) {
      socket.write(GET);
      await said("}");
    }
    const next = dial();
    await Promise.all(idle.map(({ closed }) => closed));
    next.socket.write(GET);
    expect(await next.said("}")).toContain("200 OK");
  });

  it("are closed after five seconds if they say nothing, and at once where there is no more room", async () => {
    const clock = new FakeClock();
    await start({ maxConnections: 1, clock });
    const first = dial();
    first.socket.write(PUT(10));
    while (server.counts().write < 1) await new Promise((resolve) => setImmediate(resolve));
    const silent = Array.from({ length: 65 }, dial);
    // 64 beyond the limit stay, and one is closed unheard.
    await Promise.any(silent.map(({ closed }) => closed));
    while (clock.sleeping < 64) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(5000);
    await Promise.all(silent.map(({ closed }) => closed));
    expect(first.socket.destroyed).toBe(false);
  });
});

describe("a client that is slow", () => {
  it("to begin is told so, and its connection is closed", async () => {
    await start({ headersTimeoutMs: 50 });
    const silent = dial();
    const slow = dial();
    slow.socket.write("GET /client/v4/accounts HTTP/1.1\r\nx: ");
    await Promise.all([silent.closed, slow.closed]);
    expect(slow.text()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("to send its body is told so within a minute, and its connection is closed", async () => {
    const clock = new FakeClock();
    const log: string[] = [];
    await start({ clock, log: (line) => log.push(line) });
    const { socket, said, closed } = dial();
    socket.write(PUT(1_000_000));
    while (server.counts().write === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.write(Buffer.alloc(60_000));
    while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(30_000);
    await clock.advance(30_000);
    expect(await said("408")).toMatch(/^HTTP\/1\.1 408 /);
    await closed;
    expect(log[0]).toMatch(/^PUT .*\/values\/k its body came too slowly$/);
  });

  it("but keeps to 64 KiB in half a minute goes on", async () => {
    const clock = new FakeClock();
    await start({ clock });
    const { socket, said } = dial();
    socket.write(PUT(65_536 * 5));
    while (server.counts().write === 0) await new Promise((resolve) => setImmediate(resolve));
    while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 5; i++) {
      await clock.advance(29_000);
      socket.write(Buffer.alloc(65_536));
      // The server has read it when it answers another request.
      const other = dial();
      other.socket.write(GET);
      await other.said("}");
      await clock.advance(1000);
    }
    expect(await said("}")).toContain("404"); // there is no such namespace
  });
});

it("a token that is taken out while a body is on its way is refused at its end", async () => {
  const grant: TokenGrant = { name: "ci", sha256: hash("sha256", "t", "hex"), access: "edit" };
  await start({ tokens: [grant] });
  const made = await fetch(`${server.url}/accounts/a/storage/kv/namespaces`, {
    method: "POST",
    headers: { authorization: "Bearer t" },
    body: '{"title":"t"}',
  });
  const { result } = (await made.json()) as { result: { id: string } };
  const { socket, said } = dial();
  socket.write(PUT(10).replace("0".repeat(32), result.id));
  while (server.counts().write === 0) await new Promise((resolve) => setImmediate(resolve));
  server.setTokens([]);
  socket.write("0123456789");
  expect(await said("}")).toContain("403 Forbidden");
});
