// Faults that strike single requests: which, when, and what of them was applied.

import { afterEach, describe, expect, it } from "vitest";
import type { FaultPlan } from "../../../src/server/faults.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import type { TestServerOptions } from "../../support/server.ts";
import { type Kv, openKv, rawCall } from "./kv-fixture.ts";

let kv: Kv;
afterEach(() => kv.close());

async function open(faults: FaultPlan, options: TestServerOptions = {}): Promise<void> {
  kv = await openKv({ ...options, faults });
}

/** Status of a PUT of key k, or "reset" / "cut" where no whole answer came. */
async function tryPut(value = "v"): Promise<number | string> {
  return attempt(() => kv.call("PUT", `/${kv.id}/values/k`, { body: value }));
}

async function attempt(call: () => Promise<{ status: number }>): Promise<number | string> {
  try {
    return (await call()).status;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return message === "aborted" ? "cut" : code === "ECONNRESET" ? "reset" : message;
  }
}

/** What is stored, without faults. */
async function stored(): Promise<string | undefined> {
  kv.server.setFaults({});
  return kv.get("k");
}

describe("a failing answer", () => {
  it.each([
    ["rate-limited", 429, 971],
    ["server-error", 500, 10001],
    ["unavailable", 503, 10001],
  ] as const)("%s has status %i and code %i, and nothing was applied", async (kind, status, code) => {
    await open({ rules: [{ kind, retryAfterSeconds: 7 }] });
    const answer = await kv.call("PUT", `/${kv.id}/values/k`, { body: "v" });
    expect([answer.status, JSON.parse(answer.text).errors[0].code]).toEqual([status, code]);
    expect(answer.headers["retry-after"]).toBe(kind === "server-error" ? undefined : "7");
    expect(await stored()).toBeUndefined();
  });

  it.each([
    ["bad-gateway", 502],
    ["gateway-timeout", 524],
  ] as const)("%s is an HTML page with status %i", async (kind, status) => {
    await open({ rules: [{ kind }] });
    const answer = await kv.call("GET", `/${kv.id}/keys`);
    expect([answer.status, answer.headers["content-type"]]).toEqual([status, "text/html"]);
    expect(() => JSON.parse(answer.text)).toThrow(SyntaxError);
  });

  it("may come although all was applied", async () => {
    await open({ rules: [{ kind: "gateway-timeout", applied: "all" }] });
    expect(await tryPut("written")).toBe(524);
    expect(await stored()).toBe("written");
  });

  it("may come although half of a bulk call was applied", async () => {
    await open({ rules: [{ kind: "gateway-timeout", applied: "half" }] });
    const body = JSON.stringify(["a", "b", "c", "d", "e"].map((key) => ({ key, value: "v" })));
    expect((await kv.call("PUT", `/${kv.id}/bulk`, { body })).status).toBe(524);
    kv.server.setFaults({});
    expect(await kv.names()).toEqual(["a", "b", "c"]);
    kv.server.setFaults({ rules: [{ kind: "server-error", applied: "half" }] });
    expect((await kv.call("POST", `/${kv.id}/bulk/delete`, { body: '["a","b","c"]' })).status).toBe(500);
    kv.server.setFaults({});
    expect(await kv.names()).toEqual(["c"]);
  });
});

describe("a broken connection", () => {
  it("before the request: reset, nothing applied", async () => {
    await open({ rules: [{ kind: "reset-before" }] });
    expect(await tryPut()).toBe("reset");
    expect(await stored()).toBeUndefined();
  });

  it("after the request: reset, all applied", async () => {
    await open({ rules: [{ kind: "reset-after" }] });
    expect(await tryPut()).toBe("reset");
    expect(await stored()).toBe("v");
  });

  it("within the answer: half of it, all applied", async () => {
    await open({ rules: [{ kind: "truncated", operations: ["read", "write"] }] });
    expect(await tryPut("0123456789")).toBe("cut");
    expect(await attempt(() => kv.call("GET", `/${kv.id}/values/k`))).toBe("cut");
    expect(await stored()).toBe("0123456789");
  });
});

