// What a round does about keys that the server has told of, and what that costs: over real files and the embedded server, behind a front
// that offers the change feed.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Key } from "../../../src/core/key.ts";
import type { MappingRounds, RoundReport } from "../../../src/mapping/round-port.ts";
import { openTrashIndex } from "../../../src/journal/trash-index.ts";
import { call as plainCall, counts, MappingFixture } from "../../support/mapping-fixture.ts";

let fixture: MappingFixture;
const call = { ...plainCall, onReached: async () => {} };

beforeEach(async () => {
  fixture = new MappingFixture();
  // A server that tells of a change does not lag behind it.
  fixture.offersChanges = true;
  await fixture.open();
});

afterEach(() => fixture.close());

const HOUR = 3_600_000;
const lagging = { settleWindowMs: HOUR } as const;

/** Twenty keys that are in the folder too, since a moment ago. */
async function pulled(mapping: Parameters<MappingFixture["rounds"]>[0] = {}): Promise<MappingRounds> {
  await fixture.api.createNamespace("app");
  await fixture.put(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, `value ${i}`])));
  const rounds = fixture.rounds({ mode: "pull", ...lagging, ...mapping });
  await rounds.full(call);
  return rounds;
}

const changed = (rounds: MappingRounds, ...keys: readonly string[]): Promise<RoundReport> =>
  rounds.changed(keys as readonly Key[], call);

describe("a pull of a key that was told", () => {
  it("brings its new value with one request, at once, whatever the settle window is", async () => {
    const rounds = await pulled();
    await fixture.put({ k1: "new", "a/b": "deep" });
    const requests = await fixture.requests(async () => {
      expect(counts(await changed(rounds, "k1", "a/b"))).toMatchObject({ written: 2 });
    });
    expect(requests).toEqual({ bulkGet: 1, total: 1 });
    expect(fixture.files()).toMatchObject({ k1: "new", "a/b": "deep" });
  });

  it("brings a value back that the key had a moment ago", async () => {
    const rounds = await pulled();
    for (const value of ["b", "value 1", "b", "value 1"]) {
      await fixture.put({ k1: value });
      const requests = await fixture.requests(() => changed(rounds, "k1"));
      expect(requests).toEqual({ bulkGet: 1, total: 1 });
      expect(fixture.files()["k1"]).toBe(value);
    }
  });

  it("removes the file of one that is gone, and keeps what was in it", async () => {
    const rounds = await pulled();
    await fixture.delete("k1");
    const requests = await fixture.requests(async () => {
      expect(counts(await changed(rounds, "k1"))).toMatchObject({ removed: 1 });
    });
    expect(requests).toEqual({ bulkGet: 1, total: 1 });
    expect(fixture.files()["k1"]).toBeUndefined();
    const [item] = openTrashIndex(fixture.journal, fixture.stateDir).list({ limit: 5 });
    expect(item).toMatchObject({ key: "k1" });
  });

  it("brings a key back that was gone a moment ago", async () => {
    const rounds = await pulled();
    await fixture.delete("k1");
    await changed(rounds, "k1");
    await fixture.put({ k1: "value 1" });
    await changed(rounds, "k1");
    expect(fixture.files()["k1"]).toBe("value 1");
  });

  it("brings new metadata and expirations", async () => {
    const rounds = await pulled();
    const body = { byteLength: 7, chunks: () => [Buffer.from("value 1")] };
    const expiration = (Math.floor(fixture.clock.now() / 1000) + 3600) as never;
    await fixture.api.writeValue(await fixture.namespaceId(), "k1" as Key, body, { metadata: '{"a":1}', expiration });
    await changed(rounds, "k1");
    expect(fixture.files()["k1%meta"]).toContain('"a": 1');
  });

  it("brings a binary value, of which no bulk get tells", async () => {
    const rounds = await pulled();
    await fixture.put({ k1: Buffer.from([0xff, 0, 0xfe]) });
    const requests = await fixture.requests(() => changed(rounds, "k1"));
    expect(requests).toEqual({ bulkGet: 1, read: 1, list: 1, total: 3 });
    await fixture.put({ k1: Buffer.from([0xff, 0, 0xfe, 1]) });
    expect(counts(await changed(rounds, "k1"))).toMatchObject({ written: 1 });
  });

  it("does nothing for one that did not change, and for one that nobody ever wrote", async () => {
    const rounds = await pulled();
    const requests = await fixture.requests(async () => {
      expect(counts(await changed(rounds, "k1", "nothing"))).toMatchObject({ written: 0, removed: 0 });
    });
    expect(requests).toEqual({ bulkGet: 1, total: 1 });
  });

  it("puts a file right that somebody changed meanwhile, and keeps that version", async () => {
    const rounds = await pulled();
    fixture.write({ k1: "edited here" });
    await fixture.put({ k1: "new" });
    await fixture.later();
    await changed(rounds, "k1");
    expect(fixture.files()["k1"]).toBe("new");
    expect(openTrashIndex(fixture.journal, fixture.stateDir).list({ limit: 5 })).toHaveLength(1);
  });

  it("is held when it would remove all there is, as a look at everything is", async () => {
    const rounds = await pulled();
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    await fixture.delete(...keys);
    const report = await changed(rounds, ...keys);
    expect(report).toMatchObject({ isFull: true });
    expect(report.hold).toBeDefined();
    expect(Object.keys(fixture.files())).toHaveLength(20);
  });

  it("takes a listing where asking by name would cost more", async () => {
    const rounds = await pulled();
    const report = await changed(rounds, ...Array.from({ length: 1001 }, (_, i) => `new${i}`));
    expect(report.isFull).toBe(true);
  });

  it("comes after a look at everything", async () => {
    await fixture.api.createNamespace("app");
    await fixture.put({ k1: "one", k2: "two" });
    const report = await changed(fixture.rounds({ mode: "pull" }), "k1");
    expect(report.isFull).toBe(true);
    expect(fixture.files()).toEqual({ k1: "one", k2: "two" });
  });
});

