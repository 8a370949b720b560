// A remote that shows a new version, and then again the one before it: what was seen once is not written over unread.

import { beforeEach, expect, it } from "vitest";
import { toEpochSeconds } from "../../../src/core/clock.ts";
import type { Entry } from "../../../src/core/entry.ts";
import { openRemoteMemory } from "../../../src/engine/lag/remote-memory.ts";
import { openMemoryReplica } from "../../../src/replica/memory.ts";
import type { ReadOutcome, Replica, Value } from "../../../src/replica/replica.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openPair, type Pair, round } from "../../support/round.ts";
import { collect, keyOf, pagesOf, valueOf } from "../../support/values.ts";

let clock: FakeClock;
let local: Replica;
let remote: Replica;
let pair: Pair;
/** What the next reads of the remote show, one after the other, instead of what it holds. */
let shows: Value[];

beforeEach(() => {
  clock = new FakeClock();
  local = openMemoryReplica({ clock, label: "local" });
  remote = openMemoryReplica({ clock, label: "remote" });
  shows = [];
  const eventual: Replica = {
    ...remote,
    traits: { ...remote.traits, eventuallyConsistent: true, readsCostRequests: true },
    async *read(entries) {
      for await (const page of remote.read(entries)) yield page.map(shown);
    },
    async *fetch(keys) {
      for await (const page of remote.fetch!(keys)) yield page.map(shown);
    },
  };
  pair = openPair(clock, local, eventual);
});

function shown(outcome: ReadOutcome): ReadOutcome {
  const value = shows.shift();
  return value === undefined ? outcome : { kind: "value", key: outcome.key, value };
}

async function put(replica: Replica, content: string): Promise<Value> {
  const value = valueOf(clock, "k", content);
  await collect(replica.write(pagesOf([{ value, expected: undefined }])));
  return value;
}

async function contentOf(replica: Replica): Promise<string> {
  const [outcome] = await collect(replica.read(pagesOf(await listed(replica))));
  return outcome?.kind === "value" ? Buffer.from(outcome.value.bytes).toString() : "";
}

function listed(replica: Replica): Promise<Entry[]> {
  return collect(replica.list({ onProblem: () => {} }));
}

/** A round over the one key, as after an edit. */
function edited() {
  const now = toEpochSeconds(clock.now());
  return round(pair, { only: [keyOf("k")], decide: { twoWay: true, conflict: "keep-both", now } });
}

/** Both sides hold "before", for longer than the window. */
async function agreed(): Promise<Value> {
  const before = await put(local, "before");
  await edited();
  await clock.advance(120_000);
  return before;
}

it("is taken for what the remote holds, while reads show what was there before", async () => {
  const before = await agreed();
  const theirs = await put(remote, "theirs");
  await put(local, "mine");
  pair.base.rememberUnsettled([theirs.entry], clock.now());
  // If it were not remembered, this round would write mine over theirs.
  shows = [before];
  expect(await edited()).toMatchObject({ conflicts: 1 });
  expect([await contentOf(local), await contentOf(remote)]).toEqual(["theirs", "theirs"]);
  expect(pair.trashed).toMatchObject([{ content: "mine" }]);
});

it("of a plan is kept before the plan is carried out", async () => {
  await agreed();
  await put(remote, "theirs");
  await put(local, "mine");
  const killed = new Error("killed");
  const now = toEpochSeconds(clock.now());
  const trash = { save: () => Promise.reject(killed) };
  await expect(
    round(pair, { only: [keyOf("k")], decide: { twoWay: true, conflict: "keep-both", now }, trash }),
  ).rejects.toBe(killed);
  expect([...pair.base.unsettled().values()]).toMatchObject([[{ entry: { key: "k" }, at: clock.now() }]]);
});

it("is over when the window is, since by then every read shows what is there", async () => {
  const before = await agreed();
  pair.base.rememberUnsettled([valueOf(clock, "k", "theirs").entry], clock.now());
  await clock.advance(61_000);
  await put(local, "mine");
  shows = [before];
  expect(await edited()).toMatchObject({ written: 1, conflicts: 0 });
  expect(await contentOf(remote)).toBe("mine");
});

it("is not written over for another one, of which nobody knows whether it is the newer, while the window lasts", async () => {
  await agreed();
  const middle = await put(remote, "middle");
  pair.base.rememberUnsettled([middle.entry], clock.now());
  const newest = await put(remote, "newest");
  await put(local, "mine");
  shows = [newest, newest];
  const decide = { twoWay: true, conflict: "local", now: toEpochSeconds(clock.now()) } as const;
  const mine = () => round(pair, { only: [keyOf("k")], decide });
  expect(await mine()).toMatchObject({ written: 0, problems: [{ code: "stale-read" }] });
  expect(await contentOf(remote)).toBe("newest");
  await clock.advance(61_000);
  expect(await mine()).toMatchObject({ written: 1, problems: [] });
  expect(pair.trashed).toMatchObject([{ content: "newest" }]);
});

