// One namespace is filled by one server, whoever else has the store open, sleeps, or dies.

import { afterEach, beforeEach, expect, test } from "vitest";
import { claimNamespace, type Claim, type Claimed } from "../../../../src/cli/serve/claimed-namespace.ts";
import { toEpochSeconds } from "../../../../src/core/clock.ts";
import type { Store } from "../../../../src/server/store/store.ts";
import { openSqliteStore } from "../../../../src/server/store/sqlite/sqlite-store.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const TITLE = "app";
let clock = new FakeClock();
let store: Store;
let claims: Claim[] = [];
/** Of whoever is to die, or to sleep. */
let dying: FakeClock;

beforeEach(async () => {
  clock = new FakeClock();
  dying = new FakeClock();
  store = await openSqliteStore(":memory:", clock);
  claims = [];
});
afterEach(async () => {
  await Promise.all(claims.map((claim) => claim.release()));
  await store.close();
});

const claim = (
  onWaiting: () => void = () => undefined,
  signal = new AbortController().signal,
  own = clock,
): Promise<Claimed> => claimNamespace({ clock: own, store, account: "acc", signal, onWaiting }, TITLE);
/** By a server whose clock stands still: it shows no sign of life. */
const claimAndDie = (): Promise<Claim> => ours(claim(undefined, undefined, dying));
const ours = async (claiming: Promise<Claimed>): Promise<Claim> => {
  const claimed = await claiming;
  if (claimed.kind !== "ours") throw new Error("somebody else has it");
  claims.push(claimed.claim);
  return claimed.claim;
};
const titles = async (): Promise<readonly string[]> =>
  (await store.namespaces.list("acc", { order: "title", direction: "asc", offset: 0, count: 10 })).map(
    ({ title }) => title,
  );
const write = ({ store: own, id }: Claim, key: string): Promise<boolean> | boolean =>
  own.entries.write(id, [{ key, value: "v", metadata: null, expiration: null }], toEpochSeconds(clock.now()));
const keys = async (id: string): Promise<readonly string[]> =>
  (await store.entries.list(id, { after: "", prefix: "", limit: 10 }, toEpochSeconds(clock.now()))).map(([key]) => key);
/** As whoever looks and beats does, for so long. */
const pass = async (ms: number): Promise<void> => {
  for (let at = 0; at < ms; at += 250) await clock.advance(250);
};

test("a namespace has its title when it is filled, and not before", async () => {
  const claimed = await ours(claim());
  expect(await write(claimed, "a")).toBe(true);
  expect(await titles()).toEqual([expect.stringMatching(/^%import-[0-9a-f]{16}-[0-9a-f]{16}-0 app$/)]);
  expect(await claimed.finish()).toBe(true);
  expect(await titles()).toEqual([TITLE]);
  expect(await keys(claimed.id)).toEqual(["a"]);
  expect(await claim()).toEqual({ kind: "there", id: claimed.id });
});

test("who comes second waits while the first one lives, and finds the namespace there", async () => {
  const first = await ours(claim());
  let waited = 0;
  const second = claim(() => void waited++);
  await pass(60_000);
  expect(await first.isHeld()).toBe(true);
  expect(await first.finish()).toBe(true);
  await pass(1000);
  expect(await second).toEqual({ kind: "there", id: first.id });
  expect(waited).toBe(1);
});

test("what a dead one left is gone on with, after some time without a sign of life", async () => {
  const first = await claimAndDie();
  await write(first, "a");
  const second = claim();
  await pass(4000);
  expect(await first.isHeld()).toBe(true);
  await pass(2000);
  const claimed = await ours(second);
  expect(claimed.id).toBe(first.id);
  expect(await keys(claimed.id)).toEqual(["a"]);
});

test("one that only slept writes no more to what was taken over, nor gives it its title", async () => {
  const first = await claimAndDie();
  const second = claim();
  await pass(7000);
  const claimed = await ours(second);
  expect(await write(claimed, "b")).toBe(true);
  expect(await write(first, "a")).toBe(false);
  await first.store.entries.remove(first.id, ["b"], toEpochSeconds(clock.now()));
  expect(await first.finish()).toBe(false);
  await first.drop();
  expect(await claimed.finish()).toBe(true);
  expect(await write(first, "a")).toBe(false);
  expect(await keys(claimed.id)).toEqual(["b"]);
  expect(await titles()).toEqual([TITLE]);
});

test("a namespace that somebody made under the title meanwhile stays, and what was filled goes", async () => {
  const claimed = await ours(claim());
  await write(claimed, "a");
  const made = await store.namespaces.create("acc", TITLE);
  expect(await claimed.finish()).toBe(false);
  expect(await titles()).toEqual([TITLE]);
  expect(await claim()).toEqual({ kind: "there", id: made?.id });
});

test("what a dead one left beside a namespace that is there is removed", async () => {
  await claimAndDie();
  const made = await store.namespaces.create("acc", TITLE);
  expect(await claim()).toEqual({ kind: "there", id: made?.id });
  expect(await titles()).toEqual([TITLE]);
});

test("what was left in an orderly way is gone on with at once", async () => {
  const first = await ours(claim());
  await write(first, "a");
  await first.release();
  expect(await first.isHeld()).toBe(false);
  const second = await ours(claim());
  expect(await keys(second.id)).toEqual(["a"]);
  await first.release();
  expect(await second.isHeld()).toBe(true);
});

test("a claim is dropped with all that was written", async () => {
  const claimed = await ours(claim());
  await write(claimed, "a");
  await claimed.drop();
  expect(await titles()).toEqual([]);
});

test("who waits can be stopped", async () => {
  await ours(claim());
  const stop = new AbortController();
  const second = claim(undefined, stop.signal);
  second.catch(() => undefined);
  await pass(1000);
  stop.abort(new Error("stopped"));
  await expect(second).rejects.toThrow("stopped");
});

test("an account takes a thousand namespaces and no more", async () => {
  for (let i = 0; i < 1000; i++) await store.namespaces.create("acc", `n${i}`);
  await expect(claim()).rejects.toThrow('the account "acc" has 1000 namespaces');
});
