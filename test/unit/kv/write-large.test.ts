// Values that go by themselves: as they are, each in a request of its own, and from the memory that they were given in.

import { describe, expect, it } from "vitest";
import type { EpochSeconds } from "../../../src/core/clock.ts";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import { type PairToWrite, writePairs } from "../../../src/kv/write-pairs.ts";
import { collect, keyOf, pagesOf } from "../../support/values.ts";
import { answer, refuse, type Script } from "./scripted-server.ts";
import { done, openScriptedWrites } from "./scripted-writes.ts";
import { openTransfer, pairOf } from "./transfer-fixture.ts";

const large = (byte: number): Buffer => Buffer.alloc(12_000_000, byte);

describe("a large value", () => {
  it("is written with its metadata and expiration, whatever its key", async () => {
    await using transfer = await openTransfer();
    const now = Math.floor(transfer.clock.now() / 1000);
    const metadata = `{"a":"\u00e9","b":${"1".repeat(30)},"c":"${"x".repeat(1024 - 52)}"}`;
    expect(Buffer.byteLength(metadata)).toBe(1024);
    const before = transfer.api.counts();
    const outcomes = await collect(
      writePairs(
        transfer,
        pagesOf([
          pairOf("a/../b?c=%2F#\u00e9\u0001", large(0xff), { metadata, expiration: (now + 1000) as EpochSeconds }),
          pairOf("small", "s"),
          pairOf("text", large(0x22), { ttlSeconds: 60 }),
          pairOf("expired", large(1), { expiration: now as EpochSeconds }),
        ]),
      ),
    );
    expect(outcomes.map(({ key, kind }) => [key, kind]).sort()).toEqual([
      ["a/../b?c=%2F#\u00e9\u0001", "written"],
      ["expired", "problem"],
      ["small", "written"],
      ["text", "written"],
    ]);
    const after = transfer.api.counts();
    expect([after.write - before.write, after.bulkWrite - before.bulkWrite]).toEqual([2, 1]);
    const { keys } = await transfer.api.listKeys(transfer.namespaceId, {});
    expect(keys.map(({ name }) => name)).toEqual(["a/../b?c=%2F#\u00e9\u0001", "small", "text"]);
    expect(keys[0]?.expiration).toBe(now + 1000);
    expect(keys[0]?.metadata).toMatchObject({ a: "\u00e9" });
    expect(keys[2]?.expiration).toBeGreaterThanOrEqual(now + 60);
    expect(fingerprintOf((await transfer.value(keys[0]!.name))!)).toBe(fingerprintOf(large(0xff)));
    expect(fingerprintOf((await transfer.value("text"))!)).toBe(fingerprintOf(large(0x22)));
  });

  it("is sent again from where it lies, and no page is asked for meanwhile", async () => {
    const bodies: string[] = [];
    await using it = await openScriptedWrites((pairs, request, response, number) => {
      if (request.target.endsWith("/bulk")) return answer(response, done(pairs.length));
      bodies.push(`${request.target.split("/").at(-1)} ${request.body.byteLength} ${request.body[0]}`);
      // Of the first value one answer is lost, and one request comes too soon.
      if (number === 0) return void response.socket?.destroy();
      if (number === 1) return refuse(response, 429, undefined);
      answer(response, null);
    });
    const memory = large(0);
    async function* pages(): AsyncGenerator<readonly PairToWrite[], void> {
      for (const byte of [1, 2]) yield [pairOf(`k${byte}`, memory.fill(byte)), pairOf(`s${byte}`, "s")];
      memory.fill(3);
    }
    const outcomes = await collect(writePairs(it.deps, pages()));
    expect(outcomes.every(({ kind }) => kind === "written")).toBe(true);
    expect(outcomes).toHaveLength(4);
    expect(bodies).toEqual([1, 1, 1, 2].map((byte) => `k${byte} 12000000 ${byte}`));
  });

  const ways: readonly (readonly [string, Script, string])[] = [
    ["that the API finds too large", (_, response) => refuse(response, 413, 10024), "rejected"],
    ["that the API refuses", (_, response) => refuse(response, 400, 10033), "rejected"],
    ["that times out each time", (_, response) => refuse(response, 524, undefined), "unconfirmed"],
  ];
  it.each(ways)("%s is a problem of its key alone", async (_, fail, code) => {
    await using it = await openScriptedWrites((pairs, request, response, number) => {
      if (request.target.endsWith("/bad")) fail(request, response, number);
      else answer(response, request.target.endsWith("/bulk") ? done(pairs.length) : null);
    });
    const pairs = [pairOf("bad", large(1)), pairOf("good", large(2)), pairOf("small", "s")];
    const outcomes = await collect(writePairs(it.deps, pagesOf(pairs)));
    const found = outcomes.map((outcome) => [
      outcome.key,
      outcome.kind === "problem" ? outcome.problem.code : "written",
    ]);
    expect(found.sort()).toEqual([
      ["bad", code],
      ["good", "written"],
      ["small", "written"],
    ]);
  });

  it("is sent once where that is asked for, and is a problem if nobody confirms it", async () => {
    await using it = await openScriptedWrites((pairs, request, response) => {
      if (request.target.endsWith("/bad")) response.socket?.destroy();
      else answer(response, request.target.endsWith("/bulk") ? done(pairs.length) : null);
    });
    const pairs = [pairOf("bad", large(1)), pairOf("good", large(2)), pairOf("small", "s")];
    const outcomes = await collect(writePairs(it.deps, pagesOf(pairs), { once: { withinMs: 60_000 } }));
    expect(
      outcomes
        .filter(({ kind }) => kind === "written")
        .map(({ key }) => key)
        .sort(),
    ).toEqual(["good", "small"]);
    expect(outcomes.find(({ key }) => key === keyOf("bad"))).toMatchObject({ problem: { code: "unconfirmed" } });
    expect(it.server.requests.filter(({ target }) => target.endsWith("/bad"))).toHaveLength(1);
  });

  it("of a key that is written twice comes last where it is last", async () => {
    await using transfer = await openTransfer();
    const pairs = [
      pairOf("a", "1"),
      pairOf("a", large(1)),
      pairOf("a", "2"),
      pairOf("b", large(1)),
      pairOf("b", large(2)),
    ];
    expect(await collect(writePairs(transfer, pagesOf(pairs)))).toHaveLength(5);
    expect((await transfer.value("a"))?.toString()).toBe("2");
    expect((await transfer.value("b"))?.[0]).toBe(2);
  });
});
