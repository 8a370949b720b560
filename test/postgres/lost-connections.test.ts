// A database that ends connections, crashes and comes back: what was answered is there, and nothing is answered wrongly.

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type Clock, type EpochSeconds, type MonotonicMs, toEpochSeconds } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import {
  type EntryWrite,
  type LongValue,
  PART_BYTES,
  type Store,
  StoreUnavailable,
} from "../../src/server/store/store.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { describePostgres, openStore } from "../support/postgres-fixture.ts";

const now = (): EpochSeconds => toEpochSeconds(systemClock.now());
const entry = (key: string, value: EntryWrite["value"]): EntryWrite => ({
  key,
  value,
  metadata: null,
  expiration: null,
});

/** As clients do: what was answered by a 503 is asked again. It may have been carried out, which here does no harm. */
async function untilAnswered<T>(ask: () => T | Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }
}

describePostgres("where connections are lost", () => {
  let postgres: TestPostgres;
  let url: string;
  let store: Store;
  let id: string;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => postgres?.stop());
  beforeEach(async () => {
    url = await postgres.freshDatabase();
    store = await openStore({ url });
    id = (await store.namespaces.create("dev", "app"))?.id ?? "";
  });

  it("a database that was started anew counts as another log of changes: it may be an older copy, or a stand-by", async () => {
    const before = await store.changes.era();
    expect(await store.changes.era()).toBe(before);
    expect(before).toMatch(/^[\d-]+$/);
    await postgres.restart();
    expect(await untilAnswered(() => store.changes.era())).not.toBe(before);
  });

  /** Ends all connections to the database while `work` is done: `every` milliseconds after the last time, or up to five times as long. Tells it
   * how many it has ended so far. */
  async function whileEnding(every: number, work: (ended: () => number) => Promise<unknown>): Promise<void> {
    let ended = 0;
    const done = new AbortController();
    const working = work(() => ended).finally(() => done.abort());
    for (let round = 0; !done.signal.aborted; round++) {
      const rows = await postgres.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        url,
      );
      ended += rows.length;
      await sleep(every * (1 + (round % 5)));
    }
    await working;
  }

  async function allKeys(): Promise<Map<string, string>> {
    const keys: string[] = [];
    for (;;) {
      const page = await store.entries.list(id, { after: keys.at(-1) ?? "", prefix: "", limit: 1000 }, now());
      keys.push(...page.map(([key]) => key));
      if (page.length < 1000) break;
    }
    const found = await store.entries.readQuoted(id, keys, 100_000_000, now());
    if (found === "too-large") throw new Error(found);
    return new Map(keys.map((key, i) => [key, JSON.parse(found[i]?.json ?? "null") as string]));
  }

  it("every write that was answered is there, in the log too, and none is there in half", async () => {
    let after = (await store.changes.last(id)) ?? 0;
    const expected = new Map<string, string>();
    await whileEnding(25, async (ended) => {
      const writer = async (name: string) => {
        for (let i = 0; i < 10 || ended() < 60; i++) {
          const [one, other] = [`${name}-${i}-one`, `${name}-${i}-other`];
          const value = i % 10 === 0 ? "long".repeat(20_000) : "short";
          await untilAnswered(() => store.entries.write(id, [entry(one, value), entry(other, value)], now()));
          await untilAnswered(() => store.entries.remove(id, [one], now()));
          expected.set(other, value);
        }
      };
      await Promise.all(["a", "b", "c", "d"].map(writer));
    });
    expect(await allKeys()).toEqual(expected);
    const told = new Set<string>();
    for (;;) {
      const page = await store.changes.read(id, after, 1000);
      if (page === undefined || page === "forgotten") throw new Error(page);
      for (const { number, keys } of page) {
        expect(number).toBeGreaterThan(after);
        after = number;
        for (const key of keys) told.add(key);
      }
      if (page.length === 0) break;
    }
    expect([...expected.keys()].filter((key) => !told.has(key))).toEqual([]);
  });

  it("a namespace that was created, renamed or removed is answered so, though the first answer was lost", async () => {
    const outcomes: unknown[] = [];
    let rounds = 0;
    await whileEnding(40, async (ended) => {
      for (; rounds < 6 || ended() < 6; rounds++) {
        const i = rounds;
        const made = await store.namespaces.create("dev", `t${i}`);
        outcomes.push(made?.title === `t${i}`);
        outcomes.push(await store.namespaces.rename("dev", made?.id ?? "", `u${i}`));
        const inTransaction = await store.transaction(async ({ namespaces }) => {
          await namespaces.count("dev");
          return namespaces.create("dev", `v${i}`);
        });
        outcomes.push(inTransaction?.title === `v${i}`);
        outcomes.push(await store.namespaces.remove(made?.id ?? ""));
      }
    });
    expect(new Set(outcomes)).toEqual(new Set([true, "renamed"]));
    expect(await store.namespaces.count("dev")).toBe(1 + rounds);
  });

  it("a long value is stored and read to its end, part by part", async () => {
    const value = Buffer.alloc(3 * PART_BYTES + 7, "0123456789");
    async function* chunks() {
      for (let at = 0; at < value.length; at += 100_000) {
        yield value.subarray(at, at + 100_000);
        await sleep(5);
      }
    }
    await whileEnding(60, async () => {
      for (let i = 0; i < 2; i++) {
        await untilAnswered(async () => {
          const staged = await store.stage(chunks());
          await store.entries.write(id, [entry("k", staged)], now());
        });
        const read = (await store.entries.read(id, "k", now()))?.value as LongValue;
        const parts: Uint8Array[] = [];
        for await (const part of read.parts()) {
          parts.push(Buffer.from(part)); // it is to be used before the next one is asked for
          await sleep(10);
        }
        expect(Buffer.concat(parts).equals(value)).toBe(true);
      }
    });
    // What was replaced, and what was staged without an answer, is doomed.
    const kept = "SELECT count(DISTINCT value) FROM kv_part WHERE value NOT IN (SELECT value FROM kv_doomed)";
    const stored = "SELECT count(*) FROM kv_entry JOIN kv_part p ON long = p.value WHERE p.number = 0";
    expect([await postgres.ask(kept, url), await postgres.ask(stored, url)]).toEqual([[["1"]], [["1"]]]);
  });

  it("a crash of the server in between is bridged", async () => {
    const expected = new Map<string, string>();
    const done = new AbortController();
    const writing = (async () => {
      for (let i = 0; !done.signal.aborted; i++) {
        await untilAnswered(() => store.entries.write(id, [entry(`k${i}`, `${i}`)], now()));
        expected.set(`k${i}`, `${i}`);
      }
    })();
    for (let i = 0; i < 3; i++) {
      await sleep(100);
      await postgres.restart(() => sleep(200));
    }
    await sleep(100);
    done.abort();
    await writing;
    expect(expected.size).toBeGreaterThan(0);
    expect(await allKeys()).toEqual(expected);
  });

  it("that there is no database is said after a while; where there is one again, all goes on", async () => {
    const hurried = await openStore({ url, clock: hurriedClock(20) });
    await store.check();
    const fails = (asked: unknown): Promise<void> =>
      expect(Promise.resolve(asked)).rejects.toBeInstanceOf(StoreUnavailable);
    await postgres.restart(async () => {
      await fails(hurried.check());
      await fails(hurried.entries.read(id, "k", now()));
      await fails(hurried.entries.write(id, [entry("k", "v")], now()));
    });
    expect(await hurried.entries.write(id, [entry("k", "w")], now())).toBe(true);
    await store.check();
  });
});

/** On which time passes `times` as fast. */
function hurriedClock(times: number): Clock {
  return {
    ...systemClock,
    monotonic: () => (systemClock.monotonic() * times) as MonotonicMs,
    sleep: (duration, signal) => systemClock.sleep(duration / times, signal),
  };
}
