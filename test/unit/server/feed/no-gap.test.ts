// Whoever follows the feed, looks at each key that it names, lists everything when it says so, and comes back with its cursor when it is cut off, has
// in the end what the server has. Writers go on all the while, in two processes.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { startTestServer } from "../../../support/server.ts";
import { type Kv, withNamespace } from "../kv-fixture.ts";
import { type FeedClient, openFeed } from "./feed-client.ts";

const KEYS = Array.from({ length: 30 }, (_, i) => `k${i}`);

interface Step {
  readonly server: number;
  readonly keys: readonly number[];
  readonly isRemoval: boolean;
  /** The followers that are cut off then; they come back at once. */
  readonly cut: readonly number[];
}

const step: fc.Arbitrary<Step> = fc.record({
  server: fc.nat(1),
  keys: fc.uniqueArray(fc.nat(KEYS.length - 1), { minLength: 1, maxLength: 8 }),
  isRemoval: fc.boolean(),
  cut: fc.subarray([0, 1, 2]),
});

/** Holds what it knows of the namespace, by the feed alone. */
class Follower {
  readonly known = new Map<string, string>();
  readonly #kv: Kv;
  #feed: FeedClient | undefined;
  #cursor = "none yet";
  #isStopping = false;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  async follow(): Promise<void> {
    while (!this.#isStopping) {
      this.#feed = await openFeed(this.#kv, { since: this.#cursor });
      for (let event = await this.#feed.next(); event !== undefined; event = await this.#feed.next()) {
        if (event.event === "reset") await this.#listAll();
        for (const key of event.data.keys ?? []) await this.#look(key);
        this.#cursor = event.id;
      }
    }
  }

  async #listAll(): Promise<void> {
    this.known.clear();
    for (const key of await this.#kv.names()) await this.#look(key);
  }

  async #look(key: string): Promise<void> {
    const value = await this.#kv.get(key);
    if (value === undefined) this.known.delete(key);
    else this.known.set(key, value);
  }

  cut(): void {
    this.#feed?.close();
  }

  stop(): void {
    this.#isStopping = true;
    this.cut();
  }
}

async function write(kv: Kv, { keys, isRemoval }: Step, value: string): Promise<void> {
  const names = keys.map((at) => KEYS[at]!);
  if (isRemoval) await kv.json("POST", "/bulk/delete", names);
  else
    await kv.json(
      "PUT",
      "/bulk",
      names.map((key) => ({ key, value })),
    );
}

async function state(kv: Kv): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const key of await kv.names()) found.set(key, (await kv.get(key))!);
  return found;
}

describe("a follower of the feed", () => {
  it("has in the end what the server has, however often it is cut off", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const folder = mkdtempSync(join(tmpdir(), "kvsync-no-gap-"));
        const options = { database: join(folder, "kv.sqlite"), validate: false };
        const servers = [await startTestServer(options), await startTestServer(options)];
        const id = await servers[0]!.createNamespace("test");
        const kvs = servers.map((server) => withNamespace(server, id));
        const followers = [0, 1, 0].map((at) => new Follower(kvs[at]!));
        const following = followers.map((follower) => follower.follow());
        for (const [at, each] of steps.entries()) {
          for (const cut of each.cut) followers[cut]!.cut();
          await write(kvs[each.server]!, each, `v${at}`);
        }
        const truth = await state(kvs[0]!);
        for (const follower of followers) await expect.poll(() => follower.known, { timeout: 5000 }).toEqual(truth);
        for (const follower of followers) follower.stop();
        await Promise.all(following);
        for (const server of servers) await server.close();
        rmSync(folder, { recursive: true });
      }),
      { numRuns: 8 },
    );
  }, 60_000);
});
