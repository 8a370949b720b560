// What a listing proves, and when, as data. V1 was replaced by V2; V2 is what the base says.

import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import type { BaseRow, Entry } from "../../../src/core/entry.ts";
import {
  encodePrevious,
  type Glimpse,
  type PreviousVersion,
  type Settled,
  settleRemote,
} from "../../../src/core/settle.ts";
import { entryOf } from "../../support/values.ts";

const NOW = 1_800_000_000_000 as EpochMs;
const WINDOW = 60_000;
const DAY = 86_400_000;
const [v1, v2, v3] = [entryOf("k", "V1"), entryOf("k", "V2"), entryOf("k", "V3")];
const base: BaseRow = {
  key: v2.key,
  fingerprint: v2.fingerprint!,
  metadata: undefined,
  expiration: undefined,
  size: 2,
  binary: false,
  signature: undefined,
  hashedAt: (NOW - 700_000) as EpochMs,
  agreedAt: (NOW - 600_000) as EpochMs,
  previous: undefined,
};

const replaced = (entry: Entry | undefined, ago: number): PreviousVersion => [
  entry?.fingerprint ?? null,
  entry?.metadata ?? null,
  entry?.expiration ?? null,
  NOW - ago,
];
const of = (entry: Entry, ago: number): Glimpse => ({ entry, at: (NOW - ago) as EpochMs });
/** V3, that long ago. */
const seen = (ago: number): Glimpse => of(v3, ago);
const overtaken: Settled = { kind: "overtaken", by: v3 };
const current: Settled = { kind: "current" };
const stale: Settled = { kind: "stale" };
const suspectAbsence: Settled = { kind: "suspect-absence" };
const suspectVersion: Settled = { kind: "suspect-version" };

type Row = [
  title: string,
  listed: Entry | undefined,
  base: BaseRow | undefined,
  previous: PreviousVersion[],
  settled: Settled,
  glimpses?: Glimpse[],
];

const table: Row[] = [
  ["what the base says", v2, base, [replaced(v1, 10_000)], current],
  ["the version before, within the window: lags", v1, base, [replaced(v1, 10_000)], stale],
  ["the version before, after the window: a suspicion", v1, base, [replaced(v1, 61_000)], suspectVersion],
  [
    "the version before, replaced at a time far ahead: a suspicion",
    v1,
    base,
    [replaced(v1, -400 * DAY)],
    suspectVersion,
  ],
  ["absent, replaced at a time far ahead: a suspicion", undefined, base, [replaced(v1, -400 * DAY)], suspectAbsence],
  ["absent, replaced a moment ahead: lags", undefined, base, [replaced(v1, -5_000)], stale],
  ["what the base says, after one was seen at a time far ahead", v2, base, [], current, [seen(-400 * DAY)]],
  ["an older one still within the window: lags", v1, base, [replaced(v3, 5_000), replaced(v1, 50_000)], stale],
  ["a version never seen: a real change, window or not", v3, base, [replaced(v1, 1_000)], current],
  ["absent soon after we created it: lags", undefined, base, [replaced(undefined, 5_000)], stale],
  ["absent soon after a change: lags", undefined, base, [replaced(v1, 5_000)], stale],
  ["absent, nothing changed lately: a suspicion", undefined, base, [], suspectAbsence],
  ["absent, the window is over: a suspicion", undefined, base, [replaced(undefined, 61_000)], suspectAbsence],
  ["absent and never known", undefined, undefined, [], current],
  ["back after we deleted it, within the window: lags", v1, undefined, [replaced(v1, 5_000)], stale],
  [
    "there, after we deleted it, the window is over: a suspicion",
    v1,
    undefined,
    [replaced(v1, 61_000)],
    suspectVersion,
  ],
  ["new and never known", v1, undefined, [], current],
  ["what the base says, after a newer version was seen: lags", v2, base, [], overtaken, [seen(10_000)]],
  ["an older one, after a newer version was seen: lags", v1, base, [replaced(v1, 90_000)], overtaken, [seen(10_000)]],
  ["absent, after a version was seen: lags", undefined, undefined, [], overtaken, [seen(10_000)]],
  ["the version that was seen: a real change", v3, base, [], current, [seen(10_000)]],
  ["yet another version than was seen: a real change", v1, base, [], current, [seen(10_000)]],
  ["what the base says, and the window since a newer one was seen is over", v2, base, [], current, [seen(61_000)]],
  ["what the base says, after two newer ones: the later sight", v2, base, [], overtaken, [of(v1, 20_000), seen(9_000)]],
  ["what the base says, and only one sight is recent", v2, base, [], overtaken, [of(v1, 61_000), seen(9_000)]],
];

describe("a listing shows", () => {
  it.each(table)("%s", (_title, listed, row, previous, settled, glimpses = []) => {
    expect(
      settleRemote(listed, { base: row, previous: encodePrevious(previous), glimpses }, { now: NOW, windowMs: WINDOW }),
    ).toEqual(settled);
  });
});
