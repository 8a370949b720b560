// A snapshot holds what its source holds, reads no more of it than it has to, and says when it is not complete.

import { describe, expect, it } from "vitest";
import { openRootHash } from "../../../src/core/content-root.ts";
import { fingerprintOf, sha256Of } from "../../../src/core/fingerprint.ts";
import { AppError } from "../../../src/core/errors.ts";
import { compareUtf8, type Key } from "../../../src/core/key.ts";
import { problem } from "../../../src/core/problem.ts";
import { PAGE_ENTRIES_MAX } from "../../../src/backup/page/split-pages.ts";
import { STORE_CALLS } from "../../../src/backup/store/store.ts";
import { openSnapshotReplica } from "../../../src/backup/snapshot/snapshot-replica.ts";
import type { Entry } from "../../../src/core/entry.ts";
import type { Pages, ReadableReplica, ReadOutcome, Value } from "../../../src/replica/replica.ts";
import { memoryOf } from "../../support/archive-fixture.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openMemoryItems } from "../../support/memory-items.ts";
import { snapshotOf, takeOf } from "../../support/snapshot-fixture.ts";
import { collect, entryOf, keyOf, valueOf } from "../../support/values.ts";

const clock = new FakeClock({ now: Date.now() });
const KEYS = 5000;
const textOf = (i: number, round = 0): string => `value ${i} of round ${round}`;
const valuesOf = (edit: (i: number) => number = () => 0): Value[] =>
  Array.from({ length: KEYS }, (_, i) => valueOf(clock, `k${i}`, textOf(i, edit(i)))).toSorted((a, b) =>
    compareUtf8(a.entry.key, b.entry.key),
  );

/** `inner` with what it was asked to read, and with reads that end in another order than they began. */
function watched(inner: ReadableReplica, change: (outcome: ReadOutcome) => ReadOutcome = (outcome) => outcome) {
  const read: Key[] = [];
  const replica: ReadableReplica = {
    ...inner,
    async *read(entries: Pages<Entry>, options): Pages<ReadOutcome> {
      const all = await collect(entries);
      read.push(...all.map(({ key }) => key));
      const outcomes = await collect(
        inner.read(
          (async function* () {
            yield all;
          })(),
          options,
        ),
      );
      for (const outcome of outcomes.toReversed()) yield [change(outcome)];
    },
  };
  return { replica, read };
}

async function contents(items: ReturnType<typeof openMemoryItems>, taken: Awaited<ReturnType<typeof takeOf>>) {
  const replica = openSnapshotReplica({ clock, snapshot: snapshotOf(taken), reader: items.reader, label: "s" });
  const entries = await collect(replica.list({ onProblem: (told) => expect(told).toBeUndefined() }));
  return { replica, entries };
}

