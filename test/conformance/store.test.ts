import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFolderStore } from "../../src/backup/store/folder-store.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { openMemoryStore } from "../support/memory-store.ts";
import { describeStore } from "./store-suite.ts";

describeStore("memory", { tellsExisting: true, timeErrorMs: 0, objects: 100 }, async () => {
  const store = openMemoryStore(new FakeClock());
  return { store, close: () => store.close() };
});

describeStore("a folder", { tellsExisting: true, timeErrorMs: 0, objects: 60 }, async () => {
  const parent = mkdtempSync(join(tmpdir(), "kvsync-store-"));
  const store = openFolderStore({ clock: systemClock, path: join(parent, "deep/backups") });
  return {
    store,
    close: async () => {
      await store.close();
      rmSync(parent, { recursive: true });
    },
  };
});
