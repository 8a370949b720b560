// The official TypeScript SDK on a snapshot that is served: it reads it as any namespace, and is refused what would change it.

import Cloudflare, { PermissionDeniedError } from "cloudflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSnapshotStore } from "../../src/cli/serve/snapshot-store.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { openServer, type RunningServer } from "../../src/server/server.ts";
import { memoryOf } from "../support/archive-fixture.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { openMemoryItems } from "../support/memory-items.ts";
import { snapshotOf, takeOf } from "../support/snapshot-fixture.ts";
import { valueOf } from "../support/values.ts";
import { ACCOUNT_ID as account_id, TOKEN } from "./embedded-server.ts";

const namespace_id = "0123456789abcdef0123456789abcdef";
const keys = Array.from({ length: 2500 }, (_, i) => `k/${i}`);
let server: RunningServer;
let kv: Cloudflare["kv"]["namespaces"];

beforeAll(async () => {
  const clock = new FakeClock({ now: Date.now() });
  const items = openMemoryItems();
  const values = keys.map((key) => valueOf(clock, key, `value of ${key}`, { metadata: '{"a":1}' }));
  const taken = snapshotOf(await takeOf(items, await memoryOf(clock, values)));
  const snapshot = { ...taken, source: { ...taken.source, namespace: namespace_id, title: "app" } };
  const database = openSnapshotStore(snapshot, items.reader);
  server = await openServer({ clock: systemClock, database, token: TOKEN });
  kv = new Cloudflare({ apiToken: TOKEN, baseURL: server.url, maxRetries: 0 }).kv.namespaces;
});
afterAll(() => server.close());

test("values, metadata, listings and bulk gets are read", async () => {
  expect(await kv.get(namespace_id, { account_id })).toMatchObject({ id: namespace_id, title: "app" });
  expect(await (await kv.values.get("k/7", { account_id, namespace_id })).text()).toBe("value of k/7");
  expect(await kv.metadata.get("k/7", { account_id, namespace_id })).toEqual({ a: 1 });
  const listed: string[] = [];
  for await (const { name } of kv.keys.list(namespace_id, { account_id, limit: 1000 })) listed.push(name);
  expect(listed).toEqual(keys.toSorted());
  expect(await kv.bulkGet(namespace_id, { account_id, keys: ["k/1", "nope"] })).toMatchObject({
    values: { "k/1": "value of k/1", nope: null },
  });
});

test("a write is refused", async () => {
  const write = kv.values.update("k/7", { account_id, namespace_id, value: "new" });
  await expect(write).rejects.toBeInstanceOf(PermissionDeniedError);
  await expect(kv.bulkDelete(namespace_id, { account_id, body: ["k/7"] })).rejects.toBeInstanceOf(
    PermissionDeniedError,
  );
});
