// Two snapshots that are compared: what both have as one page is read of neither, and nothing else is left out.

import { expect, it } from "vitest";
import { openSnapshotReplica } from "../../../../src/backup/snapshot/snapshot-replica.ts";
import type { StoredSnapshot } from "../../../../src/backup/repository/repository.ts";
import { withoutEqualPages } from "../../../../src/cli/backup/equal-pages.ts";
import type { OpenLocation } from "../../../../src/mapping/open-location.ts";
import { memoryOf } from "../../../support/archive-fixture.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { openMemoryItems } from "../../../support/memory-items.ts";
import { snapshotOf, takeOf } from "../../../support/snapshot-fixture.ts";
import { collect, valueOf } from "../../../support/values.ts";

const clock = new FakeClock();
const KEYS = 6000;

it("reads only the pages that differ", async () => {
  const items = openMemoryItems();
  const values = Array.from({ length: KEYS }, (_, i) => valueOf(clock, `k${i}`, `${i}`));
  const before = await takeOf(items, await memoryOf(clock, values));
  const after = await takeOf(items, await memoryOf(clock, values.with(5, valueOf(clock, "k5", "changed"))), before);
  const read: string[] = [];
  const reader = {
    ...items.reader,
    page: (sha256: string) => {
      read.push(sha256);
      return items.reader.page(sha256);
    },
  };
  const locationOf = (taken: typeof before): OpenLocation => {
    const snapshot: StoredSnapshot = { ...snapshotOf(taken), id: taken.root };
    const open = (skips?: (id: string) => boolean) =>
      openSnapshotReplica({ clock, snapshot, reader, label: "s", ...(skips && { skips }) });
    return {
      replica: open(),
      snapshot: {
        replica: open(),
        snapshot,
        repositoryId: "r",
        repository: "./r",
        repositoryFolder: undefined,
        without: open,
      },
      lacks: undefined,
      api: undefined,
      account: undefined,
      namespace: undefined,
      jurisdiction: undefined,
      place: undefined,
      identity: {},
      filter: null,
      warnings: [],
      whenEmpty: async () => "",
    };
  };
  const { source, destination, equal } = withoutEqualPages({
    source: locationOf(before),
    destination: locationOf(after),
  });
  const sides = [source, destination].map(({ replica }) => collect(replica.list({ onProblem: () => {} })));
  const [one, other] = await Promise.all(sides);
  const differing = before.pages.filter(({ id }) => !after.pages.some((page) => page.id === id));
  expect(differing).toHaveLength(1);
  expect(read).toHaveLength(2);
  expect([one!.length, other!.length, equal]).toEqual([
    differing[0]!.entries,
    differing[0]!.entries,
    KEYS - differing[0]!.entries,
  ]);
  expect(one!.filter(({ fingerprint }, i) => fingerprint !== other![i]!.fingerprint).map(({ key }) => key)).toEqual([
    "k5",
  ]);
});
