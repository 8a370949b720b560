import { describe, expect, it } from "vitest";
import { judgePack, type PackUse, type PackVerdict } from "../../../../src/backup/prune/plan-prune.ts";
import type { EpochMs } from "../../../../src/core/clock.ts";

const HOUR = 3_600_000;
const NOW = 1_800_000_000_000 as EpochMs;
const ago = (hours: number): EpochMs => (NOW - hours * HOUR) as EpochMs;
const old = ago(100);

type Row = readonly [string, Partial<PackUse>, PackVerdict];

const table: readonly Row[] = [
  ["all of which is needed", { needed: 100, unused: 0 }, { kind: "keep" }],
  ["that is unused by as much as it may be", { needed: 95, unused: 5 }, { kind: "keep" }],
  ["that is unused by more", { needed: 94, unused: 6 }, { kind: "rewrite" }],
  ["that is unused by more, and young", { needed: 1, unused: 99, modified: ago(23) }, { kind: "keep" }],
  ["of which nothing is needed", { needed: 0, unused: 100 }, { kind: "mark" }],
  ["of which nothing is needed, as old as the grace", { modified: ago(24) }, { kind: "mark" }],
  ["of which nothing is needed, and younger", { modified: ago(23) }, { kind: "young", until: ago(-1) }],
  ["of the future of which nothing is needed", { modified: ago(-50) }, { kind: "young", until: ago(-74) }],
  ["that was marked as long ago as the grace", { marked: ago(24) }, { kind: "remove" }],
  ["that was marked less long ago", { marked: ago(23) }, { kind: "wait", from: ago(-1) }],
  ["that was marked in the future", { marked: ago(-5) }, { kind: "wait", from: ago(-29) }],
  ["that was marked long ago, and is needed after all", { marked: old, needed: 100, unused: 0 }, { kind: "remove" }],
  ["that was marked lately, and is needed after all", { marked: ago(1), needed: 9 }, { kind: "wait", from: ago(-23) }],
];

describe("prune takes a pack", () => {
  it.each(table)("%s", (_title, facts, verdict) => {
    const use = { pack: "aa", size: 200, modified: old, marked: undefined, needed: 0, unused: 100, ...facts };
    expect(judgePack(use, { now: NOW, grace: 24 * HOUR, maxUnused: 0.05 })).toEqual(verdict);
  });
});
