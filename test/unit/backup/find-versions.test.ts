// Versions of keys through time, of snapshots that share most of their pages, and of some that lack keys.

import { expect, it } from "vitest";
import { findVersions, type WantedKeys } from "../../../src/backup/snapshot/find-versions.ts";
import type { StoredSnapshot } from "../../../src/backup/repository/repository.ts";
import { memoryOf } from "../../support/archive-fixture.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openMemoryItems } from "../../support/memory-items.ts";
import { snapshotOf, takeOf } from "../../support/snapshot-fixture.ts";
import { keyOf, valueOf } from "../../support/values.ts";

const clock = new FakeClock();

async function historyOf(states: readonly Readonly<Record<string, string>>[]) {
  const items = openMemoryItems();
  const snapshots: StoredSnapshot[] = [];
  for (const [number, state] of states.entries()) {
    const values = [
      ...Object.entries(state).map(([key, value]) => valueOf(clock, key, value)),
      ...Array.from({ length: 4000 }, (_, i) => valueOf(clock, `z${i}`, "as ever")),
    ];
    const taken = await takeOf(items, await memoryOf(clock, values), snapshots.at(-1));
    snapshots.push({ ...snapshotOf(taken), id: `${number}`.repeat(64) });
  }
  const read: string[] = [];
  const reader = {
    ...items.reader,
    page: (sha256: string) => {
      read.push(sha256);
      return items.reader.page(sha256);
    },
  };
  return { items, snapshots, reader, read };
}

async function changesOf(
  { snapshots, reader }: Pick<Awaited<ReturnType<typeof historyOf>>, "snapshots" | "reader">,
  wanted: WantedKeys,
): Promise<readonly string[]> {
  const told: string[] = [];
  const onDamage = ({ id }: StoredSnapshot): void => void told.push(`${id[0]} damaged`);
  for await (const { snapshot, key, entry } of findVersions(snapshots, { wanted, reader, onDamage }))
    told.push(`${snapshot.id[0]} ${key} ${entry === undefined ? "gone" : entry.size}`);
  return told;
}

const STATES = [{ a: "1", b: "1" }, { a: "22", b: "1" }, { b: "1" }, { a: "22", b: "333" }];

it("tells of a key when it changed and when it was gone, and reads equal pages once", async () => {
  const history = await historyOf(STATES);
  expect(await changesOf(history, { key: keyOf("a") })).toEqual(["0 a 1", "1 a 2", "2 a gone", "3 a 2"]);
  const pages = new Set(history.snapshots.flatMap((snapshot) => snapshot.pages.map(({ id }) => id)));
  expect(history.read.length).toBeLessThanOrEqual(pages.size);
});

it("tells of all keys that match", async () => {
  const history = await historyOf(STATES);
  expect(await changesOf(history, { matches: (key) => key < "c" })).toEqual([
    "0 a 1",
    "0 b 1",
    "1 a 2",
    "2 a gone",
    "3 a 2",
    "3 b 3",
  ]);
});

it("takes nothing for gone that an incomplete or damaged snapshot lacks", async () => {
  const history = await historyOf(STATES);
  const snapshots = history.snapshots.with(2, { ...history.snapshots[2]!, complete: false });
  expect(await changesOf({ ...history, snapshots }, { key: keyOf("a") })).toEqual(["0 a 1", "1 a 2"]);
  history.items.damage(history.snapshots[2]!.pages[0]!.id);
  for (const wanted of [{ key: keyOf("a") }, { matches: (key: string) => key === "a" }])
    expect(await changesOf(history, wanted)).toEqual(["0 a 1", "1 a 2", "2 damaged"]);
});
