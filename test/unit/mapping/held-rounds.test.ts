// Plans that wait for a person, from the round that is held to the one that lets go: over real files and the embedded server.

import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openHistory } from "../../../src/journal/history.ts";
import type { MappingRounds } from "../../../src/mapping/round-port.ts";
import { call, counts, guardOf, MappingFixture, nameOf } from "../../support/mapping-fixture.ts";

let fixture: MappingFixture;

beforeEach(async () => {
  fixture = new MappingFixture();
  await fixture.open();
});

afterEach(() => fixture.close());

describe("a plan that is held", () => {
  async function held(rounds: MappingRounds): Promise<string> {
    fixture.remove(...Array.from({ length: 15 }, (_, i) => nameOf(i)));
    const report = await rounds.full(call);
    expect(guardOf(report)).toBe("max-delete");
    return report.hold!.plan;
  }

  it("is remembered, and is the same plan as long as nothing changes", async () => {
    const plan = await held(await fixture.inStep());
    const rounds = fixture.rounds();
    expect(rounds.hold()).toMatchObject({ plan, removes: 15, approved: false });
    expect((await rounds.full(call)).hold?.plan).toBe(plan);
  });

  it("runs when it is approved", async () => {
    const rounds = await fixture.inStep();
    expect(rounds.approve(await held(rounds))).toBe(true);
    expect(counts(await rounds.full(call))).toEqual({ written: 0, removed: 15, unchanged: 5, held: 0 });
    expect(rounds.hold()).toBeUndefined();
    expect(Object.keys(await fixture.keys())).toHaveLength(5);
  });

  it("is held again, as another one, if anything has changed since it was approved", async () => {
    const rounds = await fixture.inStep();
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
    const rounds = await fixture.inStep();
    const plan = await held(rounds);
    const onProgress = (): void => void rounds.approve(plan);
    await rounds.full({ ...call, onProgress });
    await rounds.full(call);
    expect(Object.keys(await fixture.keys())).toHaveLength(5);
  });

  it("is another one if a key that it would remove has changed", async () => {
    const rounds = await fixture.inStep({ mode: "push", delete: "all" });
    const plan = await held(rounds);
    await fixture.put({ k00: "changed there" });
    expect((await rounds.full(call)).hold?.plan).not.toBe(plan);
  });

  it("for what it would overwrite stays while the values come back one by one, and ends with the last", async () => {
    const rounds = await fixture.inStep({ mode: "push" });
    const before = await fixture.keys();
    fixture.write(Object.fromEntries(Object.keys(before).map((key) => [key, "ruined"])));
    expect(guardOf(await rounds.full(call))).toBe("max-overwrite");
    for (const [key, value] of Object.entries(before).slice(1)) {
      fixture.write({ [key]: value });
      expect(guardOf(await rounds.full(call))).toBe("overwrites-left");
    }
    fixture.write(before);
    expect(counts(await rounds.full(call))).toMatchObject({ written: 0, held: 0 });
    expect(rounds.hold()).toBeUndefined();
    expect(await fixture.keys()).toEqual(before);
  });

  it("stays while what it is held for cannot be looked at", async () => {
    fixture.write({ "sub/a": "1", "sub/b": "1" });
    const rounds = await fixture.inStep({ mode: "push" });
    const before = await fixture.keys();
    fixture.remove(...Object.keys(before).filter((key) => !key.startsWith("sub")), "sub");
    expect(guardOf(await rounds.full(call))).toBe("source-empty");
    const { "sub/a": _a, "sub/b": _b, ...others } = before;
    fixture.write(others);
    symlinkSync(fixture.dir, join(fixture.folder, "sub"));
    expect(guardOf(await rounds.full(call))).toBe("removals-left");
    fixture.remove("sub");
    fixture.write({ "sub/a": "1" });
    expect(guardOf(await rounds.full(call))).toBe("removals-left");
    expect(await fixture.keys()).toEqual(before);
    fixture.write(before);
    expect((await rounds.full(call)).hold).toBeUndefined();
  });

  it("for what it would remove stays when it was held for something else meanwhile", async () => {
    const rounds = await fixture.inStep({ mode: "push" });
    const before = await fixture.keys();
    fixture.remove(...Object.keys(before));
    expect(guardOf(await rounds.full(call))).toBe("source-empty");
    fixture.write(Object.fromEntries(Object.keys(before).map((key) => [key, "ruined"])));
    fixture.remove("k00");
    expect(guardOf(await rounds.full(call))).toBe("max-overwrite");
    fixture.remove("k01");
    const filtered = fixture.rounds({ mode: "push", exclude: ["never"] });
    expect(guardOf(await filtered.full(call))).toBe("filter-changed");
    const { k00: _, ...others } = before;
    fixture.write(others);
    const again = fixture.rounds({ mode: "push" });
    expect(guardOf(await again.full(call))).toBe("removals-left");
    expect(await fixture.keys()).toEqual(before);
  });

  interface Told {
    readonly before?: string;
    readonly during?: string;
    readonly force?: true;
  }

  it.each<[string, Told, string]>([
    ["approved", { before: "approve" }, "approved"],
    ["approved while the round runs that carries it out", { during: "approve" }, "approved"],
    ["of no need any more", { before: "undo" }, "lifted: what it was held for is gone"],
    ["approved, and then of no need any more", { before: "approve, undo" }, "lifted: what it was held for is gone"],
    ["forced", { force: true }, "lifted: a person let it pass with --force"],
  ])(
    "is told in the history from its beginning to its end: %s",
    async (_, { before = "", during, force = false }, end) => {
      const rounds = await fixture.inStep();
      const files = fixture.files();
      const plan = await held(rounds);
      if (before.includes("approve")) rounds.approve(plan);
      if (before.includes("undo")) fixture.write(files);
      const onProgress = (): void => void (during === "approve" && rounds.approve(plan));
      await rounds.full({ ...call, onProgress, force });
      expect(rounds.hold()).toBeUndefined();
      const lines = openHistory(fixture.journal)
        .list({ mapping: "app", limit: 1000 })
        .toReversed()
        .filter(({ key }) => key === undefined);
      expect(lines.map(({ event }) => event)).toEqual(["held", end.split(":")[0]]);
      expect(`${lines[1]!.event}: ${lines[1]!.reason}`).toContain(end);
    },
  );
});
