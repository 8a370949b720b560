// Eventual consistency: what readers may be shown for some time after a write.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../support/fake-clock.ts";
import { type Body, type Kv, openKv } from "./kv-fixture.ts";

let clock: FakeClock;
let kv: Kv;

beforeEach(async () => {
  clock = new FakeClock();
  kv = await openKv({ clock });
});
afterEach(() => kv.close());

/** For 60 seconds every look shows an old version. */
const stale = { settle: { seconds: 60, probability: 1, spread: false } };

async function everyView(): Promise<Body> {
  const { result } = await kv.json("POST", "/bulk/get", { keys: ["k"], withMetadata: true });
  return {
    value: await kv.get("k"),
    metadata: (await kv.json("GET", "/metadata/k")).result ?? undefined,
    names: await kv.names(),
    bulk: result.values.k?.value,
  };
}

describe("while a write settles", () => {
  it("a new key may not be there yet", async () => {
    kv.server.setFaults(stale);
    await kv.put("k", "v");
    expect(await everyView()).toEqual({ value: undefined, metadata: undefined, names: [], bulk: undefined });
    await clock.advance(59_999);
    expect(await kv.get("k")).toBeUndefined();
    await clock.advance(1);
    expect(await everyView()).toEqual({ value: "v", metadata: undefined, names: ["k"], bulk: "v" });
  });

  it("a deleted key may be there still, with all that it had", async () => {
    await kv.json("PUT", "/bulk", [{ key: "k", value: "v", metadata: { m: 1 }, expiration_ttl: 6000 }]);
    kv.server.setFaults(stale);
    await kv.call("DELETE", `/${kv.id}/values/k`);
    expect(await everyView()).toEqual({ value: "v", metadata: { m: 1 }, names: ["k"], bulk: "v" });
    const listed = (await kv.json("GET", "/keys")).result;
    expect(listed).toEqual([{ name: "k", expiration: 1_800_006_000, metadata: { m: 1 } }]);
    await clock.advance(60_000);
    expect(await everyView()).toEqual({ value: undefined, metadata: undefined, names: [], bulk: undefined });
  });

  it("a changed key may show what it was", async () => {
    await kv.json("PUT", "/bulk", [{ key: "k", value: "old", metadata: "old" }]);
    kv.server.setFaults(stale);
    await kv.json("PUT", "/bulk", [{ key: "k", value: "new", metadata: "new" }]);
    expect(await everyView()).toEqual({ value: "old", metadata: "old", names: ["k"], bulk: "old" });
    expect((await kv.json("GET", "/keys")).result).toEqual([{ name: "k", metadata: "old" }]);
  });

  it("a key that was empty may show that it was", async () => {
    await kv.put("k", "");
    kv.server.setFaults(stale);
    await kv.put("k", "new");
    expect(await everyView()).toMatchObject({ value: "", bulk: "" });
  });

  it("an old version whose time has come is not shown", async () => {
    await kv.put("k", "old", "?expiration_ttl=70");
    await clock.advance(50_000);
    kv.server.setFaults(stale);
    await kv.call("DELETE", `/${kv.id}/values/k`);
    expect(await kv.get("k")).toBe("old");
    await clock.advance(20_000);
    expect(await kv.get("k")).toBeUndefined();
    expect(await kv.names()).toEqual([]);
  });

  it("an older version may be shown after a newer one", async () => {
    await kv.put("k", "0");
    kv.server.setFaults({ seed: 3, settle: { seconds: 60, probability: 0.6, spread: false } });
    for (const value of ["1", "2", "3"]) await kv.put("k", value);
    const seen: number[] = [];
    for (let i = 0; i < 60; i++) seen.push(Number(await kv.get("k")));
    expect(new Set(seen)).toEqual(new Set([0, 1, 2, 3]));
    expect(seen.some((value, index) => index > 0 && value < (seen[index - 1] ?? 0))).toBe(true);
    await clock.advance(60_000);
    expect(await kv.get("k")).toBe("3");
  });

  it("each write takes its own time, within the limit", async () => {
    kv.server.setFaults({ settle: { seconds: 60, probability: 1 } });
    const keys = Array.from({ length: 50 }, (_, i) => `k${String(i).padStart(2, "0")}`);
    await kv.json(
      "PUT",
      "/bulk",
      keys.map((key) => ({ key, value: "v" })),
    );
    await clock.advance(30_000);
    const half = (await kv.names()).length;
    expect(half).toBeGreaterThan(5);
    expect(half).toBeLessThan(45);
    await clock.advance(30_000);
    expect(await kv.names()).toEqual(keys);
  });

  it("what one reader sees depends on the seed alone", async () => {
    const run = async () => {
      kv.server.setFaults({ seed: 11, settle: { seconds: 60 } });
      await kv.json("POST", "/bulk/delete", ["k"]);
      await kv.put("k", "v");
      const seen: (string | undefined)[] = [];
      for (let i = 0; i < 20; i++) seen.push(await kv.get("k"));
      await kv.call("DELETE", `/${kv.id}/values/k`);
      return seen;
    };
    const first = await run();
    expect(new Set(first).size).toBe(2);
    expect(await run()).toEqual(first);
  });

  it("lists and reads may lag apart", async () => {
    kv.server.setFaults({ settle: { ...stale.settle, lists: false } });
    await kv.put("k", "v");
    expect([await kv.names(), await kv.get("k")]).toEqual([["k"], undefined]);
    kv.server.setFaults({ settle: { ...stale.settle, reads: false } });
    await kv.put("j", "v");
    expect([await kv.names(), await kv.get("j")]).toEqual([["k"], "v"]);
  });
});

describe("pages while writes settle", () => {
  it("are whole and in order, with keys hidden and keys shown again", async () => {
    const keys = Array.from({ length: 60 }, (_, i) => `k${String(i).padStart(2, "0")}`);
    const even = keys.filter((_, index) => index % 2 === 0);
    const odd = keys.filter((_, index) => index % 2 === 1);
    await kv.json(
      "PUT",
      "/bulk",
      even.map((key) => ({ key, value: "v" })),
    );
    kv.server.setFaults(stale);
    await kv.json("POST", "/bulk/delete", even);
    await kv.json(
      "PUT",
      "/bulk",
      odd.map((key) => ({ key, value: "v" })),
    );
    expect(await allNames(7)).toEqual(even);
    expect(await kv.names("?prefix=k1")).toEqual(even.filter((key) => key.startsWith("k1")));
    await clock.advance(60_000);
    expect(await allNames(7)).toEqual(odd);
  });

  async function allNames(limit: number): Promise<string[]> {
    const found: string[] = [];
    for (let cursor = ""; ;) {
      const { result, result_info } = await kv.json("GET", `/keys?limit=${limit}&cursor=${cursor}`);
      found.push(...result.map((key: Body) => key.name));
      if (result_info.cursor === "") return found;
      cursor = result_info.cursor;
    }
  }
});
