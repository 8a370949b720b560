// The limits that are switched on: requests in a window, writes to one key, the Free plan's day.

import { afterEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../support/fake-clock.ts";
import { type Kv, openKv, rawCall } from "./kv-fixture.ts";

let kv: Kv;
afterEach(() => kv.close());

const putOf = (key: string) => kv.outcome("PUT", `/values/${key}`, { body: "v" });

describe("the rate limit", () => {
  it("tells on every answer what is left, and blocks for a whole window once it is passed", async () => {
    const clock = new FakeClock();
    kv = await openKv({ clock, faults: { rateLimit: { requests: 3, windowSeconds: 300 } } });
    const ask = async () => {
      const { status, headers } = await kv.call("GET", `/${kv.id}/values/none`);
      return [status, headers["ratelimit"], headers["retry-after"]];
    };
    expect(await ask()).toEqual([404, '"default";r=2;t=300', undefined]);
    await clock.advance(99_500);
    expect(await ask()).toEqual([404, '"default";r=1;t=201', undefined]);
    expect(await ask()).toEqual([404, '"default";r=0;t=201', undefined]);
    expect(await ask()).toEqual([429, '"default";r=0;t=300', "300"]);
    await clock.advance(299_000);
    expect(await ask()).toEqual([429, '"default";r=0;t=1', "1"]);
    await clock.advance(1000);
    const { headers } = await kv.call("GET", "");
    expect([headers["ratelimit"], headers["ratelimit-policy"]]).toEqual(['"default";r=2;t=300', '"default";q=3;w=300']);
  });

  it("has code 971, and one window for each token", async () => {
    kv = await openKv({ faults: { rateLimit: { requests: 1 } } });
    const path = new URL(kv.server.namespacesUrl).pathname;
    const ask = async (token: string) => {
      const answer = await rawCall(kv.server.port, "GET", path, { headers: { authorization: `Bearer ${token}` } });
      return [answer.status, JSON.parse(answer.text).errors[0]?.code];
    };
    expect([await ask("a"), await ask("a"), await ask("b")]).toEqual([
      [200, undefined],
      [429, 971],
      [200, undefined],
    ]);
  });

  it("is 1,200 in five minutes unless told otherwise, and off unless asked for", async () => {
    kv = await openKv({ faults: { rateLimit: {} } });
    expect((await kv.call("GET", "")).headers["ratelimit-policy"]).toBe('"default";q=1200;w=300');
    kv.server.setFaults({});
    expect((await kv.call("GET", "")).headers).not.toHaveProperty("ratelimit");
  });
});

describe("one write a second to one key", () => {
  it("refuses the second, alone or in a bulk call, and nothing else", async () => {
    const clock = new FakeClock();
    kv = await openKv({ clock, faults: { keyWriteInterval: true } });
    expect([await putOf("a"), await putOf("b"), await putOf("a")]).toEqual([
      [200, undefined],
      [200, undefined],
      [429, 10022],
    ]);
    const body = '[{"key":"a","value":"w"},{"key":"c","value":"w"}]';
    expect(await kv.outcome("PUT", "/bulk", { body })).toEqual([429, 10022]);
    expect(await kv.names()).toEqual(["a", "b"]);
    expect(await kv.outcome("DELETE", "/values/a")).toEqual([200, undefined]);
    await clock.advance(999);
    expect(await putOf("a")).toEqual([429, 10022]);
    await clock.advance(1);
    expect(await putOf("a")).toEqual([200, undefined]);
  });
});

describe("the Free plan's quota", () => {
  it("counts each key, refuses what passes it, and begins anew with the UTC day", async () => {
    const clock = new FakeClock({ now: Date.UTC(2026, 10, 23, 23, 59) });
    kv = await openKv({ clock, faults: { freeQuota: { writes: 3, reads: 2, deletes: 1, lists: 1 } } });
    const pairs = (count: number) =>
      JSON.stringify(Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: "v" })));
    const headers = { "content-type": "application/json" };
    expect(await kv.outcome("PUT", "/bulk", { body: pairs(2), headers })).toEqual([200, undefined]);
    expect(await kv.outcome("PUT", "/bulk", { body: pairs(2), headers })).toEqual([429, 10048]);
    expect([await putOf("x"), await putOf("y")]).toEqual([
      [200, undefined],
      [429, 10048],
    ]);
    const body = '{"keys":["k0","k1"]}';
    expect(await kv.outcome("POST", "/bulk/get", { body, headers })).toEqual([200, undefined]);
    expect(await kv.outcome("GET", "/values/k0")).toEqual([429, 10048]);
    expect([await kv.outcome("DELETE", "/values/k0"), await kv.outcome("DELETE", "/values/k0")]).toEqual([
      [200, undefined],
      [429, 10048],
    ]);
    expect([await kv.outcome("GET", "/keys"), await kv.outcome("GET", "/keys")]).toEqual([
      [200, undefined],
      [429, 10048],
    ]);
    await clock.advance(60_000);
    expect(await kv.outcome("GET", "/keys")).toEqual([200, undefined]);
    expect(await putOf("y")).toEqual([200, undefined]);
  });
});
