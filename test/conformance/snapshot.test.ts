import { openSnapshotReplica } from "../../src/backup/snapshot/snapshot-replica.ts";
import { withFilter } from "../../src/replica/with-filter.ts";
import { memoryOf } from "../support/archive-fixture.ts";
import { openMemoryItems } from "../support/memory-items.ts";
import { snapshotOf, takeOf } from "../support/snapshot-fixture.ts";
import { describeReadable } from "./readable-suite.ts";

describeReadable("a snapshot", async (clock, values) => {
  const items = openMemoryItems();
  const snapshot = snapshotOf(await takeOf(items, await memoryOf(clock, values)));
  const replica = openSnapshotReplica({ clock, snapshot, reader: items.reader, label: "snapshot" });
  return { replica: withFilter(replica, () => true), close: () => replica.close() };
});
