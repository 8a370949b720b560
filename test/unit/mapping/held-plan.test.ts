// What is kept of a plan that is held, for a person who is to let it run: enough to see what it destroys, and no more than a page can show.

import { afterEach, describe, expect, it, vi } from "vitest";
import { parseKey } from "../../../src/core/key.ts";
import { Plan } from "../../../src/engine/plan/plan.ts";
import { openHolds } from "../../../src/journal/holds.ts";
import { openScratchJournal } from "../../../src/journal/journal.ts";
import { openSpool } from "../../../src/journal/spool.ts";
import { recordPlan } from "../../../src/mapping/held-plan.ts";
import { call, guardOf, MappingFixture } from "../../support/mapping-fixture.ts";
import { entryOf } from "../../support/values.ts";

const journal = openScratchJournal();

interface Counts {
  readonly removes?: number;
  readonly changes?: number;
  readonly conflicts?: number;
  readonly adds?: number;
}

function planOf({ removes = 0, changes = 0, conflicts = 0, adds = 0 }: Counts): Plan {
  const plan = new Plan(openSpool(journal, 1));
  const names = (count: number, folder: string) =>
    Array.from({ length: count }, (_, i) => parseKey(`${folder}/${String(i).padStart(6, "0")}`)!);
  const write = { kind: "write", to: "destination", save: false, ifDifferent: false, isKnown: true } as const;
  for (const key of names(adds, "add"))
    plan.add({ ...write, key, from: entryOf(key, "new"), replaces: undefined, conflict: undefined });
  for (const key of names(changes, "change"))
    plan.add({ ...write, key, from: entryOf(key, "new!"), replaces: entryOf(key, "old"), conflict: undefined });
  for (const key of names(conflicts, "conflict"))
    plan.add({ ...write, key, from: entryOf(key, "mine"), replaces: entryOf(key, "theirs"), conflict: "copy" });
  for (const key of names(removes, "remove"))
    plan.add({ kind: "remove", to: "destination", key, replaces: entryOf(key, "gone now"), save: true });
  return plan;
}

const counted = (plan: Plan): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { kind } of recordPlan(plan, "push").actions) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

describe("the record of a plan", () => {
  it("tells removals first, then changes, conflicts and additions, each with its side and size", () => {
    const plan = planOf({ removes: 1, changes: 1, conflicts: 1, adds: 1 });
    expect(recordPlan(plan, "push")).toEqual({
      actions: [
        { kind: "remove", side: "remote", key: "remove/000000", bytes: 8 },
        { kind: "change", side: "remote", key: "change/000000", bytes: 4 },
        { kind: "conflict", side: "remote", key: "conflict/000000", bytes: 4 },
        { kind: "add", side: "remote", key: "add/000000", bytes: 3 },
      ],
      more: { removes: 0, changes: 0, conflicts: 0, adds: 0 },
      folders: { removes: "", changes: "", conflicts: "", adds: "" },
    });
  });

  it("says of a pull that it changes the folder", () => {
    expect(recordPlan(planOf({ removes: 1 }), "pull").actions).toMatchObject([{ side: "local" }]);
  });

  it("counts by folder what it leaves out", () => {
    const { actions, more, folders } = recordPlan(planOf({ removes: 1500 }), "push");
    expect(actions).toHaveLength(1000);
    expect(more).toEqual({ removes: 500, changes: 0, conflicts: 0, adds: 0 });
    expect(folders.removes).toBe("500 in remove/");
  });

  it.each([
    [
      { removes: 900, changes: 900, conflicts: 900, adds: 900 },
      { remove: 850, change: 50, conflict: 50, add: 50 },
    ],
    [
      { removes: 10, changes: 900, conflicts: 0, adds: 900 },
      { remove: 10, change: 900, add: 90 },
    ],
    [{ adds: 5000 }, { add: 1000 }],
  ])("of %j has %j", (plan, kept) => {
    expect(counted(planOf(plan))).toEqual(kept);
  });

  it("of a plan of 20,000 actions that is not in memory has the same bound", () => {
    const { actions, more } = recordPlan(planOf({ removes: 20_000 }), "push");
    expect([actions.length, more.removes]).toEqual([1000, 19_000]);
  });

  it("is made from one reading of the plan", () => {
    const plan = planOf({ removes: 3000, changes: 3000, adds: 3000 });
    const pages = vi.spyOn(plan, "pages");
    recordPlan(plan, "push");
    expect(pages.mock.calls.map(([list]) => list).toSorted()).toEqual([
      "remove:destination",
      "remove:source",
      "write:destination",
      "write:source",
    ]);
  });
});

describe("a mapping that is held", () => {
  let fixture: MappingFixture;
  afterEach(() => fixture.close());

  it("has the plan in the journal until it is let go", async () => {
    fixture = new MappingFixture();
    await fixture.open();
    const rounds = await fixture.inStep();
    const files = Object.keys(fixture.files());
    fixture.remove(...files);
    expect(guardOf(await rounds.full(call))).toBe("source-empty");
    const holds = openHolds(fixture.journal);
    const [hold] = holds.list();
    const record = JSON.parse(holds.planOf(hold!.mapping, hold!.plan)!) as ReturnType<typeof recordPlan>;
    expect(record.actions.map(({ kind, side, key }) => [kind, side, key])).toEqual(
      files.toSorted().map((key) => ["remove", "remote", key]),
    );
    expect(holds.planOf(hold!.mapping, "another")).toBeUndefined();
    rounds.approve(hold!.plan);
    await rounds.full(call);
    expect(holds.planOf(hold!.mapping, hold!.plan)).toBeUndefined();
  });
});
