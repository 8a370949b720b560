// A write that was carried out, and whose answer was lost: it is not asked again, since others may have written meanwhile.

import { join } from "node:path";
import { afterEach, beforeEach, expect, inject, it } from "vitest";
import { type EpochSeconds, toEpochSeconds } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { type EntryWrite, type Store, StoreUnavailable } from "../../src/server/store/store.ts";
import { databases, describePostgres, openStore } from "../support/postgres-fixture.ts";
import { openPostgresProxy, type PostgresProxy } from "../support/postgres-proxy.ts";

const now = (): EpochSeconds => toEpochSeconds(systemClock.now());
/** As it is sent: BEGIN ... READ COMMITTED is none. */
const COMMIT = "COMMIT\u0000";
const entry = (key: string, value: EntryWrite["value"]): EntryWrite => ({
  key,
  value,
  metadata: null,
  expiration: null,
});

describePostgres("where the answer to a write is lost", () => {
  let proxy: PostgresProxy;
  let store: Store;
  let other: Store;
  let id: string;
  beforeEach(async () => {
    const url = await databases.freshSchema();
    other = await openStore({ url });
    id = (await other.namespaces.create("dev", "app"))?.id ?? "";
    proxy = await openPostgresProxy(url, join(inject("postgresFolder"), ".s.PGSQL.5432"));
    store = await openStore({ url: proxy.url });
  });
  afterEach(() => proxy?.close());

  async function seen(key = "k"): Promise<string | undefined> {
    const value = (await other.entries.read(id, key, now()))?.value;
    if (value === undefined) return undefined;
    return value instanceof Uint8Array ? Buffer.from(value).toString() : `${value.byteLength} bytes`;
  }

  /** What another server's client saw once this one had carried `change` out; that client then writes. */
  async function whileAnotherWrites(statement: string, change: () => unknown): Promise<string | undefined> {
    let before: string | undefined;
    proxy.loseAnswerTo(statement, async () => {
      before = await seen();
      await other.entries.write(id, [entry("k", "theirs")], now());
    });
    await expect(Promise.resolve(change())).rejects.toThrow(StoreUnavailable);
    return before;
  }

  it("a short write takes the place of nothing that was written since", async () => {
    const before = await whileAnotherWrites("write-short", () => store.entries.write(id, [entry("k", "ours")], now()));
    expect([before, await seen()]).toEqual(["ours", "theirs"]);
  });

  it("a long value takes the place of nothing that was written since", async () => {
    const long = Buffer.alloc(100_000, "x");
    const before = await whileAnotherWrites(COMMIT, () => store.entries.write(id, [entry("k", long)], now()));
    expect([before, await seen()]).toEqual(["100000 bytes", "theirs"]);
    async function* chunks() {
      yield long;
    }
    const staged = await store.stage(chunks());
    const again = await whileAnotherWrites(COMMIT, () => store.entries.write(id, [entry("k", staged)], now()));
    expect([again, await seen()]).toEqual(["100000 bytes", "theirs"]);
  });

  it("a removal removes nothing that was written since", async () => {
    await other.entries.write(id, [entry("k", "old")], now());
    const before = await whileAnotherWrites("entry-remove", () => store.entries.remove(id, ["k"], now()));
    expect([before, await seen()]).toEqual([undefined, "theirs"]);
  });

  it("a transaction that writes is not run again either", async () => {
    let runs = 0;
    const before = await whileAnotherWrites(COMMIT, () =>
      store.transaction(({ entries }) => {
        runs++;
        return entries.write(id, [entry("k", "ours")], now());
      }),
    );
    expect([runs, before, await seen()]).toEqual([1, "ours", "theirs"]);
  });

  it("what was lost before its COMMIT is done once more, and answered", async () => {
    proxy.loseAnswerTo("write-put", () => Promise.resolve());
    expect(await store.entries.write(id, [entry("k", Buffer.alloc(40_000))], now())).toBe(true);
    expect(await seen()).toBe("40000 bytes");
  });

  it("a namespace that was made is answered so all the same: it has an id of its own", async () => {
    proxy.loseAnswerTo(COMMIT, () => Promise.resolve());
    expect(await store.namespaces.create("dev", "new")).toMatchObject({ title: "new" });
  });
});
