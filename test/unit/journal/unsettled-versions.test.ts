// Versions that the remote showed and that are not settled: kept, dated by when they were shown first, and settled by a commit.

import { expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import type { Entry } from "../../../src/core/entry.ts";
import { openBase } from "../../../src/journal/base.ts";
import { openScratchJournal } from "../../../src/journal/journal.ts";
import type { PairStore, NewBaseRow } from "../../../src/engine/ports.ts";
import { entryOf, keyOf } from "../../support/values.ts";

const at = (ms: number): EpochMs => ms as EpochMs;
const open = (): PairStore => openBase(openScratchJournal(), "pair");
const rowOf = (entry: Entry): NewBaseRow => ({
  key: entry.key,
  fingerprint: entry.fingerprint!,
  metadata: entry.metadata,
  expiration: entry.expiration,
  size: entry.size!,
  binary: entry.binary,
  signature: undefined,
  hashedAt: at(0),
  agreedAt: at(0),
});

const seen = entryOf("k", "seen", { metadata: '{"a":1}', expiration: 1_900_000_000 });

it("come back as they were seen", () => {
  const base = open();
  const listedOnly = { ...entryOf("l", "x"), fingerprint: undefined, size: undefined, binary: undefined };
  base.rememberUnsettled([seen, listedOnly], at(10));
  expect(base.unsettled()).toEqual(
    new Map([
      [keyOf("k"), [{ entry: seen, at: at(10) }]],
      [keyOf("l"), [{ entry: listedOnly, at: at(10) }]],
    ]),
  );
});

it("keep the time when they were shown first, and stand beside each other in that order", () => {
  const base = open();
  const another = entryOf("k", "another");
  base.rememberUnsettled([seen], at(10));
  base.rememberUnsettled([another], at(20));
  base.rememberUnsettled([seen], at(30));
  expect(base.unsettled().get(keyOf("k"))).toEqual([
    { entry: seen, at: at(10) },
    { entry: another, at: at(20) },
  ]);
});

it("stay when both sides agree on another version, which may be the older one", () => {
  const base = open();
  base.rememberUnsettled([seen], at(10));
  base.commit({ record: [rowOf(entryOf("k", "agreed"))], forget: [], now: at(50) });
  expect(base.unsettled().get(keyOf("k"))).toEqual([{ entry: seen, at: at(10) }]);
});

it("stay when both sides agree on the same value with other metadata", () => {
  const base = open();
  base.rememberUnsettled([seen], at(10));
  base.commit({ record: [{ ...rowOf(seen), metadata: '{"b":2}' }], forget: [], now: at(50) });
  expect(base.unsettled().size).toBe(1);
});

it("end when the remote is written to, and become versions that the key had before", () => {
  const base = open();
  const earlier = entryOf("k", "earlier");
  base.rememberUnsettled([earlier], at(5));
  base.rememberUnsettled([seen], at(10));
  base.commit({ record: [rowOf(entryOf("k", "agreed"))], forget: [], now: at(50), overwrites: true });
  expect(base.unsettled().size).toBe(0);
  expect(base.lookup([keyOf("k")])).toMatchObject([
    {
      previous: JSON.stringify([
        [seen.fingerprint, seen.metadata, seen.expiration, 50],
        [earlier.fingerprint, null, null, 50],
      ]),
    },
  ]);
});

it("end one by one, and without a trace, when what was seen is what both agree on", () => {
  const base = open();
  const another = entryOf("k", "another");
  base.rememberUnsettled([another, seen], at(10));
  base.commit({ record: [rowOf(seen)], forget: [], now: at(50) });
  expect(base.unsettled().get(keyOf("k"))).toMatchObject([{ entry: another }]);
  expect(base.lookup([keyOf("k")])).toMatchObject([{ previous: undefined }]);
});

it("of a key that is forgotten stay known to its tombstone", () => {
  const base = open();
  base.commit({ record: [rowOf(entryOf("k", "agreed"))], forget: [], now: at(5) });
  base.rememberUnsettled([seen], at(10));
  base.commit({ record: [], forget: [keyOf("k")], now: at(50), overwrites: true });
  expect(base.lookup([keyOf("k")])).toMatchObject([
    { gone: true, previous: expect.stringContaining(seen.fingerprint!) },
  ]);
});

it("are forgotten after a day", () => {
  const base = open();
  base.rememberUnsettled([seen], at(10));
  base.rememberUnsettled([entryOf("l", "x")], at(86_400_011));
  expect([...base.unsettled().keys()]).toEqual(["l"]);
});
