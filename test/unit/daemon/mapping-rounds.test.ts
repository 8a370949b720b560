// What a mapping does about a folder or namespace that is not what it was, and about plans that wait for a person: over real
// files and the embedded server.

import { cpSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeHoldReason } from "../../../src/daemon/hold-reason.ts";
import type { MappingRounds, RoundReport } from "../../../src/daemon/round-port.ts";
import { openHistory } from "../../../src/journal/history.ts";
import { openTrashIndex } from "../../../src/journal/trash-index.ts";
import { outcomeOf } from "../../support/daemon.ts";
import { call, counts, MappingFixture, nameOf } from "../../support/mapping-fixture.ts";

let fixture: MappingFixture;

beforeEach(async () => {
  fixture = new MappingFixture();
  await fixture.open();
});

afterEach(() => fixture.close());

/** What holds the plan; undefined: it was not held. */
function guardOf({ hold }: RoundReport): string | undefined {
  return hold === undefined ? undefined : decodeHoldReason(hold.reason).guard;
}

/** 20 files, in step. */
async function inStep(mapping: Parameters<MappingFixture["rounds"]>[0] = {}): Promise<MappingRounds> {
  fixture.writeMany(20);
  const rounds = fixture.rounds(mapping);
  await rounds.full(call);
  await later();
  return rounds;
}

/** So much later that no file counts as just changed, and no listing as lagging. */
const later = (): Promise<void> => fixture.clock.advance(120_000);

describe("a round", () => {
  it("creates the namespace, writes, and the next one does nothing", async () => {
    fixture.write({ a: "1", "b/c": "2" });
    const rounds = fixture.rounds();
    expect(counts(await rounds.full(call))).toEqual({ written: 2, removed: 0, unchanged: 0, held: 0 });
    await later();
    const requests = await fixture.requests(async () => {
      expect(counts(await rounds.full(call))).toEqual({ written: 0, removed: 0, unchanged: 2, held: 0 });
    });
    expect(requests).toEqual({ list: 1, total: 1 });
  });

  it("counts what looking costs, for the polling interval: listing, and reading what no stamp tells of", async () => {
    const rounds = await inStep();
    expect((await rounds.full(call)).lookRequests).toBe(1);
    await fixture.put({ foreign: "one", another: "two" });
    // Carrying them over takes a request too, but only this once.
    await rounds.full(call);
    await later();
    expect((await rounds.full(call)).lookRequests).toBe(2);
  });

  it("knows the next time which values without a stamp are no text, so that each is asked for once", async () => {
    const rounds = await inStep();
    const foreign = Array.from({ length: 40 }, (_, i) => [`f${i}`, i % 10 === 0 ? Buffer.from([255, i]) : `text ${i}`]);
    await fixture.put(Object.fromEntries(foreign) as Record<string, string | Uint8Array>);
    await rounds.full(call);
    await later();
    const requests = await fixture.requests(() => rounds.full(call));
    expect(requests).toEqual({ list: 1, bulkGet: 1, read: 4, total: 6 });
  });

  it("tells what it did, and writes it to the history", async () => {
    const rounds = await inStep();
    fixture.write({ k00: "edited" });
    await fixture.put({ k01: "edited there", new: "there" });
    await fixture.delete("k02");
    const { changes } = await rounds.full(call);
    const events = changes.map(({ key, side, event }) => `${event} ${key} ${side}`);
    expect(events.sort()).toEqual(["added new local", "changed k00 remote", "changed k01 local", "removed k02 local"]);
    const lines = openHistory(fixture.journal).list({ mapping: "app", key: "k02", limit: 10 });
    expect(lines.map(({ event, reason }) => `${event}: ${reason}`)).toEqual([
      "removed: the key is gone",
      "added: the file is new",
    ]);
  });

  it("changes nothing when it is only to show", async () => {
    fixture.write({ a: "1" });
    const rounds = fixture.rounds();
    expect((await rounds.full({ ...call, dryRun: true })).result.written).toBe(1);
    await expect(fixture.namespaceId()).rejects.toThrow("no namespace");
    expect(counts(await rounds.full(call)).written).toBe(1);
  });

  it("keeps the trash to its size and age", async () => {
    const rounds = await inStep({ trash: { keepMs: 3_600_000, maxBytes: 20 } });
    for (const content of ["one", "two", "three", "four", "five"]) {
      await fixture.put({ k00: content.repeat(2), k01: content.repeat(3) });
      await rounds.full(call);
      await later();
    }
    const index = openTrashIndex(fixture.journal, fixture.stateDir);
    const kept = index.list({ limit: 100 });
    expect(kept.reduce((bytes, { size }) => bytes + size, 0)).toBeLessThanOrEqual(20);
    expect(kept.map((item) => Buffer.from(index.read(item)).toString())).toContain("fourfourfour");
    await fixture.clock.advance(2 * 3_600_000);
    await rounds.full(call);
    expect(index.list({ limit: 100 })).toEqual([]);
  });
});

