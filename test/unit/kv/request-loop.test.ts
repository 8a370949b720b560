// What the client does with answers that the embedded server has no reason to give: one table of answers and errors, and
// the rules of trying again.

import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, it, vi } from "vitest";
import type { NamespaceId } from "../../../src/kv/kv-api.ts";
import { openBudget } from "../../../src/kv/budget.ts";
import type { RetryEvent } from "../../../src/kv/request-loop.ts";
import { bodyOfText } from "../../../src/kv/sized-body.ts";
import { keyOf } from "../../support/values.ts";
import { failure, openTestClient } from "./client-fixture.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { answer, refuse, type Script, send, startScriptedServer } from "./scripted-server.ts";

const id = "0f2ac74b498b48028cb68387c421e279" as NamespaceId;
const html = (response: Parameters<Script>[1], status: number): void =>
  send(response, status, "<html><h1>oops</h1></html>", { "content-type": "text/html" });

describe("an answer for good", () => {
  it.each<[string, Script, object]>([
    ["a wrong token", (_, r) => refuse(r, 403, 10000, "Authentication error"), { code: "unauthorized" }],
    ["401 without a body", (_, r) => send(r, 401, ""), { code: "unauthorized" }],
    ["missing headers", (_, r) => refuse(r, 400, 9106), { code: "unauthorized" }],
    ["an unknown namespace", (_, r) => refuse(r, 404, 10013), { code: "namespace-not-found" }],
    [
      "a malformed namespace id",
      (_, r) => refuse(r, 400, 10011, "could not parse"),
      { code: "api-error", apiCode: 10011 },
    ],
    ["the free quota", (_, r) => refuse(r, 429, 10048, "limit for today"), { code: "quota-exhausted" }],
    ["an HTML page 413", (_, r) => html(r, 413), { code: "request-too-large" }],
    ["no route", (_, r) => refuse(r, 404, 7003, "Could not route"), { code: "api-error", status: 404 }],
    ["404 without errors", (_, r) => refuse(r, 404, undefined), { code: "api-error", status: 404 }],
    ["a wrong method", (_, r) => refuse(r, 405, 10000, "GET method not allowed"), { code: "api-error", status: 405 }],
    ["a redirect", (_, r) => send(r, 302, "", { location: "http://elsewhere/" }), { code: "api-error", status: 302 }],
    ["a page with 403", (_, r) => send(r, 403, "<html>"), { code: "api-error", status: 403 }],
    ["a challenge", (_, r) => send(r, 403, "<html>", { "cf-mitigated": "challenge" }), { code: "api-error" }],
    ["an invalid cursor", (_, r) => refuse(r, 400, 10041, "invalid cursor"), { code: "api-error", apiCode: 10041 }],
    ["a result that is no list", (_, r) => answer(r, { keys: [] }, {}), { code: "api-malformed" }],
    ["a key without a name", (_, r) => answer(r, [{ nme: "a" }], {}), { code: "api-malformed" }],
    ["an odd expiration", (_, r) => answer(r, [{ name: "a", expiration: "soon" }], {}), { code: "api-malformed" }],
    ["an odd cursor", (_, r) => answer(r, [], { cursor: 7 }), { code: "api-malformed" }],
  ])("%s is not asked for again", async (_, script, expected) => {
    await using server = await startScriptedServer(script);
    const api = openTestClient(server.url);
    const error = await failure(api.listKeys(id, {}));
    expect(error).toMatchObject({ ...expected, retryable: false });
    expect(error.message).toMatch(/^could not list the keys of namespace 0f2ac/);
    expect(server.requests).toHaveLength(1);
    expect(api.counts()).toMatchObject({ list: 1, total: 1, retries: 0 });
    await api.close();
  });

  it("names the permission that a token lacks", async () => {
    await using server = await startScriptedServer((_, response) =>
      refuse(response, 403, 10000, "Authentication error"),
    );
    const api = openTestClient(server.url);
    const error = await failure(api.deleteValue(id, keyOf("a")));
    expect(error.hint).toContain("Workers KV Storage: Read, or Write");
    await api.close();
  });

  it("to a first wrong token fails all that is waiting, and all that follows", async () => {
    await using server = await startScriptedServer((_, response) => refuse(response, 403, 10000));
    const api = openTestClient(server.url, { budgetState: openBudget({ clock: new HurriedClock(), concurrency: 1 }) });
    const codes = await Promise.all(
      ["a", "b", "c"].map(async (key) => (await failure(api.deleteValue(id, keyOf(key)))).code),
    );
    expect(codes).toEqual(["unauthorized", "unauthorized", "unauthorized"]);
    expect((await failure(api.listKeys(id, {}))).code).toBe("unauthorized");
    expect(server.requests).toHaveLength(1);
    expect(api.counts().total).toBe(1);
    await api.close();
  });
});

