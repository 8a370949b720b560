// A snapshot that is served shows what a database with the same entries shows, whatever it is asked.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Snapshot } from "../../../src/backup/repository/repository.ts";
import { openSnapshotStore } from "../../../src/cli/serve/snapshot-store.ts";
import type { EpochSeconds } from "../../../src/core/clock.ts";
import { compareUtf8 } from "../../../src/core/key.ts";
import { openSqliteStore } from "../../../src/server/store/sqlite/sqlite-store.ts";
import { wholeValue } from "../../../src/server/store/quoted.ts";
import type { ReadOnlyStore, Store } from "../../../src/server/store/store.ts";
import { memoryOf } from "../../support/archive-fixture.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { type MemoryItems, openMemoryItems } from "../../support/memory-items.ts";
import { snapshotOf, takeOf } from "../../support/snapshot-fixture.ts";
import { valueOf } from "../../support/values.ts";

const clock = new FakeClock({ now: 1_800_000_000_000 });
const now = 1_800_000_000 as EpochSeconds;
const PREFIX = "app/";
const KEYS = 8000;

/** As the source has them, without its prefix. */
const names = Array.from({ length: KEYS }, (_, i) => (i % 3 === 0 ? `flags/${i}` : i % 3 === 1 ? `é${i}` : `p-${i}/x`));
const values = [...names, "", "\u{1f600}", "\uff5e"]
  .filter((name) => name !== "")
  .map((name, i) =>
    valueOf(clock, name, i % 50 === 0 ? Uint8Array.of(255, i % 256) : `value of ${name}`, {
      ...(i % 7 === 0 && { metadata: `{"i":${i}}` }),
      ...(i % 11 === 0 && { expiration: now + (i % 2 === 0 ? 100 : 0) }),
    }),
  );

let items: MemoryItems;
let snapshot: Snapshot;
let served: ReadOnlyStore;
let truth: Store;
let id = "";

beforeAll(async () => {
  items = openMemoryItems();
  const taken = snapshotOf(await takeOf(items, await memoryOf(clock, values)));
  const source = { ...taken.source, namespace: "0123456789abcdef0123456789abcdef", title: "app", accountId: "acc" };
  snapshot = { ...taken, source: { ...source, prefix: PREFIX } };
  served = openSnapshotStore(snapshot, items.reader);
  truth = await openSqliteStore(":memory:", clock);
  ({ id } = (await truth.namespaces.create("acc", "app"))!);
  const writes = values.map(({ entry, bytes }) => ({
    key: PREFIX + entry.key,
    value: bytes,
    metadata: entry.metadata ?? null,
    expiration: entry.expiration ?? null,
  }));
  await truth.entries.write(
    id,
    writes.sort((a, b) => compareUtf8(a.key, b.key)),
    now,
  );
});
afterAll(() => truth.close());

describe("a served snapshot", () => {
  test("has several pages, or its listings prove little", () => expect(snapshot.pages.length).toBeGreaterThan(2));

  const afters = [
    "",
    "a",
    "app",
    "app/",
    "app/flags/2",
    "app/flags/300",
    "app/p-1/x",
    "app/p-9",
    "app/é",
    "app/\u{1f600}",
    "b",
  ];
  const prefixes = ["", "a", "app/", "app/flags/", "app/flags/3", "app/é", "app/.", "app/q", "b", "app/p-5/x"];
  test.each(afters)("lists as a database does, after %j", async (after) => {
    for (const prefix of prefixes) {
      for (const limit of [1, 7, 1001]) {
        const range = { after, prefix, limit };
        const shown = await served.entries.list(id, range, now);
        expect({ ...range, shown }).toEqual({ ...range, shown: await truth.entries.list(id, range, now) });
      }
    }
  });

  test("reads as a database does, and has no key that its source has not", async () => {
    for (const name of [...names.slice(0, 300), "\u{1f600}", "nope", "", "."]) {
      for (const key of [PREFIX + name, name]) {
        const [one, other] = [await served.entries.read(id, key, now), await truth.entries.read(id, key, now)];
        const [shown, value] = await Promise.all(
          [one, other].map((each) => wholeValue(each?.value ?? Buffer.alloc(0))),
        );
        expect({ key, ...one, value: Buffer.from(shown!) }).toEqual({ key, ...other, value: Buffer.from(value!) });
        const { entries } = served;
        const quoted = await truth.entries.readQuoted(id, [key], 1000, now);
        expect(await entries.readQuoted(id, [key], 1000, now)).toEqual(quoted);
        expect(await entries.readMetadata(id, key, now)).toEqual(await truth.entries.readMetadata(id, key, now));
      }
    }
  });

  test("is the namespace that its source was, for whatever account", async () => {
    const { id } = (await served.namespaces.find("any", "0123456789abcdef0123456789abcdef"))!;
    expect(await served.namespaces.list("x", { order: "id", direction: "asc", offset: 0, count: 20 })).toMatchObject([
      { id, title: "app" },
    ]);
    expect(await served.namespaces.accounts()).toEqual(["acc"]);
    expect(await served.namespaces.find("any", "f".repeat(32))).toBeUndefined();
  });

  test("refuses a listing that a damaged page would leave keys out of", async () => {
    const spoiled = openMemoryItems();
    const other = snapshotOf(await takeOf(spoiled, await memoryOf(clock, values)));
    spoiled.damage(other.pages[1]!.id);
    const { entries } = openSnapshotStore(other, spoiled.reader);
    const all = async () => entries.list(id, { after: "", prefix: "", limit: 5000 }, now);
    await expect(all()).rejects.toMatchObject({ answer: { status: 500 } });
  });
});