describe("two-way sync of a key that was told", () => {
  it("brings what changed there, with one request", async () => {
    const rounds = await fixture.inStep({ mode: "two-way", ...lagging });
    await fixture.put({ k01: "theirs" });
    await fixture.delete("k02");
    const requests = await fixture.requests(() => changed(rounds, "k01", "k02"));
    expect(requests).toEqual({ bulkGet: 1, total: 1 });
    expect(fixture.files()).toMatchObject({ k01: "theirs" });
    expect(fixture.files()["k02"]).toBeUndefined();
  });

  it("finds what it wrote itself to be as it should", async () => {
    const rounds = await fixture.inStep({ mode: "two-way", ...lagging });
    fixture.write({ k01: "mine" });
    await rounds.dirty(["k01"], call);
    const requests = await fixture.requests(async () => {
      expect(counts(await changed(rounds, "k01"))).toMatchObject({ written: 0, removed: 0 });
    });
    expect(requests).toEqual({ bulkGet: 1, total: 1 });
  });

  it("does not download again what is large, when it wrote it itself", async () => {
    const rounds = await fixture.inStep({ mode: "two-way", ...lagging });
    fixture.write({ k01: "x".repeat(6_000_000) });
    await rounds.dirty(["k01"], call);
    const requests = await fixture.requests(() => changed(rounds, "k01"));
    expect(requests).toEqual({ list: 1, total: 1 });
  });

  it("tells of a conflict, and loses neither version", async () => {
    const rounds = await fixture.inStep({ mode: "two-way", ...lagging });
    fixture.write({ k01: "mine" });
    await fixture.put({ k01: "theirs" });
    expect((await changed(rounds, "k01")).result).toMatchObject({ conflicts: 1 });
    const values = Object.values(fixture.files());
    expect(values).toContain("mine");
    expect(values).toContain("theirs");
  });
});

describe("which keys of a feed are a mapping's own", () => {
  it("is told by its prefix and its filter", () => {
    const rounds = fixture.rounds({ mode: "pull", prefix: "app/", exclude: ["*.tmp"] });
    expect(["app/a", "app/b.tmp", "app/", "other/a", "app/.git/x", "app/.."].map((name) => rounds.keyOf(name))).toEqual(
      ["a", undefined, undefined, undefined, undefined, undefined],
    );
  });
});

describe("a daemon that starts again", () => {
  const goOn = (rounds: MappingRounds, isFollowed = true) => rounds.goOn(call, () => isFollowed);

  async function followed(mapping: Parameters<MappingFixture["rounds"]>[0] = {}): Promise<void> {
    const rounds = await pulled(mapping);
    await fixture.later();
    // What was written a moment before it was last looked at is hashed once more.
    await rounds.full(call);
    rounds.keepCursor("c.1");
    await rounds.close();
  }

  it("lists nothing where it is told what changed since", async () => {
    await followed();
    const rounds = fixture.rounds({ mode: "pull", ...lagging });
    const requests = await fixture.requests(async () => {
      expect(await goOn(rounds)).toMatchObject({ hold: undefined, isFull: false });
    });
    expect(requests).toEqual({ namespace: 1, total: 1 });
    expect(rounds.cursor()).toBe("c.1");
  });

  it("puts files right that were changed meanwhile", async () => {
    await followed();
    fixture.write({ k1: "edited here" });
    fixture.remove("k2");
    await fixture.later();
    const requests = await fixture.requests(() => goOn(fixture.rounds({ mode: "pull", ...lagging })));
    expect(requests).toEqual({ namespace: 1, bulkGet: 1, total: 2 });
    expect(fixture.files()).toMatchObject({ k1: "value 1", k2: "value 2" });
  });

  it("looks at everything where it is not told what changed", async () => {
    await followed();
    expect(await goOn(fixture.rounds({ mode: "pull", ...lagging }), false)).toBeUndefined();
  });

  it("looks at everything when its config is another one", async () => {
    await followed();
    expect(await goOn(fixture.rounds({ mode: "pull", ...lagging, delete: "all" }))).toBeUndefined();
    expect(await goOn(fixture.rounds({ mode: "pull", ...lagging, exclude: ["k1"] }))).toBeUndefined();
  });

  it("looks at everything when that was long ago", async () => {
    await followed();
    await fixture.clock.advance(25 * HOUR);
    expect(await goOn(fixture.rounds({ mode: "pull", ...lagging }))).toBeUndefined();
  });

  it("looks at everything when it has no cursor", async () => {
    await (await pulled()).close();
    expect(await goOn(fixture.rounds({ mode: "pull", ...lagging }))).toBeUndefined();
  });
});

it("of a key that nobody knew, whose file is still being written, nothing is known yet, and the round says so", async () => {
  await fixture.api.createNamespace("app");
  const rounds = fixture.rounds({ mode: "two-way", ...lagging, stableAfterMs: 30_000, stableMaxMs: 60_000 });
  await fixture.put({ other: "1" });
  await rounds.full(call);
  await fixture.put({ new: "remote" });
  fixture.write({ new: "half of" });
  expect((await changed(rounds, "new")).result.unseen).toBe(1);
  fixture.remove("new");
  await fixture.later();
  expect((await changed(rounds, "new")).result.unseen).toBe(0);
  expect(fixture.files()["new"]).toBe("remote");
});