describe("a failure that may pass", () => {
  it.each<[string, Script]>([
    ["500", (_, r) => refuse(r, 500, 10001)],
    ["502 as HTML", (_, r) => html(r, 502)],
    ["503 with an envelope", (_, r) => refuse(r, 503, 10001, "service temporarily unavailable")],
    ["524 as HTML", (_, r) => html(r, 524)],
    ["408", (_, r) => send(r, 408, "")],
    ["429", (_, r) => refuse(r, 429, 971, "slow down", { "retry-after": "1" })],
    ["a per-key 429", (_, r) => refuse(r, 429, 10022)],
    ["HTML with 200", (_, r) => html(r, 200)],
    ["JSON that is cut", (_, r) => send(r, 200, '{"result":[],"succ')],
    ["JSON that is no envelope", (_, r) => send(r, 200, "[]")],
    [
      "bytes that are no UTF-8",
      (_, r) => send(r, 200, Buffer.from('{"success":true,"result":[],"x":"\xff"}', "latin1")),
    ],
    ["a failure with 200", (_, r) => refuse(r, 200, 1234)],
    ["a success with 500", (_, r) => send(r, 500, '{"success":true,"result":[]}')],
    ["a closed connection", (_, r) => r.destroy()],
    [
      "a body that stops half-way",
      (_, r) => {
        r.writeHead(200, { "content-length": 100 });
        r.write('{"success":true,');
        setImmediate(() => r.destroy());
      },
    ],
    [
      "something that is not HTTP",
      (_, r) => {
        r.socket?.end("SSH-2.0-OpenSSH\r\n");
      },
    ],
  ])("%s is tried again", async (_, script) => {
    await using server = await startScriptedServer((request, response, number) => {
      if (number < 2) script(request, response, number);
      else answer(response, [{ name: "a" }], { cursor: "" });
    });
    const events: RetryEvent[] = [];
    const api = openTestClient(server.url, { onRetry: (event) => events.push(event) });
    expect(await api.listKeys(id, {})).toEqual({ keys: [{ name: "a" }], cursor: "" });
    expect(server.requests).toHaveLength(3);
    expect(api.counts()).toMatchObject({ list: 3, total: 3, retries: 2 });
    expect(events.map((event) => [event.operation, event.retry])).toEqual([
      ["list", 1],
      ["list", 2],
    ]);
    await api.close();
  });

  it("fails in the end, with what the last answer said", async () => {
    await using server = await startScriptedServer((_, response) => html(response, 502));
    const api = openTestClient(server.url);
    const error = await failure(api.listKeys(id, {}));
    expect(error).toMatchObject({ code: "api-error", status: 502, retryable: true });
    expect(error.message).toContain("status 502 and a body that is an HTML page");
    expect(server.requests).toHaveLength(8);
    await api.close();
  });

  it("waits as long as the server asks, and a random part of a doubling time otherwise", async () => {
    const clock = new HurriedClock();
    await using server = await startScriptedServer((_, response, number) => {
      if (number === 0) refuse(response, 503, undefined, "", { "retry-after": "7" });
      else if (number < 4) refuse(response, 503, undefined);
      else answer(response, []);
    });
    const api = openTestClient(server.url, { clock });
    await api.listKeys(id, {});
    expect(clock.slept[0]).toBe(7000);
    [1000, 2000, 4000].forEach((bound, i) => expect(clock.slept[i + 1]).toBeLessThanOrEqual(bound));
    await api.close();
  });

  it("that is a limit on the account holds back all calls, and counts as no attempt", async () => {
    const clock = new HurriedClock();
    const start = clock.now();
    await using server = await startScriptedServer((_, response) => {
      if (clock.now() - start < 10_000) refuse(response, 429, 971, "slow down", { "retry-after": "1" });
      else answer(response, []);
    });
    const api = openTestClient(server.url, { clock, budget: {}, retry: { attempts: 1 } });
    await Promise.all([api.listKeys(id, {}), api.listKeys(id, {}), api.listKeys(id, {})]);
    expect(clock.now() - start).toBeGreaterThanOrEqual(10_000);
    await api.close();
  });

  it("that is a limit on the account gives up after ten minutes", async () => {
    await using server = await startScriptedServer((_, response) => refuse(response, 429, 971));
    const clock = new HurriedClock();
    const start = clock.now();
    const api = openTestClient(server.url, { clock });
    expect(await failure(api.listKeys(id, {}))).toMatchObject({ code: "rate-limited", retryable: true });
    expect(clock.now() - start).toBeGreaterThan(480_000);
    expect(server.requests.length).toBeLessThan(40);
    await api.close();
  });

  it("that is a limit is an error at once for those who do not wait", async () => {
    await using server = await startScriptedServer((_, response) =>
      refuse(response, 429, 971, "", { "retry-after": "300" }),
    );
    const api = openTestClient(server.url, { noWait: true });
    expect((await failure(api.listKeys(id, {}))).code).toBe("budget-exhausted");
    expect(server.requests).toHaveLength(1);
    await api.close();
  });

  it("by time is left to those who can send less, for bulk operations", async () => {
    await using server = await startScriptedServer((_, response) => html(response, 524));
    const api = openTestClient(server.url);
    expect(await failure(api.bulkWrite(id, bodyOfText("[]")))).toMatchObject({ timedOut: true, retryable: true });
    expect(server.requests).toHaveLength(1);
    await api.close();
  });
});

describe("no answer", () => {
  it("where nothing listens is a network error that names the host", async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const api = openTestClient(`http://127.0.0.1:${port}/client/v4`);
    const error = await failure(api.getNamespace(id));
    expect(error).toMatchObject({ code: "network", retryable: true });
    expect(error.message).toBe(`could not get namespace ${id}: the connection was refused (127.0.0.1:${port})`);
    expect(api.counts()).toMatchObject({ total: 8, retries: 7 });
    await api.close();
  });

  it("in time is one too", async () => {
    await using server = await startScriptedServer(() => undefined);
    const api = openTestClient(server.url, { headersTimeoutMs: 30, retry: { attempts: 2 } });
    expect(await failure(api.listKeys(id, {}))).toMatchObject({ code: "network", timedOut: true });
    await vi.waitFor(() => expect(server.requests).toHaveLength(2), { timeout: 30_000 });
    await api.close();
  });

  it("is no longer waited for when the caller gives up", async () => {
    await using server = await startScriptedServer(() => undefined);
    const api = openTestClient(server.url);
    const stop = new AbortController();
    const reason = new Error("enough");
    const reading = failure(api.listKeys(id, {}, { signal: stop.signal }));
    while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(reason);
    expect(await reading).toBe(reason);
    await api.close();
  });
});
