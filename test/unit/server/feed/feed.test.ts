// The change feed as a client meets it, over HTTP.

import { hash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Clock } from "../../../../src/core/clock.ts";
import { systemClock } from "../../../../src/core/system-clock.ts";
import type { TokenGrant } from "../../../../src/server/access/rights.ts";
import { openSqliteStore } from "../../../../src/server/store/sqlite/sqlite-store.ts";
import type { Store } from "../../../../src/server/store/store.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { startTestServer, type TestServerOptions } from "../../../support/server.ts";
import { type Kv, openKv, withNamespace } from "../kv-fixture.ts";
import { openFeed } from "./feed-client.ts";

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function kvOf(options: TestServerOptions = {}): Promise<Kv> {
  const kv = await openKv(options);
  cleanUps.push(() => kv.close());
  return kv;
}

function databaseFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "kvsync-feed-"));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  return join(folder, "kv.sqlite");
}

async function storeOf(clock: Clock): Promise<Store> {
  const store = await openSqliteStore(":memory:", clock);
  cleanUps.push(() => store.close());
  return store;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

const bulk = (kv: Kv, keys: readonly string[]): Promise<unknown> =>
  kv.json(
    "PUT",
    "/bulk",
    keys.map((key) => ({ key, value: "v" })),
  );

describe("a feed", () => {
  it("begins now, and names each key that is written or removed", async () => {
    const kv = await kvOf();
    await kv.put("before", "v");
    const feed = await openFeed(kv);
    expect(feed.status).toBe(200);
    expect(feed.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "kvsync-change-feed": "1",
    });
    expect(await feed.next()).toMatchObject({ event: "ready", data: {} });
    const nasty = 'ünï/..\n"\u2028\u0085';
    await kv.put(nasty, "v");
    expect(await feed.next()).toMatchObject({ event: "changed", data: { keys: [nasty] } });
    await kv.call("DELETE", `/${kv.id}/values/before`);
    expect(await feed.next()).toMatchObject({ event: "changed", data: { keys: ["before"] } });
  });

  it("says nothing of other namespaces", async () => {
    const kv = await kvOf();
    const other = withNamespace(kv.server, await kv.server.createNamespace("other"));
    const feed = await openFeed(kv);
    await other.put("theirs", "v");
    await kv.put("ours", "v");
    expect(await feed.next()).toMatchObject({ event: "ready" });
    expect(await feed.next()).toMatchObject({ data: { keys: ["ours"] } });
  });

  it("tells of what happens close together in one event, of each key once", async () => {
    const clock = new FakeClock();
    const kv = await kvOf({ clock });
    const feed = await openFeed(kv);
    await feed.next();
    await clock.advance(1);
    for (const key of ["a", "b", "a", "c", "a"]) await kv.put(key, "v");
    await clock.advance(50);
    expect((await feed.next())?.data.keys.toSorted()).toEqual(["a", "b", "c"]);
  });

  it("names at most 1,000 keys in an event", async () => {
    const kv = await kvOf();
    const feed = await openFeed(kv);
    const keys = Array.from({ length: 2500 }, (_, i) => `key-${i}`);
    await bulk(kv, keys);
    await feed.next();
    const told = new Set<string>();
    while (told.size < keys.length) {
      const event = await feed.next();
      expect(event?.data.keys.length).toBeLessThanOrEqual(1000);
      for (const key of event?.data.keys ?? []) told.add(key);
    }
    expect(told).toEqual(new Set(keys));
  });

  it("tells of what expires, though nobody sends a request", async () => {
    const clock = new FakeClock();
    const kv = await kvOf({ clock });
    await kv.put("short", "v", "?expiration_ttl=60");
    const feed = await openFeed(kv);
    await feed.next();
    await clock.advance(60_000);
    const told = feed.next();
    const arrived = new AbortController();
    void told.then(() => arrived.abort());
    // A store on another process's disk takes its time to purge, of which this clock knows nothing.
    while (!arrived.signal.aborted) {
      await clock.advance(1000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await told).toMatchObject({ event: "changed", data: { keys: ["short"] } });
  });

  it("says that it lives each 15 seconds", async () => {
    const clock = new FakeClock();
    const kv = await kvOf({ clock });
    const feed = await openFeed(kv);
    await feed.next();
    await clock.advance(33_000);
    await until(() => feed.text().endsWith("\n\n:\n\n:\n\n"));
    feed.close();
  });

  it("ends when the namespace is gone, and says so", async () => {
    const kv = await kvOf();
    const feed = await openFeed(kv);
    await feed.next();
    await kv.call("DELETE", `/${kv.id}`);
    expect(await feed.next()).toMatchObject({ event: "gone", data: {} });
    expect(await feed.next()).toBeUndefined();
    const { status, text } = await kv.call("GET", `/${kv.id}/changes`);
    expect([status, JSON.parse(text).errors[0].code]).toEqual([404, 10013]);
  });

  it("is logged when it begins and when it ends", async () => {
    const lines: string[] = [];
    const kv = await kvOf({ log: (line) => lines.push(line) });
    const feed = await openFeed(kv);
    await feed.next();
    feed.close();
    const line = `GET /client/v4/accounts/${kv.server.accountId}/storage/kv/namespaces/${kv.id}/changes 200 feed`;
    const isEnd = (text: string): boolean =>
      text.startsWith(line) && /ends after \d+s and 1 events: the client went away$/.test(text);
    await until(() => lines.some(isEnd));
    expect(lines).toContain(`${line} begins`);
    expect(kv.server.counts().changes).toBe(1);
  });

  it("is no body to HEAD", async () => {
    const kv = await kvOf();
    const { status, headers } = await kv.call("HEAD", `/${kv.id}/changes`);
    expect([status, headers["content-type"]]).toEqual([200, "text/event-stream"]);
  });
});

describe("a cursor", () => {
  it("is gone on from, in the query or as a browser sends it", async () => {
    const kv = await kvOf();
    const first = await openFeed(kv);
    const ready = await first.next();
    await kv.put("a", "v");
    const after = await first.told(["a"]);
    first.close();
    await kv.put("b", "v");

    const fromStart = await openFeed(kv, { since: ready!.id });
    expect(await fromStart.next()).toMatchObject({ event: "ready", id: ready!.id });
    await fromStart.told(["a", "b"]);
    for (const query of [{ since: after }, { headers: { "last-event-id": after } }]) {
      const again = await openFeed(kv, query);
      expect(await again.next()).toMatchObject({ event: "ready", id: after });
      expect(await again.next()).toMatchObject({ event: "changed", data: { keys: ["b"] } });
    }
  });

  it("from before much that happened elsewhere misses nothing that happens next", async () => {
    const lines: string[] = [];
    const kv = await kvOf({ log: (line) => lines.push(line) });
    const other = withNamespace(kv.server, await kv.server.createNamespace("other"));
    const first = await openFeed(kv);
    const { id: since } = (await first.next())!;
    first.close();
    await until(() => lines.some((line) => line.includes("feed ends")));
    await (await openFeed(other)).next();
    for (const key of ["a", "b", "c"]) await other.put(key, "v");
    const feed = await openFeed(kv, { since });
    await feed.next();
    await kv.put("ours", "v");
    await feed.told(["ours"]);
  });

  it("outlives the server", async () => {
    const database = databaseFile();
    const kv = await openKv({ database });
    const { id: since } = (await (await openFeed(kv)).next())!;
    await kv.put("a", "v");
    await kv.close();
    const again = withNamespace(await startTestServer({ database }), kv.id);
    cleanUps.push(() => again.close());
    const feed = await openFeed(again, { since });
    expect(await feed.next()).toMatchObject({ event: "ready" });
    expect(await feed.next()).toMatchObject({ data: { keys: ["a"] } });
  });

  it("that cannot be gone on from is answered with a new one, and why", async () => {
    const kv = await kvOf();
    const other = withNamespace(kv.server, await kv.server.createNamespace("other"));
    const theirs = (await (await openFeed(other)).next())!.id;
    const { id: ours } = (await (await openFeed(kv)).next())!;
    const ahead = `${ours.split(".")[0]}.987654321`;
    for (const since of [theirs, ahead, "", "nonsense", "x".repeat(5000), `${ours}0.`, "0", `${ours} `]) {
      const feed = await openFeed(kv, { since });
      const start = await feed.next();
      expect(start).toMatchObject({ event: "reset", id: ours, data: { reason: expect.any(String) } });
      feed.close();
    }
  });

  it("from before all that the log still has is answered so, too", async () => {
    const clock = new FakeClock();
    const store = await storeOf(clock);
    const kv = await kvOf({ clock, database: store });
    const first = await openFeed(kv);
    const { id: since } = (await first.next())!;
    first.close();
    await until(() => clock.sleeping === 0);
    await kv.put("a", "v");
    await clock.advance(8 * 86_400_000);
    await kv.put("b", "v");
    while ((await store.purge(clock.now(), 100)) > 0);
    const start = await (await openFeed(kv, { since })).next();
    expect(start).toMatchObject({ event: "reset", data: { reason: expect.stringContaining("the log of changes") } });
  });
});

describe("where no feed is offered", () => {
  const notOffered = async (kv: Kv): Promise<void> => {
    const { status, headers, text } = await kv.call("GET", `/${kv.id}/changes`);
    expect([status, JSON.parse(text).errors[0].code]).toEqual([404, 7000]);
    expect(headers["kvsync-change-feed"]).toBeUndefined();
    expect((await kv.call("GET", `/${kv.id}/keys`)).headers["kvsync-change-feed"]).toBeUndefined();
  };

  it("as what is written shows later, its route is none", async () => {
    await notOffered(await kvOf({ faults: { settle: { seconds: 1 } } }));
  });

  it("as the server is read-only, its route is none", async () => {
    const store = await storeOf(systemClock);
    const made = (await store.namespaces.create("testaccount", "test"))!;
    const { namespaces, entries } = store;
    const server = await startTestServer({ database: { isReadOnly: true, namespaces, entries } });
    cleanUps.push(() => server.close());
    await notOffered(withNamespace(server, made.id));
  });

  it("any more, those that are open end", async () => {
    const kv = await kvOf();
    const feed = await openFeed(kv);
    await feed.next();
    kv.server.setFaults({ rules: [] });
    await kv.put("k", "v");
    expect(await feed.next()).toMatchObject({ event: "changed" });
    kv.server.setFaults({ settle: { seconds: 1 } });
    expect(await feed.next()).toBeUndefined();
  });

  it("is told apart by a header of all answers about a namespace", async () => {
    const kv = await kvOf();
    const of = async (method: string, path: string, body?: string): Promise<unknown> =>
      (await kv.call(method, path, { body, headers: body === undefined ? {} : { "content-type": "application/json" } }))
        .headers["kvsync-change-feed"];
    const within = [
      of("GET", `/${kv.id}`),
      of("GET", `/${kv.id}/keys`),
      of("PUT", `/${kv.id}/values/k`, "v"),
      of("GET", `/${kv.id}/values/k`),
      of("GET", `/${kv.id}/values/nope`),
      of("GET", `/${kv.id}/metadata/k`),
      of("PUT", `/${kv.id}/bulk`, "[]"),
      of("POST", `/${kv.id}/bulk/get`, '{"keys":["k"]}'),
      of("POST", `/${kv.id}/bulk/delete`, '["k"]'),
    ];
    expect(await Promise.all(within)).toEqual(within.map(() => "1"));
    expect(await of("GET", "")).toBeUndefined();
  });
});

describe("a fault plan", () => {
  it("answers in place of a feed", async () => {
    const kv = await kvOf();
    kv.server.setFaults({ rules: [{ kind: "server-error", operations: ["changes"], applied: "all" }] });
    expect(await kv.outcome("GET", "/changes")).toEqual([500, 10001]);
    kv.server.setFaults({ rules: [{ kind: "rate-limited", operations: ["changes"], retryAfterSeconds: 7 }] });
    const limited = await kv.call("GET", `/${kv.id}/changes`);
    expect([limited.status, limited.headers["retry-after"]]).toEqual([429, "7"]);
    for (const kind of ["reset-before", "reset-after"] as const) {
      kv.server.setFaults({ rules: [{ kind, operations: ["changes"] }] });
      await expect(openFeed(kv)).rejects.toMatchObject({ code: "ECONNRESET" });
    }
    expect(await kv.names()).toEqual([]);
  });

  it("cuts a feed off after its first event", async () => {
    const kv = await kvOf();
    kv.server.setFaults({ rules: [{ kind: "truncated", operations: ["changes"] }] });
    const feed = await openFeed(kv);
    expect(await feed.next()).toMatchObject({ event: "ready" });
    expect(await feed.next()).toBeUndefined();
    expect(feed.isWhole()).toBe(false);
  });

  it("lets a feed begin late", async () => {
    const clock = new FakeClock();
    const kv = await kvOf({ clock, faults: { rules: [{ kind: "slow", delayMs: 5000, operations: ["changes"] }] } });
    const opening = openFeed(kv);
    await until(() => clock.sleeping > 0);
    await kv.put("meanwhile", "v");
    await clock.advance(5000);
    const feed = await opening;
    expect(await feed.next()).toMatchObject({ event: "ready" });
    await clock.advance(50);
    expect(await feed.next()).toMatchObject({ data: { keys: ["meanwhile"] } });
  });

  it("counts a feed as one request, however long it lasts", async () => {
    const kv = await kvOf();
    kv.server.setFaults({ rateLimit: { requests: 3, windowSeconds: 60 } });
    const feed = await openFeed(kv);
    expect(feed.headers["ratelimit"]).toBe('"default";r=2;t=60');
    for (const key of ["a", "b"]) await kv.put(key, "v");
    await feed.told(["a", "b"]);
    expect((await kv.call("GET", `/${kv.id}/changes`)).status).toBe(429);
  });
});

describe("a token", () => {
  const grant = (name: string, rest: Partial<TokenGrant> = {}): TokenGrant => ({
    name,
    sha256: hash("sha256", name, "hex"),
    access: "edit",
    ...rest,
  });

  it("that is taken out ends its feeds, and no others", async () => {
    const kv = await kvOf({ tokens: [grant("test-token"), grant("reader", { access: "read" })] });
    const feed = await openFeed(kv);
    const reading = await openFeed(kv, { headers: { authorization: "Bearer reader" } });
    await reading.next();
    kv.server.setTokens([grant("test-token")]);
    expect(await reading.next()).toBeUndefined();
    await kv.put("k", "v");
    await feed.told(["k"]);
  });

  it("that may not see a namespace may not follow it", async () => {
    const kv = await kvOf({ tokens: [grant("test-token"), grant("other", { namespaces: ["other-*"] })] });
    const refused = await openFeed(kv, { headers: { authorization: "Bearer other" } });
    expect(refused.status).toBe(404);
  });
});

describe("many feeds", () => {
  it("cost one read of the log for each change", async () => {
    const store = await storeOf(systemClock);
    let reads = 0;
    const counting: Store = {
      ...store,
      changes: {
        ...store.changes,
        read(...given) {
          reads++;
          return store.changes.read(...given);
        },
      },
    };
    const kv = await kvOf({ database: counting, validate: false });
    const feeds = await Promise.all(Array.from({ length: 200 }, () => openFeed(kv)));
    await Promise.all(feeds.map((feed) => feed.next()));
    reads = 0;
    for (const key of ["a", "b", "c"]) {
      await kv.put(key, "v");
      await Promise.all(feeds.map((feed) => feed.told([key])));
    }
    expect(reads).toBe(3);
    for (const feed of feeds) feed.close();
  });

  it("end at once when the server closes, those of clients that do not read as well", async () => {
    const kv = await openKv({ clock: new FakeClock() });
    const feeds = await Promise.all(Array.from({ length: 20 }, () => openFeed(kv)));
    feeds[0]!.pause();
    await kv.close();
    for (const feed of feeds.slice(1)) {
      expect(await feed.next()).toMatchObject({ event: "ready" });
      expect(await feed.next()).toBeUndefined();
      expect(feed.isWhole()).toBe(true);
    }
  });
});

describe("a change by another process on the same file", () => {
  it("is told of", async () => {
    const database = databaseFile();
    const kv = await kvOf({ database });
    const server = await startTestServer({ database });
    cleanUps.push(() => server.close());
    const other = withNamespace(server, kv.id);
    const feed = await openFeed(kv);
    await feed.next();
    await other.put("theirs", "v");
    const since = await feed.told(["theirs"]);
    await other.call("DELETE", `/${kv.id}`);
    expect(await feed.next()).toMatchObject({ event: "gone", id: since });
  });
});
