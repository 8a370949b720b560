// The change feed as its reader follows it: over real connections to a server that says what a test tells it to.

import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { type FeedEvent, followChanges } from "../../../../src/kv/changes/follow-changes.ts";
import type { KvClient, KvClientOptions } from "../../../../src/kv/kv-client.ts";
import type { NamespaceId } from "../../../../src/kv/kv-api.ts";
import { HurriedClock } from "../../../support/hurried-clock.ts";
import { openTestClient, TOKEN } from "../client-fixture.ts";
import { answer, refuse, type Script, type ScriptedServer, send, startScriptedServer } from "../scripted-server.ts";

const ID = "0123456789abcdef0123456789abcdef" as NamespaceId;

let server: ScriptedServer;
let client: KvClient;
let stop: AbortController;

async function open(script: Script, options: Partial<KvClientOptions> = {}): Promise<void> {
  server = await startScriptedServer(script);
  client = openTestClient(server.url, options);
  stop = new AbortController();
}

afterEach(async () => {
  stop.abort();
  await client.close();
  await server[Symbol.asyncDispose]();
});

/** What is told until `isEnough`, with what went wrong as its code. */
async function follow(
  since: string | undefined,
  isEnough: (events: readonly FeedEvent[]) => boolean,
): Promise<unknown[]> {
  const events: FeedEvent[] = [];
  for await (const event of followChanges({ clock: new HurriedClock(), api: client }, ID, {
    since,
    signal: stop.signal,
  })) {
    events.push(event);
    if (isEnough(events)) break;
  }
  return events.map((event) => ("error" in event ? `${event.kind}: ${event.error.code}` : event));
}

const many = (count: number) => (events: readonly FeedEvent[]) => events.length >= count;
const toTheEnd = () => false;

function stream(response: ServerResponse, ...events: readonly string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "kvsync-change-feed": "1" });
  response.flushHeaders();
  for (const event of events) response.write(event);
}

const event = (name: string, id: string, data: unknown = {}): string =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