describe("a snapshot", () => {
  it("holds all entries in pages of about a thousand, whose boundaries an insertion does not move", async () => {
    const items = openMemoryItems();
    const memory = await memoryOf(clock, valuesOf());
    const taken = await takeOf(items, memory);
    expect(taken).toMatchObject({ entries: KEYS, read: KEYS, complete: true, problems: 0, failure: undefined });
    expect(taken.pages.length).toBeGreaterThan(1);
    expect(taken.pages.every(({ entries }) => entries <= PAGE_ENTRIES_MAX)).toBe(true);
    const root = openRootHash();
    const { entries } = await contents(items, taken);
    for (const { entry, bytes } of valuesOf()) root.add({ ...entry, sha256: sha256Of(bytes), size: bytes.byteLength });
    expect(taken.root).toBe(root.digest());
    expect(entries.map(({ key }) => key)).toEqual(valuesOf().map(({ entry }) => entry.key));

    const more = await takeOf(items, await memoryOf(clock, [...valuesOf(), valueOf(clock, "k2500x", "new")]), taken);
    const ids = new Set(taken.pages.map(({ id }) => id));
    expect(more.pages.filter(({ id }) => !ids.has(id))).toHaveLength(1);
  });

  it("reads what is new to the repository, and nothing else", async () => {
    const items = openMemoryItems();
    const first = await takeOf(items, await memoryOf(clock, valuesOf()));
    items.written();
    const edited = watched(
      await memoryOf(
        clock,
        valuesOf((i) => (i % 100 === 0 ? 1 : 0)),
      ),
    );
    const second = await takeOf(items, edited.replica, first);
    expect(second).toMatchObject({ entries: KEYS, read: KEYS / 100, complete: true });
    expect(edited.read).toHaveLength(KEYS / 100);
    const { values, pages, based } = items.written();
    expect([values.length, based]).toEqual([KEYS / 100, pages.length]);
    const same = watched(
      await memoryOf(
        clock,
        valuesOf((i) => (i % 100 === 0 ? 1 : 0)),
      ),
    );
    const third = await takeOf(items, same.replica, second);
    expect([third.root, third.pages, same.read]).toEqual([second.root, second.pages, []]);
    expect([second.hasPut, third.hasPut]).toEqual([true, false]);
    expect(items.written()).toEqual({ values: [], pages: [], based: 0 });
  });

  it("finds values under other keys, and without a snapshot before", async () => {
    const items = openMemoryItems();
    await takeOf(items, await memoryOf(clock, valuesOf()));
    const moved = valuesOf().map(({ entry, bytes }) => valueOf(clock, `moved/${entry.key}`, bytes));
    const { replica, read } = watched(await memoryOf(clock, moved));
    const taken = await takeOf(items, replica);
    expect([taken.entries, read]).toEqual([KEYS, []]);
    expect((await contents(items, taken)).entries[0]).toEqual(moved[0]!.entry);
  });

  it("reads every value when it is told to", async () => {
    const items = openMemoryItems();
    const memory = await memoryOf(clock, valuesOf());
    const first = await takeOf(items, memory);
    const { replica, read } = watched(memory);
    expect(await takeOf(items, replica, first, { readsAll: true })).toMatchObject({ read: KEYS, root: first.root });
    expect(read).toHaveLength(KEYS);
  });

  it("relies on nothing in a pack that is marked, and on nothing that it finds damaged", async () => {
    const items = openMemoryItems();
    const memory = await memoryOf(
      clock,
      ["a", "b", "c"].map((key) => valueOf(clock, key, `value of ${key}`)),
    );
    await takeOf(items, memory);
    items.mark(fingerprintOf(Buffer.from("value of a")));
    items.damage(sha256Of(Buffer.from("value of b")));
    const { replica, read } = watched(memory);
    const taken = await takeOf(items, replica);
    expect(read).toEqual(["a", "b"]);
    const { entries, replica: snapshot } = await contents(items, taken);
    const outcomes = await collect(
      snapshot.read(
        (async function* () {
          yield entries;
        })(),
      ),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(["value", "value", "value"]);
  });

  it("is the same when little fits into the window", async () => {
    const items = openMemoryItems();
    const source = await memoryOf(clock, valuesOf());
    const whole = await takeOf(items, source);
    expect(
      (await takeOf(items, watched(source).replica, undefined, { readsAll: true, windowBytesMax: 1000 })).root,
    ).toBe(whole.root);
  });

  it("is made beside a parent whose page is damaged, and stores that page anew", async () => {
    const items = openMemoryItems();
    const memory = await memoryOf(clock, valuesOf());
    const first = await takeOf(items, memory);
    items.written();
    items.damage(first.pages[1]!.id);
    const second = await takeOf(items, memory, first);
    expect([second.pages, items.written().pages]).toEqual([first.pages, [first.pages[1]!.id]]);
    expect(second.hasPut).toBe(true);
  });
});

describe("a snapshot that lacks something", () => {
  it("is complete without keys that were deleted meanwhile, and says which could not be read", async () => {
    const items = openMemoryItems();
    const memory = await memoryOf(
      clock,
      ["a", "b", "c", "d"].map((key) => valueOf(clock, key, key)),
    );
    const gone = watched(memory, (outcome) => (outcome.key === "b" ? { kind: "absent", key: keyOf("b") } : outcome));
    expect(await takeOf(items, gone.replica)).toMatchObject({ entries: 3, complete: true, problems: 0 });
    const failing = watched(memory, (outcome) =>
      outcome.key === "c"
        ? { kind: "problem", key: outcome.key, problem: problem("stale-read", outcome.key, "lags") }
        : outcome,
    );
    const taken = await takeOf(items, failing.replica, undefined, { readsAll: true });
    expect(taken).toMatchObject({ entries: 3, complete: false, problems: 1 });
    expect(taken.told).toHaveLength(1);
  });

  it("takes the value of a stamp that is another's", async () => {
    const items = openMemoryItems();
    const memory = await memoryOf(clock, [valueOf(clock, "a", "stamped")]);
    const unstamped = valueOf(clock, "a", "what it holds");
    const { replica } = watched(memory, ({ key }) => ({
      kind: "problem",
      key,
      problem: problem("stale-read", key, "is another's"),
      unstamped,
      isMisstamped: true,
    }));
    const taken = await takeOf(items, replica);
    expect(taken).toMatchObject({ complete: true, entries: 1 });
    expect((await contents(items, taken)).entries[0]).toEqual(entryOf("a", "what it holds"));
  });

  it.each(["list", "read"] as const)("holds what was read before %s broke off, and is not complete", async (which) => {
    const items = openMemoryItems();
    const memory = await memoryOf(clock, valuesOf());
    const broken: ReadableReplica = {
      ...memory,
      async *[which](...args: never[]) {
        let pages = 0;
        for await (const page of (memory[which] as (...args: never[]) => Pages<never>)(...args)) {
          if (pages++ === 2) throw new AppError("network", "the connection is gone");
          yield page;
        }
      },
    };
    const taken = await takeOf(items, broken);
    expect(taken).toMatchObject({ complete: false, failure: { error: { code: "network" } } });
    expect(taken.entries).toBeGreaterThan(0);
    expect(taken.entries).toBeLessThan(KEYS);
    expect(taken.listed[1]).toBeUndefined();
    expect((await contents(items, taken)).entries).toHaveLength(taken.entries);
  });

  it("ends, though its reads broke off while the window was full", async () => {
    const items = openMemoryItems();
    const memory = await memoryOf(clock, valuesOf());
    const broken: ReadableReplica = {
      ...memory,
      async *list(options) {
        const all = await collect(memory.list(options));
        for (let at = 0; at < all.length; at += 1000) yield all.slice(at, at + 1000);
      },
      async *read(entries, options) {
        const next = await entries[Symbol.asyncIterator]().next();
        if (next.done === true) return;
        // The first is slow: all others wait for it in the window.
        const others = async function* (): Pages<Entry> {
          yield next.value.slice(1);
        };
        yield* memory.read(others(), options);
        throw new AppError("network", "the connection is gone");
      },
    };
    const taken = await takeOf(items, broken, undefined, { windowBytesMax: 100_000 });
    expect(taken).toMatchObject({ complete: false, failure: { error: { code: "network" } }, entries: 999 });
  });

  it("is none if a read leaves out entries, rather than none of them coming for ever", async () => {
    const memory = await memoryOf(clock, valuesOf());
    const leaky: ReadableReplica = {
      ...memory,
      async *read(entries, options) {
        for await (const page of memory.read(entries, options)) yield page.filter(({ key }) => key !== "k0");
      },
    };
    await expect(takeOf(openMemoryItems(), leaky, undefined, { windowBytesMax: 1000 })).rejects.toThrow(
      "a read gives an outcome for every entry that it takes",
    );
  });

  it("is none if nothing could be listed, or if the repository fails", async () => {
    const items = openMemoryItems();
    const memory = await memoryOf(clock, valuesOf());
    const failure = new AppError("network", "no");
    const dead: ReadableReplica = {
      ...memory,
      // oxlint-disable-next-line require-yield
      async *list() {
        throw failure;
      },
    };
    await expect(takeOf(items, dead)).rejects.toBe(failure);
    await takeOf(items, memory);
    const full = {
      reader: {
        ...items.reader,
        valueById: async () => {
          throw new AppError("store-failed", "the store is gone");
        },
      },
      openWriter: () => items.openWriter(),
    };
    await expect(takeOf(full, memory)).rejects.toMatchObject({ code: "store-failed" });
  });
});

it("a snapshot whose values lie far apart is read some at a time, in order", async () => {
  const items = openMemoryItems();
  const taken = await takeOf(items, await memoryOf(clock, valuesOf()));
  let [underWay, most] = [0, 0];
  const reader = {
    ...items.reader,
    async value(sha256: string, size: number) {
      most = Math.max(most, ++underWay);
      // As long as a request takes: until all else has had its turn.
      await new Promise((resolve) => void setImmediate(resolve));
      underWay--;
      return items.reader.value(sha256, size);
    },
  };
  const replica = openSnapshotReplica({ clock, snapshot: snapshotOf(taken), reader, label: "s" });
  const outcomes = await collect(replica.read(replica.list({ onProblem: () => {} })));
  expect(outcomes.map(({ key }) => key)).toEqual(valuesOf().map(({ entry }) => entry.key));
  expect(outcomes.every(({ kind }) => kind === "value")).toBe(true);
  expect(most).toBe(STORE_CALLS);
});

describe("a damaged snapshot", () => {
  it("lists all but the damaged page, whose place in the order is unknown, and reads all but the damaged value", async () => {
    const items = openMemoryItems();
    const taken = await takeOf(items, await memoryOf(clock, valuesOf()));
    const { entries } = await contents(items, taken);
    const [first, lost] = taken.pages as readonly [{ entries: number }, { id: string; entries: number }];
    items.damage(lost.id);
    items.damage(sha256Of(Buffer.from(textOf(0))));
    const replica = openSnapshotReplica({ clock, snapshot: snapshotOf(taken), reader: items.reader, label: "s" });
    const told: unknown[] = [];
    const listed = await collect(
      replica.list({ onProblem: ({ code }) => told.push(code), onUnknown: (unknown) => told.push(unknown) }),
    );
    const left = entries.filter((_, i) => i < first.entries || i >= first.entries + lost.entries);
    expect(listed).toEqual(left);
    const [after, before] = [entries[first.entries - 1]!.key, entries[first.entries + lost.entries]?.key];
    expect(told).toEqual(["unreadable", { after, before }]);
    const outcomes = await collect(
      replica.read(
        (async function* () {
          yield listed;
        })(),
      ),
    );
    expect(outcomes.filter(({ kind }) => kind !== "value").map(({ key, kind }) => [key, kind])).toEqual([
      ["k0", "problem"],
    ]);
    const inLost = entries[first.entries]!.key;
    expect(await collect(replica.fetch!([inLost]))).toMatchObject([
      { kind: "problem", problem: { code: "unreadable" } },
    ]);
  });
});
