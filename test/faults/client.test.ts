// Everything that Workers KV can do to a client, seeded, against the embedded server: whatever happens on the way, what is
// reported as done is done, and in the end all of it is.

import { describe, expect, it } from "vitest";
import { deleteKeys } from "../../src/kv/delete-keys.ts";
import { readValues } from "../../src/kv/read-values.ts";
import { writePairs } from "../../src/kv/write-pairs.ts";
import type { FaultPlan } from "../../src/server/faults.ts";
import { collect, keyOf, pagesOf } from "../support/values.ts";
import { manyPairs, openTransfer, pairOf, type Transfer } from "../unit/kv/transfer-fixture.ts";

const COUNT = 12_000;
const named = (i: number): string => `k/${String(i).padStart(5, "0")}`;
const isBinary = (i: number): boolean => i % 997 === 0;
const valueOf = (i: number): Buffer => (isBinary(i) ? Buffer.of(0xff, i & 255) : Buffer.from(`value ${i} "\n`));

const FAULTS: readonly (readonly [string, FaultPlan])[] = [
  ["429 for ten seconds", { rules: [{ kind: "rate-limited", forSeconds: 10, retryAfterSeconds: 1 }] }],
  ["429 without a Retry-After for ten seconds", { rules: [{ kind: "rate-limited", forSeconds: 10 }] }],
  ["every third connection reset", { rules: [{ kind: "reset-before", every: 3 }] }],
  ["every third answer lost, though all was done", { rules: [{ kind: "reset-after", every: 3 }] }],
  ["every third answer cut", { rules: [{ kind: "truncated", every: 3 }] }],
  ["five unsuccessful keys a call", { rules: [{ kind: "unsuccessful-keys", keys: 5, probability: 0.7 }] }],
  ["HTML 502 at every other request", { rules: [{ kind: "bad-gateway", every: 2 }] }],
  [
    "HTML 524 now and then, half of it done",
    { seed: 5, rules: [{ kind: "gateway-timeout", probability: 0.25, applied: "half" }] },
  ],
  [
    "500 and 503 at random",
    {
      seed: 7,
      rules: [
        { kind: "server-error", probability: 0.15 },
        { kind: "unavailable", probability: 0.15 },
      ],
    },
  ],
  [
    "empty and short pages",
    {
      rules: [
        { kind: "empty-page", every: 2 },
        { kind: "short-page", every: 3, keys: 50 },
      ],
    },
  ],
  [
    "all of it at once",
    {
      seed: 42,
      rules: [
        { kind: "rate-limited", probability: 0.05, retryAfterSeconds: 2 },
        { kind: "reset-before", probability: 0.08 },
        { kind: "reset-after", probability: 0.08 },
        { kind: "truncated", probability: 0.08 },
        { kind: "gateway-timeout", probability: 0.05, applied: "half" },
        { kind: "unavailable", probability: 0.05, retryAfterSeconds: 1 },
        { kind: "unsuccessful-keys", probability: 0.2, keys: 20 },
        { kind: "empty-page", probability: 0.1 },
      ],
    },
  ],
];

async function namesLeft(transfer: Transfer): Promise<readonly string[]> {
  transfer.server.setFaults({});
  return transfer.names();
}

describe.each(FAULTS)("with %s", (_, faults) => {
  it("everything is written, listed, read and deleted in the end, and every request is counted", async () => {
    await using transfer = await openTransfer(faults);

    const written = await collect(
      writePairs(
        transfer,
        manyPairs(COUNT, (i) => pairOf(named(i), valueOf(i)), 500),
      ),
    );
    expect(written).toHaveLength(COUNT);
    expect(written.filter((outcome) => outcome.kind !== "written")).toEqual([]);

    expect(await transfer.names()).toEqual(Array.from({ length: COUNT }, (_unused, i) => named(i)));

    const items = Array.from({ length: 1500 }, (_unused, i) => ({
      key: keyOf(named(i)),
      size: undefined,
      binary: i < 750 ? isBinary(i) : undefined,
      tag: i,
    }));
    const read = await collect(readValues(transfer, pagesOf(items)));
    expect(read).toHaveLength(1500);
    for (const outcome of read)
      expect(outcome.kind === "value" && Buffer.from(outcome.bytes).equals(valueOf(outcome.tag))).toBe(true);

    const doomed = Array.from({ length: COUNT - 1 }, (_unused, i) => keyOf(named(i)));
    const deleted = await collect(deleteKeys(transfer, pagesOf(doomed)));
    expect(deleted.filter((outcome) => outcome.kind === "deleted")).toHaveLength(COUNT - 1);
    expect(await namesLeft(transfer)).toEqual([named(COUNT - 1)]);

    const [client, server] = [transfer.api.counts(), transfer.server.counts()];
    expect(client.total).toBe(server.total);
  });
});

describe("with the API's rate limit", () => {
  it("the budget is kept, so that the limit is never met", async () => {
    await using transfer = await openTransfer({ rateLimit: { requests: 1200, windowSeconds: 300 } });
    const { openTestClient } = await import("../unit/kv/client-fixture.ts");
    const api = openTestClient(transfer.server.url, { clock: transfer.clock, budget: {} });
    const start = transfer.clock.now();
    const items = Array.from({ length: 3000 }, (_unused, i) => ({
      key: keyOf(named(i)),
      size: 1,
      binary: true,
      tag: undefined,
    }));
    const outcomes = await collect(readValues({ ...transfer, api }, pagesOf(items)));
    expect(outcomes).toHaveLength(3000);
    expect(api.counts()).toMatchObject({ total: 3000, retries: 0 });
    expect(transfer.clock.now() - start).toBeGreaterThanOrEqual(600_000);
    await api.close();
  });

  it("another client of the same token makes it slower, but not wrong", async () => {
    await using transfer = await openTransfer({ rateLimit: { requests: 300, windowSeconds: 60 } });
    const { openTestClient } = await import("../unit/kv/client-fixture.ts");
    const clients = [0, 1].map(() =>
      openTestClient(transfer.server.url, { clock: transfer.clock, budget: { requests: 300, windowMs: 60_000 } }),
    );
    const items = Array.from({ length: 400 }, (_unused, i) => ({
      key: keyOf(named(i)),
      size: 1,
      binary: true,
      tag: undefined,
    }));
    const all = await Promise.all(clients.map((api) => collect(readValues({ ...transfer, api }, pagesOf(items)))));
    expect(all.map((outcomes) => outcomes.length)).toEqual([400, 400]);
    await Promise.all(clients.map((api) => api.close()));
  });
});

describe("with an eventually consistent server", () => {
  it("a listing may be old, but never out of order or in circles", async () => {
    await using transfer = await openTransfer({ seed: 3, settle: { seconds: 60, probability: 0.5 } });
    await collect(
      writePairs(
        transfer,
        manyPairs(2500, (i) => pairOf(named(i), "1")),
      ),
    );
    const names = await transfer.names();
    expect(new Set(names).size).toBe(names.length);
    expect(await namesLeft(transfer)).toHaveLength(2500);
  });
});
