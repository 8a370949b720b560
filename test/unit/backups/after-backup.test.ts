// What follows a backup: which snapshots are forgotten, and when the repository is pruned and a drill held.

import { describe, expect, test } from "vitest";
import { isDrillDue, isPruneDue } from "../../../src/backups/after-backup.ts";
import { type ForgetRequest, planForget } from "../../../src/backups/plan-forget.ts";
import type { SnapshotSummary } from "../../../src/backup/repository/snapshots.ts";
import type { EpochMs } from "../../../src/core/clock.ts";
import { load } from "../config/config-fixture.ts";

const HOUR = 3_600_000;
const NOW = Date.parse("2026-11-28T12:00Z") as EpochMs;
const backupOf = (more: string) => load(`backups: { b: { sources: [/x], repository: /r, ${more} } }`).backups.get("b")!;

function snapshot(id: string, label: string, hoursAgo: number, more: Partial<SnapshotSummary> = {}): SnapshotSummary {
  const created = new Date(NOW - hoursAgo * HOUR).toISOString();
  const place = { account: null, accountId: null, namespace: null, title: null, jurisdiction: null, mode: null };
  const source = { ...place, prefix: "", label };
  const facts = {
    created,
    by: "",
    listed: [created, created] as const,
    problems: 0,
    entries: 1,
    bytes: 1,
    root: "",
    parent: null,
  };
  return { id, source, filter: null, tags: [], complete: true, ...facts, ...more };
}

describe("forgotten are", () => {
  const snapshots = [
    snapshot("x1", "/x", 5),
    snapshot("x2", "/x", 4, { tags: ["by-hand"] }),
    snapshot("x3", "/x", 3, { complete: false }),
    snapshot("x4", "/x", 1),
    snapshot("y1", "/y", 6),
    snapshot("y2", "/y", 5),
    snapshot("f1", "/x", 9, { filter: { prefix: "a/", include: [], exclude: [] } }),
  ];
  const b = { name: "b", tags: [], sharesSourcesWith: [], keep: [{ kind: "last", count: 1 }] } as const;
  const forgotten = (
    made: readonly SnapshotSummary[],
    { all = snapshots, ...more }: Partial<ForgetRequest["backup"]> & { readonly all?: readonly SnapshotSummary[] } = {},
  ): readonly string[] =>
    planForget({ snapshots: all, made, backup: { ...b, ...more }, now: NOW, timeZone: "UTC" })
      .map(({ id }) => id)
      .toSorted();

  test("what no rule keeps of the sources that were backed up, and nothing of others or of another filter", () => {
    expect(forgotten([snapshots[3]!])).toEqual(["x1", "x2", "x3"]);
    expect(forgotten([snapshots[5]!])).toEqual(["y1"]);
    expect(forgotten([])).toEqual([]);
  });

  test("of a backup with tags only snapshots with these tags", () => {
    const tagged = [
      snapshot("t1", "/x", 3, { tags: ["nightly", "a"] }),
      snapshot("t2", "/x", 2, { tags: ["nightly"] }),
    ];
    const all = [...snapshots, ...tagged];
    expect(forgotten(tagged, { all, tags: ["nightly"] })).toEqual(["t1"]);
  });

  const [mine, theirs] = [{ tags: ["backup=b"] }, { tags: ["y", "backup=forever"] }];
  test.each([
    ["its own", [mine, mine], {}, ["0"]],
    ["its own, though a newer one is another's", [mine, mine, theirs], {}, ["0"]],
    ["none of another's, whose name may be out of use", [theirs, theirs, mine], {}, []],
    ["what nobody tagged, where it is alone", [{}, {}, mine], {}, ["0", "1"]],
    [
      "nothing that nobody tagged, where another backup of the config may have made it",
      [{}, {}, mine],
      { sharesSourcesWith: ["forever"] },
      [],
    ],
    ["nothing that nobody tagged, where another backup has made snapshots", [{}, {}, theirs, mine], {}, []],
    ["its own with its tags", [mine, { tags: ["a", "backup=b"] }, { tags: ["a", "backup=b"] }], { tags: ["a"] }, ["1"]],
  ] as const)("of snapshots of several backups: %s", (_, made, owner, expected) => {
    const all = made.map((more, index) => snapshot(String(index), "/x", 9 - index, more));
    expect(forgotten(all, { all, ...owner })).toEqual(expected);
  });

  test("nothing of another source is another's concern", () => {
    const all = [snapshot("0", "/x", 3), snapshot("1", "/x", 2, mine), snapshot("2", "/y", 1, theirs)];
    expect(forgotten(all, { all })).toEqual(["0"]);
  });
});

describe("due after a backup", () => {
  const ago = (hours: number): EpochMs => (NOW - hours * HOUR) as EpochMs;
  test.each([
    ["a first prune", "keep: { last: 1 }", null, true],
    ["no prune within a day", "keep: { last: 1 }", ago(23), false],
    ["a prune after a day", "keep: { last: 1 }", ago(24), true],
    ["a prune after one in the future: a clock was wrong", "keep: { last: 1 }", ago(-500), true],
    ["no prune where nothing is forgotten", "every: 1h", null, false],
    ["no prune where it is not wanted", "keep: { last: 1 }, prune: false", null, false],
  ] as const)("%s", (_, text, lastPruneAt, expected) =>
    expect(isPruneDue(backupOf(text), { lastPruneAt, lastDrill: null }, NOW)).toBe(expected),
  );
  test.each([
    ["no drill unless asked for", "every: 1h", null, false],
    ["a first drill", "drill: 7d", null, true],
    ["no drill before its time", "drill: 7d", { at: ago(167), proven: true }, false],
    ["a drill at its time", "drill: 7d", { at: ago(168), proven: true }, true],
    ["a drill that failed, each time", "drill: 7d", { at: ago(1), proven: false }, true],
  ] as const)("%s", (_, text, lastDrill, expected) =>
    expect(isDrillDue(backupOf(text), { lastPruneAt: null, lastDrill }, NOW)).toBe(expected),
  );
});
