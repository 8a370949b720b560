import { describe, expect, it } from "vitest";
import { decideRetention, type RetentionSnapshot } from "../../../../src/backup/retention/decide-retention.ts";
import type { EpochMs } from "../../../../src/core/clock.ts";
import { parseRetentionRule, type RetentionRule } from "../../../../src/core/retention-rule.ts";

const NOW = Date.parse("2026-11-28T12:00:00Z") as EpochMs;

interface Made {
  readonly complete?: boolean;
  readonly tags?: readonly string[];
  readonly source?: Partial<RetentionSnapshot["source"]>;
  readonly filter?: unknown;
  readonly parent?: string;
}

const source = {
  account: "prod",
  accountId: "a1",
  namespace: "n1",
  title: "app",
  prefix: "",
  jurisdiction: null,
  mode: null,
  label: "prod:app",
};

/** `id` is the time it was made at, so that a table can name it. */
function made(
  at: string,
  { complete = true, tags = [], source: more = {}, filter = null, parent }: Made = {},
): RetentionSnapshot {
  const [date = "", time = "00:00"] = at.split(" ");
  const created = `${date}T${time}:00.000Z`;
  return { id: at, created, parent: parent ?? null, complete, tags, source: { ...source, ...more }, filter };
}

/** `daily 7`, `within-daily 7d`, as behind --keep-. */
function rulesOf(text: string): readonly RetentionRule[] {
  return text.split(", ").flatMap((each) => {
    const [name = "", value = ""] = each.split(" ");
    const parsed = parseRetentionRule(`keep-${name}`, value);
    if (parsed.kind === "fault") throw new Error(parsed.message);
    return parsed.value === undefined ? [] : [parsed.value];
  });
}

function keptOf(
  rules: string,
  snapshots: readonly RetentionSnapshot[],
  timeZone = "UTC",
): Readonly<Record<string, string>> {
  const sources = decideRetention(snapshots, rulesOf(rules), { now: NOW, timeZone });
  const kept = sources.flatMap(({ verdicts }) => verdicts.filter(({ isKept }) => isKept));
  return Object.fromEntries(kept.map(({ snapshot, reasons }) => [snapshot.id, reasons.join("; ")]));
}

type Row = readonly [
  title: string,
  rules: string,
  snapshots: readonly (string | RetentionSnapshot)[],
  kept: Readonly<Record<string, string>>,
];

