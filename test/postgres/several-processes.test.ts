// Several processes over one database, each with a store of its own: they begin at once, see each other's changes, and purge in turn.

import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect, it, vi } from "vitest";
import { type EpochSeconds, toEpochSeconds } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import type { Change, EntryWrite, Store } from "../../src/server/store/store.ts";
import { databases, describePostgres, openStore } from "../support/postgres-fixture.ts";

const now = (): EpochSeconds => toEpochSeconds(systemClock.now());
const entry = (key: string, more: Partial<EntryWrite> = {}): EntryWrite => ({
  key,
  value: "v",
  metadata: null,
  expiration: null,
  ...more,
});

async function openTwo(given?: string): Promise<{ one: Store; other: Store; id: string; url: string }> {
  const url = given ?? (await databases.freshSchema());
  const [one, other] = [await openStore({ url }), await openStore({ url })];
  return { one, other, id: (await one.namespaces.create("dev", "app"))?.id ?? "", url };
}

async function changesSince(store: Store, id: string, after: number): Promise<readonly Change[]> {
  const changes = await store.changes.read(id, after, 1000);
  if (changes === undefined || changes === "forgotten") throw new Error(changes ?? "gone");
  return changes;
}

describePostgres("several processes", () => {
  it("make the tables once, though they begin at the same moment", async () => {
    const url = await databases.freshSchema();
    const stores = await Promise.all(Array.from({ length: 8 }, async () => openStore({ url })));
    for (const [i, store] of stores.entries()) expect(await store.namespaces.create("dev", `n${i}`)).toBeDefined();
    expect(await databases.ask("SELECT version FROM kv_schema", url)).toEqual([[1]]);
  });

  it("refuse tables that a newer kvsync has changed, and say so", async () => {
    const { url } = await openTwo();
    await databases.ask("UPDATE kv_schema SET version = 1000", url);
    await expect(openStore({ url })).rejects.toMatchObject({ code: "state-damaged", hint: /upgrade kvsync/ });
  });

  it.each([
    [1000, /newer kvsync.*upgrade this server/],
    [0, /older kvsync.*restart this server/],
  ])("do not go on over tables of schema %i, which came while they ran, and say what to do", async (version, said) => {
    const { one, id, url } = await openTwo(await databases.freshDatabase());
    await databases.ask(`UPDATE kv_schema SET version = ${version}`, url);
    await databases.ask(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
      url,
    );
    const asked = [
      () => one.check(),
      () => one.entries.read(id, "k", now()),
      () => one.entries.write(id, [entry("k")], now()),
    ];
    for (const ask of asked)
      await expect(ask()).rejects.toMatchObject({ name: "StoreUnavailable", message: expect.stringMatching(said) });
    await databases.ask("UPDATE kv_schema SET version = 1", url);
    expect(await one.entries.write(id, [entry("k")], now())).toBe(true);
  });

  it("number changes in the order in which they become visible, though one commits late", async () => {
    const { one, other, id, url } = await openTwo();
    const elsewhere = (await one.namespaces.create("dev", "elsewhere"))?.id ?? "";
    const start = (await one.changes.last(id)) ?? 0;
    const late = new pg.Client({ connectionString: url });
    await late.connect();
    try {
      await late.query("BEGIN");
      await late.query("UPDATE kv_namespace SET changes = changes + 1 WHERE id = $1", [id]);
      await late.query(
        "INSERT INTO kv_change (namespace, number, at, keys) SELECT number, changes, 0, 'late' FROM kv_namespace WHERE id = $1",
        [id],
      );
      let isDone = false;
      const second = Promise.resolve(other.entries.write(id, [entry("second")], now())).then(() => (isDone = true));
      // Who writes elsewhere does not wait.
      await one.entries.write(elsewhere, [entry("k")], now());
      await sleep(100);
      expect(isDone).toBe(false);
      expect(await changesSince(one, id, start)).toEqual([]);
      await late.query("COMMIT");
      await second;
    } finally {
      await late.end();
    }
    const seen = await changesSince(one, id, start);
    expect(seen.map(({ keys }) => keys)).toEqual([["late"], ["second"]]);
    expect(await changesSince(one, id, seen[0]?.number ?? 0)).toEqual(seen.slice(1));
  });

  it("remove all that another one writes meanwhile, what it adds as well as what it replaces", async () => {
    const { one, id, url } = await openTwo();
    await one.entries.write(id, [entry("old")], now());
    const writer = new pg.Client({ connectionString: url });
    await writer.connect();
    try {
      await writer.query("BEGIN");
      const { rows } = await writer.query<{ number: string }>(
        "UPDATE kv_namespace SET changes = changes + 1 WHERE id = $1 RETURNING number",
        [id],
      );
      await writer.query(
        `INSERT INTO kv_entry (namespace, key, value) VALUES ($1, 'new', 'W'), ($1, 'old', 'W')
          ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value`,
        [rows[0]?.number],
      );
      const removing = one.entries.remove(id, ["new", "old"], now());
      await vi.waitFor(async () => {
        const waiting = await databases.ask("SELECT 1 FROM pg_locks WHERE NOT granted");
        expect(waiting).not.toEqual([]);
      }, 30_000);
      await writer.query("COMMIT");
      await removing;
    } finally {
      await writer.end();
    }
    expect(await one.entries.list(id, { after: "", prefix: "", limit: 10 }, now())).toEqual([]);
  });

  it("wait for each other's transactions, and undo one of two that wait for each other", async () => {
    const { one, other, id } = await openTwo();
    const second = (await one.namespaces.create("dev", "second"))?.id ?? "";
    const inOrder = (store: Store, ids: readonly string[], key: string) =>
      store.transaction(async ({ entries }) => {
        for (const each of ids) {
          await entries.write(each, [entry(key)], now());
          await sleep(50);
        }
      });
    await Promise.all([inOrder(one, [id, second], "a"), inOrder(other, [second, id], "b")]);
    for (const each of [id, second]) {
      const listed = await one.entries.list(each, { after: "", prefix: "", limit: 10 }, now());
      expect(listed.map(([key]) => key)).toEqual(["a", "b"]);
    }
  });

  it("purge in turn: what expired is logged once", async () => {
    const { one, other, id } = await openTwo();
    const soon = now() + 100;
    const keys = Array.from({ length: 300 }, (_, i) => `k${String(i).padStart(3, "0")}`);
    await one.entries.write(
      id,
      keys.map((key) => entry(key, { expiration: soon })),
      now(),
    );
    const start = (await one.changes.last(id)) ?? 0;
    const later = ((soon + 1) * 1000) as ReturnType<typeof systemClock.now>;
    const counts = await Promise.all(
      [one, other].map(async (store) => {
        let sum = 0;
        for (let i = 0; i < 20; i++) sum += await store.purge(later, 50);
        return sum;
      }),
    );
    expect(counts.reduce((a, b) => a + b)).toBe(300);
    expect((await changesSince(other, id, start)).flatMap((change) => change.keys).toSorted()).toEqual(keys);
  });

  it("have nothing to purge while another one is at it", async () => {
    const { one, other, id, url } = await openTwo();
    await one.entries.write(id, [entry("k", { expiration: now() + 1 })], now());
    const later = (systemClock.now() + 10_000) as ReturnType<typeof systemClock.now>;
    const busy = new pg.Client({ connectionString: url });
    await busy.connect();
    await busy.query("BEGIN; SELECT name FROM kv_turn FOR UPDATE");
    expect(await other.purge(later, 50)).toBe(0);
    await busy.query("COMMIT");
    await busy.end();
    expect(await other.purge(later, 50)).toBe(1);
  });
});

