// What a listing proves, and when, as data. V1 was replaced by V2; V2 is what the base says.

import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import { baseEntry, type BaseRow, type Entry } from "../../../src/core/entry.ts";
import { encodePrevious, type PreviousVersion } from "../../../src/core/previous-version.ts";
import { type UnsettledVersion, type Belief, judgeListed, judgeRead } from "../../../src/core/settle.ts";
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
const of = (entry: Entry, ago: number): UnsettledVersion => ({ entry, at: (NOW - ago) as EpochMs });
/** V3, that long ago. */
const seen = (ago: number): UnsettledVersion => of(v3, ago);
const take: Belief = { kind: "take" };
const lookAgain: Belief = { kind: "look-again" };
const keepV2: Belief = { kind: "keep", known: baseEntry(base) };
const keepV3: Belief = { kind: "keep", known: v3 };
const keepAbsent: Belief = { kind: "keep", known: undefined };

type Row = [
  title: string,
  listed: Entry | undefined,
  base: BaseRow | undefined,
  previous: PreviousVersion[],
  belief: Belief,
  unsettled?: UnsettledVersion[],
];

const table: Row[] = [
  ["what the base says", v2, base, [replaced(v1, 10_000)], take],
  ["the version before, within the window: lags", v1, base, [replaced(v1, 10_000)], keepV2],
  ["the version before, after the window: a suspicion", v1, base, [replaced(v1, 61_000)], lookAgain],
  ["the version before, replaced at a time far ahead: a suspicion", v1, base, [replaced(v1, -400 * DAY)], lookAgain],
  ["absent, replaced at a time far ahead: a suspicion", undefined, base, [replaced(v1, -400 * DAY)], lookAgain],
  ["absent, replaced a moment ahead: lags", undefined, base, [replaced(v1, -5_000)], keepV2],
  ["what the base says, after one was seen at a time far ahead", v2, base, [], take, [seen(-400 * DAY)]],
  ["an older one still within the window: lags", v1, base, [replaced(v3, 5_000), replaced(v1, 50_000)], keepV2],
  ["a version never seen: a real change, window or not", v3, base, [replaced(v1, 1_000)], take],
  ["absent soon after we created it: lags", undefined, base, [replaced(undefined, 5_000)], keepV2],
  ["absent soon after a change: lags", undefined, base, [replaced(v1, 5_000)], keepV2],
  ["absent, nothing changed lately: a suspicion", undefined, base, [], lookAgain],
  ["absent, the window is over: a suspicion", undefined, base, [replaced(undefined, 61_000)], lookAgain],
  ["absent and never known", undefined, undefined, [], take],
  ["back after we deleted it, within the window: lags", v1, undefined, [replaced(v1, 5_000)], keepAbsent],
  ["there, after we deleted it, the window is over: a suspicion", v1, undefined, [replaced(v1, 61_000)], lookAgain],
  ["new and never known", v1, undefined, [], take],
  ["what the base says, after a newer version was seen: lags", v2, base, [], keepV3, [seen(10_000)]],
  ["an older one, after a newer version was seen: lags", v1, base, [replaced(v1, 90_000)], keepV3, [seen(10_000)]],
  ["absent, after a version was seen: lags", undefined, undefined, [], keepV3, [seen(10_000)]],
  ["the version that was seen: a real change", v3, base, [], take, [seen(10_000)]],
  ["yet another version than was seen: a real change", v1, base, [], take, [seen(10_000)]],
  ["what the base says, and the window since a newer one was seen is over", v2, base, [], take, [seen(61_000)]],
  ["what the base says, after two newer ones: the later one", v2, base, [], keepV3, [of(v1, 20_000), seen(9_000)]],
  ["what the base says, and only one of them is recent", v2, base, [], keepV3, [of(v1, 61_000), seen(9_000)]],
];

describe("a listing shows", () => {
  it.each(table)("%s", (_title, listed, row, previous, belief, unsettled = []) => {
    expect(
      judgeListed(listed, { base: row, previous: encodePrevious(previous), unsettled }, { now: NOW, windowMs: WINDOW }),
    ).toEqual(belief);
  });
});

const withMetadata = (entry: Entry, metadata: string | undefined): Entry => ({ ...entry, metadata });
/** As a listing shows a value without a stamp. */
const listing = (metadata?: string): Entry => ({
  ...withMetadata(v2, metadata),
  fingerprint: undefined,
  size: undefined,
});
const M = '{"m":1}';

type ReadRow = [
  title: string,
  read: Entry | undefined,
  listed: Entry | undefined,
  attributesAreListed: boolean,
  previous: PreviousVersion[],
  belief: Belief,
  unsettled?: UnsettledVersion[],
];

const reads: ReadRow[] = [
  ["what the base says", v2, undefined, false, [], take],
  ["nothing, where nothing was expected to change", undefined, undefined, false, [replaced(v1, 61_000)], take],
  ["nothing, within the window: lags", undefined, undefined, false, [replaced(undefined, 5_000)], keepV2],
  ["the version before, within the window: lags", v1, undefined, false, [replaced(v1, 5_000)], keepV2],
  ["the version before, after the window: somebody wrote it again", v1, undefined, false, [replaced(v1, 61_000)], take],
  ["what the base says, after a newer one was shown: lags", v2, undefined, false, [], keepV3, [seen(10_000)]],
  ["a new value", v3, listing(), false, [], take],
  ["an old value with its attributes, under a listing of others", v2, listing(M), false, [], lookAgain],
  ["an old value, under a listing of its own attributes", v2, listing(), false, [], take],
  [
    "an old value, under a listing of the version before, within the window",
    v2,
    listing(M),
    false,
    [replaced(withMetadata(v1, M), 5_000)],
    take,
  ],
  [
    "an old value, under a listing of the version before, after the window",
    v2,
    listing(M),
    false,
    [replaced(withMetadata(v1, M), 61_000)],
    lookAgain,
  ],
  ["a new value, with attributes of the listing", withMetadata(v3, M), listing(M), true, [], take],
  ["an old value, with new attributes of the listing", withMetadata(v2, M), listing(M), true, [], lookAgain],
  [
    "an old value, with attributes that the listing has shown for a window",
    withMetadata(v2, M),
    listing(M),
    true,
    [],
    take,
    [of(listing(M), 61_000)],
  ],
  ["what the listing's stamp says", v2, v2, false, [], take],
];

describe("a direct read shows", () => {
  it.each(reads)("%s", (_title, read, listed, attributesAreListed, previous, belief, unsettled = []) => {
    const past = { base, previous: encodePrevious(previous), unsettled };
    expect(judgeRead(read, { listed, attributesAreListed }, past, { now: NOW, windowMs: WINDOW })).toEqual(belief);
  });
});
