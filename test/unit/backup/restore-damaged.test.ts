// A restore from a damaged snapshot that is to remove what the snapshot does not have: it removes nothing in the place of a page
// that cannot be read, and does everything else.

import { expect, it } from "vitest";
import { decodePage } from "../../../src/backup/page/page-lines.ts";
import { openSnapshotReplica } from "../../../src/backup/snapshot/snapshot-replica.ts";
import { openMemoryReplica } from "../../../src/replica/memory.ts";
import { memoryOf } from "../../support/archive-fixture.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openMemoryItems } from "../../support/memory-items.ts";
import { openPair, round } from "../../support/round.ts";
import { snapshotOf, takeOf } from "../../support/snapshot-fixture.ts";
import { collect, pagesOf, valueOf, writeOf } from "../../support/values.ts";

const clock = new FakeClock();

it.each([
  ["first", 0],
  ["middle", 2],
  ["last", -1],
] as const)("the %s page", async (_, which) => {
  const items = openMemoryItems();
  const values = Array.from({ length: 6000 }, (_value, i) => valueOf(clock, `k${i}`, `${i}`));
  const taken = await takeOf(items, await memoryOf(clock, values));
  const snapshot = snapshotOf(taken);
  const firstKeyOf = async (page: number): Promise<string> =>
    decodePage(await items.reader.page(taken.pages.at(page)!.id))[0]!.key;
  const [inside, outside] = [`${await firstKeyOf(which)}-stray`, `${await firstKeyOf(1)}-stray`];
  items.damage(taken.pages.at(which)!.id);
  const source = openSnapshotReplica({ clock, snapshot, reader: items.reader, label: "s" });
  const destination = openMemoryReplica({ clock, label: "d" });
  const keys = values.map(({ entry }) => entry.key);
  await collect(destination.write(pagesOf([...keys, inside, outside].map((key) => writeOf(clock, key, key.slice(1))))));
  const result = await round(openPair(clock, source, destination), { delete: "all", force: true });
  const left = new Set<string>((await collect(destination.list({ onProblem: () => {} }))).map(({ key }) => key));
  expect(keys.filter((key) => !left.has(key))).toEqual([]);
  expect([left.has(inside), left.has(outside), result.removed]).toEqual([true, false, 1]);
  expect(result.problems.map(({ code }) => code)).toEqual(["unreadable"]);
});
