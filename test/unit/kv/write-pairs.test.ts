import { describe, expect, it } from "vitest";
import type { DurationMs, EpochSeconds } from "../../../src/core/clock.ts";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import type { NamespaceId } from "../../../src/kv/kv-api.ts";
import { type PairToWrite, writePairs } from "../../../src/kv/write-pairs.ts";
import { collect, pagesOf } from "../../support/values.ts";
import { failure, openTestClient } from "./client-fixture.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { answer, refuse, type Script, send, startScriptedServer } from "./scripted-server.ts";
import { manyPairs, openTransfer, pairOf } from "./transfer-fixture.ts";

const id = "0f2ac74b498b48028cb68387c421e279" as NamespaceId;

interface SentPair {
  readonly key: string;
  readonly value: string;
  readonly base64?: boolean;
}

/** A server that sees bulk writes only, and tells which keys it was sent with each. */
async function scripted(script: (pairs: readonly SentPair[], ...rest: Parameters<Script>) => void) {
  const sent: (readonly string[])[] = [];
  const server = await startScriptedServer((request, response, number) => {
    const pairs = request.target.endsWith("/bulk") ? (JSON.parse(request.body.toString()) as SentPair[]) : [];
    sent.push(pairs.map((pair) => pair.key));
    script(pairs, request, response, number);
  });
  const clock = new HurriedClock();
  const api = openTestClient(server.url, { clock });
  return {
    server,
    sent,
    clock,
    deps: { clock, api, namespaceId: id },
    [Symbol.asyncDispose]: async () => {
      await api.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const done = (count: number, unsuccessful: readonly string[] = []): object => ({
  successful_key_count: count - unsuccessful.length,
  unsuccessful_keys: unsuccessful,
});

/** While it sleeps, everything else gets as far as it can. */
class LongSleeps extends HurriedClock {
  override async sleep(duration: DurationMs, signal?: AbortSignal): Promise<void> {
    for (let i = 0; i < 2000; i++) await new Promise((resolve) => setImmediate(resolve));
    await super.sleep(duration, signal);
  }
}

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
    await using it = await scripted((pairs, request, response) => {
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

  it("looks at expirations again when a batch is sent later than it was packed", async () => {
    // The pause before the second attempt takes "late" under the 60 seconds.
    await using it = await scripted((pairs, _, response, number) => {
      answer(response, done(pairs.length, number === 0 ? ["late", "fine"] : []));
    });
    const seconds = Math.floor(it.clock.now() / 1000);
    const pairs = [
      pairOf("late", "v", { expiration: (seconds + 60) as EpochSeconds }),
      pairOf("fine", "v", { expiration: (seconds + 6000) as EpochSeconds }),
    ];
    const outcomes = await collect(writePairs(it.deps, pagesOf(pairs)));
    expect(outcomes).toEqual([
      expect.objectContaining({
        key: "late",
        kind: "problem",
        problem: expect.objectContaining({ code: "expired" }) as object,
      }),
      expect.objectContaining({ key: "fine", kind: "written" }),
    ]);
    expect(it.sent).toEqual([["late", "fine"], ["fine"]]);
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

  it("sends again only what was unsuccessful, with pauses, and never confirms it before", async () => {
    await using it = await scripted((pairs, _, response, number) => {
      const keys = pairs.map((pair) => pair.key);
      answer(response, done(keys.length, number < 3 ? keys.slice(0, 5) : []));
    });
    const outcomes = await collect(
      writePairs(
        it.deps,
        manyPairs(20, (i) => pairOf(`k${i}`, "v")),
      ),
    );
    expect(outcomes.filter((outcome) => outcome.kind === "written")).toHaveLength(20);
    expect(it.sent.map((keys) => keys.length)).toEqual([20, 5, 5, 5]);
    expect(it.clock.slept).toHaveLength(3);
  });

  it("holds no more while everything waits to be sent again than while it is sent", async () => {
    const tries = new Map<string, number>();
    await using it = await scripted((pairs, _, response) => {
      const failed = pairs.map(({ key }) => key).filter((key) => (tries.get(key) ?? 0) < 2);
      for (const key of failed) tries.set(key, (tries.get(key) ?? 0) + 1);
      answer(response, done(pairs.length, failed));
    });
    const value = Buffer.alloc(100_000, "x");
    let taken = 0;
    let settled = 0;
    let most = 0;
    const source = async function* (): AsyncGenerator<readonly PairToWrite[], void> {
      for (let i = 0; i < 800; i++) {
        taken += value.byteLength;
        most = Math.max(most, taken - settled);
        yield [pairOf(`k${i}`, value)];
      }
    };
    const pace = { size: { share: 1 / 16, safe: 1 / 16 } };
    for await (const outcomes of writePairs({ ...it.deps, clock: new LongSleeps(), pace }, source()))
      settled += outcomes.length * value.byteLength;
    expect(settled).toBe(taken);
    expect(most).toBeLessThan(36_000_000);
  });

  it("reports a key that never succeeds as unconfirmed, and all others as written", async () => {
    await using it = await scripted((pairs, _, response) => {
      const failed = pairs.some((pair) => pair.key === "k7") ? ["k7"] : [];
      answer(response, done(pairs.length, failed));
    });
    const outcomes = await collect(
      writePairs(
        it.deps,
        manyPairs(20, (i) => pairOf(`k${i}`, "v")),
      ),
    );
    const problems = outcomes.flatMap((outcome) => (outcome.kind === "problem" ? [outcome.problem] : []));
    expect(problems).toMatchObject([{ code: "unconfirmed", subject: "k7" }]);
    expect(outcomes).toHaveLength(20);
    expect(it.sent).toHaveLength(8);
  });

  it.each([
    ["names keys that were not sent", { successful_key_count: 2, unsuccessful_keys: ["other"] }],
    ["counts fewer than it names", { successful_key_count: 1, unsuccessful_keys: [] }],
  ])("believes nothing of an answer that %s", async (_, doubtful) => {
    await using it = await scripted((pairs, _request, response, number) =>
      answer(response, number === 0 ? doubtful : done(pairs.length)),
    );
    const outcomes = await collect(writePairs(it.deps, pagesOf([pairOf("a", "1"), pairOf("b", "2")])));
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(["written", "written"]);
    expect(it.sent).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
  });

  it.each([["text"], [[]], [true], [{ successful_key_count: "2" }], [{ successful_key_count: -1 }]])(
    "confirms nothing when it is answered with %j",
    async (result) => {
      await using it = await scripted((_, _request, response) => answer(response, result));
      const outcomes: unknown[] = [];
      const writing = (async () => {
        for await (const page of writePairs(it.deps, pagesOf([pairOf("a", "1")]))) outcomes.push(...page);
      })();
      expect(await failure(writing)).toMatchObject({ code: "api-malformed" });
      expect(outcomes).toEqual([]);
    },
  );

  it("takes the old answer, which told nothing, for success", async () => {
    await using it = await scripted((_pairs, _request, response) => answer(response, null));
    const outcomes = await collect(writePairs(it.deps, pagesOf([pairOf("a", "1")])));
    expect(outcomes[0]?.kind).toBe("written");
  });

  it("finds the one bad pair in a refused batch, and writes all others", async () => {
    await using it = await scripted((pairs, _, response) => {
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
    await using it = await scripted((pairs, _, response) => {
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
    await using it = await scripted((pairs, _, response) => {
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
    await using it = await scripted((_pairs, _request, response) => refuse(response, 400, 10012, "read-only today"));
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
    await using it = await scripted((pairs, _request, response) => {
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
    await using it = await scripted((pairs, request, response) => {
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
      await using it = await scripted((_, request, response) => {
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

  it("gives what was confirmed before it fails", async () => {
    await using it = await scripted((pairs, _, response, number) => {
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
    await using it = await scripted(() => undefined);
    const stop = new AbortController();
    const writing = failure(collect(writePairs(it.deps, pagesOf([pairOf("a", "1")]), { signal: stop.signal })));
    while (it.sent.length === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error("enough"));
    expect((await writing).message).toBe("enough");
  });
});
