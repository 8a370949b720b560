// When a file counts as written to its end, as data. Times are milliseconds before NOW; a write sets both times alike.

import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import type { FileSignature } from "../../../src/core/entry.ts";
import { isYoung, restOf } from "../../../src/core/rest.ts";

const NOW = 1_800_000_000_123 as EpochMs;
const policy = { stableAfterMs: 300, stableMaxMs: 60_000 };

type Known = { readonly size: number; readonly signature: FileSignature | undefined } | undefined;
const file = (modified: number, changed: number, size = 10): FileSignature => ({
  size,
  mtimeMs: NOW - modified,
  ctimeMs: NOW - changed,
  inode: 7,
});
const written = (ago: number, size = 10): FileSignature => file(ago, ago, size);
const whole = (seconds: number): FileSignature => ({ ...written(0), mtimeMs: seconds * 1000, ctimeMs: seconds * 1000 });
const held: Known = { size: 10, signature: undefined };
const another: Known = { size: 10, signature: { ...written(86_400_000), inode: 6 } };
const same: Known = { size: 10, signature: written(86_400_000) };

type Row = readonly [title: string, signature: FileSignature, known: Known, restMs: number, unchangedMs?: number];

const table: readonly Row[] = [
  ["was written just now", written(0), held, 300],
  ["was written a while ago: for the rest of the time", written(100), held, 200],
  ["was written long enough ago", written(300), held, 0],
  ["is new, and was written just now", written(50), undefined, 250],
  ["took the name of another by a rename: its ctime is later", file(40, 8), another, 0],
  ["took the name of another by a rename within the tick of its write", file(8, 8), another, 292],
  ["is new, and took its name by a rename", file(40, 8), undefined, 292],
  ["is given an old mtime after each write", file(86_400_000, 5), same, 295],
  ["is given an mtime that lies ahead after each write", file(-86_400_000, 5), same, 295],
  ["is what both sides agreed on, written by a pull just now", written(0), { size: 10, signature: written(0) }, 0],
  ["is empty, and held something", written(1000, 0), held, 4000],
  ["is empty for long enough", written(5000, 0), held, 0],
  ["is empty, held something, and had its mode changed", file(900, 500, 0), held, 4500],
  ["is empty, and was empty", written(100, 0), { size: 0, signature: undefined }, 200],
  ["is empty and new", written(100, 0), undefined, 4900],
  ["has times ahead by a tick", written(-15), held, 300],
  ["has times far ahead: when it was seen unchanged for as long", written(-3_600_000), held, 300, 0],
  ["has times far ahead, and was seen unchanged for a while", written(-3_600_000), held, 100, 200],
  ["has times far ahead, and was seen unchanged for long enough", written(-3_600_000), held, 0, 300],
  ["was seen unchanged for longer than its times say", written(100), held, 50, 250],
  ["is on a file system of whole seconds: by what was seen", whole(1_800_000_000 - 1), held, 300, 0],
  ["is on a file system of whole seconds, seen unchanged", whole(1_800_000_000 - 1), held, 0, 300],
  ["is on a file system of whole seconds, and older by far", whole(1_800_000_000 - 2), held, 0],
];

describe("a file is to rest, if it", () => {
  it.each(table.map((row) => ({ title: row[0], row })))("$title", ({ row }) => {
    const [, signature, known, restMs, unchangedMs = 0] = row;
    expect(restOf({ signature, known, now: NOW, unchangedMs, awaitsNew: true }, policy)).toBe(restMs);
    // Of a file that is not young the base is not asked.
    if (restMs > 0) expect(isYoung(signature, NOW, policy)).toBe(true);
  });

  it("is empty and new, as any other for who waits for it on the spot", () => {
    const seen = { signature: written(100, 0), known: undefined, now: NOW, unchangedMs: 0, awaitsNew: false };
    expect(restOf(seen, policy)).toBe(200);
  });

  it.each([
    ["holds something, and was written long enough ago", written(300), false],
    ["holds something, and was written a moment too late for that", written(299), true],
    ["is empty, which may be for 5 seconds", written(4999, 0), true],
    ["is empty for longer", written(5000, 0), false],
    ["is on a file system of whole seconds: a second longer", whole(1_800_000_000 - 1), true],
    ["is on a file system of whole seconds, and older by far", whole(1_800_000_000 - 2), false],
    ["has times far ahead", written(-3_600_000), true],
  ] as const)("may be young, whatever is known of it: %s", (_, signature, young) => {
    expect(isYoung(signature, NOW, policy)).toBe(young);
  });

  it("is to rest longer than an emptied one would", () => {
    const seen = { signature: written(1000, 0), known: held, now: NOW, unchangedMs: 0, awaitsNew: true };
    expect(restOf(seen, { ...policy, stableAfterMs: 10_000 })).toBe(9000);
  });

  it("was just written, and no file is waited for: not at all", () => {
    const off = { ...policy, stableAfterMs: 0 };
    const seen = { signature: written(0, 0), known: held, now: NOW, unchangedMs: 0, awaitsNew: true };
    expect(restOf(seen, off)).toBe(0);
    expect(isYoung(written(0), NOW, off)).toBe(false);
  });
});