it("stays one when another is carried over, and counts before it", async () => {
  await agreed();
  const newer = await put(remote, "newer");
  const older = await put(remote, "older");
  // Seen in the wrong order; the older one is what the remote still shows, and is carried over.
  pair.base.rememberUnsettled([newer.entry], clock.now());
  pair.base.rememberUnsettled([older.entry], clock.now());
  await round(pair, { decide: { twoWay: true, conflict: "keep-both", now: toEpochSeconds(clock.now()) } });
  expect(await contentOf(local)).toBe("older");
  await put(local, "mine");
  expect(await edited()).toMatchObject({ conflicts: 1 });
});

it("is any version that a read showed, though it gave none of them", async () => {
  const before = await agreed();
  const theirs = await put(remote, "theirs");
  await put(local, "mine");
  const doubtful: Replica = {
    ...pair.destination,
    async *fetch(keys) {
      const alsoShown = [before, theirs].map(({ entry }) => ({ entry, attributesAreListed: true }));
      const problem = { code: "stale-read", subject: "k", message: "", failure: true } as const;
      yield keys.map((key) => ({ kind: "problem", key, problem, alsoShown }) as const);
    },
  };
  const now = toEpochSeconds(clock.now());
  const decide = { twoWay: true, conflict: "keep-both", now } as const;
  expect(await round({ ...pair, destination: doubtful }, { only: [keyOf("k")], decide })).toMatchObject({ written: 0 });
  // The next read is of a moment before, and would let mine take the place of theirs.
  shows = [before];
  expect(await edited()).toMatchObject({ conflicts: 1 });
  expect(await contentOf(remote)).toBe("theirs");
});

it("that is said to be gone when it is to be saved is not overwritten", async () => {
  await put(local, "mine");
  await put(remote, "theirs");
  const absent: Replica = {
    ...pair.destination,
    async *fetch(keys) {
      yield keys.map((key) => ({ kind: "absent", key }) as const);
    },
  };
  const result = await round({ ...pair, destination: absent });
  expect(result).toMatchObject({ written: 0, problems: [{ code: "stale-read" }] });
  expect(await contentOf(remote)).toBe("theirs");
});

it("read while the plan is made is kept as it comes, whatever becomes of the round", async () => {
  await agreed();
  const theirs = await put(remote, "theirs");
  const killed = new Error("killed");
  // No stamp tells what it is: it has to be read to be compared, and the process dies with the next page.
  const unstamped: Replica = {
    ...pair.destination,
    async *list() {
      yield [{ ...theirs.entry, fingerprint: undefined, size: undefined }];
    },
    async *read(entries) {
      for await (const page of pair.destination.read(entries)) yield page;
      throw killed;
    },
  };
  const now = toEpochSeconds(clock.now());
  const decide = { twoWay: true, conflict: "keep-both", now } as const;
  await expect(round({ ...pair, destination: unstamped }, { decide })).rejects.toBe(killed);
  expect([...pair.base.unsettled().values()]).toMatchObject([[{ entry: { fingerprint: theirs.entry.fingerprint } }]]);
});

it.each([
  [true, 0],
  [false, 1],
])(
  "that a round was shown is forgotten once its key was decided, if nothing is carried out (%s)",
  async (dryRun, kept) => {
    const { entry } = valueOf(clock, "k", "theirs");
    const memory = openRemoteMemory({ ...pair, dryRun, decide: { twoWay: false } }, clock.now());
    expect(memory.see([{ entry, attributesAreListed: false }])).toBe(true);
    expect(memory.unsettledOf(entry.key)).toHaveLength(1);
    memory.passed([{ key: entry.key, source: undefined, destination: entry, base: undefined, previous: undefined }]);
    expect(memory.unsettledOf(entry.key)).toHaveLength(kept);
  },
);

it("that a dry run found remembered is remembered to its end", () => {
  const { entry } = valueOf(clock, "k", "theirs");
  pair.base.rememberUnsettled([entry], clock.now());
  const memory = openRemoteMemory({ ...pair, dryRun: true, decide: { twoWay: false } }, clock.now());
  memory.passed([{ key: entry.key, source: undefined, destination: entry, base: undefined, previous: undefined }]);
  expect(memory.unsettledOf(entry.key)).toMatchObject([{ entry }]);
});