describe("a folder", () => {
  it("that is missing is an error, deletes nothing, costs no request, and is taken up again when it is back", async () => {
    const rounds = await inStep();
    const aside = join(fixture.dir, "aside");
    renameSync(fixture.folder, aside);
    const requests = await fixture.requests(async () => {
      expect(await outcomeOf(rounds.full(call))).toMatchObject({ code: "root-missing" });
    });
    expect(requests).toEqual({});
    renameSync(aside, fixture.folder);
    expect(counts(await rounds.full(call))).toEqual({ written: 0, removed: 0, unchanged: 20, held: 0 });
  });

  it.each(["two-way", "push"] as const)("that was emptied holds a %s, until it is filled again", async (mode) => {
    const rounds = await inStep({ mode });
    const aside = join(fixture.dir, "aside");
    cpSync(fixture.folder, aside, { recursive: true, preserveTimestamps: true });
    fixture.remove(...Object.keys(fixture.files()));
    const report = await rounds.full(call);
    expect(guardOf(report)).toBe("source-empty");
    expect(counts(report)).toEqual({ written: 0, removed: 0, unchanged: 0, held: 20 });
    expect(Object.keys(await fixture.keys())).toHaveLength(20);
    cpSync(aside, fixture.folder, { recursive: true, preserveTimestamps: true });
    const after = await rounds.full(call);
    expect(after).toMatchObject({ hold: undefined, lifted: true });
    expect(Object.keys(await fixture.keys())).toHaveLength(20);
  });

  it.each(["two-way", "push"] as const)("that was replaced by another one holds a %s", async (mode) => {
    fixture.write({ a: "1", b: "2", c: "3" });
    const rounds = fixture.rounds({ mode });
    await rounds.full(call);
    await later();
    const aside = join(fixture.dir, "aside");
    renameSync(fixture.folder, aside);
    mkdirSync(fixture.folder);
    fixture.write({ a: "other", x: "1", y: "2" });
    expect(guardOf(await rounds.full(call))).toBe("root-changed");
    expect(await fixture.keys()).toEqual({ a: "1", b: "2", c: "3" });
    rmSync(fixture.folder, { recursive: true });
    renameSync(aside, fixture.folder);
    expect((await rounds.full(call)).hold).toBeUndefined();
    expect(await fixture.keys()).toEqual({ a: "1", b: "2", c: "3" });
  });

  it.each(["two-way", "push"] as const)(
    "that is another one with the same content is accepted in a %s",
    async (mode) => {
      const rounds = await inStep({ mode });
      const copy = join(fixture.dir, "copy");
      cpSync(fixture.folder, copy, { recursive: true });
      rmSync(fixture.folder, { recursive: true });
      renameSync(copy, fixture.folder);
      fixture.write({ k00: "edited" });
      fixture.remove("k01");
      expect(counts(await rounds.full(call))).toEqual({ written: 1, removed: 1, unchanged: 18, held: 0 });
    },
  );

  it("is made by a pull once, and not again", async () => {
    await fixture.server.createNamespace("app");
    await fixture.put({ a: "1" });
    rmSync(fixture.folder, { recursive: true });
    const rounds = fixture.rounds({ mode: "pull" });
    expect(counts(await rounds.full(call)).written).toBe(1);
    expect(counts(await rounds.full(call)).unchanged).toBe(1);
    rmSync(fixture.folder, { recursive: true });
    expect(await outcomeOf(rounds.full(call))).toMatchObject({ code: "root-missing" });
  });
});

