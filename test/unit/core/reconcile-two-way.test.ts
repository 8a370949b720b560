// The decision table of two-way sync as data. L and R are the sides, B the base.

import { describe, expect, it } from "vitest";
import type { EpochMs, EpochSeconds } from "../../../src/core/clock.ts";
import type { BaseRow, Entry } from "../../../src/core/entry.ts";
import {
  type ConflictPolicy,
  reconcileTwoWay,
  type Resolution,
  type TwoWayDecision,
} from "../../../src/core/reconcile-two-way.ts";
import { entryOf } from "../../support/values.ts";

const NOW = 1_800_000_000 as EpochSeconds;
const none = undefined;
const [A, B, C] = [entryOf("k", "A"), entryOf("k", "B"), entryOf("k", "C")];
const withMeta = entryOf("k", "A", { metadata: '{"m":1}' });
const otherMeta = entryOf("k", "A", { metadata: '{"m":2}' });
const until = (seconds: number): Entry => entryOf("k", "A", { expiration: NOW + seconds });

function base(entry: Entry): BaseRow {
  return {
    key: entry.key,
    fingerprint: entry.fingerprint!,
    metadata: entry.metadata,
    expiration: entry.expiration,
    size: 1,
    binary: false,
    signature: undefined,
    hashedAt: 0 as EpochMs,
    agreedAt: 0 as EpochMs,
    previous: undefined,
  };
}

const nothing: TwoWayDecision = { kind: "nothing" };
const record: TwoWayDecision = { kind: "record" };
const forget: TwoWayDecision = { kind: "forget" };
const toRemote: TwoWayDecision = { kind: "write", to: "remote", save: false };
const toLocal: TwoWayDecision = { kind: "write", to: "local", save: true };
const removeLocal: TwoWayDecision = { kind: "remove", from: "local" };
const removeRemote: TwoWayDecision = { kind: "remove", from: "remote" };
const conflict: TwoWayDecision = { kind: "conflict", winner: "remote", copy: true };
const expired: TwoWayDecision = { kind: "skip", reason: "expired" };

type Row = [
  title: string,
  local: Entry | undefined,
  remote: Entry | undefined,
  base: BaseRow | undefined,
  decision: TwoWayDecision,
];

const table: Row[] = [
  //  what happened                                    L      R      B         decision
  ["nothing anywhere", none, none, none, nothing],
  ["unchanged", A, A, base(A), nothing],
  ["changed to the same on both sides", B, B, base(A), record],
  ["equal at first contact", A, A, none, record],
  ["deleted on both sides", none, none, base(A), forget],
  ["new file", A, none, none, toRemote],
  ["new key", none, A, none, toLocal],
  ["changed file", B, A, base(A), toRemote],
  ["changed key", A, B, base(A), toLocal],
  ["deleted file", none, A, base(A), removeRemote],
  ["deleted key", A, none, base(A), removeLocal],
  ["both changed, differently", B, C, base(A), conflict],
  ["different at first contact", A, B, none, conflict],
  ["file changed, key deleted: the edit wins", B, none, base(A), toRemote],
  ["key changed, file deleted: the edit wins", none, B, base(A), toLocal],
  ["metadata of the file changed", withMeta, A, base(A), toRemote],
  ["metadata of the key changed", A, withMeta, base(A), toLocal],
  ["metadata of both changed, differently", withMeta, otherMeta, base(A), conflict],
  ["metadata of the key, value of the file changed", B, withMeta, base(A), conflict],
  ["expiration of the key changed", A, until(3600), base(A), toLocal],
  ["expiration of the file changed", until(3600), A, base(A), toRemote],
  ["the key has expired: no deletion, and no new life", until(-10), none, base(until(-10)), expired],
  ["the key is gone before its time: a deletion", until(3600), none, base(until(3600)), removeLocal],
  ["a new file that has expired already: told", until(30), none, none, { kind: "skip", reason: "too-late" }],
  ["journal lost, key was deleted: comes back", A, none, none, toRemote],
];

describe("two-way sync", () => {
  it.each(table)("%s", (_title, local, remote, row, decision) => {
    expect(reconcileTwoWay(local, remote, row, { conflict: "keep-both", now: NOW })).toEqual(decision);
  });

  it.each<[ConflictPolicy, TwoWayDecision]>([
    ["keep-both", { kind: "conflict", winner: "remote", copy: true }],
    ["local", { kind: "conflict", winner: "local", copy: false }],
    ["remote", { kind: "conflict", winner: "remote", copy: false }],
    ["hold", { kind: "wait" }],
  ])("settles a conflict with the policy %s", (policy, decision) => {
    expect(reconcileTwoWay(B, C, base(A), { conflict: policy, now: NOW })).toEqual(decision);
  });

  it("replaces no key by a file that KV takes no more", () => {
    const late = { kind: "skip", reason: "too-late" };
    expect(reconcileTwoWay(until(30), C, base(B), { conflict: "local", now: NOW })).toEqual(late);
    expect(reconcileTwoWay(until(30), C, base(B), { conflict: "keep-both", now: NOW })).toEqual(conflict);
  });
});

describe("a conflict that a person resolves", () => {
  const notShown: TwoWayDecision = { kind: "skip", reason: "not-shown" };
  const decide = (
    local: Entry | undefined,
    remote: Entry | undefined,
    row: BaseRow | undefined,
    resolution: Resolution,
  ): TwoWayDecision => reconcileTwoWay(local, remote, row, { conflict: "hold", resolution, now: NOW });

  it.each([
    ["local", { kind: "conflict", winner: "local", copy: false }],
    ["remote", { kind: "conflict", winner: "remote", copy: false }],
    ["both", { kind: "conflict", winner: "remote", copy: true }],
  ] as const)("ends as it was chosen: %s", (keep, decision) => {
    expect(decide(B, C, base(A), { keep })).toEqual(decision);
    expect(decide(B, C, none, { keep, local: B.fingerprint, remote: C.fingerprint })).toEqual(decision);
  });

  it("is left alone if a side is not what was shown", () => {
    expect(decide(B, C, base(A), { keep: "local", local: A.fingerprint })).toEqual(notShown);
    expect(decide(B, C, base(A), { keep: "remote", remote: A.fingerprint })).toEqual(notShown);
    expect(decide({ ...B, fingerprint: undefined }, C, base(A), { keep: "local", local: B.fingerprint })).toEqual(
      notShown,
    );
  });

  it("is left alone if it is none any more: that is for the next round to carry", () => {
    for (const [local, remote] of [
      [A, B],
      [B, A],
      [none, B],
      [B, none],
      [none, A],
    ] as const)
      expect(decide(local, remote, base(A), { keep: "local" })).toEqual(notShown);
  });

  it("is only recorded if both sides hold what was chosen by now", () => {
    expect(decide(B, B, base(A), { keep: "local", local: B.fingerprint, remote: C.fingerprint })).toEqual(record);
    expect(decide(B, B, base(A), { keep: "local" })).toEqual(record);
    expect(decide(none, none, base(A), { keep: "local" })).toEqual(forget);
  });

  it("is refused if both sides hold something else by now: somebody has decided otherwise", () => {
    expect(decide(B, B, base(A), { keep: "local", local: C.fingerprint, remote: B.fingerprint })).toEqual(notShown);
    expect(decide(B, B, base(A), { keep: "remote", local: B.fingerprint, remote: C.fingerprint })).toEqual(notShown);
  });

  it("is not ended by a version that KV takes no more", () => {
    expect(decide(until(30), C, none, { keep: "local" })).toEqual({ kind: "skip", reason: "too-late" });
  });
});
