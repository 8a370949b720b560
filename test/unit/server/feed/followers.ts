// Followers of a feed and writers beside them, and what the ones must have in the end. A follower looks at each key that the feed names, lists everything when
// it says so, and comes back with its cursor when it is cut off.

import fc from "fast-check";
import { expect } from "vitest";
import type { Kv } from "../kv-fixture.ts";
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

export const steps: fc.Arbitrary<Step[]> = fc.array(step, { minLength: 5, maxLength: 25 });

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
      // Whoever stopped it meanwhile could not close this one.
      if (this.#isStopping) this.cut();
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

/** Writers at two servers over the same data, and followers who are cut off again and again: in the end these have what the servers have. */
export async function expectNoGap(kvs: readonly [Kv, Kv], steps: readonly Step[]): Promise<void> {
  const followers = [kvs[0], kvs[1], kvs[0]].map((kv) => new Follower(kv));
  const following = followers.map((follower) => follower.follow());
  for (const [at, each] of steps.entries()) {
    for (const cut of each.cut) followers[cut]!.cut();
    await write(kvs[each.server] ?? kvs[0], each, `v${at}`);
  }
  const truth = await state(kvs[0]);
  for (const follower of followers) await expect.poll(() => follower.known, { timeout: 5000 }).toEqual(truth);
  for (const follower of followers) follower.stop();
  await Promise.all(following);
}