describe("a namespace", () => {
  it("that was emptied deletes no file", async () => {
    const rounds = await inStep();
    await fixture.delete(...Array.from({ length: 20 }, (_, i) => nameOf(i)));
    const report = await rounds.full(call);
    expect(guardOf(report)).toBe("source-empty");
    expect(Object.keys(fixture.files())).toHaveLength(20);
  });

  it("that is gone is an error, and is not made anew", async () => {
    const rounds = await inStep();
    await fixture.api.deleteNamespace(await fixture.namespaceId());
    for (let i = 0; i < 3; i++) {
      expect(await outcomeOf(rounds.full(call))).toMatchObject({ code: "namespace-not-found" });
      await later();
    }
    await expect(fixture.namespaceId()).rejects.toThrow("no namespace");
    expect(Object.keys(fixture.files())).toHaveLength(20);
  });

  it.each(["two-way", "push", "pull"] as const)("of the same title but another id holds a %s", async (mode) => {
    if (mode === "pull") await inStep();
    const rounds = await inStep({ mode });
    await fixture.api.deleteNamespace(await fixture.namespaceId());
    await fixture.server.createNamespace("app");
    await fixture.put({ a: "1", k00: "other" });
    expect(await outcomeOf(rounds.full(call))).toMatchObject({ code: "namespace-not-found" });
    await later();
    const report = await rounds.full(call);
    expect(guardOf(report)).toBe("namespace-changed");
    expect(Object.keys(fixture.files())).toHaveLength(20);
    expect(await fixture.keys()).toEqual({ a: "1", k00: "other" });
    expect(rounds.approve(report.hold!.plan)).toBe(true);
    expect((await rounds.full(call)).hold).toBeUndefined();
    expect(Object.keys(fixture.files())).toEqual(
      expect.arrayContaining(mode === "push" ? ["k00"] : ["a", "k00", "k19"]),
    );
  });
});

describe("filters that changed", () => {
  it("still hold what follows from them when the remote lagged at first, and nothing could be told", async () => {
    const settled = { settleWindowMs: 60_000, pollIntervalMs: 60_000 };
    await inStep(settled);
    fixture.write({ young: "made within the window" });
    await fixture.rounds(settled).full(call);
    await fixture.delete("young");
    const unfiltered = fixture.rounds({ ...settled, exclude: ["never"] });
    const first = await unfiltered.full(call);
    expect([first.result.lagging, first.hold]).toEqual([1, undefined]);
    await later();
    expect(guardOf(await unfiltered.full(call))).toBe("filter-changed");
    expect(fixture.files()).toHaveProperty("young");
  });

  it("delete nothing when they hide more", async () => {
    await inStep();
    const rounds = fixture.rounds({ exclude: ["k0*"] });
    expect(counts(await rounds.full(call))).toEqual({ written: 0, removed: 0, unchanged: 10, held: 0 });
    expect(Object.keys(fixture.files())).toHaveLength(20);
    expect(Object.keys(await fixture.keys())).toHaveLength(20);
  });

  it("hold what they would delete when they hide less", async () => {
    await inStep();
    await fixture.rounds({ exclude: ["k0*"] }).full(call);
    fixture.remove("k00");
    const rounds = fixture.rounds();
    const report = await rounds.full(call);
    expect(guardOf(report)).toBe("filter-changed");
    expect(Object.keys(await fixture.keys())).toHaveLength(20);
    rounds.approve(report.hold!.plan);
    expect(counts(await rounds.full(call)).removed).toBe(1);
    fixture.remove("k01");
    expect(counts(await rounds.full(call)).removed).toBe(1);
  });
});

