// The purge takes nothing that is still to be used, and takes it for everyone: several processes' clocks may differ.

import { expect, it } from "vitest";
import { type Clock, type EpochMs, type EpochSeconds, toEpochSeconds } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import type { EntryWrite, LongValue } from "../../src/server/store/store.ts";
import { StoreUnavailable } from "../../src/server/store/store.ts";
import { describePostgres, openStore } from "../support/postgres-fixture.ts";

const now = (): EpochSeconds => toEpochSeconds(systemClock.now());
const entry = (key: string, value: EntryWrite["value"]): EntryWrite => ({
  key,
  value,
  metadata: null,
  expiration: null,
});

describePostgres("the purge", () => {
  it("leaves no value to be written of which it has taken parts", async () => {
    const store = await openStore();
    const id = (await store.namespaces.create("dev", "app"))?.id ?? "";
    await store.entries.write(id, [entry("k", "old")], now());
    async function* chunks() {
      for (let i = 0; i < 5; i++) yield Buffer.alloc(1024 * 1024, "x");
    }
    const [halfGone, whole] = [await store.stage(chunks()), await store.stage(chunks())];
    const muchLater = (systemClock.now() + 31 * 60_000) as EpochMs;
    expect(await store.purge(muchLater, 200)).toBe(2);
    await expect(Promise.resolve(store.entries.write(id, [entry("k", halfGone)], now()))).rejects.toThrow(
      StoreUnavailable,
    );
    expect(Buffer.from((await store.entries.read(id, "k", now()))?.value as Uint8Array).toString()).toBe("old");
    await store.entries.write(id, [entry("k", whole)], now());
    while ((await store.purge(muchLater, 200)) > 0);
    let bytes = 0;
    const read = (await store.entries.read(id, "k", now()))?.value as LongValue;
    for await (const part of read.parts()) bytes += part.byteLength;
    expect(bytes).toBe(5 * 1024 * 1024);
  });

  it("deletes nothing before its time by the database's clock, though that of this machine is ahead; which is said", async () => {
    const lines: string[] = [];
    const ahead: Clock = { ...systemClock, now: () => (systemClock.now() + 3_600_000) as EpochMs };
    const store = await openStore({ clock: ahead, log: (line) => lines.push(line), trustsClock: false });
    const id = (await store.namespaces.create("dev", "app"))?.id ?? "";
    const soon = { ...entry("soon", "v"), expiration: now() + 600 };
    const over = { ...entry("over", "v"), expiration: now() - 1 };
    await store.entries.write(id, [over, soon], now());
    expect(await store.purge(ahead.now(), 200)).toBe(1);
    expect(await store.entries.read(id, "soon", now())).toBeDefined();
    expect(lines).toEqual([
      expect.stringMatching(/^the clock of this machine is 3600 s ahead of that of the database/),
    ]);
  });

  it("says nothing of clocks that agree", async () => {
    const lines: string[] = [];
    await openStore({ log: (line) => lines.push(line), trustsClock: false });
    expect(lines).toEqual([]);
  });
});
