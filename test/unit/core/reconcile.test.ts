// The decision table as data. Each row: what the source, the destination and the base say of one key, and what is done.

import { describe, expect, it } from "vitest";
import type { EpochMs, EpochSeconds } from "../../../src/core/clock.ts";
import type { BaseRow, Entry, FileSignature } from "../../../src/core/entry.ts";
import { type Decision, type DeletePolicy, reconcileOneWay } from "../../../src/core/reconcile.ts";
import { entryOf } from "../../support/values.ts";

const NOW = 1_800_000_000 as EpochSeconds;
const signature: FileSignature = { size: 1, mtimeMs: 1_700_000_000_123.5, ctimeMs: 1_700_000_000_123.5, inode: 7 };

const A = entryOf("k", "A");
const B = entryOf("k", "B");
const C = entryOf("k", "C");
const unread = (entry: Entry): Entry => ({ ...entry, fingerprint: undefined });
const file = (entry: Entry): Entry => ({ ...entry, signature });
const meta = entryOf("k", "A", { metadata: '{"m":1}' });
const expiring = (seconds: number): Entry => entryOf("k", "A", { expiration: NOW + seconds });
const ttl = (entry: Entry): Entry => ({ ...entry, ttlSeconds: 3600 });

function base(entry: Entry, more: Partial<BaseRow> = {}): BaseRow {
  const hashedAt = (NOW * 1000) as EpochMs;
  return {
    key: entry.key,
    fingerprint: entry.fingerprint!,
    metadata: entry.metadata,
    expiration: entry.expiration,
    size: 1,
    binary: false,
    signature: undefined,
    hashedAt,
    agreedAt: hashedAt,
    previous: undefined,
    ...more,
  };
}

const write = (save: boolean, ifDifferent = false): Decision => ({ kind: "write", save, ifDifferent });
const remove = (save: boolean): Decision => ({ kind: "remove", save });
const skip = (reason: "expired" | "too-late" | "not-owned" | "kept"): Decision => ({ kind: "skip", reason });
const nothing: Decision = { kind: "nothing" };
const record: Decision = { kind: "record" };

type Row = [
  title: string,
  source: Entry | undefined,
  destination: Entry | undefined,
  base: BaseRow | undefined,
  decision: Decision,
  policy?: DeletePolicy,
];

const none = undefined;
const table: Row[] = [
  //  what happened                                   source      destination  base       decision
  ["nothing anywhere", none, none, none, nothing],
  ["new at the source", A, none, none, write(false)],
  ["new at the source, deleted at the destination", A, none, base(A), write(false)],
  ["changed at the source", B, A, base(A), write(false)],
  ["changed at the destination: saved, then replaced", A, B, base(A), write(true)],
  ["changed at both: saved, then replaced", B, C, base(A), write(true)],
  ["different at first contact: saved, then replaced", A, B, none, write(true)],
  ["source not read yet: compared when it is", unread(A), B, base(B), write(false, true)],
  ["source not read yet, foreign destination", unread(A), B, none, write(true, true)],
  ["equal, recorded", A, A, base(A), nothing],
  ["equal at first contact", A, A, none, record],
  ["equal, base behind: a crash before the commit", B, B, base(A), record],
  ["equal, file as recorded", file(A), A, base(A, { signature }), nothing],
  ["equal, file touched", file(A), A, base(A, { signature: { ...signature, mtimeMs: 1 } }), record],
  [
    "equal, file recorded within a tick of its change",
    file(A),
    A,
    base(A, { signature, hashedAt: (signature.mtimeMs + 1) as EpochMs }),
    record,
  ],
  ["metadata changed at the source", meta, A, base(A), write(false)],
  ["metadata changed at the destination", A, meta, base(A), write(true)],
  ["expiration added at the source", expiring(3600), A, base(A), write(false)],
  ["expiration apart by rounding", expiring(3600), expiring(3601), base(expiring(3600)), nothing],
  ["a rule's time to live, destination expires", ttl(A), expiring(1800), base(expiring(1800)), nothing],
  ["a rule's time to live, destination does not expire", ttl(A), A, base(A), write(false)],
  ["expired: not written again", expiring(-1), none, base(expiring(-1)), skip("expired")],
  ["new, and expires in under 60 s: told, not written", expiring(59), none, none, skip("too-late")],
  ["changed, and expires in under 60 s: told, not written", expiring(30), B, none, skip("too-late")],
  [
    "expired, and changed since: told, not written",
    { ...expiring(-1), fingerprint: B.fingerprint },
    none,
    base(expiring(-1)),
    skip("too-late"),
  ],
  ["a rule's time to live has run out: not written again", ttl(A), none, base(expiring(-5)), skip("expired")],
  ["a rule's time to live has run out, file changed since", ttl(B), none, base(expiring(-5)), write(false)],
  ["gone from under a rule before its time: written again", ttl(A), none, base(expiring(500)), write(false)],
  ["deleted at the source", none, A, base(A), remove(false)],
  ["deleted at the source, changed at the destination: saved first", none, B, base(A), remove(true)],
  ["deleted at the source, destination not read: saved first", none, unread(A), base(A), remove(true)],
  ["never at the source", none, A, none, skip("not-owned")],
  ["never at the source, mirror", none, A, none, remove(true), "all"],
  ["deleted at the source, mirror", none, A, base(A), remove(false), "all"],
  ["deleted at the source, nothing is deleted", none, A, base(A), skip("kept"), "none"],
  ["deleted at both", none, none, base(A), { kind: "forget" }],
];

