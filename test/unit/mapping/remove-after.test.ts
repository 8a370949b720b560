// Removals that wait (`remove_after`): over real files and the embedded server, by a clock that is moved by hand.

import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MappingConfig } from "../../../src/config/config.ts";
import type { MappingRounds, RoundReport } from "../../../src/mapping/round-port.ts";
import { call, counts, guardOf, MappingFixture, nameOf } from "../../support/mapping-fixture.ts";

const HOUR = 3_600_000;
const AFTER_HOUR = { removeAfterMs: HOUR } as const;

let fixture: MappingFixture;

beforeEach(async () => {
  fixture = new MappingFixture();
  await fixture.open();
});

afterEach(() => fixture.close());

async function remote(): Promise<readonly string[]> {
  return Object.keys(await fixture.keys());
}

/** What waits after a round: how many keys, and how long the first of them. */
function waiting({ removesLater }: RoundReport): readonly [keys: number, minutes: number] | undefined {
  return removesLater === null
    ? undefined
    : [removesLater.keys, Math.round((removesLater.dueAt - fixture.clock.now()) / 60_000)];
}

describe.each(["push", "two-way"] as const)("a file that is gone (%s)", (mode) => {
  const mapping: Partial<MappingConfig> = { mode, ...AFTER_HOUR };

  it("has its key until it has been gone for long enough", async () => {
    const rounds = await fixture.inStep(mapping);
    fixture.remove("k03", "k07");
    const first = await rounds.full(call);
    expect([counts(first), waiting(first)]).toEqual([{ written: 0, removed: 0, unchanged: 18, held: 0 }, [2, 60]]);
    await fixture.clock.advance(HOUR / 2);
    fixture.remove("k05");
    expect(waiting(await rounds.full(call))).toEqual([3, 30]);
    expect(await remote()).toHaveLength(20);
    await fixture.clock.advance(HOUR / 2);
    const due = await rounds.full(call);
    expect([due.result.removed, waiting(due)]).toEqual([2, [1, 30]]);
    await fixture.clock.advance(HOUR / 2);
    expect((await rounds.full(call)).removesLater).toBeNull();
    expect(await remote()).toEqual(
      Array.from({ length: 20 }, (_, i) => nameOf(i)).filter((k) => !/[357]$/.test(k) || k > "k10"),
    );
  });

  it("and that comes back keeps its key, and begins anew when it is gone again", async () => {
    const rounds = await fixture.inStep(mapping);
    for (let times = 0; times < 3; times++) {
      fixture.remove("k03");
      expect(waiting(await rounds.full(call))).toEqual([1, 60]);
      await fixture.clock.advance(HOUR - 60_000);
      fixture.write({ k03: "value 3" });
      const back = await rounds.full(call);
      expect([back.result.removed, back.removesLater]).toEqual([0, null]);
      await fixture.clock.advance(HOUR);
    }
    expect(await remote()).toHaveLength(20);
  });

  it("is seen by a round over its path alone, and waits as well", async () => {
    const rounds = await fixture.inStep(mapping);
    fixture.remove("k03");
    expect(waiting(await rounds.dirty(["k03"], call))).toEqual([1, 60]);
    fixture.remove("k04");
    expect(waiting(await rounds.dirty(["k04"], call))).toEqual([2, 60]);
    fixture.write({ k03: "value 3" });
    expect(waiting(await rounds.dirty(["k03"], call))).toEqual([1, 60]);
    await fixture.clock.advance(HOUR);
    expect((await rounds.dirty(["k04"], call)).result.removed).toBe(1);
    expect(await remote()).toHaveLength(19);
  });

  it("counts from when it was first seen, over single commands and over a process that ended", async () => {
    await fixture.inStep(mapping);
    fixture.remove("k03");
    expect(waiting(await fixture.rounds(mapping).full(call))).toEqual([1, 60]);
    await fixture.clock.advance(HOUR / 2);
    expect(waiting(await fixture.rounds(mapping).full(call))).toEqual([1, 30]);
    await fixture.clock.advance(HOUR / 2);
    expect((await fixture.rounds(mapping).full(call)).result.removed).toBe(1);
  });

  it("is told by a dry run, which starts no time", async () => {
    await fixture.inStep(mapping);
    fixture.remove("k03");
    const dry = { ...call, dryRun: true };
    for (let i = 0; i < 2; i++) {
      const planned = await fixture.rounds(mapping).full(dry);
      expect([planned.result.removed, planned.result.removesLater, waiting(planned)]).toEqual([0, 1, [1, 60]]);
      await fixture.clock.advance(HOUR);
    }
    await fixture.rounds(mapping).full(call);
    await fixture.clock.advance(HOUR / 2);
    expect(waiting(await fixture.rounds(mapping).full(dry))).toEqual([1, 30]);
    await fixture.clock.advance(HOUR / 2);
    expect((await fixture.rounds(mapping).full(dry)).result.removed).toBe(1);
  });

  it("whose place cannot be looked at keeps its time, and is neither removed nor back", async () => {
    fixture.write({ "d/a": "1" });
    const rounds = await fixture.inStep(mapping);
    fixture.remove("d/a");
    fixture.write({ "d/b": "2" });
    await rounds.full(call);
    await fixture.clock.advance(HOUR / 2);
    renameSync(join(fixture.folder, "d"), join(fixture.dir, "aside"));
    symlinkSync(join(fixture.dir, "aside"), join(fixture.folder, "d"));
    await rounds.full(call);
    await fixture.clock.advance(HOUR);
    expect((await rounds.full(call)).result.removed).toBe(0);
    rmSync(join(fixture.folder, "d"));
    renameSync(join(fixture.dir, "aside"), join(fixture.folder, "d"));
    expect((await rounds.full(call)).result.removed).toBe(1);
  });

  it("is held for what would be removed now, and not for what waits", async () => {
    const rounds = await fixture.inStep(mapping);
    for (let i = 0; i < 15; i++) fixture.remove(nameOf(i));
    const first = await rounds.full(call);
    expect([guardOf(first), waiting(first)]).toEqual([undefined, [15, 60]]);
    await fixture.clock.advance(HOUR);
    expect(guardOf(await rounds.full(call))).toBe("max-delete");
    fixture.write(Object.fromEntries(Array.from({ length: 12 }, (_, i) => [nameOf(i), `value ${i}`])));
    fixture.remove("k19");
    const left = await rounds.full(call);
    expect([guardOf(left), waiting(left)]).toEqual(["removals-left", [1, 60]]);
    expect(await remote()).toHaveLength(20);
  });

  it("of another folder, whose disk is not mounted, is held all the same", async () => {
    const rounds = await fixture.inStep(mapping);
    const aside = join(fixture.dir, "aside");
    renameSync(fixture.folder, aside);
    mkdirSync(fixture.folder);
    expect(guardOf(await rounds.full(call))).toBe("root-changed");
    rmSync(fixture.folder, { recursive: true });
    renameSync(aside, fixture.folder);
    const back = await rounds.full(call);
    expect([guardOf(back), back.removesLater]).toEqual([undefined, null]);
  });

  it("that a filter hides meanwhile begins anew", async () => {
    await fixture.inStep(mapping);
    fixture.remove("k03");
    await fixture.rounds(mapping).full(call);
    await fixture.clock.advance(HOUR / 2);
    await fixture.rounds({ ...mapping, exclude: ["k03"] }).full(call);
    await fixture.clock.advance(HOUR);
    const shown = await fixture.rounds(mapping).full(call);
    // The filter changed, and something is to be removed for it.
    expect([guardOf(shown), waiting(shown)]).toEqual(["filter-changed", [1, 60]]);
  });

  it("is removed at once where the config says so again, and later has its time in full", async () => {
    await fixture.inStep(mapping);
    fixture.remove("k03", "k04");
    await fixture.rounds(mapping).full(call);
    await fixture.clock.advance(HOUR / 2);
    fixture.write({ k04: "value 4" });
    expect((await fixture.rounds({ mode }).full(call)).result.removed).toBe(1);
    fixture.remove("k04");
    await fixture.clock.advance(HOUR);
    expect(waiting(await fixture.rounds(mapping).full(call))).toEqual([1, 60]);
  });
});

