// File signatures: when an unchanged one proves that a file is what it was.

import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import { baseEntry, isRacy, sameSignature } from "../../../src/core/entry.ts";

const signature = { size: 3, mtimeMs: 5000.5, ctimeMs: 6000.5, inode: 7 };

describe("two signatures", () => {
  it("are the same if nothing of them differs", () => expect(sameSignature(signature, { ...signature })).toBe(true));

  it.each(["size", "mtimeMs", "ctimeMs", "inode"] as const)("differ by %s alone", (name) =>
    expect(sameSignature(signature, { ...signature, [name]: signature[name] + 1 })).toBe(false),
  );
});

describe("a file could have changed after it was hashed, and still show its signature", () => {
  it.each<[boolean, string, mtimeMs: number, ctimeMs: number, hashedAt: number]>([
    [true, "hashed in the same tick", 5000.5, 5000.5, 5020.5],
    [false, "hashed just after the tick", 5000.5, 5000.5, 5020.6],
    [true, "the later of both times counts: ctime", 1000.5, 5000.5, 5010],
    [true, "the later of both times counts: mtime", 5000.5, 1000.5, 5010],
    [true, "dated in the future", 9000.5, 9000.5, 5000],
    [true, "whole seconds: a coarse file system, hashed two seconds later", 5000, 5000, 7000],
    [false, "whole seconds, hashed later", 5000, 5000, 7001],
    [false, "one of both is no whole second: no coarse file system", 5000, 5000.5, 5100],
  ])("%s: %s", (expected, _, mtimeMs, ctimeMs, hashedAt) => {
    expect(isRacy({ ...signature, mtimeMs, ctimeMs }, hashedAt as EpochMs)).toBe(expected);
  });
});

it("no base shows nothing", () => expect(baseEntry(undefined)).toBeUndefined());
