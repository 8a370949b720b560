// What a mapping does about a folder, namespace or filters that are not what they were: over real files and the embedded server.

import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openHistory } from "../../../src/journal/history.ts";
import { outcomeOf } from "../../support/daemon.ts";
import { call, counts, guardOf, MappingFixture, nameOf } from "../../support/mapping-fixture.ts";

let fixture: MappingFixture;

beforeEach(async () => {
  fixture = new MappingFixture();
  await fixture.open();
});

afterEach(() => fixture.close());

describe("a folder", () => {
  it("that is missing is an error, deletes nothing, costs no request, and is taken up again when it is back", async () => {
    const rounds = await fixture.inStep();
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
    const rounds = await fixture.inStep({ mode });
    const aside = join(fixture.dir, "aside");
    cpSync(fixture.folder, aside, { recursive: true, preserveTimestamps: true });
    fixture.remove(...Object.keys(fixture.files()));
    const report = await rounds.full(call);
    expect(guardOf(report)).toBe("source-empty");
    expect(counts(report)).toEqual({ written: 0, removed: 0, unchanged: 0, held: 20 });
    expect(Object.keys(await fixture.keys())).toHaveLength(20);
    cpSync(aside, fixture.folder, { recursive: true, preserveTimestamps: true });
    const after = await rounds.full(call);
    expect(after).toMatchObject({ hold: undefined });
    expect(Object.keys(await fixture.keys())).toHaveLength(20);
  });

  it.each(["two-way", "push"] as const)("that was replaced by another one holds a %s", async (mode) => {
    fixture.write({ a: "1", b: "2", c: "3" });
    const rounds = fixture.rounds({ mode });
    await rounds.full(call);
    await fixture.later();
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
      const rounds = await fixture.inStep({ mode });
      const copy = join(fixture.dir, "copy");
      cpSync(fixture.folder, copy, { recursive: true });
      rmSync(fixture.folder, { recursive: true });
      renameSync(copy, fixture.folder);
      fixture.write({ k00: "edited" });
      fixture.remove("k01");
      expect(counts(await rounds.full(call))).toEqual({ written: 1, removed: 1, unchanged: 18, held: 0 });
    },
  );

  it("that is another one each time, as it may be, holds nothing, and what a swap removes is gone", async () => {
    const rounds = await fixture.inStep({ mode: "push", rootSwaps: "allow" });
    for (const content of ["first", "second"]) {
      rmSync(fixture.folder, { recursive: true });
      mkdirSync(fixture.folder);
      fixture.write(Object.fromEntries(Array.from({ length: 18 }, (_, i) => [nameOf(i), content])));
      fixture.write({ [nameOf(0)]: "value 0", [content]: "new" });
      const report = await rounds.full(call);
      expect(guardOf(report)).toBeUndefined();
      expect(Object.keys(await fixture.keys())).toHaveLength(19);
      await fixture.later();
    }
  });

  it("that was held for being another one is carried once the config says that it may be", async () => {
    fixture.write({ a: "1", b: "2", c: "3" });
    await fixture.rounds({ mode: "push" }).full(call);
    await fixture.later();
    // Kept, so that the next one has another inode.
    renameSync(fixture.folder, join(fixture.dir, "aside"));
    mkdirSync(fixture.folder);
    fixture.write({ a: "other", b: "2", x: "1" });
    expect(guardOf(await fixture.rounds({ mode: "push" }).full(call))).toBe("root-changed");
    expect((await fixture.rounds({ mode: "push", rootSwaps: "allow" }).full(call)).hold).toBeUndefined();
    expect(await fixture.keys()).toEqual({ a: "other", b: "2", x: "1" });
  });

  it("that is replaced by way of its link is one to the base, so that what a release lacks is removed", async () => {
    const { folder } = fixture;
    const release = (n: number): string => join(fixture.dir, `release-${n}`);
    rmSync(folder, { recursive: true });
    for (const n of [1, 2]) {
      fixture.write({ stays: "1", [`only-${n}`]: "1" }, release(n));
      rmSync(folder, { force: true });
      symlinkSync(release(n), folder);
      await fixture.rounds({ mode: "push", rootSwaps: "allow" }).full(call);
      await fixture.later();
    }
    expect(await fixture.keys()).toEqual({ stays: "1", "only-2": "1" });
  });

  it.each(["hold", "allow"] as const)(
    "that is replaced while a round looks at it is looked at anew (%s)",
    async (how) => {
      const swaps = swapWhenListed();
      const rounds = await fixture.inStep({ mode: "push", rootSwaps: how });
      swaps.left = 3;
      const round = rounds.full(call);
      for (let i = 0; i < 10; i++) await fixture.clock.advance(100);
      expect(counts(await round)).toEqual({ written: 0, removed: 0, unchanged: 20, held: 0 });
      expect(swaps.left).toBe(0);
      expect(
        openHistory(fixture.journal)
          .list({ limit: 50 })
          .filter(({ event }) => event === "failed"),
      ).toEqual([]);
    },
  );

  it("that is replaced while a saved plan is carried out ends that, since the plan can be read once", async () => {
    const swaps = swapWhenListed();
    const rounds = await fixture.inStep({ mode: "push", rootSwaps: "allow" });
    swaps.left = 1;
    const follow = (async function* () {
      yield [];
    })();
    expect(await outcomeOf(rounds.full({ ...call, follow }))).toMatchObject({ code: "root-missing", retryable: true });
  });

  it("that is missing for a moment, where it may be swapped, is waited for", async () => {
    const rounds = await fixture.inStep({ mode: "push", rootSwaps: "allow" });
    const aside = join(fixture.dir, "aside");
    renameSync(fixture.folder, aside);
    const round = rounds.full(call);
    await fixture.clock.advance(100);
    renameSync(aside, fixture.folder);
    await fixture.clock.advance(1000);
    expect(counts(await round)).toEqual({ written: 0, removed: 0, unchanged: 20, held: 0 });
  });

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
    const rounds = await fixture.inStep();
    await fixture.delete(...Array.from({ length: 20 }, (_, i) => nameOf(i)));
    const report = await rounds.full(call);
    expect(guardOf(report)).toBe("source-empty");
    expect(Object.keys(fixture.files())).toHaveLength(20);
  });

  it("that is gone is an error, and is not made anew", async () => {
    const rounds = await fixture.inStep();
    await fixture.api.deleteNamespace(await fixture.namespaceId());
    for (let i = 0; i < 3; i++) {
      expect(await outcomeOf(rounds.full(call))).toMatchObject({ code: "namespace-not-found" });
      await fixture.later();
    }
    await expect(fixture.namespaceId()).rejects.toThrow("no namespace");
    expect(Object.keys(fixture.files())).toHaveLength(20);
  });

  it.each(["two-way", "push", "pull"] as const)("of the same title but another id holds a %s", async (mode) => {
    if (mode === "pull") await fixture.inStep();
    const rounds = await fixture.inStep({ mode });
    await fixture.api.deleteNamespace(await fixture.namespaceId());
    await fixture.server.createNamespace("app");
    await fixture.put({ a: "1", k00: "other" });
    expect(await outcomeOf(rounds.full(call))).toMatchObject({ code: "namespace-not-found" });
    await fixture.later();
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

  it.each([
    ["at once when a person asks", { isAsked: true }, 0],
    ["within an hour", {}, 3_600_000],
  ] as const)("whose name was given to another one holds the mapping: %s", async (_, more, laterMs) => {
    const rounds = await fixture.inStep();
    const { api } = fixture;
    await api.renameNamespace(await fixture.namespaceId(), "old");
    const other = await api.createNamespace("app");
    // Nobody looks up a name each time.
    expect((await rounds.full(call)).hold).toBeUndefined();
    await fixture.clock.advance(laterMs);
    expect(guardOf(await rounds.full({ ...call, ...more }))).toBe("namespace-changed");
    await api.deleteNamespace(other.id);
    expect(await outcomeOf(rounds.full({ ...call, isAsked: true }))).toMatchObject({ code: "namespace-not-found" });
    expect(Object.keys(fixture.files())).toHaveLength(20);
  });

  it("that has its name still costs one request to look up", async () => {
    const rounds = await fixture.inStep();
    const polled = await fixture.requests(() => rounds.full(call));
    const asked = await fixture.requests(() => rounds.full({ ...call, isAsked: true }));
    expect([polled, asked]).toEqual([
      { list: 1, total: 1 },
      { list: 1, namespace: 1, total: 2 },
    ]);
  });
});