describe("a plan that is held", () => {
  async function held(rounds: MappingRounds): Promise<string> {
    fixture.remove(...Array.from({ length: 15 }, (_, i) => nameOf(i)));
    const report = await rounds.full(call);
    expect(guardOf(report)).toBe("max-delete");
    return report.hold!.plan;
  }

  it("is remembered, and is the same plan as long as nothing changes", async () => {
    const plan = await held(await inStep());
    const rounds = fixture.rounds();
    expect(rounds.hold()).toMatchObject({ plan, removes: 15, approved: false });
    expect((await rounds.full(call)).hold?.plan).toBe(plan);
  });

  it("runs when it is approved", async () => {
    const rounds = await inStep();
    expect(rounds.approve(await held(rounds))).toBe(true);
    expect(counts(await rounds.full(call))).toEqual({ written: 0, removed: 15, unchanged: 5, held: 0 });
    expect(rounds.hold()).toBeUndefined();
    expect(Object.keys(await fixture.keys())).toHaveLength(5);
  });

  it("is held again, as another one, if anything has changed since it was approved", async () => {
    const rounds = await inStep();
    const plan = await held(rounds);
    expect(rounds.approve(plan)).toBe(true);
    fixture.remove("k15");
    const report = await rounds.full(call);
    expect(report.hold).toMatchObject({ removes: 16, approved: false });
    expect(report.hold?.plan).not.toBe(plan);
    expect(rounds.approve(plan)).toBe(false);
    expect(Object.keys(await fixture.keys())).toHaveLength(20);
  });

  it("stays approved if that came while it was planned anew", async () => {
    const rounds = await inStep();
    const plan = await held(rounds);
    const onProgress = (): void => void rounds.approve(plan);
    await rounds.full({ ...call, onProgress });
    await rounds.full(call);
    expect(Object.keys(await fixture.keys())).toHaveLength(5);
  });

  it("is another one if a key that it would remove has changed", async () => {
    const rounds = await inStep({ mode: "push", delete: "all" });
    const plan = await held(rounds);
    await fixture.put({ k00: "changed there" });
    expect((await rounds.full(call)).hold?.plan).not.toBe(plan);
  });

  it("is told in the history from its beginning to its end", async () => {
    const rounds = await inStep();
    rounds.approve(await held(rounds));
    await rounds.full(call);
    const lines = openHistory(fixture.journal).list({ mapping: "app", limit: 1000 });
    const whole = lines.filter(({ key }) => key === undefined).map(({ event }) => event);
    expect(whole.toReversed()).toEqual(["held", "approved"]);
  });
});

describe("a token that is refused", () => {
  it("has its account renewed, deletes nothing, and works again with a good one", async () => {
    const rounds = await inStep();
    fixture.connect("wrong");
    expect(await outcomeOf(rounds.full(call))).toMatchObject({ code: "unauthorized" });
    expect(fixture.renewed).toBe(1);
    fixture.connect("right");
    expect(counts(await rounds.full(call)).unchanged).toBe(20);
  });
});

