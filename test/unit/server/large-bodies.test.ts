// Bodies that are larger than what the server takes of them at once.

import { connect, type Socket } from "node:net";
import { request } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { openSqliteStore } from "../../../src/server/store/sqlite/sqlite-store.ts";
import type { Store } from "../../../src/server/store/store.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { type Kv, openKv } from "./kv-fixture.ts";

let kv: Kv;
afterEach(() => kv.close());

const settled = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
};

function path(below: string): string {
  return `${new URL(kv.server.namespacesUrl).pathname}/${kv.id}${below}`;
}

describe("a long value that the store is slow to take", () => {
  it("is not read from its client faster than that", async () => {
    const { promise: taken, resolve: takes } = Promise.withResolvers<void>();
    const store = await openSqliteStore(":memory:", new FakeClock());
    const stage: Store["stage"] = async (chunks) => {
      await taken;
      return store.stage(chunks);
    };
    kv = await openKv({ database: { ...store, stage }, validate: false });
    const value = Buffer.alloc(26_214_400, 7);
    const authorization = `Bearer ${kv.server.token}`;
    const headers = { authorization, "content-length": String(value.length) };
    const sent = request({ host: "127.0.0.1", port: kv.server.port, method: "PUT", path: path("/values/k"), headers });
    const status = new Promise((resolve) => sent.on("response", ({ statusCode }) => resolve(statusCode)));
    let accepted = 0;
    for (let at = 0; at < value.length; at += 65_536)
      sent.write(value.subarray(at, at + 65_536), () => (accepted += 65_536));
    let before = -1;
    // Until the kernel takes no more of it.
    while (accepted !== before) {
      before = accepted;
      await kv.names();
      await settled();
    }
    expect(accepted).toBeLessThan(20_000_000);
    takes();
    sent.end();
    expect(await status).toBe(200);
    expect((await kv.call("GET", `/${kv.id}/values/k`)).bytes.equals(value)).toBe(true);
  });
});

describe("a client that has sent a part of a large body, and no more", () => {
  it("holds up neither small ones nor other large ones", async () => {
    kv = await openKv();
    const stalled = await Promise.all(Array.from({ length: 5 }, () => begin("PUT", "/bulk", 90_000_000, 3_000_000)));
    const pairs = JSON.stringify(Array.from({ length: 4 }, (_, i) => ({ key: `k${i}`, value: "x".repeat(1_000_000) })));
    const headers = { "content-type": "application/json" };
    expect(await kv.outcome("PUT", "/bulk", { body: pairs, headers })).toEqual([200, undefined]);
    expect(await kv.outcome("PUT", "/bulk", { body: '[{"key":"small","value":"v"}]', headers })).toEqual([
      200,
      undefined,
    ]);
    expect(await kv.names()).toEqual(["k0", "k1", "k2", "k3", "small"]);
    for (const socket of stalled) socket.destroy();
  });
});

describe("bulk gets with large answers", () => {
  it("are all answered, however many there are at once, also when some clients go away", async () => {
    kv = await openKv({ validate: false });
    for (const key of ["a", "b"]) await kv.put(key, Buffer.alloc(2_000_000, "x"));
    const body = '{"keys":["a","b"]}';
    const gone = await Promise.all(Array.from({ length: 5 }, () => begin("POST", "/bulk/get", body.length, body)));
    for (const socket of gone.slice(1)) socket.destroy();
    const answers = Array.from({ length: 10 }, () => kv.call("POST", `/${kv.id}/bulk/get`, { body }));
    for (const { status, bytes } of await Promise.all(answers))
      expect([status, bytes.length]).toEqual([200, 4_000_078]);
    gone[0]!.destroy();
  });
});

/** Sends the head of a request, and some of its body. */
async function begin(method: string, below: string, length: number, body: number | string): Promise<Socket> {
  const socket = connect(kv.server.port, "127.0.0.1");
  socket.on("error", () => undefined);
  const head = `${method} ${path(below)} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${kv.server.token}\r\nContent-Length: ${length}\r\n\r\n`;
  socket.write(head);
  await new Promise((resolve) => socket.write(typeof body === "string" ? body : Buffer.alloc(body, " "), resolve));
  return socket;
}
