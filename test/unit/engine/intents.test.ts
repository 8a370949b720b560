// What was under way when a round was killed: found to have arrived, or not, by the next one.

import { beforeEach, describe, expect, it } from "vitest";
import { toEpochSeconds } from "../../../src/core/clock.ts";
import { openMemoryReplica } from "../../../src/replica/memory.ts";
import type { Replica } from "../../../src/replica/replica.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openPair, type Pair, round } from "../../support/round.ts";
import { collect, pagesOf, valueOf } from "../../support/values.ts";

let clock: FakeClock;
let local: Replica;
let remote: Replica;
let pair: Pair;
/** The round dies when this side has been written to: before, or after it was done. */
let dies: { readonly at: "local" | "remote"; readonly when: "before" | "after" } | undefined;

beforeEach(() => {
  clock = new FakeClock();
  local = openMemoryReplica({ clock, label: "local" });
  remote = openMemoryReplica({ clock, label: "remote" });
  dies = undefined;
  pair = openPair(clock, mortal(local, "local"), mortal(remote, "remote"));
});

function mortal(inner: Replica, side: "local" | "remote"): Replica {
  return {
    ...inner,
    async *write(writes) {
      if (dies?.at !== side) return yield* inner.write(writes);
      for await (const page of writes) {
        if (dies.when === "after") await collect(inner.write(pagesOf(page)));
        throw new Error("killed");
      }
    },
  };
}

async function put(replica: Replica, content: string): Promise<void> {
  await collect(replica.write(pagesOf([{ value: valueOf(clock, "k", content), expected: undefined }])));
}

async function removeFrom(replica: Replica): Promise<void> {
  await collect(replica.remove(replica.list({ onProblem: () => {} })));
}

async function contentOf(replica: Replica): Promise<string> {
  const [outcome] = await collect(replica.read(replica.list({ onProblem: () => {} })));
  return outcome?.kind === "value" ? Buffer.from(outcome.value.bytes).toString() : "";
}

const both = async (): Promise<readonly string[]> => [await contentOf(local), await contentOf(remote)];

async function sync() {
  await clock.advance(120_000);
  return syncNow();
}

function syncNow() {
  return round(pair, {
    force: true,
    decide: { twoWay: true, conflict: "keep-both", now: toEpochSeconds(clock.now()) },
  });
}

async function killedSync(at: "local" | "remote", when: "before" | "after"): Promise<void> {
  dies = { at, when };
  await expect(sync()).rejects.toThrow("killed");
  dies = undefined;
}

describe("a round killed when a file had been written to the remote, and before it was recorded", () => {
  it("lets a later edit of the file be an edit, and no conflict", async () => {
    await put(local, "first");
    await killedSync("remote", "after");
    await put(local, "second");
    expect(await sync()).toMatchObject({ written: 1, conflicts: 0 });
    expect(await both()).toEqual(["second", "second"]);
  });

  it("lets the file's deletion be one, rather than bring the file back", async () => {
    await put(local, "first");
    await killedSync("remote", "after");
    await removeFrom(local);
    expect(await sync()).toMatchObject({ removed: 1 });
    expect(await both()).toEqual(["", ""]);
    expect(pair.trashed).toMatchObject([{ content: "first" }]);
  });

  it("does not hide what somebody else has written since", async () => {
    await put(local, "first");
    await killedSync("remote", "after");
    await put(remote, "theirs");
    await put(local, "second");
    expect(await sync()).toMatchObject({ conflicts: 1 });
    expect(await both()).toEqual(["theirs", "theirs"]);
    expect(pair.trashed).toMatchObject([{ content: "second" }]);
  });
});

it("a round killed before anything was written leaves an edit an edit", async () => {
  await put(local, "first");
  await sync();
  await put(local, "second");
  await killedSync("remote", "before");
  await put(local, "third");
  expect(await sync()).toMatchObject({ written: 1, conflicts: 0 });
  expect(await both()).toEqual(["third", "third"]);
});

it("a round killed when a value had been written to its file lets the next change of the key be one", async () => {
  await put(remote, "first");
  await killedSync("local", "after");
  await put(remote, "second");
  expect(await sync()).toMatchObject({ written: 1, conflicts: 0 });
  expect(await both()).toEqual(["second", "second"]);
});

describe("a one-way round that leaves alone what others wrote, killed when a key had been written", () => {
  const copy = async () => {
    await clock.advance(120_000);
    const now = toEpochSeconds(clock.now());
    return round(pair, {
      force: true,
      decide: { twoWay: false, delete: "owned", save: "removed", keepForeign: "all", now },
    });
  };

  async function killedCopy(): Promise<void> {
    await put(local, "first");
    dies = { at: "remote", when: "after" };
    await expect(copy()).rejects.toThrow("killed");
    dies = undefined;
  }

  it("knows it for its own when the source changes", async () => {
    await killedCopy();
    await put(local, "second");
    expect(await copy()).toMatchObject({ written: 1, skipped: 0 });
    expect(await both()).toEqual(["second", "second"]);
  });

  it("knows it for its own when it is gone at the source", async () => {
    await killedCopy();
    await removeFrom(local);
    expect(await copy()).toMatchObject({ removed: 1 });
    expect(await both()).toEqual(["", ""]);
  });

  it("leaves alone what somebody else has written since", async () => {
    await killedCopy();
    await put(remote, "theirs");
    await put(local, "second");
    expect(await copy()).toMatchObject({ written: 0, skipped: 1 });
    expect(await both()).toEqual(["second", "theirs"]);
  });
});

it("what was intended is settled by what is recorded", async () => {
  await put(local, "first");
  await sync();
  expect(pair.base.intents().size).toBe(0);
});

it("what was sent, and not known to have arrived, is no change when it shows up late", async () => {
  await put(local, "first");
  await sync();
  await put(local, "second");
  await killedSync("remote", "before");
  await put(local, "third");
  await sync();
  // It was on its way after all, and a listing that lags shows it.
  await put(remote, "second");
  const { destination } = pair;
  pair = { ...pair, destination: { ...destination, traits: { ...destination.traits, eventuallyConsistent: true } } };
  expect(await syncNow()).toMatchObject({ written: 0, conflicts: 0, lagging: 1 });
  expect(await contentOf(local)).toBe("third");
  const { previous } = await baseRow();
  expect(previous).toContain(valueOf(clock, "k", "second").entry.fingerprint);
  expect(previous).toContain(valueOf(clock, "k", "first").entry.fingerprint);
});

async function baseRow() {
  const [row] = await collect(pair.base.scan());
  return row!;
}