describePostgres("who watches a namespace", () => {
  it("is told at once what another process did, also that it is gone", async () => {
    const { one, other, id } = await openTwo();
    const told = vi.fn<() => void>();
    other.changes.watch(id, told);
    await vi.waitFor(() => expect(told).toHaveBeenCalled(), { timeout: 30_000 }); // listening has begun
    for (const change of [
      () => one.entries.write(id, [entry("a")], now()),
      () => one.entries.remove(id, ["a"], now()),
      () => one.transaction(({ entries }) => entries.write(id, [entry("b")], now())),
      () => one.namespaces.remove(id),
    ]) {
      told.mockClear();
      await change();
      await vi.waitFor(() => expect(told).toHaveBeenCalled(), { timeout: 4000, interval: 5 });
    }
  });

  it("is told of nothing else, and of nothing more when it has stopped", async () => {
    const { one, other, id } = await openTwo();
    const elsewhere = (await one.namespaces.create("dev", "elsewhere"))?.id ?? "";
    const told = vi.fn<() => void>();
    const stop = other.changes.watch(id, told);
    await vi.waitFor(() => expect(told).toHaveBeenCalled(), { timeout: 30_000 });
    told.mockClear();
    await one.entries.write(elsewhere, [entry("a")], now());
    await sleep(200);
    stop();
    await one.entries.write(id, [entry("a")], now());
    await sleep(200);
    expect(told).not.toHaveBeenCalled();
  });

  it("misses nothing where its connection was lost", async () => {
    const { one, other, id, url } = await openTwo(await databases.freshDatabase());
    const told = vi.fn<() => void>();
    other.changes.watch(id, told);
    await vi.waitFor(() => expect(told).toHaveBeenCalled(), { timeout: 30_000 });
    told.mockClear();
    await databases.ask(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND query ~ 'id = ANY|LISTEN|pg_notify' AND pid <> pg_backend_pid()`,
      url,
    );
    await one.entries.write(id, [entry("a")], now());
    await vi.waitFor(() => expect(told).toHaveBeenCalled(), { timeout: 30_000, interval: 5 });
  });

  it("is told within seconds where the database passes nothing on", async () => {
    const { id, url } = await openTwo(await databases.freshDatabase());
    const role = `deaf_${id}`;
    await databases.ask(`CREATE ROLE ${role} LOGIN`);
    await databases.ask(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`, url);
    await databases.ask("REVOKE EXECUTE ON FUNCTION pg_notify FROM PUBLIC", url);
    const lines: string[] = [];
    const asDeaf = { url: url.replace("kv@", `${role}@`), log: (line: string) => lines.push(line) };
    const [mute, deaf] = [await openStore(asDeaf), await openStore(asDeaf)];
    const told = vi.fn<() => void>();
    deaf.changes.watch(id, told);
    await vi.waitFor(() => expect(told).toHaveBeenCalled(), { timeout: 30_000 });
    told.mockClear();
    await mute.entries.write(id, [entry("a")], now());
    await vi.waitFor(() => expect(told).toHaveBeenCalled(), { timeout: 30_000, interval: 20 });
    expect(lines.join("\n")).toContain("asking for changes each second");
  });
});
