// Pairs on their way to a namespace: how they are batched, what they carry, and how the writing ends.

import { describe, expect, it } from "vitest";
import type { EpochSeconds } from "../../../src/core/clock.ts";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import { writePairs } from "../../../src/kv/write-pairs.ts";
import { collect, pagesOf } from "../../support/values.ts";
import { failure } from "./client-fixture.ts";
import { answer, refuse } from "./scripted-server.ts";
import { done, openScriptedWrites } from "./scripted-writes.ts";
import { manyPairs, openTransfer, pairOf } from "./transfer-fixture.ts";

describe("writing pairs", () => {
  it("takes one request for each 10,000, whatever the pages are", async () => {
    await using transfer = await openTransfer();
    const before = transfer.api.counts().total;
    const pairs = manyPairs(25_000, (i) => pairOf(`k/${String(i).padStart(6, "0")}`, `value ${i}`), 700);
    const outcomes = await collect(writePairs(transfer, pairs));
    expect(outcomes.filter((outcome) => outcome.kind === "written")).toHaveLength(25_000);
    expect(new Set(outcomes.map((outcome) => outcome.key)).size).toBe(25_000);
    expect(transfer.api.counts().total - before).toBe(3);
    expect(await transfer.names()).toHaveLength(25_000);
    expect((await transfer.value("k/012345"))?.toString()).toBe("value 12345");
  });

  it("takes one request for each 95 MB, and none is larger", async () => {
    const sizes: number[] = [];
    await using it = await openScriptedWrites((pairs, request, response) => {
      sizes.push(request.body.byteLength);
      answer(response, done(pairs.length));
    });
    // 26 of 9 MB are 3 requests of 10 (90 MB), 10 and 6.
    const text = Buffer.alloc(9_000_000, "x");
    const outcomes = await collect(
      writePairs(
        it.deps,
        manyPairs(26, (i) => pairOf(`k${i}`, text), 3),
      ),
    );
    expect(outcomes.every((outcome) => outcome.kind === "written")).toBe(true);
    expect(it.sent.map((keys) => keys.length).sort((a, b) => a - b)).toEqual([6, 10, 10]);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(95_000_000);
  });

  it("carries bytes of any kind, metadata and expirations", async () => {
    await using transfer = await openTransfer();
    const binary = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) & 255));
    const expiration = (Math.floor(transfer.clock.now() / 1000) + 1000) as EpochSeconds;
    await collect(
      writePairs(
        transfer,
        pagesOf([
          pairOf("binary", binary, { metadata: '{"a":"\u00e9"}' }),
          pairOf("text", '\ufeff"\\\u0000\u001f\u{1f600}\u2028', { expiration }),
          pairOf("empty", "", { ttlSeconds: 60 }),
          pairOf("largest", Buffer.alloc(26_214_400, 0xff)),
        ]),
      ),
    );
    expect(fingerprintOf((await transfer.value("binary"))!)).toBe(fingerprintOf(binary));
    expect((await transfer.value("text"))?.toString()).toBe('\ufeff"\\\u0000\u001f\u{1f600}\u2028');
    expect((await transfer.value("empty"))?.byteLength).toBe(0);
    expect((await transfer.value("largest"))?.byteLength).toBe(26_214_400);
    const { keys } = await transfer.api.listKeys(transfer.namespaceId, {});
    expect(keys.find((key) => key.name === "binary")?.metadata).toEqual({ a: "\u00e9" });
    expect(keys.find((key) => key.name === "text")?.expiration).toBe(expiration);
    expect(keys.find((key) => key.name === "empty")?.expiration).toBeDefined();
  });

  it("writes the later of two pairs with one key last", async () => {
    await using transfer = await openTransfer();
    const outcomes = await collect(
      writePairs(transfer, pagesOf([pairOf("a", "1"), pairOf("b", "1"), pairOf("a", "2")], [pairOf("a", "3")])),
    );
    expect(outcomes.map((outcome) => [outcome.key, outcome.kind]).sort()).toEqual([
      ["a", "written"],
      ["a", "written"],
      ["a", "written"],
      ["b", "written"],
    ]);
    expect((await transfer.value("a"))?.toString()).toBe("3");
  });

  it("gives back each pair's tag with its outcome", async () => {
    await using transfer = await openTransfer();
    const pairs = [1, 2, 3].map((tag) => ({ ...pairOf(`k${tag}`, "v"), tag }));
    const outcomes = await collect(writePairs(transfer, pagesOf(pairs)));
    expect(outcomes.map((outcome) => [outcome.key, outcome.tag])).toEqual([
      ["k1", 1],
      ["k2", 2],
      ["k3", 3],
    ]);
  });

  it("gives what was confirmed before it fails", async () => {
    await using it = await openScriptedWrites((pairs, _, response, number) => {
      if (number === 0) answer(response, done(pairs.length));
      else refuse(response, 429, 10048, "free limit");
    });
    const written: string[] = [];
    const error = await failure(
      (async () => {
        for await (const page of writePairs(
          it.deps,
          manyPairs(20_001, (i) => pairOf(`k${i}`, "v")),
        ))
          for (const outcome of page) if (outcome.kind === "written") written.push(outcome.key);
      })(),
    );
    expect(error.code).toBe("quota-exhausted");
    expect(written).toHaveLength(10_000);
  });

  it("passes on the failure of its source, after what it had", async () => {
    await using transfer = await openTransfer();
    const source = async function* () {
      yield* manyPairs(10_000, (i) => pairOf(`k${i}`, "v"));
      throw new Error("the disk is gone");
    };
    const outcomes: string[] = [];
    const error = await failure(
      (async () => {
        for await (const page of writePairs(transfer, source())) outcomes.push(...page.map((outcome) => outcome.kind));
      })(),
    );
    expect(error.message).toBe("the disk is gone");
    expect(outcomes).toHaveLength(10_000);
  });

  it("ends its source and its requests when nobody wants the outcomes any more", async () => {
    let ended = false;
    const source = async function* () {
      try {
        yield* manyPairs(1_000_000, (i) => pairOf(`k${i}`, "v"));
      } finally {
        ended = true;
      }
    };
    await using transfer = await openTransfer();
    for await (const page of writePairs(transfer, source())) {
      expect(page.length).toBeGreaterThan(0);
      break;
    }
    expect(ended).toBe(true);
  });

  it("stops when its signal is aborted", async () => {
    await using it = await openScriptedWrites(() => undefined);
    const stop = new AbortController();
    const writing = failure(collect(writePairs(it.deps, pagesOf([pairOf("a", "1")]), { signal: stop.signal })));
    while (it.sent.length === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error("enough"));
    expect((await writing).message).toBe("enough");
  });
});
