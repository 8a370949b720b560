// Pairs that the API refuses, or a batch cannot take: each is found, and all others are written.

import { describe, expect, it } from "vitest";
import type { EpochSeconds } from "../../../src/core/clock.ts";
import { writePairs } from "../../../src/kv/write-pairs.ts";
import { collect, pagesOf } from "../../support/values.ts";
import { failure } from "./client-fixture.ts";
import { answer, refuse, send } from "./scripted-server.ts";
import { done, openScriptedWrites } from "./scripted-writes.ts";
import { manyPairs, openTransfer, pairOf } from "./transfer-fixture.ts";

describe("writing pairs", () => {
  it("finds what the API would refuse before it costs a request", async () => {
    await using transfer = await openTransfer();
    const before = transfer.api.counts().total;
    const soon = (Math.floor(transfer.clock.now() / 1000) + 30) as EpochSeconds;
    const outcomes = await collect(
      writePairs(
        transfer,
        pagesOf([
          pairOf("large", Buffer.alloc(26_214_401)),
          pairOf("metadata", "v", { metadata: `"${"x".repeat(1023)}"` }),
          pairOf("expired", "v", { expiration: 5 as EpochSeconds }),
          pairOf("soon", "v", { expiration: soon }),
          pairOf("brief", "v", { ttlSeconds: 59 }),
          pairOf("fine", "v", { expiration: 5 as EpochSeconds, ttlSeconds: 60 }),
        ]),
      ),
    );
    const codes = outcomes.map((outcome) => [
      outcome.key,
      outcome.kind === "problem" ? outcome.problem.code : "written",
    ]);
    expect(Object.fromEntries(codes)).toEqual({
      large: "value-too-large",
      metadata: "metadata-too-large",
      expired: "expired",
      soon: "expired",
      brief: "expired",
      fine: "written",
    });
    expect(transfer.api.counts().total - before).toBe(1);
  });

  it("finds the one bad pair in a refused batch, and writes all others", async () => {
    await using it = await openScriptedWrites((pairs, _, response) => {
      if (pairs.some((pair) => pair.key === "k642")) refuse(response, 400, 10012, "bad pair\u001b[31m");
      else answer(response, done(pairs.length));
    });
    const outcomes = await collect(
      writePairs(
        it.deps,
        manyPairs(1000, (i) => pairOf(`k${i}`, "v")),
      ),
    );
    const problems = outcomes.flatMap((outcome) => (outcome.kind === "problem" ? [outcome.problem] : []));
    expect(problems).toEqual([
      { code: "rejected", subject: "k642", message: "was refused by the API: bad pair\\x1b[31m", failure: true },
    ]);
    expect(outcomes).toHaveLength(1000);
    // About one and a half requests for each halving of 1,000.
    expect(it.sent.length).toBeLessThanOrEqual(20);
  });

  it("finds several bad pairs too", async () => {
    const bad = new Set(["k3", "k4", "k99"]);
    await using it = await openScriptedWrites((pairs, _, response) => {
      if (pairs.some((pair) => bad.has(pair.key))) refuse(response, 400, 10012);
      else answer(response, done(pairs.length));
    });
    const outcomes = await collect(
      writePairs(
        it.deps,
        manyPairs(100, (i) => pairOf(`k${i}`, "v")),
      ),
    );
    expect(new Set(outcomes.filter((outcome) => outcome.kind === "problem").map((outcome) => outcome.key))).toEqual(
      bad,
    );
    expect(outcomes).toHaveLength(100);
  });

  it.each([0, 20, 960])("writes all others beside forty bad pairs in a row, from number %i on", async (first) => {
    const isBad = (key: string): boolean => Number(key.slice(1)) >= first && Number(key.slice(1)) < first + 40;
    await using it = await openScriptedWrites((pairs, _, response) => {
      if (pairs.some((pair) => isBad(pair.key))) refuse(response, 400, 10012);
      else answer(response, done(pairs.length));
    });
    const outcomes = await collect(
      writePairs(
        it.deps,
        manyPairs(1000, (i) => pairOf(`k${i}`, "v")),
      ),
    );
    const bad = outcomes.filter((outcome) => outcome.kind === "problem").map(({ key }) => key);
    expect(bad.every(isBad)).toBe(true);
    expect([bad.length, outcomes.length]).toEqual([40, 1000]);
    expect(it.sent.length).toBeLessThan(110);
  });

  it("stops when everything is refused", async () => {
    await using it = await openScriptedWrites((_pairs, _request, response) =>
      refuse(response, 400, 10012, "read-only today"),
    );
    const error = await failure(
      collect(
        writePairs(
          it.deps,
          manyPairs(5000, (i) => pairOf(`k${i}`, "v")),
        ),
      ),
    );
    expect(error).toMatchObject({ code: "api-error", apiCode: 10012 });
    expect(it.sent.length).toBeLessThan(110);
  });

  it.each([
    ["413", 413],
    ["524", 524],
  ])("halves a batch that is too much (HTML %s), and grows again", async (_, status) => {
    let most = 0;
    await using it = await openScriptedWrites((pairs, _request, response) => {
      if (pairs.length > 3000) return send(response, status, "<html>");
      most = Math.max(most, pairs.length);
      answer(response, done(pairs.length));
    });
    const outcomes = await collect(
      writePairs(
        it.deps,
        manyPairs(60_000, (i) => pairOf(`k${i}`, "v")),
      ),
    );
    expect(outcomes.filter((outcome) => outcome.kind === "written")).toHaveLength(60_000);
    expect(most).toBeGreaterThan(2400);
    // 60,000 / 3,000 are 20; each failure costs one more.
    expect(it.sent.length).toBeLessThan(60);
  });

  it("writes a pair by itself that no batch can take", async () => {
    const values: Buffer[] = [];
    await using it = await openScriptedWrites((pairs, request, response) => {
      if (request.target.endsWith("/bulk")) {
        if (pairs.some((pair) => pair.base64)) send(response, 413, "<html>");
        else answer(response, done(pairs.length));
        return;
      }
      values.push(request.body);
      expect(request.target).toMatch(/values\/b%2F1\?expiration_ttl=99$/);
      answer(response, null);
    });
    const pairs = [pairOf("a", "1"), pairOf("b/1", Buffer.of(255, 0), { ttlSeconds: 99 }), pairOf("c", "3")];
    const outcomes = await collect(writePairs(it.deps, pagesOf(pairs)));
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(["written", "written", "written"]);
    expect(values).toEqual([Buffer.of(255, 0)]);
  });

  it.each([1, 70_000])(
    "carries metadata as the text that it was, beside a value of %s bytes, when it is written by itself",
    async (size) => {
      const bodies: string[] = [];
      await using it = await openScriptedWrites((_, request, response) => {
        if (request.target.endsWith("/bulk")) return send(response, 413, "<html>");
        bodies.push(request.body.toString());
        answer(response, null);
      });
      const metadata = '{"n":12345678901234567890,"big":1e400,"é":"\\u00e9","a":[ ]}';
      const outcomes = await collect(
        writePairs(it.deps, pagesOf([pairOf("a", "x".repeat(size), { metadata, ttlSeconds: 60 })])),
      );
      expect(outcomes.map((outcome) => outcome.kind)).toEqual(["written"]);
      expect(bodies).toHaveLength(1);
      expect(bodies[0]).toContain(`\r\n\r\n${metadata}\r\n`);
      expect(bodies[0]).toContain(`\r\n\r\n${"x".repeat(size)}\r\n`);
    },
  );
});
