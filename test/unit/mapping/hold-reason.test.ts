// Why a mapping is held, as a table: what is planned, what has changed about the mapping, and which reason is told.

import { describe, expect, it } from "vitest";
import type { Mode, RootSwaps } from "../../../src/config/config.ts";
import {
  type Circumstances,
  decodeHoldReason,
  encodeHoldReason,
  type HeldFor,
  type HoldReason,
  judgePlan,
  type Planned,
  renderHoldAdvice,
  renderHoldReason,
} from "../../../src/mapping/hold-reason.ts";
import type { PlanSeen } from "../../../src/engine/round-request.ts";

const nothing: Planned = { writes: 0, removes: 0, replaces: 0 };
const seen: PlanSeen = {
  sourceKeys: 20,
  destinationKeys: 20,
  unchanged: 20,
  removesLater: 0,
  restored: { source: 0, destination: 0 },
  known: { source: 20, destination: 20 },
  lastingRemoves: { source: 0, destination: 0 },
  overwrites: 0,
  unseen: 0,
  trip: undefined,
  isRepeat: false,
};
const asBefore: Circumstances = { rootChanged: false, namespaceChanged: undefined, filterChanged: false };
const otherRoot = { rootChanged: true };
const otherNamespace = { namespaceChanged: { was: "1", now: "2" } };
const otherFilter = { filterChanged: true };
const emptied = { guard: "source-empty", removes: 20, to: "destination" } as const;

const sourceEmpty = { guard: "source-empty", removes: 20 } as const;
const overwritten = { guard: "max-overwrite", overwrites: 20, agreed: 20, allowed: 19 } as const;

type Row = [
  situation: string,
  given: {
    mode?: Mode;
    rootSwaps?: RootSwaps;
    heldFor?: HeldFor;
    planned?: Partial<Planned>;
    seen?: Partial<PlanSeen>;
    changed?: Partial<Circumstances>;
  },
  reason: HoldReason["guard"] | undefined,
];

const rows: readonly Row[] = [
  ["nothing has changed, and little is planned", { planned: { writes: 3, removes: 2 } }, undefined],
  ["a guard of the engine was tripped", { planned: { removes: 20 }, seen: { trip: emptied } }, "source-empty"],
  ["another folder with the same files", { changed: otherRoot, planned: { writes: 5 } }, undefined],
  [
    "another folder with most of the files",
    { changed: otherRoot, planned: { removes: 10 }, seen: { unchanged: 10 } },
    undefined,
  ],
  [
    "another folder with few of the files",
    { changed: otherRoot, planned: { removes: 8, replaces: 3 }, seen: { unchanged: 9 } },
    "root-changed",
  ],
  [
    "a disk that is not mounted: the cause is told, not only that a side is empty",
    { changed: otherRoot, planned: { removes: 20 }, seen: { unchanged: 0, trip: emptied } },
    "root-changed",
  ],
  [
    "a disk that is not mounted, of a pull, which would fill the place it is mounted at",
    {
      mode: "pull",
      changed: otherRoot,
      planned: { writes: 20 },
      seen: { unchanged: 0, restored: { source: 0, destination: 20 } },
    },
    "root-changed",
  ],
  [
    "another folder with the same files, of a push whose namespace lost some",
    { changed: otherRoot, planned: { writes: 20 }, seen: { unchanged: 0, restored: { source: 0, destination: 20 } } },
    undefined,
  ],
  [
    "another folder with few of the files, where folders are swapped",
    { rootSwaps: "allow", changed: otherRoot, planned: { removes: 8, replaces: 3 }, seen: { unchanged: 9 } },
    undefined,
  ],
  [
    "another folder, where folders are swapped, and a guard was tripped",
    { rootSwaps: "allow", changed: otherRoot, planned: { removes: 20 }, seen: { unchanged: 0, trip: emptied } },
    "source-empty",
  ],
  [
    "another folder, and it is said only now that folders are swapped",
    {
      rootSwaps: "allow",
      heldFor: { guard: "root-changed", touched: 20, unchanged: 0, still: ["removals"] },
      planned: { removes: 3 },
      seen: { overwrites: 9 },
    },
    undefined,
  ],
  [
    "a folder that is being filled again, where folders are swapped",
    { rootSwaps: "allow", heldFor: sourceEmpty, planned: { removes: 3 } },
    "removals-left",
  ],
  ["a folder that is being filled again", { heldFor: sourceEmpty, planned: { removes: 3 } }, "removals-left"],
  [
    "a folder that is whole again, and something is new",
    { heldFor: { guard: "max-delete", removes: 20, allowed: 10 }, planned: { writes: 3 } },
    undefined,
  ],
  ["a hold about something else", { heldFor: overwritten, planned: { removes: 3 } }, undefined],
  ["a folder whose values come back one by one", { heldFor: overwritten, seen: { overwrites: 19 } }, "overwrites-left"],
  [
    "a folder whose values are back, and something is gone",
    { heldFor: overwritten, planned: { removes: 3 } },
    undefined,
  ],
  [
    "another folder, whose values give way to those that were there, one by one",
    { heldFor: { guard: "root-changed", touched: 20, unchanged: 0 }, seen: { overwrites: 9 } },
    "overwrites-left",
  ],
  [
    "a folder that was empty, and could not be looked at since",
    { heldFor: sourceEmpty, seen: { unseen: 1 } },
    "removals-left",
  ],
  ["values that were ruined, and cannot be read", { heldFor: overwritten, seen: { unseen: 1 } }, "overwrites-left"],
  ["nothing but a key that cannot be looked at", { planned: { writes: 1 }, seen: { unseen: 1 } }, undefined],
  [
    "a folder that was empty, and then held for something else, and is not whole yet",
    { heldFor: { ...overwritten, still: ["removals"] }, planned: { removes: 3 } },
    "removals-left",
  ],
  ["another namespace, and nothing to do", { changed: otherNamespace }, undefined],
  ["another namespace, and something to do", { changed: otherNamespace, planned: { writes: 1 } }, "namespace-changed"],
  ["other filters, and nothing to remove", { changed: otherFilter, planned: { writes: 9 } }, undefined],
  ["other filters, and something to remove", { changed: otherFilter, planned: { removes: 1 } }, "filter-changed"],
  [
    "other filters, and so much to remove that a guard is tripped",
    { changed: otherFilter, planned: { removes: 20 }, seen: { trip: emptied } },
    "filter-changed",
  ],
];

