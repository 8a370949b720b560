// Run as a process of its own, to be killed: puts objects named for their content into a folder store, and says which it was told are written.

import { hash, randomBytes } from "node:crypto";
import { openFolderStore } from "../../../src/backup/store/folder-store.ts";
import { systemClock } from "../../../src/core/system-clock.ts";

const store = openFolderStore({ clock: systemClock, path: process.argv[2]! });
const putEndlessly = async (): Promise<never> => {
  for (;;) {
    const bytes = randomBytes(200_000);
    const name = `packs/${hash("sha256", bytes)}`;
    await store.putNew(name, bytes);
    process.stdout.write(`${name}\n`);
  }
};
await Promise.all([putEndlessly(), putEndlessly(), putEndlessly()]);
