import { expect, test } from "vitest";
import { openPageCache, openSnapshotPages } from "../../../src/backup/snapshot/snapshot-pages.ts";
import type { EpochSeconds } from "../../../src/core/clock.ts";
import type { Problem } from "../../../src/core/problem.ts";
import { compareRestored, type Comparison } from "../../../src/drill/compare-restored.ts";
import type { Value } from "../../../src/replica/replica.ts";
import { memoryOf } from "../../support/archive-fixture.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openMemoryItems } from "../../support/memory-items.ts";
import { snapshotOf, takeOf } from "../../support/snapshot-fixture.ts";
import { valueOf } from "../../support/values.ts";

const clock = new FakeClock({ now: 1_800_000_000_000 });
const NOW = 1_800_000_000;
const until = (NOW + 60) as EpochSeconds;
const at = (seconds: number) => (NOW + seconds) as EpochSeconds;

async function compare(
  taken: readonly Value[],
  restored: readonly Value[],
  spoil: (pages: readonly string[], damage: (sha256: string) => void) => void = () => {},
): Promise<{ readonly comparison: Comparison; readonly told: readonly (readonly string[])[]; readonly root: string }> {
  const items = openMemoryItems();
  const snapshot = snapshotOf(await takeOf(items, await memoryOf(clock, taken)));
  spoil(
    snapshot.pages.map(({ id }) => id),
    (sha256) => items.damage(sha256),
  );
  const pages = openSnapshotPages(snapshot, openPageCache(items.reader));
  const findings: Problem[] = [];
  const comparison = await compareRestored(
    { clock, snapshot, pages, replica: await memoryOf(clock, restored), until, whyLost: () => undefined },
    { signal: new AbortController().signal, onFinding: (finding) => findings.push(finding), onCompared: () => {} },
  );
  const told = findings.map(({ code, subject, message }) => [code, subject, message]);
  return { comparison, told, root: snapshot.root };
}

const a = valueOf(clock, "a", "1", { metadata: '{"x":1}' });
const b = valueOf(clock, "b", "2", { expiration: at(1000) });
const c = valueOf(clock, "c", "3");

test("all that came back as it was is equal, and the root of the pages is the snapshot's", async () => {
  const { comparison, told, root } = await compare([a, b, c], [a, b, c]);
  expect(comparison).toEqual({ equal: 3, bytes: 3, skipped: 0, lost: 0, different: 0, root });
  expect(told).toEqual([]);
});

test.each([
  ["another value", valueOf(clock, "b", "9", { expiration: at(1000) }), "came back with another value"],
  ["a longer value", valueOf(clock, "b", "22", { expiration: at(1000) }), "came back with another value"],
  ["metadata", valueOf(clock, "b", "2", { expiration: at(1000), metadata: "1" }), "came back with another metadata"],
  ["no expiration", valueOf(clock, "b", "2"), "came back with another expiration"],
  [
    "all three",
    valueOf(clock, "b", "9", { metadata: "1" }),
    "came back with another value and another metadata and another expiration",
  ],
])("a key that came back with %s is different", async (_, restored, message) => {
  const { comparison, told } = await compare([a, b, c], [a, restored, c]);
  expect(comparison).toMatchObject({ equal: 2, lost: 0, different: 1 });
  expect(told).toEqual([["differs", "b", message]]);
});

test("a key that did not come back is lost, and one that nobody backed up is different", async () => {
  const { comparison, told } = await compare([a, c], [b, c]);
  expect(comparison).toMatchObject({ equal: 1, lost: 1, different: 1 });
  expect(told).toEqual([
    ["unreadable", "a", "did not come back"],
    ["differs", "b", "came back, and the snapshot does not have it"],
  ]);
});

test("what has expired, or did before it was looked for, is left out", async () => {
  const [old, close] = [
    valueOf(clock, "d", "4", { expiration: at(-5) }),
    valueOf(clock, "e", "5", { expiration: at(60) }),
  ];
  const before = clock.now();
  await clock.advance(1000);
  const { comparison } = await compare([a, old, close], [a]);
  expect(clock.now()).toBeGreaterThan(before);
  expect(comparison).toMatchObject({ equal: 1, skipped: 2, lost: 0 });
});

test("keys of a page that cannot be read are lost, and no root is claimed", async () => {
  const { comparison, told } = await compare([a, b], [a, b], (pages, damage) => damage(pages[0]!));
  expect(comparison).toMatchObject({ equal: 0, lost: 2, root: undefined });
  expect(told[0]).toMatchObject(["unreadable", "page 1", expect.stringContaining("all keys of this page (2)")]);
});
