// Two-way rounds between a local and a remote side in memory; the remote may list what was there before.

import { beforeEach, describe, expect, it } from "vitest";
import { toEpochSeconds } from "../../../src/core/clock.ts";
import type { Entry } from "../../../src/core/entry.ts";
import type { RoundResult } from "../../../src/engine/round-request.ts";
import { type MemoryReplica, openMemoryReplica } from "../../../src/replica/memory.ts";
import type { Replica } from "../../../src/replica/replica.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openPair, type Pair, round } from "../../support/round.ts";
import { collect, pagesOf, valueOf } from "../../support/values.ts";

let clock: FakeClock;
let local: MemoryReplica;
let remote: MemoryReplica;
let pair: Pair;
/** What the remote lists in place of what it holds: a listing that lags. */
let lagging: readonly Entry[] | undefined;

beforeEach(() => {
  clock = new FakeClock();
  local = openMemoryReplica({ clock, label: "local" });
  remote = openMemoryReplica({ clock, label: "remote" });
  lagging = undefined;
  const eventual: Replica = {
    ...remote,
    traits: { ...remote.traits, eventuallyConsistent: true, readsCostRequests: true },
    list: (options) => (lagging === undefined ? remote.list(options) : pagesOf(lagging)),
  };
  pair = openPair(clock, local, eventual);
});

async function put(replica: Replica, items: Readonly<Record<string, string>>): Promise<void> {
  await collect(
    replica.write(
      pagesOf(
        Object.entries(items).map(([key, content]) => ({ value: valueOf(clock, key, content), expected: undefined })),
      ),
    ),
  );
}

async function listed(replica: Replica): Promise<readonly Entry[]> {
  return collect(replica.list({ onProblem: () => {} }));
}

async function drop(replica: Replica, key: string): Promise<void> {
  await collect(replica.remove(pagesOf((await listed(replica)).filter((entry) => entry.key === key))));
}

async function contents(replica: Replica): Promise<Record<string, string>> {
  const outcomes = await collect(replica.read(pagesOf(await listed(replica))));
  return Object.fromEntries(
    outcomes.map((outcome) => [
      outcome.key,
      outcome.kind === "value" ? Buffer.from(outcome.value.bytes).toString() : "",
    ]),
  );
}

function sync(): Promise<RoundResult> {
  return round(pair, { decide: { twoWay: true, conflict: "keep-both", now: toEpochSeconds(clock.now()) } });
}

describe("two-way sync", () => {
  it("makes a union at first contact, and then does nothing", async () => {
    await put(local, { a: "1", both: "x" });
    await put(remote, { b: "2", both: "x" });
    expect(await sync()).toMatchObject({ written: 2, removed: 0, unchanged: 1, conflicts: 0 });
    expect(await contents(local)).toEqual({ a: "1", b: "2", both: "x" });
    expect(await contents(remote)).toEqual({ a: "1", b: "2", both: "x" });
    expect(await sync()).toMatchObject({ written: 0, removed: 0, unchanged: 3 });
  });

  it("carries edits and deletions over both ways in one round", async () => {
    await put(local, { up: "1", down: "1", goesUp: "1", goesDown: "1" });
    await sync();
    await clock.advance(120_000);
    await put(local, { up: "2" });
    await put(remote, { down: "2" });
    await drop(local, "goesUp");
    await drop(remote, "goesDown");
    expect(await sync()).toMatchObject({ written: 2, removed: 2 });
    expect(await contents(local)).toEqual({ up: "2", down: "2" });
    expect(await contents(remote)).toEqual({ up: "2", down: "2" });
    expect(pair.trashed.map(({ key, content }) => [key, content])).toEqual([
      ["down", "1"],
      ["goesDown", "1"],
      ["goesUp", "1"],
    ]);
  });

  it("keeps the loser of a conflict in the trash, and the remote's version on both sides", async () => {
    await put(local, { k: "1" });
    await sync();
    await clock.advance(120_000);
    await put(local, { k: "mine" });
    await put(remote, { k: "theirs" });
    expect(await sync()).toMatchObject({ conflicts: 1 });
    expect([await contents(local), await contents(remote)]).toEqual([{ k: "theirs" }, { k: "theirs" }]);
    expect(pair.trashed).toEqual([{ key: "k", content: "mine", reason: "replaced" }]);
  });
});

describe("a remote listing that lags", () => {
  it("by an older version changes nothing", async () => {
    await put(local, { k: "1" });
    await sync();
    const before = await listed(remote);
    await clock.advance(120_000);
    await put(local, { k: "2" });
    await sync();
    lagging = before;
    await clock.advance(30_000);
    expect(await sync()).toMatchObject({ written: 0, removed: 0, lagging: 1 });
    expect(await contents(local)).toEqual({ k: "2" });
  });

  it("by an older version does not hold up an edit", async () => {
    await put(local, { k: "1" });
    await sync();
    lagging = await listed(remote);
    await put(local, { k: "2" });
    await sync();
    await put(local, { k: "3" });
    expect(await sync()).toMatchObject({ written: 1, conflicts: 0 });
    expect(await contents(remote)).toEqual({ k: "3" });
  });

  it("by a key that was just created deletes no file", async () => {
    lagging = [];
    await put(local, { k: "1" });
    await sync();
    expect(await sync()).toMatchObject({ written: 0, removed: 0, lagging: 1 });
    await clock.advance(61_000);
    // The window is over and the listing still lags: a direct read finds the key.
    expect(await sync()).toMatchObject({ written: 0, removed: 0, lagging: 1 });
    expect(await contents(local)).toEqual({ k: "1" });
  });

  it("by a key that was just deleted does not bring its file back", async () => {
    await put(local, { k: "1", other: "x" });
    await sync();
    const before = await listed(remote);
    await clock.advance(120_000);
    await drop(local, "k");
    await sync();
    lagging = before;
    expect(await sync()).toMatchObject({ written: 0, lagging: 1 });
    await clock.advance(61_000);
    expect(await sync()).toMatchObject({ written: 0 });
    expect(await contents(local)).toEqual({ other: "x" });
  });

  it("does not hide a third version: that is a change", async () => {
    await put(local, { k: "1" });
    await sync();
    await put(local, { k: "2" });
    await sync();
    await put(remote, { k: "theirs" });
    expect(await sync()).toMatchObject({ written: 1 });
    expect(await contents(local)).toEqual({ k: "theirs" });
  });

  it("deletes a file only when a direct read misses the key too", async () => {
    await put(local, { k: "1", other: "x" });
    await sync();
    await clock.advance(120_000);
    await drop(remote, "k");
    expect(await sync()).toMatchObject({ removed: 1 });
    expect(await contents(local)).toEqual({ other: "x" });
    expect(pair.trashed).toEqual([{ key: "k", content: "1", reason: "removed" }]);
  });
});
