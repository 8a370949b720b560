// Feeds at their edges: clients that do not read, data that cannot be reached, and askers that may not ask any more.

import { once } from "node:events";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type FeedEnd } from "../../../../src/server/feed/feed-stream.ts";
import { openFeeds } from "../../../../src/server/feed/feeds.ts";
import { openSqliteStore } from "../../../../src/server/store/sqlite/sqlite-store.ts";
import { type Store, StoreUnavailable } from "../../../../src/server/store/store.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { type FeedClient, readFeed } from "./feed-client.ts";

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

interface World {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly namespace: string;
  readonly lines: readonly string[];
  /** A client that was told "ready", and what becomes of its feed on the server's side. */
  open(revoked?: AbortSignal, era?: string): Promise<{ readonly client: FeedClient; readonly ended: Promise<FeedEnd> }>;
  write(keys: readonly string[]): Promise<void>;
  /** While true, the log cannot be read. */
  isDown: boolean;
}

async function openWorld(): Promise<World> {
  const clock = new FakeClock();
  const store = await openSqliteStore(":memory:", clock);
  const { id: namespace } = (await store.namespaces.create("a", "title"))!;
  const lines: string[] = [];
  const checked = <Given extends readonly unknown[], Result>(call: (...given: Given) => Result) => {
    return (...given: Given): Result => {
      if (world.isDown) throw new StoreUnavailable("down");
      return call(...given);
    };
  };
  const changes = {
    ...store.changes,
    last: checked((id: string) => store.changes.last(id)),
    read: checked((id: string, after: number, count: number) => store.changes.read(id, after, count)),
  };
  const feeds = openFeeds({ changes, clock, purge: async () => undefined, log: (line) => lines.push(line) });
  let answer: (response: ServerResponse) => void;
  const server = createServer((_, response) => answer(response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanUps.push(async () => {
    feeds.close();
    server.closeAllConnections();
    server.close();
    await store.close();
  });
  const world: World = {
    clock,
    store,
    namespace,
    lines,
    isDown: false,
    async open(revoked = new AbortController().signal, era = "0") {
      const position = (await store.changes.last(namespace))!;
      const served = new Promise<Promise<FeedEnd>>((resolve) => {
        answer = (response) => {
          response.writeHead(200);
          const feed = {
            namespace,
            start: { position, era, resetReason: undefined },
            revoked,
            isVisible: undefined,
          };
          resolve(feeds.serve(feed, response, { isTruncated: false }));
        };
      });
      const outgoing = get({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, agent: false });
      const ended = served.then((end) => end);
      const [response] = (await once(outgoing, "response")) as [IncomingMessage];
      const client = readFeed(response, () => outgoing.destroy());
      expect(await client.next()).toMatchObject({ event: "ready" });
      return { client, ended };
    },
    async write(keys) {
      const writes = keys.toSorted().map((key) => ({ key, value: "v", metadata: null, expiration: null }));
      await store.entries.write(namespace, writes, 1 as never);
      await clock.advance(20);
    },
  };
  return world;
}

/** 1,000 keys that come to about 400 KB. */
const longKeys = (round: number): string[] =>
  Array.from({ length: 1000 }, (_, i) => `${round}-${i}-${"x".repeat(400)}`);

describe("a client that does not read", () => {
  it("is sent no more, and cut off half a minute later", async () => {
    const world = await openWorld();
    const { client, ended } = await world.open();
    client.pause();
    for (let round = 0; round < 30; round++) await world.write(longKeys(round));
    await world.clock.advance(29_000);
    const { events } = await Promise.race([ended, Promise.resolve({ events: -1 })]);
    expect(events).toBe(-1);
    await world.clock.advance(10_000);
    expect(await ended).toMatchObject({ why: "the client does not read it" });
    expect((await ended).events).toBeLessThan(25);
    client.resume();
    while ((await client.next()) !== undefined);
    expect(client.isWhole()).toBe(false);
  });

  it("for a while misses nothing, and holds nobody else up", async () => {
    const world = await openWorld();
    const slow = await world.open();
    const quick = await world.open();
    slow.client.pause();
    for (let round = 0; round < 30; round++) {
      await world.write(longKeys(round));
      await quick.client.told(longKeys(round));
    }
    slow.client.resume();
    await slow.client.told(Array.from({ length: 30 }, (_, round) => longKeys(round)).flat());
  });
});

describe("data that cannot be reached", () => {
  it("for some seconds delays what a feed tells", async () => {
    const world = await openWorld();
    const { client } = await world.open();
    world.isDown = true;
    await world.write(["k"]);
    await world.clock.advance(5000);
    world.isDown = false;
    await world.clock.advance(2000);
    expect(await client.next()).toMatchObject({ event: "changed", data: { keys: ["k"] } });
    expect(world.lines).toEqual([expect.stringMatching(/^error: StoreUnavailable: down/)]);
  });

  it("for longer ends the feeds, and others begin when it can be reached again", async () => {
    const world = await openWorld();
    const { client, ended } = await world.open();
    world.isDown = true;
    await world.write(["k"]);
    await world.clock.advance(20_000);
    expect(await ended).toMatchObject({ why: "the log of changes cannot be read" });
    expect(await client.next()).toBeUndefined();
    world.isDown = false;
    const again = await world.open();
    await world.write(["l"]);
    await again.client.told(["l"]);
  });
});

it("a feed whose start was found in another log than it is read from ends, and whoever comes back with its cursor is told to look", async () => {
  const world = await openWorld();
  const { client, ended } = await world.open(undefined, "of before");
  await world.write(["k"]);
  expect(await ended).toMatchObject({ why: "the log of changes is another one" });
  expect(await client.next()).toBeUndefined();
});

describe("an asker who may not ask any more", () => {
  it("is told nothing more", async () => {
    const world = await openWorld();
    const revoking = new AbortController();
    const { client, ended } = await world.open(revoking.signal);
    const other = await world.open();
    revoking.abort();
    expect(await ended).toEqual({ why: "the token is not valid any more", events: 1 });
    expect(await client.next()).toBeUndefined();
    await world.write(["k"]);
    await other.client.told(["k"]);
  });
});

describe("when the last feed has ended", () => {
  it("the log is not watched, and no timer runs", async () => {
    const world = await openWorld();
    const feeds = [await world.open(), await world.open()];
    expect(world.clock.sleeping).toBeGreaterThan(0);
    for (const { client, ended } of feeds) {
      client.close();
      await ended;
    }
    await world.clock.advance(0);
    expect(world.clock.sleeping).toBe(0);
  });
});
