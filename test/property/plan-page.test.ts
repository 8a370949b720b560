// A page of a plan comes out of the spool as it went in, whatever its keys and versions are.

import fc from "fast-check";
import { expect, it } from "vitest";
import type { EpochSeconds } from "../../src/core/clock.ts";
import type { Entry, FileSignature } from "../../src/core/entry.ts";
import { fingerprintOf } from "../../src/core/fingerprint.ts";
import type { Key } from "../../src/core/key.ts";
import type { Action } from "../../src/engine/plan/action.ts";
import { decodeActions, encodeActions } from "../../src/engine/plan/plan-page.ts";

const key = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).map((text) => text as Key);
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });
const time = fc.double({ min: 0, max: 4e12, noNaN: true });
const target = fc.constantFrom("source" as const, "destination" as const);

const attributes = fc.record({
  fingerprint: optional(fc.uint8Array({ maxLength: 4 }).map((bytes) => fingerprintOf(bytes))),
  metadata: optional(fc.json({ maxDepth: 2 })),
  expiration: optional(fc.nat().map((at) => at as EpochSeconds)),
  ttlSeconds: optional(fc.nat()),
  binary: optional(fc.boolean()),
});
const size = fc.nat({ max: 26_214_400 });
/** A signature belongs to a file, whose size is known. */
const measured: fc.Arbitrary<{ size: number | undefined; signature: FileSignature | undefined }> = fc.oneof(
  fc.record({ size: optional(size), signature: fc.constant(undefined) }),
  fc
    .record({ size, mtimeMs: time, ctimeMs: time, inode: fc.nat() })
    .map((signature) => ({ size: signature.size, signature })),
);

const entryOf = (own: Key): fc.Arbitrary<Entry> =>
  fc.tuple(attributes, measured).map(([known, found]) => ({ key: own, ...known, ...found }));

const action: fc.Arbitrary<Action> = key.chain((own) =>
  fc.oneof(
    fc.record({
      kind: fc.constant("write" as const),
      to: target,
      key: fc.constant(own),
      from: entryOf(own),
      replaces: optional(entryOf(own)),
      save: fc.boolean(),
      ifDifferent: fc.boolean(),
      conflict: optional(fc.constantFrom("copy" as const, "replace" as const)),
      isKnown: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant("remove" as const),
      to: target,
      key: fc.constant(own),
      replaces: entryOf(own),
      save: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant("record" as const),
      key: fc.constant(own),
      source: entryOf(own),
      destination: entryOf(own),
    }),
    fc.record({ kind: fc.constant("forget" as const), key: fc.constant(own) }),
  ),
);

it("a page of a plan is decoded to what was encoded", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 8 }), (page) => {
      expect(decodeActions(encodeActions(page))).toEqual(page);
    }),
    { numRuns: 500 },
  );
});
