// The id by which a person approves a plan: one plan has one id, and whatever is another plan has another.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EpochSeconds } from "../../../src/core/clock.ts";
import type { Entry } from "../../../src/core/entry.ts";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import { compareUtf8, type Key, parseKey } from "../../../src/core/key.ts";
import type { RemoveAction, WriteAction } from "../../../src/engine/plan/action.ts";
import { Plan } from "../../../src/engine/plan/plan.ts";
import { openScratchJournal } from "../../../src/journal/journal.ts";
import { openSpool } from "../../../src/journal/spool.ts";
import { planIdOf } from "../../../src/mapping/plan-id.ts";
import { hostileText } from "../../support/hostile-text.ts";
import { entryOf } from "../../support/values.ts";

type Change = WriteAction | RemoveAction;

const journal = openScratchJournal();

function idOf(changes: readonly Change[], more: readonly Key[] = [], place = "here"): string {
  const plan = new Plan(openSpool(journal, 1));
  for (const change of changes.toSorted((a, b) => compareUtf8(a.key, b.key))) plan.add(change);
  for (const key of more) plan.add({ kind: "forget", key });
  try {
    return planIdOf(plan, place);
  } finally {
    plan.clear();
  }
}

const keys = hostileText.map((text) => parseKey(text)).filter((key): key is Key => key !== undefined);
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });

const versionOf = (key: Key): fc.Arbitrary<Entry> =>
  fc
    .record({
      content: fc.string({ maxLength: 3 }),
      metadata: optional(fc.constantFrom("1", '{"a":1}', "null", '"null"')),
      expiration: optional(fc.nat()),
      ttlSeconds: optional(fc.nat()),
      file: optional(fc.record({ size: fc.nat(), mtimeMs: fc.nat(), ctimeMs: fc.nat(), inode: fc.nat() })),
    })
    .map(({ content, metadata, expiration, ttlSeconds, file }) => ({
      ...entryOf(key, content),
      metadata,
      expiration: expiration as EpochSeconds | undefined,
      ttlSeconds,
      ...(file !== undefined && { signature: file, fingerprint: undefined }),
    }));

const changeOf = (key: Key): fc.Arbitrary<Change> => {
  const to = fc.constantFrom("source" as const, "destination" as const);
  const shared = { to, key: fc.constant(key), save: fc.boolean() };
  return fc.oneof(
    fc.record({
      ...shared,
      kind: fc.constant("write" as const),
      from: versionOf(key),
      replaces: optional(versionOf(key)),
      ifDifferent: fc.boolean(),
      conflict: fc.constantFrom("copy" as const, undefined),
      isKnown: fc.boolean(),
    }),
    fc.record({ ...shared, kind: fc.constant("remove" as const), replaces: versionOf(key) }),
  );
};

const changes = fc.uniqueArray(keys, { minLength: 1, maxLength: 6 }).chain((names) => fc.tuple(...names.map(changeOf)));

/** Another key of the plan, action or version: each of the ways in which a plan can be another one. */
const other = (version: Entry): readonly Entry[] => [
  version.fingerprint === undefined
    ? { ...version, signature: { ...version.signature!, mtimeMs: version.signature!.mtimeMs + 1 } }
    : { ...version, fingerprint: fingerprintOf(Buffer.from("another value")) },
  { ...version, metadata: version.metadata === "2" ? undefined : "2" },
  { ...version, expiration: ((version.expiration ?? 0) + 1) as EpochSeconds },
  { ...version, ttlSeconds: (version.ttlSeconds ?? 0) + 1 },
];

function others(change: Change): readonly Change[] {
  const to = change.to === "source" ? "destination" : "source";
  const renamed = { ...change, key: `${change.key.slice(0, 100)}#` as Key };
  if (change.kind === "remove") {
    const replaced = other(change.replaces).map((replaces) => ({ ...change, replaces }));
    const from = change.replaces;
    const written = { ...change, kind: "write", from, ifDifferent: false, conflict: undefined, isKnown: true } as const;
    return [{ ...change, to }, renamed, written, ...replaced];
  }
  const { replaces } = change;
  return [
    { ...change, to },
    renamed,
    { kind: "remove", to: change.to, key: change.key, save: change.save, replaces: change.from },
    ...other(change.from).map((from) => ({ ...change, from })),
    ...(replaces === undefined ? [change.from] : [undefined, ...other(replaces)]).map((next) => ({
      ...change,
      replaces: next,
    })),
  ];
}

describe("the id of a plan", () => {
  it("is another one for another place, key, action or version, and for an action more or less", () => {
    fc.assert(
      fc.property(changes, fc.nat(), (plan, at) => {
        const index = at % plan.length;
        const id = idOf(plan);
        expect(id).toMatch(/^[0-9a-f]{10}$/);
        expect(idOf(plan.toSpliced(index, 1))).not.toBe(id);
        expect(idOf(plan, [], "there")).not.toBe(id);
        for (const change of others(plan[index]!)) {
          if (change.key !== plan[index]!.key && plan.some(({ key }) => key === change.key)) continue;
          expect(idOf(plan.with(index, change))).not.toBe(id);
        }
      }),
    );
  });

  it("is the same for the same plan, whatever else comes of the round", () => {
    fc.assert(
      fc.property(changes, keys, (plan, key) => {
        const copy = structuredClone(plan).map((change) => ({ ...change, save: !change.save }));
        expect(idOf(copy, [key])).toBe(idOf(plan));
      }),
    );
  });

  it("does not depend on how many pages the plan takes", () => {
    const many = Array.from({ length: 6000 }, (_, index): Change => {
      const from = entryOf(`k${String(index).padStart(4, "0")}`, `value ${index}`);
      return {
        kind: "write",
        to: "destination",
        key: from.key,
        from,
        replaces: undefined,
        save: false,
        ifDifferent: false,
        conflict: undefined,
        isKnown: false,
      };
    });
    const id = idOf(many);
    expect(idOf(many)).toBe(id);
    expect(idOf(many.toSpliced(5999, 1))).not.toBe(id);
    expect(idOf(many.with(0, { ...many[0]!, to: "source" }))).not.toBe(id);
  });
});