describe("push and pull", () => {
  it.each(table)("%s", (_title, source, destination, row, decision, policy = "owned") => {
    expect(reconcileOneWay(source, destination, row, { delete: policy, save: "foreign", now: NOW })).toEqual(decision);
  });

  it.each<[string, Entry | undefined, Entry | undefined, Decision]>([
    ["writes what is missing", A, none, write(false)],
    ["leaves another value alone", A, B, { kind: "skip", reason: "kept" }],
    ["leaves a value alone that nobody has read", A, unread(B), { kind: "skip", reason: "kept" }],
    ["records what is the same", A, A, { kind: "record" }],
    ["still removes, where that is asked for", none, A, remove(true)],
  ])("with onlyMissing %s", (_, source, destination, decision) => {
    const policy = { delete: "all", save: "removed", now: NOW, onlyMissing: true } as const;
    expect(reconcileOneWay(source, destination, undefined, policy)).toEqual(decision);
  });

  it.each<[string, Entry | undefined, Entry | undefined, BaseRow | undefined, Decision, Decision]>([
    ["what was written there since", B, C, base(A), skip("kept"), skip("kept")],
    ["what was written there, and removed at the source", none, C, base(A), skip("kept"), skip("kept")],
    ["what was there before", B, C, none, write(true), skip("kept")],
    ["what was removed there", A, none, base(A), skip("kept"), skip("kept")],
    ["nothing: it was removed there, and changed at the source", B, none, base(A), write(false), write(false)],
    ["nothing: it changed at the source only", B, A, base(A), write(false), write(false)],
    ["nothing: it is as the base says", none, A, base(A), remove(true), remove(true)],
  ])("with keepForeign and keepGone leaves alone %s", (_, source, destination, row, changed, all) => {
    const policy = { delete: "owned", save: "removed", now: NOW, keepGone: true } as const;
    expect(reconcileOneWay(source, destination, row, { ...policy, keepForeign: "changed" })).toEqual(changed);
    expect(reconcileOneWay(source, destination, row, { ...policy, keepForeign: "all" })).toEqual(all);
  });

  it.each([
    [A, "the archived one", write(true)],
    [C, "another one", skip("kept")],
  ])("with mayReplace, of what was never agreed on only that is replaced (%#: %s)", (destination, _, decision) => {
    const mayReplace = (entry: Entry): boolean => entry.fingerprint === A.fingerprint;
    const policy = { delete: "owned", save: "removed", now: NOW, keepForeign: "changed", mayReplace } as const;
    expect(reconcileOneWay(B, destination, undefined, policy)).toEqual(decision);
    expect(reconcileOneWay(B, A, base(A), policy)).toEqual(write(false));
  });

  it("saves what a daemon removes, and not what it replaces", () => {
    const policy = { delete: "owned", save: "removed", now: NOW } as const;
    expect(reconcileOneWay(B, A, base(A), policy)).toEqual(write(false));
    expect(reconcileOneWay(none, A, base(A), policy)).toEqual(remove(true));
  });

  it("saves every file that a pull replaces or removes", () => {
    const policy = { delete: "owned", save: "all", now: NOW } as const;
    expect(reconcileOneWay(B, A, base(A), policy)).toEqual(write(true));
    expect(reconcileOneWay(none, A, base(A), policy)).toEqual(remove(true));
  });
});