describe("a slow answer", () => {
  it("comes after its delay, and was applied before", async () => {
    const clock = new FakeClock();
    await open({ rules: [{ kind: "slow", delayMs: 5000, first: 1 }] }, { clock });
    let answered = false;
    const pending = tryPut().then(() => (answered = true));
    while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(await kv.get("k")).toBe("v");
    await clock.advance(4999);
    expect(answered).toBe(false);
    await clock.advance(1);
    await pending;
  });
});

describe("a schedule", () => {
  const statuses = async (count: number) => {
    const found: (number | string)[] = [];
    for (let i = 0; i < count; i++) found.push(await tryPut());
    return found;
  };

  it("strikes every nth", async () => {
    await open({ rules: [{ kind: "unavailable", every: 3 }] });
    expect(await statuses(7)).toEqual([200, 200, 503, 200, 200, 503, 200]);
  });

  it("strikes the first n, also after some", async () => {
    await open({
      rules: [
        { kind: "unavailable", first: 2 },
        { kind: "server-error", after: 3, first: 1 },
      ],
    });
    expect(await statuses(6)).toEqual([503, 503, 200, 500, 200, 200]);
  });

  it("strikes for a time", async () => {
    const clock = new FakeClock();
    await open({ rules: [{ kind: "unavailable", forSeconds: 10 }] }, { clock });
    expect(await tryPut()).toBe(503);
    await clock.advance(9999);
    expect(await tryPut()).toBe(503);
    await clock.advance(1);
    expect(await tryPut()).toBe(200);
  });

  it("strikes only the operations it names, and counts only these", async () => {
    await open({ rules: [{ kind: "unavailable", operations: ["write"], every: 2 }] });
    expect(await tryPut()).toBe(200);
    expect(await kv.get("k")).toBe("v");
    expect(await kv.names()).toEqual(["k"]);
    expect(await tryPut()).toBe(503);
  });

  it("strikes by chance, the same for the same seed", async () => {
    const run = async (seed: number) => {
      await open({ seed, rules: [{ kind: "unavailable", probability: 0.5 }] });
      const found = await statuses(40);
      await kv.close();
      return found;
    };
    const first = await run(7);
    expect(new Set(first)).toEqual(new Set([200, 503]));
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
    await open({});
  });

  it("lets the first of several answer, and the others take part", async () => {
    await open({
      rules: [
        { kind: "unavailable", first: 1 },
        { kind: "server-error", first: 2 },
      ],
    });
    expect(await statuses(3)).toEqual([503, 500, 200]);
  });
});

describe("unsuccessful keys", () => {
  const pairs = ["a", "b", "c", "d", "e"].map((key) => ({ key, value: "v" }));

  it("are named, and were really not written or deleted", async () => {
    await open({ rules: [{ kind: "unsuccessful-keys", keys: 2 }] });
    const written = (await kv.json("PUT", "/bulk", pairs)).result;
    expect(written.successful_key_count).toBe(3);
    expect(written.unsuccessful_keys).toHaveLength(2);
    kv.server.setFaults({});
    const left = pairs.map((pair) => pair.key).filter((key) => !written.unsuccessful_keys.includes(key));
    expect(await kv.names()).toEqual(left);
    kv.server.setFaults({ rules: [{ kind: "unsuccessful-keys" }] });
    const deleted = (await kv.json("POST", "/bulk/delete", left)).result;
    expect(deleted.unsuccessful_keys).toHaveLength(1);
    kv.server.setFaults({});
    expect(await kv.names()).toEqual(deleted.unsuccessful_keys);
  });

  it("are at most all", async () => {
    await open({ rules: [{ kind: "unsuccessful-keys", keys: 100 }] });
    const { result } = await kv.json("PUT", "/bulk", pairs);
    expect([result.successful_key_count, result.unsuccessful_keys.toSorted()]).toEqual([0, ["a", "b", "c", "d", "e"]]);
  });
});