describe("a change feed", () => {
  it("is asked for with the credentials, and tells what changed", async () => {
    await open((_, response) =>
      stream(response, event("ready", "a.1"), ":\n\n", event("changed", "a.2", { keys: ["k", "l"] })),
    );
    expect(await follow(undefined, many(2))).toEqual([
      { kind: "ready", cursor: "a.1" },
      { kind: "changed", cursor: "a.2", keys: ["k", "l"] },
    ]);
    expect(server.requests.map(({ target }) => target)).toEqual([
      `/client/v4/accounts/testaccount/storage/kv/namespaces/${ID}/changes`,
    ]);
    expect(server.requests[0]!.headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect(client.counts()).toMatchObject({ changes: 1, total: 1 });
  });

  it("that breaks off is asked for again, from where it was", async () => {
    await open((_, response, number) => {
      stream(response, event("ready", `a.${number}`), event("changed", `b.${number}`, { keys: [`k${number}`] }));
      if (number < 2) setTimeout(() => response.destroy(), 20);
    });
    expect(await follow("a.0", many(7))).toEqual([
      { kind: "ready", cursor: "a.0" },
      { kind: "changed", cursor: "b.0", keys: ["k0"] },
      "lost: network",
      { kind: "ready", cursor: "a.1" },
      { kind: "changed", cursor: "b.1", keys: ["k1"] },
      "lost: network",
      { kind: "ready", cursor: "a.2" },
    ]);
    expect(server.requests.map(({ target }) => new URL(target, server.url).searchParams.get("since"))).toEqual([
      "a.0",
      "b.0",
      "b.1",
    ]);
  });

  it("that the server ends is asked for again", async () => {
    await open((_, response, number) => {
      stream(response, event("ready", "a"));
      if (number === 0) response.end();
    });
    expect(await follow(undefined, many(3))).toEqual([
      { kind: "ready", cursor: "a" },
      "lost: network",
      { kind: "ready", cursor: "a" },
    ]);
  });

  it("that says nothing for long is lost", async () => {
    await open((_, response) => stream(response, event("ready", "a")), { feedSilenceMs: 1000 });
    expect(await follow(undefined, many(2))).toEqual([{ kind: "ready", cursor: "a" }, "lost: network"]);
  });

  it("lives for longer than that by comments alone", async () => {
    let last: ServerResponse | undefined;
    await open(
      (_, response) => {
        last = response;
        stream(response, event("ready", "a"));
      },
      { feedSilenceMs: 3000 },
    );
    const following = follow(undefined, many(2));
    for (let i = 0; i < 12; i++) {
      await sleep(300);
      last?.write(":\n\n");
    }
    last!.write(event("changed", "b", { keys: ["k"] }));
    expect(await following).toEqual([
      { kind: "ready", cursor: "a" },
      { kind: "changed", cursor: "b", keys: ["k"] },
    ]);
    expect(server.requests).toHaveLength(1);
  });

  it("begins anew where the server has forgotten, and ends with its namespace", async () => {
    await open((_, response) => stream(response, event("reset", "c", { reason: "too long ago" }), event("gone", "d")));
    expect(await follow("old", toTheEnd)).toEqual([
      { kind: "reset", cursor: "c", reason: "too long ago" },
      { kind: "gone" },
    ]);
    expect(server.requests).toHaveLength(1);
  });

  it("is told apart from a kind of event that is not known", async () => {
    await open((_, response) =>
      stream(response, event("ready", "a"), event("weather", "b", "sunny"), event("gone", "c")),
    );
    expect(await follow(undefined, toTheEnd)).toEqual([{ kind: "ready", cursor: "a" }, { kind: "gone" }]);
  });

  it("waits for as long as the server asks, and some time more", async () => {
    const waits: number[] = [];
    await open((_, response, number) => {
      if (number === 0) refuse(response, 503, undefined, "starting", { "retry-after": "7" });
      else stream(response, event("ready", "a"));
    });
    for await (const told of followChanges({ clock: new HurriedClock(), api: client }, ID, {
      since: undefined,
      signal: stop.signal,
    })) {
      if (told.kind !== "lost") break;
      waits.push(told.retryInMs);
    }
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeGreaterThan(7000);
    expect(waits[0]).toBeLessThan(9000);
  });
});

describe("a change feed is not there", () => {
  it.each<[string, Script, string]>([
    ["where there is no such route", (_, response) => refuse(response, 404, 7003), "api-error"],
    ["where there is no such namespace", (_, response) => refuse(response, 404, 10013), "namespace-not-found"],
    ["where the token may not", (_, response) => refuse(response, 403, 10000), "unauthorized"],
    ["where the answer is an envelope", (_, response) => answer(response, {}), "api-malformed"],
    [
      "where the answer is a page",
      (_, response) => send(response, 200, "<html>", { "content-type": "text/html" }),
      "api-malformed",
    ],
    [
      "where it is encoded",
      (_, response) => send(response, 200, "x", { "content-type": "text/event-stream", "content-encoding": "gzip" }),
      "api-malformed",
    ],
    [
      "where a line is not UTF-8",
      (_, response) => {
        stream(response);
        response.write(Buffer.from([0xff, 0x0a]));
      },
      "api-malformed",
    ],
    ["where events have no cursors", (_, response) => stream(response, "event: ready\ndata: {}\n\n"), "api-malformed"],
    [
      "where a cursor could split a header or a path",
      (_, response) => stream(response, event("ready", "a b")),
      "api-malformed",
    ],
    [
      "where the data is no JSON",
      (_, response) => stream(response, event("ready", "a"), "id: b\nevent: changed\ndata: k\n\n"),
      "api-malformed",
    ],
    [
      "where it does not say where it starts",
      (_, response) => stream(response, event("changed", "a", { keys: [] })),
      "api-malformed",
    ],
    [
      "where keys are no texts",
      (_, response) => stream(response, event("ready", "a"), event("changed", "b", { keys: [1] })),
      "api-malformed",
    ],
    [
      "where a line has no end",
      (_, response) => {
        stream(response);
        for (let i = 0; i < 80; i++) response.write("x".repeat(65_536));
      },
      "api-malformed",
    ],
    ["where no event ever comes", (_, response) => stream(response), "api-malformed"],
  ])("%s", async (_, script, code) => {
    await open(script, { feedSilenceMs: 1000 });
    const told = await follow(undefined, toTheEnd);
    expect(told.at(-1)).toBe(`ended: ${code}`);
    expect(server.requests).toHaveLength(1);
  });
});

describe("a client knows whether a feed is offered", () => {
  it("by the header of what is answered about a namespace", async () => {
    let isOffered = true;
    await open((_, response) =>
      send(
        response,
        200,
        JSON.stringify({ result: [], success: true, errors: [], messages: [], result_info: { cursor: "" } }),
        {
          "content-type": "application/json",
          ...(isOffered && { "kvsync-change-feed": "1" }),
        },
      ),
    );
    expect(client.offersChanges()).toBe(false);
    await client.listKeys(ID, {});
    expect(client.offersChanges()).toBe(true);
    isOffered = false;
    await client.listKeys(ID, {});
    expect(client.offersChanges()).toBe(false);
  });
});
