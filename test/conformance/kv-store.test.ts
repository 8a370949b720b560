// The stores of the KV server that need no other program: one suite for all of them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { laggingStore } from "../../src/server/store/lagging-store.ts";
import { openSqliteStore } from "../../src/server/store/sqlite/sqlite-store.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { describeKvStore } from "./kv-store-suite.ts";

describeKvStore("a database in memory", async () => {
  const clock = new FakeClock();
  const store = await openSqliteStore(":memory:", clock);
  return { store, clock, close: async () => store.close() };
});

describeKvStore("a file", async () => {
  const clock = new FakeClock();
  const folder = mkdtempSync(join(tmpdir(), "kvsync-store-"));
  const store = await openSqliteStore(join(folder, "kv.sqlite"), clock);
  const close = async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  };
  return { store, clock, close };
});

describeKvStore("the layer that lags, when all has settled,", async () => {
  const clock = new FakeClock();
  const inner = await openSqliteStore(":memory:", clock);
  const settle = { seconds: 60, probability: 0, reads: true, lists: true, spread: false };
  return { store: laggingStore(inner, settle, clock, () => 0.5), clock, close: async () => inner.close() };
});