describe("pages", () => {
  async function pageLengths(): Promise<[number[], string[], Set<string>]> {
    const lengths: number[] = [];
    const names: string[] = [];
    const cursors = new Set<string>();
    for (let cursor = ""; ;) {
      const { result, result_info } = await kv.json("GET", `/keys?limit=4&cursor=${cursor}`);
      lengths.push(result.length);
      names.push(...result.map((key: { name: string }) => key.name));
      if (result_info.cursor === "") return [lengths, names, cursors];
      expect(cursors.has(result_info.cursor)).toBe(false);
      cursor = result_info.cursor;
      cursors.add(cursor);
    }
  }
  const keys = Array.from({ length: 10 }, (_, i) => `k${i}`);

  it("may be empty and still have a cursor, never the same one twice", async () => {
    await open({});
    await kv.json(
      "PUT",
      "/bulk",
      keys.map((key) => ({ key, value: "v" })),
    );
    kv.server.setFaults({
      rules: [
        { kind: "empty-page", first: 2 },
        { kind: "empty-page", after: 3, every: 2, first: 4 },
      ],
    });
    const [lengths, names] = await pageLengths();
    expect(names).toEqual(keys);
    expect(lengths).toEqual([0, 0, 4, 4, 0, 2]);
  });

  it("may be short and still have a cursor", async () => {
    await open({});
    await kv.json(
      "PUT",
      "/bulk",
      keys.map((key) => ({ key, value: "v" })),
    );
    kv.server.setFaults({
      rules: [
        { kind: "short-page", first: 1 },
        { kind: "short-page", keys: 1, after: 1, first: 1 },
      ],
    });
    const [lengths, names] = await pageLengths();
    expect(names).toEqual(keys);
    expect(lengths).toEqual([2, 1, 4, 3]);
  });
});

describe("the test API", () => {
  const target = "/client/v4/__test/faults";
  const headers = { authorization: "Bearer test-token" };

  it("replaces the plan", async () => {
    kv = await openKv({ testApi: true });
    const set = (plan: unknown) => rawCall(kv.server.port, "PUT", target, { headers, body: JSON.stringify(plan) });
    expect((await set({ rules: [{ kind: "unavailable", first: 1 }] })).status).toBe(200);
    expect([await tryPut(), await tryPut()]).toEqual([503, 200]);
    await set({ rules: [{ kind: "unavailable" }] });
    expect((await set({})).status).toBe(200);
    expect(await tryPut()).toBe(200);
    expect(kv.server.counts().other).toBe(0);
  });

  it("names what is wrong with a plan", async () => {
    kv = await openKv({ testApi: true });
    const answer = await rawCall(kv.server.port, "PUT", target, { headers, body: '{"rules":[{"kind":"fire"}]}' });
    expect([answer.status, JSON.parse(answer.text).errors[0].message]).toEqual([
      400,
      expect.stringContaining("rules.0.kind"),
    ]);
    expect((await rawCall(kv.server.port, "PUT", target, { headers, body: "{" })).status).toBe(400);
    expect((await rawCall(kv.server.port, "GET", target, { headers })).status).toBe(405);
    expect((await rawCall(kv.server.port, "PUT", target, { body: "{}" })).status).toBe(400);
  });

  it("is not there unless it was asked for", async () => {
    kv = await openKv();
    const answer = await rawCall(kv.server.port, "PUT", target, {
      headers,
      body: '{"rules":[{"kind":"unavailable"}]}',
    });
    expect(answer.status).toBe(404);
    expect(await tryPut()).toBe(200);
  });
});

describe("a plan that is none", () => {
  it.each([
    { rules: [{ kind: "slow", every: 0 }] },
    { rules: [{ kind: "slow", probability: 2 }] },
    { rules: [{ kind: "slow", operations: ["everything"] }] },
    { settle: {} },
    { unknown: 1 },
  ])("%j is refused", async (plan) => {
    await open({});
    expect(() => kv.server.setFaults(plan as FaultPlan)).toThrow(expect.objectContaining({ code: "usage" }));
  });
});
