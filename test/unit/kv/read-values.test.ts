import { describe, expect, it } from "vitest";
import type { NamespaceId } from "../../../src/kv/kv-api.ts";
import { readValues } from "../../../src/kv/read-values.ts";
import { type ReadValue, type ValueToRead } from "../../../src/kv/value-to-read.ts";
import { writePairs } from "../../../src/kv/write-pairs.ts";
import { collect, keyOf, pagesOf } from "../../support/values.ts";
import { failure, openTestClient } from "./client-fixture.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { answer, refuse, type Script, send, startScriptedServer } from "./scripted-server.ts";
import { manyPairs, openTransfer, pairOf, type Transfer } from "./transfer-fixture.ts";

const id = "0f2ac74b498b48028cb68387c421e279" as NamespaceId;

const wanted = (key: string, known: Partial<ValueToRead> = {}): ValueToRead => ({
  key: keyOf(key),
  size: undefined,
  binary: undefined,
  tag: undefined,
  ...known,
});

const named = (i: number): string => `k/${String(i).padStart(5, "0")}`;

/** What was read, as a map from key to text, or to the kind of outcome where there is no value. */
const contents = (outcomes: readonly ReadValue[]): Map<string, string> =>
  new Map(
    outcomes.map((outcome) => [
      outcome.key,
      outcome.kind === "value" ? Buffer.from(outcome.bytes).toString("latin1") : outcome.kind,
    ]),
  );

async function requestsOf(
  transfer: Transfer,
  work: () => Promise<unknown>,
): Promise<{ bulkGet: number; read: number }> {
  const before = transfer.api.counts();
  await work();
  const after = transfer.api.counts();
  return { bulkGet: after.bulkGet - before.bulkGet, read: after.read - before.read };
}