const table: readonly Row[] = [
  [
    "the newest ones, however they are ordered",
    "last 2",
    ["2026-11-01", "2026-11-03", "2026-11-02"],
    { "2026-11-03": "last", "2026-11-02": "last" },
  ],
  ["all, if there are fewer", "last 5", ["2026-11-01"], { "2026-11-01": "last" }],
  ["all", "last unlimited", ["2026-11-01", "2020-01-01"], { "2026-11-01": "last", "2020-01-01": "last" }],
  [
    "the newest of each hour",
    "hourly 2",
    ["2026-11-01 10:59", "2026-11-01 10:00", "2026-11-01 09:59", "2026-11-01 08:30"],
    { "2026-11-01 10:59": "hourly", "2026-11-01 09:59": "hourly" },
  ],
  [
    "the newest of each day that has one, not of each day that passed",
    "daily 2",
    ["2026-11-20 23:59", "2026-11-20 00:00", "2026-03-01", "2025-01-01"],
    { "2026-11-20 23:59": "daily", "2026-03-01": "daily" },
  ],
  [
    "the newest of each week, from Monday to Sunday, over the end of a year",
    "weekly 2",
    ["2026-01-04", "2026-01-01", "2025-12-29", "2025-12-28", "2025-12-22", "2025-12-21"],
    { "2026-01-04": "weekly", "2025-12-28": "weekly" },
  ],
  [
    "the newest of each month and year",
    "monthly 2, yearly 2",
    ["2026-11-02", "2026-11-01", "2026-10-31", "2026-10-01", "2025-12-31", "2025-01-01", "2024-06-01"],
    { "2026-11-02": "monthly; yearly", "2026-10-31": "monthly", "2025-12-31": "yearly" },
  ],
  [
    "the oldest too, as long as there are fewer periods than asked for",
    "monthly 3",
    ["2026-11-20", "2026-11-10", "2026-11-01"],
    { "2026-11-20": "monthly", "2026-11-01": "oldest monthly" },
  ],
  [
    "the oldest not, once there are as many periods as asked for",
    "monthly 1",
    ["2026-11-20", "2026-11-10", "2026-11-01"],
    { "2026-11-20": "monthly" },
  ],
  [
    "what any of several rules keeps",
    "last 1, daily 2",
    ["2026-11-03 12:00", "2026-11-03 11:00", "2026-11-02", "2026-11-01"],
    { "2026-11-03 12:00": "last; daily", "2026-11-02": "daily" },
  ],
  [
    "what was made within a span of the newest, not of now",
    "within 7d",
    ["2026-05-08", "2026-05-01 00:01", "2026-05-01", "2026-04-30"],
    { "2026-05-08": "within 7d", "2026-05-01 00:01": "within 7d" },
  ],
  [
    "a month before the end of a long month",
    "within 1m",
    ["2026-03-31 10:00", "2026-02-28 10:01", "2026-02-28 10:00", "2026-02-27"],
    { "2026-03-31 10:00": "within 1m", "2026-02-28 10:01": "within 1m" },
  ],
  [
    "years, months, days and hours together",
    "within 1y2m3d4h",
    ["2026-11-28 04:00", "2025-09-25 00:01", "2025-09-25 00:00"],
    { "2026-11-28 04:00": "within 1y2m3d4h", "2025-09-25 00:01": "within 1y2m3d4h" },
  ],
  [
    "the newest of each day within a span",
    "within-daily 3d",
    ["2026-11-20 12:00", "2026-11-20 11:00", "2026-11-18 12:00", "2026-11-18 10:00", "2026-11-01"],
    { "2026-11-20 12:00": "daily within 3d", "2026-11-18 12:00": "daily within 3d" },
  ],
  [
    "the oldest of all too, if it is within the span",
    "within-daily 3d",
    ["2026-11-20 12:00", "2026-11-20 11:00", "2026-11-20 10:00"],
    { "2026-11-20 12:00": "daily within 3d", "2026-11-20 10:00": "oldest daily within 3d" },
  ],
  [
    "what has a tag, or all of several",
    "tag keep, tag a,b",
    [
      "2026-11-05",
      made("2026-11-04", { tags: ["keep"] }),
      made("2026-11-03", { tags: ["a"] }),
      made("2026-11-02", { tags: ["b", "x", "a"] }),
    ],
    { "2026-11-05": "the last complete one", "2026-11-04": "tag keep", "2026-11-02": "tag a,b" },
  ],
  [
    "no incomplete one in the place of a complete one",
    "last 2, daily 2",
    [
      "2026-11-04",
      made("2026-11-03 23:00", { complete: false }),
      "2026-11-03",
      made("2026-11-02", { complete: false }),
      "2026-11-01",
    ],
    { "2026-11-04": "last; daily", "2026-11-03": "last; daily" },
  ],
  [
    "an incomplete one while nothing complete is newer",
    "last 1",
    [made("2026-11-04", { complete: false }), "2026-11-03", "2026-11-02"],
    { "2026-11-04": "incomplete, but nothing complete is newer", "2026-11-03": "last" },
  ],
  [
    "incomplete ones where there is nothing else",
    "last 1",
    [made("2026-11-04", { complete: false }), made("2026-11-03", { complete: false })],
    {
      "2026-11-04": "incomplete, but nothing is complete",
      "2026-11-03": "incomplete, but nothing is complete",
    },
  ],
  [
    "an incomplete one that a person has tagged",
    "last 1, tag before-move",
    ["2026-11-04", made("2026-11-03", { complete: false, tags: ["before-move"] })],
    { "2026-11-04": "last", "2026-11-03": "tag before-move" },
  ],
  [
    "the last complete one of each source, whatever the rules",
    "tag none",
    ["2026-11-04", "2026-11-03", made("2026-01-01", { source: { namespace: "n2" } })],
    { "2026-11-04": "the last complete one", "2026-01-01": "the last complete one" },
  ],
  [
    "of each account, namespace, prefix and filter by itself",
    "last 1",
    [
      "2026-11-08",
      made("2026-11-07", { source: { accountId: "a2" } }),
      made("2026-11-06", { source: { namespace: "n2" } }),
      made("2026-11-05", { source: { prefix: "app/" } }),
      made("2026-11-04", { filter: { include: ["x*"] } }),
      made("2026-11-03", { source: { namespace: null, accountId: null, account: null, label: "/srv/config" } }),
      made("2026-11-02", { source: { title: "renamed", label: "live:renamed", account: "live" } }),
    ],
    {
      "2026-11-08": "last",
      "2026-11-07": "last",
      "2026-11-06": "last",
      "2026-11-05": "last",
      "2026-11-04": "last",
      "2026-11-03": "last",
    },
  ],
  [
    "the last one, though its clock was behind, and what it was made beside is no newer",
    "last 1, within 1d",
    [made("2026-11-20 01:00", { parent: "2026-11-27 01:00" }), "2026-11-27 01:00", "2026-11-26"],
    { "2026-11-20 01:00": "last; within 1d", "2026-11-27 01:00": "within 1d" },
  ],
  [
    "one of the future beside those that it would keep without it",
    "last 1, within 1d",
    ["2027-06-01", "2026-11-27", "2026-11-26 01:00", "2026-11-25"],
    { "2027-06-01": "of the future", "2026-11-27": "last; within 1d", "2026-11-26 01:00": "within 1d" },
  ],
  [
    "all that are of the future",
    "within 1d",
    ["2027-06-01", "2027-01-01"],
    { "2027-06-01": "of the future", "2027-01-01": "of the future" },
  ],
];