describe("a key that is gone", () => {
  it.each(["pull", "two-way"] as const)("has its file until it has been gone for long enough (%s)", async (mode) => {
    await fixture.inStep();
    const rounds = fixture.rounds({ mode, ...AFTER_HOUR });
    await rounds.full(call);
    await fixture.delete("k03");
    expect(waiting(await rounds.full(call))).toEqual([1, 60]);
    await fixture.clock.advance(HOUR / 2);
    expect(Object.keys(fixture.files())).toHaveLength(20);
    await fixture.clock.advance(HOUR / 2);
    expect((await rounds.full(call)).result.removed).toBe(1);
    expect(Object.keys(fixture.files())).not.toContain("k03");
  });

  it("and whose file was edited meanwhile gives way to the edit, in two-way sync", async () => {
    const rounds = await fixture.inStep(AFTER_HOUR);
    await fixture.delete("k03");
    expect(waiting(await rounds.full(call))).toEqual([1, 60]);
    fixture.write({ k03: "edited" });
    const edited = await rounds.full(call);
    expect([counts(edited).written, edited.removesLater]).toEqual([1, null]);
    expect((await fixture.keys())["k03"]).toBe("edited");
  });

  it("and that is back while its file is gone begins anew for the file", async () => {
    const rounds = await fixture.inStep(AFTER_HOUR);
    await fixture.delete("k03");
    expect(waiting(await rounds.full(call))).toEqual([1, 60]);
    await fixture.clock.advance(HOUR - 60_000);
    await fixture.put({ k03: "value 3" });
    fixture.remove("k03");
    await fixture.later();
    const other = await rounds.full(call);
    expect([other.result.removed, waiting(other)]).toEqual([0, [1, 60]]);
  });
});

it("a single push of a two-way mapping counts on from what its rounds saw", async () => {
  const rounds: MappingRounds = await fixture.inStep(AFTER_HOUR);
  fixture.remove("k03");
  await rounds.full(call);
  await fixture.clock.advance(HOUR);
  expect((await fixture.rounds({ mode: "push", ...AFTER_HOUR }).full(call)).result.removed).toBe(1);
});
