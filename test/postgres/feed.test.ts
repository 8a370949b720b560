// The change feed of two servers over one PostgreSQL.

import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { databases, describePostgres, openStore } from "../support/postgres-fixture.ts";
import { startTestServer } from "../support/server.ts";
import { openFeed } from "../unit/server/feed/feed-client.ts";
import { expectNoGap, steps } from "../unit/server/feed/followers.ts";
import { type Kv, withNamespace } from "../unit/server/kv-fixture.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** One namespace, at two servers. */
async function openTwo(): Promise<readonly [Kv, Kv]> {
  const url = await databases.freshSchema();
  const [one, two] = [
    await startTestServer({ database: await openStore({ url }), validate: false }),
    await startTestServer({ database: await openStore({ url }), validate: false }),
  ];
  closing.push(
    () => one.close(),
    () => two.close(),
  );
  const id = await one.createNamespace("test");
  return [withNamespace(one, id), withNamespace(two, id)];
}

describePostgres("a feed", () => {
  it("tells of what another server wrote, and each server knows the other's cursors", async () => {
    const [one, two] = await openTwo();
    const feed = await openFeed(one);
    await feed.next();
    await two.put("a", "v");
    const since = await feed.told(["a"]);
    await two.put("b", "v");
    const other = await openFeed(two, { since });
    expect(await other.next()).toMatchObject({ event: "ready", id: since });
    expect(await other.next()).toMatchObject({ event: "changed", data: { keys: ["b"] } });
    await two.call("DELETE", `/${two.id}`);
    await feed.told(["b"]);
    expect(await feed.next()).toMatchObject({ event: "gone" });
  });

  it("leaves nothing out, however often a follower is cut off", async () => {
    let runs = 0;
    const property = fc.asyncProperty(steps, async (given) => {
      await expectNoGap(await openTwo(), given);
      runs++;
    });
    await fc.assert(property, { numRuns: 4 });
    expect(runs).toBe(4);
  }, 60_000);
});
