// From a decision to an action: which side it changes, what it carries, what is saved first, and how the key is counted.
// (What is decided, and why, is the tables of core/reconcile.)

import { describe, expect, it } from "vitest";
import type { EpochMs, EpochSeconds } from "../../../src/core/clock.ts";
import type { BaseRow, Entry } from "../../../src/core/entry.ts";
import type { Triple } from "../../../src/engine/merge.ts";
import { type Decide, decideTriple, type Verdict } from "../../../src/engine/plan/verdict.ts";
import { entryOf, keyOf } from "../../support/values.ts";

const NOW = 1_800_000_000 as EpochSeconds;
const key = keyOf("k");
const [mine, theirs, before] = [entryOf("k", "mine"), entryOf("k", "theirs"), entryOf("k", "before")];
const soon: Entry = { ...mine, expiration: (NOW + 30) as EpochSeconds };
const unread: Entry = { ...before, fingerprint: undefined };
const base: BaseRow = {
  key,
  fingerprint: before.fingerprint!,
  metadata: undefined,
  expiration: undefined,
  size: 6,
  binary: false,
  signature: undefined,
  hashedAt: 0 as EpochMs,
  agreedAt: 0 as EpochMs,
  previous: undefined,
};
const baseOf = ({ fingerprint, size }: Entry): BaseRow => ({ ...base, fingerprint: fingerprint!, size: size! });

const triple = (source?: Entry, destination?: Entry, row?: BaseRow, previous?: string): Triple => ({
  key,
  source,
  destination,
  base: row,
  previous,
});

const oneWay: Decide = { twoWay: false, now: NOW, delete: "owned", save: "foreign" };
const both = (conflict: "keep-both" | "local" | "remote" | "hold" = "keep-both"): Decide => ({
  twoWay: true,
  now: NOW,
  conflict,
});

const counted = (count: Verdict["count"]): Verdict => ({ action: undefined, count });
const write = { kind: "write", key, ifDifferent: false, conflict: undefined } as const;

type Row = [title: string, triple: Triple, decide: Decide, verdict: Verdict];

const table: Row[] = [
  [
    "one way, a new key is written to the destination",
    triple(mine),
    oneWay,
    {
      action: { ...write, to: "destination", from: mine, replaces: undefined, save: false, isKnown: false },
      count: undefined,
    },
  ],
  [
    "one way, a key that a tombstone tells of is known",
    triple(mine, undefined, undefined, "[]"),
    oneWay,
    {
      action: { ...write, to: "destination", from: mine, replaces: undefined, save: false, isKnown: true },
      count: undefined,
    },
  ],
  [
    "one way, what somebody else wrote is saved before it is replaced",
    triple(mine, theirs, base),
    oneWay,
    {
      action: { ...write, to: "destination", from: mine, replaces: theirs, save: true, isKnown: true },
      count: undefined,
    },
  ],
  [
    "one way, a source that was not read is compared when it is",
    triple(unread, before, base),
    oneWay,
    {
      action: {
        ...write,
        to: "destination",
        from: unread,
        replaces: before,
        save: false,
        ifDifferent: true,
        isKnown: true,
      },
      count: undefined,
    },
  ],
  [
    "one way, a key whose source is gone is removed from the destination",
    triple(undefined, before, base),
    oneWay,
    { action: { kind: "remove", to: "destination", key, replaces: before, save: false }, count: undefined },
  ],
  ["one way, a key that is not ours is skipped", triple(undefined, theirs), oneWay, counted("skipped")],
  [
    "one way, a change that comes too late is told",
    triple(soon, before, base),
    oneWay,
    { action: undefined, count: "skipped", isTooLate: true },
  ],
  [
    "both sides alike for the first time: recorded, and unchanged",
    triple(mine, mine),
    oneWay,
    { action: { kind: "record", key, source: mine, destination: mine }, count: "unchanged" },
  ],
  ["both sides as recorded: unchanged", triple(before, before, base), oneWay, counted("unchanged")],
  [
    "gone from both sides: forgotten, and counted as nothing",
    triple(undefined, undefined, base),
    oneWay,
    { action: { kind: "forget", key }, count: undefined },
  ],
  ["never there: nothing", triple(), oneWay, counted(undefined)],
  [
    "both ways, a change of the file goes to the remote",
    triple(mine, before, base),
    both(),
    {
      action: { ...write, to: "destination", from: mine, replaces: before, save: false, isKnown: true },
      count: undefined,
    },
  ],
  [
    "both ways, a change of the remote goes to the file, which is saved first",
    triple(before, theirs, base),
    both(),
    {
      action: { ...write, to: "source", from: theirs, replaces: before, save: true, isKnown: true },
      count: undefined,
    },
  ],
  [
    "both ways, a key whose file is gone is saved and removed",
    triple(undefined, before, base),
    both(),
    { action: { kind: "remove", to: "destination", key, replaces: before, save: true }, count: undefined },
  ],
  [
    "both ways, a file whose key is gone is saved and removed",
    triple(before, undefined, base),
    both(),
    { action: { kind: "remove", to: "source", key, replaces: before, save: true }, count: undefined },
  ],
  [
    "both ways, a conflict: the remote keeps the name, the file becomes a copy",
    triple(mine, theirs, base),
    both("keep-both"),
    {
      action: {
        ...write,
        to: "source",
        from: theirs,
        replaces: mine,
        save: true,
        conflict: "copy",
        isKnown: true,
      },
      count: "conflicts",
    },
  ],
  [
    "both ways, a conflict that the local side wins replaces the remote",
    triple(mine, theirs, base),
    both("local"),
    {
      action: {
        ...write,
        to: "destination",
        from: mine,
        replaces: theirs,
        save: true,
        conflict: "replace",
        isKnown: true,
      },
      count: "conflicts",
    },
  ],
  [
    "both ways, a conflict that the remote side wins replaces the file",
    triple(mine, theirs, base),
    both("remote"),
    {
      action: { ...write, to: "source", from: theirs, replaces: mine, save: true, conflict: "replace", isKnown: true },
      count: "conflicts",
    },
  ],
  ["both ways, a conflict that waits for a person", triple(mine, theirs, base), both("hold"), counted("conflicts")],
  [
    "both ways, a change that comes too late is told",
    triple(soon, before, base),
    both(),
    { action: undefined, count: "skipped", isTooLate: true },
  ],
  ["both ways, both as recorded: unchanged", triple(mine, mine, baseOf(mine)), both(), counted("unchanged")],
];

describe("a key", () => {
  it.each(table)("%s", (_title, keys, decide, verdict) => {
    expect(decideTriple(keys, decide)).toEqual(verdict);
  });
});
