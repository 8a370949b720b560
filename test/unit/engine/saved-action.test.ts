// An action of a plan file comes back as it was written, whatever its key and metadata are, and nothing else passes for one.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EpochSeconds } from "../../../src/core/clock.ts";
import type { Entry } from "../../../src/core/entry.ts";
import { AppError } from "../../../src/core/errors.ts";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import { canonicalJson } from "../../../src/core/json.ts";
import { type Key, parseKey } from "../../../src/core/key.ts";
import type { Json } from "../../../src/core/json-value.ts";
import type { RemoveAction, WriteAction } from "../../../src/engine/plan/action.ts";
import { decodeSavedAction, encodeSavedAction } from "../../../src/engine/plan/saved-action.ts";
import { hostileText } from "../../support/hostile-text.ts";
import { entryOf } from "../../support/values.ts";

const text = fc.oneof(
  hostileText,
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: fc.constantFrom("\u2028", "\u2029", "\r", "\n", "]}", '"', "\\", "\0", "a"), maxLength: 20 }),
);
const keys = text.map((name) => parseKey(name)).filter((key): key is Key => key !== undefined);
const metadata = fc.oneof(fc.jsonValue(), text, fc.dictionary(text, text)).map((value) => canonicalJson(value as Json));
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });

const plain = { noNullPrototype: true } as const;

const versionOf = (key: Key): fc.Arbitrary<Entry> =>
  fc.record(
    {
      key: fc.constant(key),
      fingerprint: fc.uint8Array({ maxLength: 4 }).map(fingerprintOf),
      metadata: optional(metadata),
      expiration: optional(fc.nat().map((seconds) => seconds as EpochSeconds)),
      ttlSeconds: optional(fc.nat()),
      size: optional(fc.nat()),
      // No signature: it is not kept, since a file may have been checked out anew.
      signature: fc.constant(undefined),
      binary: optional(fc.boolean()),
    },
    plain,
  );

const actions = keys.chain((key): fc.Arbitrary<WriteAction | RemoveAction> => {
  const to = fc.constantFrom("source" as const, "destination" as const);
  return fc.oneof(
    fc.record({
      kind: fc.constant("write" as const),
      to,
      key: fc.constant(key),
      from: versionOf(key),
      replaces: optional(versionOf(key)),
      save: fc.boolean(),
      ifDifferent: fc.constant(false),
      conflict: fc.constantFrom("copy" as const, "replace" as const, undefined),
      isKnown: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant("remove" as const),
      to,
      key: fc.constant(key),
      replaces: versionOf(key),
      save: fc.boolean(),
    }),
  );
});

describe("a saved action", () => {
  it("comes back as it was written, from one line", () => {
    fc.assert(
      fc.property(actions, (action) => {
        const line = encodeSavedAction(action);
        expect(line).not.toMatch(/[\r\n]/);
        const { kind, to, key, replaces, save } = action;
        const write = action.kind === "write" ? action : undefined;
        expect(decodeSavedAction(line)).toStrictEqual({
          kind,
          to,
          key,
          from: write?.from,
          replaces,
          save,
          conflict: write?.conflict,
        });
      }),
    );
  });

  it("leaves out the signature of a file", () => {
    const signature = { size: 3, mtimeMs: 1.5, ctimeMs: 2.5, inode: 7 };
    const from = { ...entryOf("k", "abc"), signature };
    const line = encodeSavedAction({ kind: "remove", to: "destination", key: from.key, replaces: from, save: false });
    expect(line).not.toContain("mtime");
    expect(decodeSavedAction(line).replaces).toEqual(entryOf("k", "abc"));
  });

  const version = { fingerprint: fingerprintOf(Buffer.from("abc")) };
  const good = { action: "write", to: "source", key: "k", version, save: true };

  it("may be as short as this", () => {
    expect(decodeSavedAction(JSON.stringify(good))).toMatchObject({ kind: "write", to: "source", key: "k" });
  });

  it.each<[string, unknown]>([
    ["no JSON", undefined],
    ["null", null],
    ["a list", [good]],
    ["an unknown action", { ...good, action: "record" }],
    ["an unknown side", { ...good, to: "both" }],
    ["no key", { ...good, key: undefined }],
    ["a key that is none", { ...good, key: ".." }],
    ["a key of half a character", { ...good, key: "\ud800" }],
    ["a write of nothing", { ...good, version: undefined }],
    ["a removal of nothing", { ...good, action: "remove" }],
    ["a version without a fingerprint", { ...good, version: {} }],
    ["a fingerprint that is none", { ...good, version: { fingerprint: "abc" } }],
    ["metadata that are no text", { ...good, version: { ...version, metadata: {} } }],
    ["an expiration that is no number", { ...good, version: { ...version, expiration: "soon" } }],
    ["a replaced version that is null", { ...good, replaces: null }],
    ["no word on saving", { ...good, save: undefined }],
    ["an unknown conflict", { ...good, conflict: "ask" }],
  ])("is not %s", (_, line) => {
    const decode = (): unknown => decodeSavedAction(line === undefined ? "{" : JSON.stringify(line));
    expect(decode).toThrow(AppError);
    expect(decode).toThrow(/^this line is no action of a plan: /);
  });
});