describe("filters that changed", () => {
  it("still hold what follows from them when the remote lagged at first, and nothing could be told", async () => {
    const settled = { settleWindowMs: 60_000, pollIntervalMs: 60_000 };
    await fixture.inStep(settled);
    fixture.write({ young: "made within the window" });
    await fixture.rounds(settled).full(call);
    await fixture.delete("young");
    const unfiltered = fixture.rounds({ ...settled, exclude: ["never"] });
    const first = await unfiltered.full(call);
    expect([first.result.lagging, first.hold]).toEqual([1, undefined]);
    await fixture.later();
    expect(guardOf(await unfiltered.full(call))).toBe("filter-changed");
    expect(fixture.files()).toHaveProperty("young");
  });

  it("still hold what follows from them when a place could not be looked at at first", async () => {
    fixture.write({ "sub/a": "1", "sub/b": "1" });
    await fixture.inStep();
    await fixture.rounds({ exclude: ["sub/"] }).full(call);
    fixture.remove("sub");
    symlinkSync(fixture.dir, join(fixture.folder, "sub"));
    const rounds = fixture.rounds();
    expect((await rounds.full(call)).result).toMatchObject({ removed: 0, unknown: 2 });
    fixture.remove("sub");
    expect(guardOf(await rounds.full(call))).toBe("filter-changed");
    expect(Object.keys(await fixture.keys())).toHaveLength(22);
  });

  it("are taken for those of the mapping once a person has let them pass, also beside what cannot be looked at", async () => {
    fixture.write({ "sub/a": "1", "sub/b": "1", mute: "1" });
    await fixture.inStep();
    await fixture.rounds({ exclude: ["sub/"] }).full(call);
    fixture.remove("sub", "mute");
    symlinkSync(fixture.dir, join(fixture.folder, "mute"));
    const rounds = fixture.rounds();
    const report = await rounds.full(call);
    expect(guardOf(report)).toBe("filter-changed");
    rounds.approve(report.hold!.plan);
    expect(counts(await rounds.full(call)).removed).toBe(2);
    fixture.remove("k00");
    expect(counts(await rounds.full(call)).removed).toBe(1);
  });

  it("delete nothing when they hide more", async () => {
    await fixture.inStep();
    const rounds = fixture.rounds({ exclude: ["k0*"] });
    expect(counts(await rounds.full(call))).toEqual({ written: 0, removed: 0, unchanged: 10, held: 0 });
    expect(Object.keys(fixture.files())).toHaveLength(20);
    expect(Object.keys(await fixture.keys())).toHaveLength(20);
  });

  it("hold what they would delete when they hide less", async () => {
    await fixture.inStep();
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

/** Puts a copy of the folder in its place each time that the remote has been listed, and before the plan is judged. */
function swapWhenListed(): { left: number } {
  const swaps = { left: 0 };
  fixture.through = (api) => ({
    ...api,
    listKeys: async (...args) => {
      const page = await api.listKeys(...args);
      if (swaps.left === 0) return page;
      swaps.left--;
      cpSync(fixture.folder, `${fixture.folder}-new`, { recursive: true, preserveTimestamps: true });
      rmSync(fixture.folder, { recursive: true });
      renameSync(`${fixture.folder}-new`, fixture.folder);
      return page;
    },
  });
  return swaps;
}