describe("forget keeps", () => {
  it.each(table)("%s", (_title, rules, snapshots, kept) => {
    const all = snapshots.map((snapshot) => (typeof snapshot === "string" ? made(snapshot) : snapshot));
    expect(keptOf(rules, all)).toEqual(kept);
    expect(keptOf(rules, all.toReversed())).toEqual(kept);
  });

  it("the newest of each day of the time zone it is told", () => {
    const snapshots = ["2026-11-20 22:30", "2026-11-20 23:30", "2026-11-21 00:30"].map((at) => made(at));
    expect(Object.keys(keptOf("daily 9", snapshots))).toEqual([
      "2026-11-21 00:30",
      "2026-11-20 23:30",
      "2026-11-20 22:30",
    ]);
    expect(keptOf("daily 1", snapshots, "Europe/Berlin")).toEqual({ "2026-11-21 00:30": "daily" });
    expect(Object.keys(keptOf("daily 2", snapshots, "Europe/Berlin"))).toEqual([
      "2026-11-21 00:30",
      "2026-11-20 22:30",
    ]);
  });

  it("both hours that a clock shows twice when summer time ends", () => {
    const snapshots = ["2026-10-25 00:30", "2026-10-25 01:30", "2026-10-24 23:30"].map((at) => made(at));
    const kept = keptOf("hourly 2", snapshots, "Europe/Berlin");
    expect(kept).toEqual({ "2026-10-25 01:30": "hourly", "2026-10-25 00:30": "hourly" });
  });

  it("one of the future, and tells that it is", () => {
    const snapshots = ["2027-06-01", "2026-11-27"].map((at) => made(at));
    const [only, ...others] = decideRetention(snapshots, rulesOf("last 1"), { now: NOW, timeZone: "UTC" });
    expect(others).toEqual([]);
    expect(only?.label).toBe("prod:app");
    expect(only?.future.map(({ id }) => id)).toEqual(["2027-06-01"]);
  });

  it("the same, in whatever order the rules are", () => {
    const days = Array.from({ length: 400 }, (_, day) =>
      made(new Date(NOW - day * 43_200_000).toISOString().slice(0, 16).replace("T", " ")),
    );
    const one = keptOf("last 3, daily 7, weekly 4, monthly 12, yearly 3", days);
    const two = keptOf("yearly 3, monthly 12, weekly 4, daily 7, last 3", days);
    expect(Object.keys(one)).toEqual(Object.keys(two));
    // 7 days and one more of the newest, 2 Sundays before them, the ends of 6 months, and the oldest.
    expect(Object.keys(one)).toHaveLength(8 + 2 + 6 + 1);
  });
});