describe("a round over changed files", () => {
  const dirty = (rounds: MappingRounds, ...paths: readonly string[]): Promise<RoundReport> => rounds.dirty(paths, call);

  it("writes an edited file with two requests in a push: one to see what is there, one to write", async () => {
    const rounds = await inStep({ mode: "push" });
    fixture.write({ k00: "edited" });
    const requests = await fixture.requests(async () => {
      expect(counts(await dirty(rounds, "k00"))).toMatchObject({ written: 1, removed: 0 });
    });
    expect(requests).toEqual({ bulkGet: 1, bulkWrite: 1, total: 2 });
    expect((await fixture.keys())["k00"]).toBe("edited");
  });

  it("removes a deleted file with two requests in a push, and takes no other key for gone", async () => {
    const rounds = await inStep({ mode: "push" });
    fixture.remove("k00");
    const requests = await fixture.requests(async () => {
      expect(counts(await dirty(rounds, "k00"))).toMatchObject({ written: 0, removed: 1 });
    });
    expect(requests).toEqual({ bulkGet: 1, bulkDelete: 1, total: 2 });
    expect(Object.keys(await fixture.keys())).toHaveLength(19);
    // The last copy of it, kept from the same answer.
    const trash = openTrashIndex(fixture.journal, fixture.stateDir).list({ mapping: "app", limit: 10 });
    expect(trash.map(({ key, reason }) => [key, reason])).toEqual([["k00", "removed"]]);
  });

  it("costs nothing for a file that is as it was", async () => {
    const rounds = await inStep({ mode: "push" });
    expect(await fixture.requests(() => dirty(rounds, "k00", "no-such-file"))).toEqual({});
  });

  it("looks at the remote before it writes over it in a two-way", async () => {
    const rounds = await inStep();
    fixture.write({ k00: "mine", new: "mine" });
    await fixture.put({ k00: "theirs", new: "theirs" });
    const report = await dirty(rounds, "k00", "new");
    expect(report.isFull).toBe(false);
    expect(report.result.conflicts).toBe(2);
    expect(fixture.files()).toMatchObject({ k00: "theirs", new: "theirs" });
    const index = openTrashIndex(fixture.journal, fixture.stateDir);
    const kept = index.list({ limit: 10 }).map((item) => Buffer.from(index.read(item)).toString());
    expect(kept).toEqual(["mine", "mine"]);
  });

  it("keeps what somebody else wrote under a name that is new here", async () => {
    const rounds = await inStep({ mode: "push" });
    await fixture.put({ new: "theirs" });
    fixture.write({ new: "mine" });
    await dirty(rounds, "new");
    expect((await fixture.keys())["new"]).toBe("mine");
    const index = openTrashIndex(fixture.journal, fixture.stateDir);
    expect(index.list({ limit: 10 }).map((item) => Buffer.from(index.read(item)).toString())).toEqual(["theirs"]);
  });

  it("follows a folder that was moved, both to where it is and from where it was", async () => {
    const rounds = fixture.rounds({ mode: "push" });
    fixture.writeMany(20);
    fixture.write({ "from/a": "1", "from/b/c": "2" });
    await rounds.full(call);
    await later();
    renameSync(join(fixture.folder, "from"), join(fixture.folder, "to"));
    const report = await dirty(rounds, "from/", "to/");
    expect(report.isFull).toBe(false);
    expect(counts(report)).toMatchObject({ written: 2, removed: 2 });
    expect(Object.keys(await fixture.keys())).toEqual(expect.arrayContaining(["to/a", "to/b/c"]));
    expect(Object.keys(await fixture.keys())).toHaveLength(22);
  });

  it("looks at everything before the first look, on hold, and when the folder is another one", async () => {
    const rounds = fixture.rounds({ mode: "push" });
    fixture.writeMany(20);
    expect((await dirty(rounds, "k00")).isFull).toBe(true);
    await later();
    expect((await dirty(rounds, "k00")).isFull).toBe(false);
    const copy = join(fixture.dir, "copy");
    cpSync(fixture.folder, copy, { recursive: true });
    rmSync(fixture.folder, { recursive: true });
    renameSync(copy, fixture.folder);
    expect((await dirty(rounds, "k00")).isFull).toBe(true);
    await later();
    fixture.remove(...Array.from({ length: 15 }, (_, i) => nameOf(i)));
    expect((await rounds.full(call)).hold).toBeDefined();
    expect((await dirty(rounds, "k16")).isFull).toBe(true);
  });

  it("removes no more than a look at everything would: it is held with a plan of all keys", async () => {
    const rounds = await inStep({ mode: "push" });
    fixture.remove(...Array.from({ length: 15 }, (_, i) => nameOf(i)));
    const report = await dirty(rounds, ...Array.from({ length: 15 }, (_, i) => nameOf(i)));
    expect(report).toMatchObject({ isFull: true, hold: { removes: 15 } });
    expect(Object.keys(await fixture.keys())).toHaveLength(20);
  });

  it("concludes nothing from a folder that is gone", async () => {
    const rounds = await inStep({ mode: "push" });
    rmSync(fixture.folder, { recursive: true });
    expect(await outcomeOf(dirty(rounds, "k00"))).toMatchObject({ code: "root-missing" });
  });
});
