// Expiration: what may be asked for, and that an expired key is nowhere.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../support/fake-clock.ts";
import { type Kv, openKv } from "./kv-fixture.ts";

const NOW = 1_800_000_000;
let clock: FakeClock;
let kv: Kv;

beforeEach(async () => {
  clock = new FakeClock({ now: NOW * 1000 + 999 });
  kv = await openKv({ clock });
});
afterEach(() => kv.close());

describe("a write", () => {
  it.each([
    ["expiration_ttl=60", NOW + 60],
    ["expiration_ttl=3600", NOW + 3600],
    [`expiration=${NOW + 60}`, NOW + 60],
    [`expiration=${NOW + 1000}&expiration_ttl=100`, NOW + 100],
    ["expiration=5&expiration_ttl=100", NOW + 100],
    ["expiration=nonsense&expiration_ttl=100", NOW + 100],
    ["expiration=&expiration_ttl=", undefined],
    [`expiration=${NOW + 70}&expiration_ttl=`, NOW + 70],
  ])("with %s expires at %s", async (query, expiration) => {
    expect(await kv.outcome("PUT", `/values/k?${query}`, { body: "v" })).toEqual([200, undefined]);
    expect((await kv.call("GET", `/${kv.id}/values/k`)).headers["expiration"]).toBe(expiration?.toString());
    expect((await kv.json("GET", "/keys")).result).toEqual([
      expiration === undefined ? { name: "k" } : { name: "k", expiration },
    ]);
    const { result } = await kv.json("POST", "/bulk/get", { keys: ["k"], withMetadata: true });
    expect(result.values.k.expiration).toBe(expiration);
  });

  it.each([
    ["expiration_ttl=59", 10034],
    ["expiration_ttl=0", 10034],
    ["expiration_ttl=-100", 10034],
    ["expiration_ttl=x", 10034],
    ["expiration_ttl=60.5", 10034],
    ["expiration_ttl=1e9", 10034],
    ["expiration_ttl=99999999999999999999", 10034],
    [`expiration=${NOW + 59}`, 10033],
    [`expiration=${NOW}`, 10033],
    ["expiration=5", 10033],
    ["expiration=x", 10033],
    ["expiration=99999999999999999999", 10033],
  ])("with %s is refused", async (query, code) => {
    expect(await kv.outcome("PUT", `/values/k?${query}`, { body: "v" })).toEqual([400, code]);
    expect(await kv.names()).toEqual([]);
  });

  it("in bulk has the same bounds, and a fraction is cut off", async () => {
    const write = (attributes: object) => kv.json("PUT", "/bulk", [{ key: "k", value: "v", ...attributes }]);
    expect((await write({ expiration_ttl: 59 })).errors[0].code).toBe(10034);
    expect((await write({ expiration_ttl: -1 })).errors[0].code).toBe(10034);
    expect((await write({ expiration: NOW + 59 })).errors[0].code).toBe(10033);
    expect((await write({ expiration: 1e300 })).errors[0].code).toBe(10033);
    await write({ expiration_ttl: 60.5, expiration: 7 });
    expect((await kv.json("GET", "/keys")).result).toEqual([{ name: "k", expiration: NOW + 60 }]);
  });
});

describe("a key whose time has come", () => {
  beforeEach(async () => {
    await kv.put("k", "v", "?expiration_ttl=60");
    await kv.put("other", "v");
  });

  it("is there to its last second", async () => {
    await clock.advance(59_000);
    expect(await kv.get("k")).toBe("v");
    expect(await kv.names()).toEqual(["k", "other"]);
  });

  it("is nowhere from that second on", async () => {
    await clock.advance(59_001);
    expect(await kv.outcome("GET", "/values/k")).toEqual([404, 10009]);
    expect(await kv.outcome("GET", "/metadata/k")).toEqual([404, 10009]);
    expect(await kv.names()).toEqual(["other"]);
    expect(await kv.names("?prefix=k")).toEqual([]);
    expect((await kv.json("POST", "/bulk/get", { keys: ["k"], withMetadata: true })).result.values).toEqual({
      k: null,
    });
    expect(await kv.outcome("DELETE", "/values/k")).toEqual([200, undefined]);
  });

  it("can be written again", async () => {
    await clock.advance(100_000);
    await kv.put("k", "again");
    await clock.advance(1_000_000);
    expect(await kv.get("k")).toBe("again");
  });

  it("leaves no gap in a page", async () => {
    await kv.json(
      "PUT",
      "/bulk",
      ["a", "b", "c", "d"].map((key) => ({ key, value: "v", ...(key < "c" ? { expiration_ttl: 60 } : {}) })),
    );
    await clock.advance(60_000);
    expect(await kv.names("?limit=2")).toEqual(["c", "d"]);
  });
});

describe("purging", () => {
  it("takes thousands of expired keys away without anyone seeing any of it", async () => {
    const pairs = Array.from({ length: 3000 }, (_, i) => ({ key: `k${i}`, value: "v", expiration_ttl: 60 }));
    await kv.json("PUT", "/bulk", [...pairs, { key: "stays", value: "v" }]);
    await clock.advance(60_000);
    for (let i = 0; i < 20; i++) expect(await kv.names()).toEqual(["stays"]);
    await kv.json("PUT", "/bulk", pairs);
    expect(await kv.names("?prefix=k29")).toHaveLength(111);
  });
});
