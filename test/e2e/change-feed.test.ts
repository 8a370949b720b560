// The daemon and a server that offers the change feed: a change reaches the folder without a poll, and whatever becomes of the feed,
// nothing is missed.

import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../src/core/system-clock.ts";
import { type KvClient, openKvClient } from "../../src/kv/kv-client.ts";
import type { NamespaceId } from "../../src/kv/kv-api.ts";
import { refuse } from "../unit/kv/scripted-server.ts";
import { records } from "../support/cli.ts";
import { DaemonFixture, pause } from "../support/daemon-process.ts";
import { type FeedFront, startFeedFront } from "../support/feed-front.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { keyOf } from "../support/values.ts";

let server: TestServer;
let front: FeedFront;
let client: KvClient;
let namespace: NamespaceId;
let daemon: DaemonFixture;

beforeEach(async () => {
  server = await startTestServer();
  front = await startFeedFront(server.url);
  namespace = (await server.createNamespace("app")) as NamespaceId;
  client = openKvClient({
    clock: systemClock,
    baseUrl: front.url,
    accountId: server.accountId,
    credentials: { kind: "token", token: server.token },
    budget: { requests: Infinity },
  });
  daemon = new DaemonFixture();
});

afterEach(async () => {
  await daemon.close();
  await client.close();
  await front[Symbol.asyncDispose]();
  await server.close();
});

function configure(mapping: string): void {
  daemon.write(
    "kvsync.yaml",
    `state_dir: ./state
accounts: { net: { endpoint: "${front.url}", account_id: ${server.accountId}, api_token: ${server.token} } }
mappings:
  app: { account: net, folder: ./kv/app, poll_interval: 1s, ${mapping} }
`,
  );
}

async function put(key: string, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  await client.writeValue(namespace, keyOf(key), { byteLength: bytes.byteLength, chunks: () => [bytes] }, {});
}

const arrives = (key: string, text: string, withinMs = 40_000): Promise<void> =>
  daemon.until(() => daemon.has(`kv/app/${key}`) && daemon.read(`kv/app/${key}`) === text, withinMs);

/** The requests of the daemon while `work` is done: this test's own are writes. */
async function requests(work: () => Promise<unknown>): Promise<readonly string[]> {
  const before = front.requests.length;
  await work();
  return front.requests.slice(before).filter((request) => !/^(PUT|DELETE) \/values/.test(request));
}

it("brings changes to a folder without a poll, and misses none that were made while the feed was not there", async () => {
  await put("first", "1");
  configure("mode: pull");
  const starting = await requests(() => daemon.start());
  await arrives("first", "1");
  await daemon.until(() => front.following() === 1);
  // Which of the two lists nothing depends on whether the server said in time that it offers the feed.
  expect(starting.filter((request) => request === "GET /keys").length).toBeLessThanOrEqual(2);

  // A change costs one request, and nothing is polled, though the poll interval is a second.
  await pause(1100);
  const spent = await requests(async () => {
    await put("a", "one");
    await arrives("a", "one");
    await put("b", "two");
    await arrives("b", "two");
    await client.deleteValue(namespace, keyOf("first"));
    await daemon.until(() => !daemon.has("kv/app/first"));
    await pause(1500);
  });
  expect(spent).toEqual(["POST /bulk/get", "POST /bulk/get", "POST /bulk/get"]);
  const { stdout } = await daemon.run("status", "--json");
  expect(records(stdout)[0]).toMatchObject({ state: "in-step", feed: { state: "up" } });
  expect((await daemon.run("status")).stdout).toContain("told of changes");

  // The feed is cut.
  front.cut();
  await put("b", "while it was cut");
  await arrives("b", "while it was cut");
  expect(front.asked.at(-1)).toMatch(/^c\./);

  // The cursor is too old.
  front.refuse = (response) => refuse(response, 503, undefined);
  front.cut();
  await put("c", "forgotten");
  front.forget();
  front.refuse = undefined;
  await arrives("c", "forgotten");
  await daemon.until(() => daemon.err.includes("the change feed begins anew"));

  // The daemon is started again.
  await put("d", "before");
  await arrives("d", "before");
  await daemon.stop();
  await put("d", "while it was away");
  await client.deleteValue(namespace, keyOf("b"));
  daemon.write("kv/app/c", "edited here");
  const restart = await requests(async () => {
    await daemon.start();
    await arrives("d", "while it was away");
    await arrives("c", "forgotten");
    await daemon.until(() => !daemon.has("kv/app/b"));
  });
  expect(restart).not.toContain("GET /keys");

  // The server offers it no more.
  front.refuse = (response) => refuse(response, 404, 7003);
  front.cut();
  await put("e", "polled");
  await arrives("e", "polled");
  const polling = await requests(() => pause(6000));
  expect(polling.filter((request) => request === "GET /keys").length).toBeGreaterThanOrEqual(2);
}, 240_000);

it("keeps both sides in step two ways, and what it writes itself does not go round", async () => {
  configure("mode: two-way, watch: native, stable_after: 0s");
  daemon.write("kv/app/mine", "1");
  await daemon.start();
  await daemon.until(() => front.following() === 1);
  await pause(1200);
  const spent = await requests(async () => {
    daemon.write("kv/app/mine", "2");
    await daemon.until(async () => (await textOf("mine")) === "2");
    await put("theirs", "3");
    await arrives("theirs", "3");
    await pause(1200);
  });
  expect(spent).not.toContain("GET /keys");
  // One before the write of the one, one for what comes back of it, and one for the other.
  expect(spent.filter((request) => request === "POST /bulk/get").length).toBeLessThanOrEqual(3);
}, 240_000);

/** Past the front. */
async function textOf(key: string): Promise<string> {
  const response = await fetch(`${server.namespacesUrl}/${namespace}/values/${key}`, {
    headers: { authorization: `Bearer ${server.token}` },
  });
  return response.text();
}