describe("reading values", () => {
  it("holds back large values of unknown size until there is room for them", async () => {
    await using transfer = await openTransfer();
    const value = Buffer.alloc(500_000, 0xff);
    await collect(
      writePairs(
        transfer,
        manyPairs(24, (i) => pairOf(named(i), value)),
      ),
    );
    const before = transfer.api.counts().bytesDown;
    let taken = 0;
    let held = 0;
    const asked = pagesOf(Array.from({ length: 24 }, (_, i) => wanted(named(i))));
    for await (const outcomes of readValues({ ...transfer, readBytesMax: 4_000_000 }, asked)) {
      held = Math.max(held, transfer.api.counts().bytesDown - before - taken);
      for (const outcome of outcomes) if (outcome.kind === "value") taken += outcome.bytes.byteLength;
    }
    expect(taken).toBe(24 * 500_000);
    // What of an answer's head and of what refuses a bulk get comes besides is small.
    expect(held).toBeLessThanOrEqual(4_100_000);
  });

  it("takes one request for each 100 that are known to be text", async () => {
    await using transfer = await openTransfer();
    await collect(
      writePairs(
        transfer,
        manyPairs(1050, (i) => pairOf(named(i), `value ${i}`)),
      ),
    );
    const items = Array.from({ length: 1050 }, (_, i) => wanted(named(i), { size: 10, binary: false }));
    let outcomes: ReadValue[] = [];
    const cost = await requestsOf(transfer, async () => {
      outcomes = await collect(readValues(transfer, pagesOf(items.slice(0, 70), items.slice(70))));
    });
    expect(cost).toEqual({ bulkGet: 11, read: 0 });
    expect(outcomes).toHaveLength(1050);
    expect(contents(outcomes).get("k/00777")).toBe("value 777");
  });

  it("packs by size too, so that no answer is over 25 MB", async () => {
    await using transfer = await openTransfer();
    await collect(
      writePairs(
        transfer,
        manyPairs(6, (i) => pairOf(named(i), Buffer.alloc(7_000_000, "x")), 5),
      ),
    );
    const items = Array.from({ length: 6 }, (_, i) => wanted(named(i), { size: 7_000_000, binary: false }));
    const cost = await requestsOf(transfer, () => collect(readValues(transfer, pagesOf(items))));
    expect(cost).toEqual({ bulkGet: 2, read: 0 });
  });

  it("reads one by one what is known to be binary, or too large for a bulk get to gain anything", async () => {
    await using transfer = await openTransfer();
    await collect(
      writePairs(transfer, pagesOf([pairOf("b", Buffer.of(255)), pairOf("l", Buffer.alloc(9_000_000, "x"))])),
    );
    const items = [wanted("b", { size: 1, binary: true }), wanted("l", { size: 9_000_000, binary: false })];
    const cost = await requestsOf(transfer, () => collect(readValues(transfer, pagesOf(items))));
    expect(cost).toEqual({ bulkGet: 0, read: 2 });
  });

  it("tells what is missing, and gives metadata and expiration that came along", async () => {
    await using transfer = await openTransfer();
    await collect(
      writePairs(transfer, pagesOf([pairOf("a", "1", { metadata: '{"m":1}', ttlSeconds: 600 }), pairOf("b", "2")])),
    );
    const items = ["a", "b", "c"].map((key) => wanted(key));
    const outcomes = await collect(readValues(transfer, pagesOf(items)));
    expect(outcomes).toMatchObject([
      { key: "a", kind: "value", attributes: { metadata: { m: 1 }, expiration: expect.any(Number) as number } },
      { key: "b", kind: "value", attributes: { metadata: undefined, expiration: undefined } },
      { key: "c", kind: "absent" },
    ]);
    expect(await collect(readValues(transfer, pagesOf([wanted("c", { binary: true })])))).toMatchObject([
      { kind: "absent" },
    ]);
  });

  it.each([
    // Share of binary values; the most requests a key that is acceptable, of which 1 is reading one by one.
    [0, 0.011],
    [0.01, 0.13],
    [0.1, 0.68],
    [0.5, 1.1],
    [1, 1.1],
  ])("finds its way among values of which %s are binary, and nobody knows which", async (share, mostPerKey) => {
    await using transfer = await openTransfer();
    const count = 1500;
    const isBinary = (i: number): boolean => ((i * 2_654_435_761) % 1000) / 1000 < share;
    const value = (i: number): Buffer => Buffer.from(isBinary(i) ? `\u00ff${i}` : `value ${i}`, "latin1");
    await collect(
      writePairs(
        transfer,
        manyPairs(count, (i) => pairOf(named(i), value(i))),
      ),
    );
    const items = Array.from({ length: count }, (_, i) => wanted(named(i)));
    let outcomes: ReadValue[] = [];
    const cost = await requestsOf(transfer, async () => {
      outcomes = await collect(readValues(transfer, pagesOf(items)));
    });
    const read = contents(outcomes);
    expect(read.size).toBe(count);
    for (let i = 0; i < count; i++) expect(read.get(named(i))).toBe(value(i).toString("latin1"));
    expect((cost.bulkGet + cost.read) / count).toBeLessThanOrEqual(mostPerKey);
  });

  it("asks for less when answers are too large, and for more again", async () => {
    await using transfer = await openTransfer();
    const items = Array.from({ length: 200 }, (_, i) => wanted(named(i)));
    await collect(
      writePairs(
        transfer,
        manyPairs(200, (i) => pairOf(named(i), Buffer.alloc(i < 100 ? 300_000 : 10, "x")), 20),
      ),
    );
    const outcomes = await collect(readValues(transfer, pagesOf(items)));
    expect(outcomes.filter((outcome) => outcome.kind === "value")).toHaveLength(200);
  });

  async function scripted(script: Script) {
    const server = await startScriptedServer(script);
    const clock = new HurriedClock();
    const api = openTestClient(server.url, { clock });
    return {
      server,
      deps: { clock, api, namespaceId: id },
      [Symbol.asyncDispose]: async () => {
        await api.close();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  it("holds a bounded number of bytes, whatever is asked for", async () => {
    const value = Buffer.alloc(2_000_000, "x");
    await using it = await scripted((_, response) => send(response, 200, value));
    const items = Array.from({ length: 100 }, (_, i) => wanted(named(i), { size: value.byteLength, binary: true }));
    let most = 0;
    for await (const page of readValues(it.deps, pagesOf(items))) {
      most = Math.max(most, page.length);
      // A slow consumer: what is under way comes in meanwhile, and no more.
      for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(it.server.requests).toHaveLength(100);
    expect(most * value.byteLength).toBeLessThanOrEqual(66_000_000);
  });

  it("goes on asking while what came is dealt with, but not far ahead", async () => {
    const value = "x".repeat(2000);
    await using it = await scripted((request, response) => {
      const { keys } = JSON.parse(request.body.toString()) as { keys: string[] };
      answer(response, { values: Object.fromEntries(keys.map((key) => [key, { value, metadata: null }])) });
    });
    const items = Array.from({ length: 10_000 }, (_, i) => wanted(named(i), { size: value.length, binary: false }));
    const begun: number[] = [];
    let ahead = 0;
    for await (const page of readValues(it.deps, pagesOf(items))) {
      expect(page.length).toBeLessThanOrEqual(100);
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
      begun.push(it.server.requests.length);
      ahead = Math.max(ahead, it.server.requests.length - begun.length);
    }
    // Not only when the first 16 answers are used up.
    expect(begun[15]).toBeGreaterThan(16);
    // 4 MB of 200 KB each that wait, and 16 under way.
    expect(ahead).toBeLessThanOrEqual(37);
  });

  it("does not take a lone surrogate for text", async () => {
    await using it = await scripted((request, response) => {
      if (request.method === "GET") send(response, 200, Buffer.of(0xff));
      else
        send(
          response,
          200,
          '{"result":{"values":{"a":{"value":"\\ud800","metadata":null},"b":{"value":"b","metadata":null}}},"success":true,"errors":[]}',
        );
    });
    const outcomes = await collect(readValues(it.deps, pagesOf([wanted("a"), wanted("b")])));
    expect(contents(outcomes)).toEqual(
      new Map([
        ["b", "b"],
        ["a", "\u00ff"],
      ]),
    );
  });

  it("has one outcome for each key when a value with a lone surrogate cannot be read by itself", async () => {
    await using it = await scripted((request, response) => {
      if (request.method === "GET")
        return request.target.endsWith("/b") ? send(response, 200, "b") : send(response, 524, "");
      const { keys } = JSON.parse(request.body.toString()) as { keys: string[] };
      const values = keys.map(
        (key) => `${JSON.stringify(key)}:{"value":"${key === "a" ? "\\ud800" : key}","metadata":null}`,
      );
      send(response, 200, `{"result":{"values":{${values.join()}}},"success":true,"errors":[]}`);
    });
    const outcomes: ReadValue[] = [];
    const reading = (async () => {
      for await (const page of readValues(it.deps, pagesOf(["b", "a", "c", "d"].map((key) => wanted(key)))))
        outcomes.push(...page);
    })();
    expect((await failure(reading)).code).toBe("api-error");
    expect(outcomes.map(({ key }) => key)).toEqual(["b", "c", "d"]);
    expect(it.server.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
  });

  it.each(["whole", "broken"])("reports a value that comes encoded, %s, and reads the others", async (how) => {
    await using it = await scripted((request, response) => {
      if (!request.target.endsWith("/zipped")) return send(response, 200, "v");
      response.writeHead(200, { "content-encoding": "gzip", "content-length": 1000 });
      if (how === "whole") response.end(Buffer.alloc(1000));
      else response.write(Buffer.alloc(10), () => response.destroy());
    });
    const items = ["a", "zipped", "b"].map((key) => wanted(key, { binary: true }));
    const outcomes = await collect(readValues(it.deps, pagesOf(items)));
    expect(outcomes.map((outcome) => [outcome.key, outcome.kind]).sort()).toEqual([
      ["a", "value"],
      ["b", "value"],
      ["zipped", "problem"],
    ]);
  });

  it("reports a value over 25 MiB, and reads the others", async () => {
    await using it = await scripted((request, response) =>
      send(response, 200, request.target.endsWith("/large") ? Buffer.alloc(26_214_401) : "v"),
    );
    const items = ["a", "large", "b"].map((key) => wanted(key, { binary: true }));
    const outcomes = await collect(readValues(it.deps, pagesOf(items)));
    expect(outcomes.find(({ key }) => key === "large")).toMatchObject({ problem: { code: "value-too-large" } });
    expect(outcomes.filter(({ kind }) => kind === "value")).toHaveLength(2);
  });

  it("reads one by one what a page refuses as a group", async () => {
    await using it = await scripted((request, response) =>
      request.method === "POST" ? send(response, 403, "<html>") : send(response, 200, "v"),
    );
    const outcomes = await collect(readValues(it.deps, pagesOf(["a", "b", "c"].map((key) => wanted(key)))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["value", "value", "value"]);
  });

  it("does not take a page for a value, though its status is 200", async () => {
    await using it = await scripted((request, response) => {
      if (request.method === "POST")
        return answer(response, { values: { page: { value: "way round", metadata: null } } });
      const isPage = request.target.endsWith("/page");
      send(response, 200, "<html>", {
        "content-type": isPage ? "text/html; charset=utf-8" : "application/octet-stream",
      });
    });
    const items = ["a", "page"].map((key) => wanted(key, { binary: true }));
    expect(contents(await collect(readValues(it.deps, pagesOf(items))))).toEqual(
      new Map([
        ["a", "<html>"],
        ["page", "way round"],
      ]),
    );
  });

  it("fails as a whole when a page refuses everything", async () => {
    await using it = await scripted((_, response) => send(response, 403, "<html>"));
    const items = Array.from({ length: 500 }, (_, i) => wanted(named(i), { binary: true }));
    const error = await failure(collect(readValues(it.deps, pagesOf(items))));
    expect(error).toMatchObject({
      code: "api-error",
      message: expect.stringContaining("something before the API") as string,
    });
    expect(it.server.requests.length).toBeLessThan(300);
  });

  it("reports any number of refused keys when others can be read", async () => {
    await using it = await scripted((request, response) =>
      request.target.endsWith("/fine") ? send(response, 200, "v") : send(response, 403, "<html>"),
    );
    const items = ["fine", ...Array.from({ length: 300 }, (_, i) => named(i))].map((key) =>
      wanted(key, { binary: true }),
    );
    const outcomes = await collect(readValues(it.deps, pagesOf(items)));
    expect(outcomes.filter(({ kind }) => kind === "problem")).toHaveLength(300);
    expect(outcomes).toHaveLength(301);
  });

  it("concludes nothing from a bulk answer that lacks a key", async () => {
    await using it = await scripted((_, response) => answer(response, { values: { a: null } }));
    const error = await failure(collect(readValues(it.deps, pagesOf([wanted("a"), wanted("constructor")]))));
    expect(error.code).toBe("api-malformed");
  });

  it("reports a key that the API refuses, and reads the others", async () => {
    await using it = await scripted((request, response) => {
      if (request.target.endsWith("/bad")) refuse(response, 400, 10042, "Illegal key name");
      else send(response, 200, "v");
    });
    const items = ["a", "bad"].map((key) => wanted(key, { binary: true }));
    const outcomes = await collect(readValues(it.deps, pagesOf(items)));
    expect(outcomes.map((outcome) => [outcome.key, outcome.kind]).sort()).toEqual([
      ["a", "value"],
      ["bad", "problem"],
    ]);
  });

  it("fails as a whole when the token is wrong", async () => {
    await using it = await scripted((_, response) => refuse(response, 403, 10000));
    const items = Array.from({ length: 500 }, (_, i) => wanted(named(i)));
    expect((await failure(collect(readValues(it.deps, pagesOf(items))))).code).toBe("unauthorized");
  });
});
