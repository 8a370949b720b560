import { join } from "node:path";
import { openArchive } from "../../src/replica/archive/archive-replica.ts";
import { openPairs } from "../../src/replica/archive/pairs/pairs-replica.ts";
import { NO_ALLOWANCES } from "../../src/replica/archive/check-archive.ts";
import { withFilter } from "../../src/replica/with-filter.ts";
import { archiveOf, memoryOf, openArchiveFolder } from "../support/archive-fixture.ts";
import { describeReadable } from "./readable-suite.ts";

describeReadable("memory", async (clock, values) => {
  const replica = await memoryOf(clock, values);
  return { replica, close: () => replica.close() };
});

for (const format of ["ndjson", "ndjson.zst", "ndjson.gz"] as const) {
  describeReadable(`an archive (.${format})`, async (clock, values) => {
    const folder = openArchiveFolder();
    const path = join(folder.path, `a.${format}`);
    await archiveOf(await memoryOf(clock, values), path, format);
    const { replica } = await openArchive({ clock, path, label: "archive", allowed: NO_ALLOWANCES });
    return { replica: withFilter(replica, () => true), close: async () => folder.remove() };
  });
}

describeReadable("pairs in wrangler's form (.json)", async (clock, values) => {
  const folder = openArchiveFolder();
  const path = join(folder.path, "a.json");
  await archiveOf(await memoryOf(clock, values), path, "json");
  const { replica } = await openPairs({ clock, path, label: "a.json", allowed: NO_ALLOWANCES });
  return {
    replica: withFilter(replica, () => true),
    close: async () => {
      await replica.close();
      folder.remove();
    },
  };
});