describe("a plan is held when there is", () => {
  it.each(rows)("%s", (_, { mode = "two-way", rootSwaps = "hold", heldFor, planned, seen: given, changed }, guard) => {
    const reason = judgePlan(
      { ...nothing, ...planned },
      { ...seen, ...given },
      { ...asBefore, ...changed },
      { mode, rootSwaps, heldFor },
    );
    expect(reason?.guard).toBe(guard);
  });

  it("remembers what it was held for before, until that is over", () => {
    const round = (
      heldFor: HeldFor | undefined,
      removes: number,
      overwrites: number,
      changed = {},
    ): HeldFor | undefined => {
      const given = { ...seen, overwrites };
      return judgePlan(
        { ...nothing, removes },
        given,
        { ...asBefore, ...changed },
        { mode: "push", rootSwaps: "hold", heldFor },
      );
    };
    const filtered = round(sourceEmpty, 3, 1, otherFilter);
    expect(filtered).toEqual({ guard: "filter-changed", removes: 3, still: ["removals"] });
    const left = round(decodeHoldReason(encodeHoldReason(filtered!)), 2, 1);
    expect(left).toEqual({ guard: "removals-left", removes: 2, still: ["removals"] });
    expect(round(left, 0, 1)).toBeUndefined();
  });

  it.each<[Mode, "source" | "destination", string]>([
    ["push", "destination", "20 keys would be removed from the namespace, since the folder has none of them"],
    ["pull", "destination", "20 keys would be removed from the folder, since the namespace has none of them"],
    ["two-way", "destination", "20 keys would be removed from the namespace, since the folder has none of them"],
    ["two-way", "source", "20 keys would be removed from the folder, since the namespace has none of them"],
  ])("and a %s that would change the %s says which side that is", (mode, to, text) => {
    const reason = judgePlan(nothing, { ...seen, trip: { ...emptied, to } }, asBefore, { mode, rootSwaps: "hold" });
    expect(renderHoldReason(decodeHoldReason(encodeHoldReason(reason!)))).toBe(text);
  });
});

describe("a hold says", () => {
  it.each<[HoldReason, text: string, advice: RegExp]>([
    [
      { guard: "root-changed", touched: 12, unchanged: 8 },
      "the folder is not the one it was: 8 of 20 keys are as they were",
      /mount its disk .*set root_swaps: allow, and kvsync reload/,
    ],
    [
      { guard: "namespace-changed", was: "1", now: "2" },
      "the namespace is not the one it was: its id was 1 and is 2",
      /name the right namespace in the config, and kvsync reload/,
    ],
    [
      { guard: "filter-changed", removes: 1 },
      "include or exclude changed, and 1 key would be removed",
      /put the patterns back as they were, and kvsync reload/,
    ],
    [
      { guard: "max-delete", removes: 15, allowed: 10 },
      "15 keys would be removed from a side, and 10 are allowed (max_delete)",
      /bring back what was there/,
    ],
  ])("%j", (reason, text, advice) => {
    expect(renderHoldReason(reason)).toBe(text);
    expect(renderHoldAdvice(reason)).toMatch(advice);
  });
});
