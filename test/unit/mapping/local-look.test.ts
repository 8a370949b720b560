// Looks at the files of a folder that is polled: what they tell, what they keep to themselves, and that they cost no request.

import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MappingConfig } from "../../../src/config/config.ts";
import type { EpochMs } from "../../../src/core/clock.ts";
import type { BaseRow, Entry } from "../../../src/core/entry.ts";
import { type Problem, problem } from "../../../src/core/problem.ts";
import { onePage } from "../../../src/engine/observer.ts";
import { isDifferent, type Looked, openLocalLook } from "../../../src/mapping/local-look.ts";
import type { MappingRounds } from "../../../src/mapping/round-port.ts";
import { NO_PROBLEMS } from "../../../src/mapping/standing-problems.ts";
import { openMemoryReplica } from "../../../src/replica/memory.ts";
import type { Unknown } from "../../../src/replica/replica.ts";
import { call, counts, MappingFixture } from "../../support/mapping-fixture.ts";
import { keyOf } from "../../support/values.ts";

let fixture: MappingFixture;
const { signal } = call;
const same: Looked = { kind: "same" };
const at = (path: string): string => join(fixture.folder, path);

beforeEach(async () => {
  fixture = new MappingFixture();
  await fixture.open();
});

afterEach(() => fixture.close());

/** 20 files, in step, and hashed long after they were written. */
async function inStep(mapping: Partial<MappingConfig> = {}): Promise<MappingRounds> {
  await fixture.later();
  return fixture.inStep(mapping);
}

/** What a look finds is handed to a round, as the loop does. */
async function lookAndSync(rounds: MappingRounds): Promise<Looked> {
  const looked = await rounds.look(signal);
  if (looked.kind === "paths") await rounds.dirty(looked.paths, call);
  if (looked.kind === "rescan") await rounds.full(call);
  await fixture.later();
  return looked;
}

describe("a look", () => {
  it("finds nothing where nothing changed, without a request", async () => {
    const rounds = await inStep({ mode: "push" });
    const requests = await fixture.requests(async () => {
      for (let i = 0; i < 3; i++) expect(await rounds.look(signal)).toEqual(same);
    });
    expect(requests).toEqual({});
  });

  it("names files that were made, changed, renamed and removed, also in new folders, and after the round no more", async () => {
    const rounds = await inStep({ mode: "push" });
    fixture.write({ k01: "changed", "new/deep/file": "x", "with:colon": "y" });
    renameSync(at("k02"), at("k02-renamed"));
    fixture.remove("k03");
    const looked = await rounds.look(signal);
    if (looked.kind !== "paths") throw new Error(looked.kind);
    expect([...looked.paths].sort()).toEqual(["k01", "k02", "k02-renamed", "k03", "new/deep/file", "with:colon"]);
    expect(counts(await rounds.dirty(looked.paths, call))).toMatchObject({ written: 4, removed: 2 });
    await fixture.later();
    expect(await rounds.look(signal)).toEqual(same);
    expect(Object.keys(await fixture.keys())).toEqual(Object.keys(fixture.files()).sort());
  });

  it("names a file of which only the sidecar changed, by its key", async () => {
    const rounds = await inStep({ mode: "push" });
    fixture.write({ "k01%meta": '{"metadata":{"a":1}}' });
    expect(await lookAndSync(rounds)).toEqual({ kind: "paths", paths: ["k01"] });
    expect(await rounds.look(signal)).toEqual(same);
  });

  it("names a file that was touched once, which costs a round no request", async () => {
    const rounds = await inStep({ mode: "push" });
    utimesSync(at("k01"), 1, 1);
    const requests = await fixture.requests(async () => {
      expect(await lookAndSync(rounds)).toEqual({ kind: "paths", paths: ["k01"] });
      expect(await rounds.look(signal)).toEqual(same);
    });
    expect(requests).toEqual({});
  });

  it("tells once of what differs for good, and again when that has changed", async () => {
    const rounds = await inStep({ mode: "push" });
    fixture.write({ "bad%zz": "no key's name", [`${"long/".repeat(110)}x`]: "too long" });
    const looked = await lookAndSync(rounds);
    expect(looked).toMatchObject({ kind: "paths" });
    const requests = await fixture.requests(async () => {
      for (let i = 0; i < 3; i++) expect(await lookAndSync(rounds)).toEqual(same);
    });
    expect(requests).toEqual({});
    rmSync(at("bad%zz"));
    // It stands as a problem, which only a round can end.
    const report = await rounds.look(signal);
    expect(report).toEqual({ kind: "paths", paths: ["bad%zz"] });
    expect(await rounds.look(signal)).toEqual(same);
  });

  it("takes nothing for gone where a link took its place", async () => {
    const rounds = await inStep({ mode: "push" });
    rmSync(at("k01"));
    symlinkSync("k02", at("k01"));
    expect(await rounds.look(signal)).toEqual(same);
  });

  it("of a folder that is missing fails, and tells of no file that it is gone", async () => {
    const rounds = await inStep({ mode: "push" });
    renameSync(fixture.folder, `${fixture.folder}-away`);
    await expect(rounds.look(signal)).rejects.toMatchObject({ code: "root-missing" });
    renameSync(`${fixture.folder}-away`, fixture.folder);
    expect(await rounds.look(signal)).toEqual(same);
  });

  it("in whose folder another one is put leads to a hold, not to deletions", async () => {
    const rounds = await inStep({ mode: "push" });
    renameSync(fixture.folder, `${fixture.folder}-away`);
    mkdirSync(fixture.folder);
    const looked = await rounds.look(signal);
    if (looked.kind !== "paths") throw new Error(looked.kind);
    const report = await rounds.dirty(looked.paths, call);
    expect(report.hold).toBeDefined();
    expect(Object.keys(await fixture.keys())).toHaveLength(20);
  });

  it("before the first round asks for one", async () => {
    expect(await fixture.rounds({ mode: "push" }).look(signal)).toMatchObject({ kind: "rescan" });
  });

  it("keeps to the filters of the mapping", async () => {
    const rounds = await inStep({ mode: "push", exclude: ["*.tmp"] });
    fixture.write({ "a.tmp": "x" });
    expect(await rounds.look(signal)).toEqual(same);
  });
});

/** What a listing tells, in place of that of a tree. */
interface Listing {
  readonly entries: readonly Entry[];
  readonly problems?: readonly Problem[];
  readonly unknown?: readonly Unknown[];
}

/** Looks, with a memory for three differences, at such listings and a base of these rows. */
function looker(rows: readonly BaseRow[] = []): (listing: Listing) => Promise<Looked> {
  const { clock } = fixture;
  const look = openLocalLook(3);
  const base = {
    scan: () => onePage(rows),
    lookup: () => [],
    keysBelow: () => [],
    count: () => 0,
    commit: () => {},
    redate: () => {},
  };
  const tree = openMemoryReplica({ clock, label: "tree" });
  return ({ entries, problems = [], unknown = [] }) => {
    const list: typeof tree.list = ({ onProblem, onUnknown }) => {
      for (const each of problems) onProblem(each);
      for (const each of unknown) onUnknown?.(each);
      return onePage(entries);
    };
    const input = { names: "posix", standing: NO_PROBLEMS, now: clock.now(), signal } as const;
    return look({ ...input, base, tree: { ...tree, list } });
  };
}

it("more differences than are remembered are a rescan, once, and another one when one of them changes", async () => {
  const look = looker();
  const entries = [0, 1, 2, 3].map((size) => entryOf({ key: keyOf(`k${size}`), size }));
  expect(await look({ entries })).toEqual({ kind: "rescan", reason: "more than 3 files differ" });
  expect(await look({ entries })).toEqual(same);
  const others = [...entries.slice(0, 3), entryOf({ key: keyOf("k3"), size: 99 })];
  expect(await look({ entries: others })).toMatchObject({ kind: "rescan" });
  expect(await look({ entries: others.slice(0, 1) })).toEqual({ kind: "paths", paths: ["k0"] });
  expect(await look({ entries: [] })).toEqual(same);
});

it("more files that are gone than are remembered are a rescan, once", async () => {
  const look = looker([0, 1, 2, 3].map((i) => ({ ...row, key: keyOf(`k${i}`) })));
  expect(await look({ entries: [] })).toEqual({ kind: "rescan", reason: "more than 3 files differ" });
  for (let i = 0; i < 10; i++) {
    await fixture.clock.advance(10_000);
    expect(await look({ entries: [] })).toEqual(same);
  }
});

it("a folder that cannot be read is a rescan, once, and nothing in it counts as gone", async () => {
  const look = looker([{ ...row, key: keyOf("locked/a") }]);
  const listing: Listing = {
    entries: [],
    problems: [problem("unreadable", "locked", "cannot be listed")],
    unknown: [{ prefix: "locked/" }],
  };
  expect(await look(listing)).toEqual({ kind: "rescan", reason: "a folder cannot be read" });
  expect(await look(listing)).toEqual(same);
  expect(await look({ entries: [] })).toEqual({ kind: "paths", paths: ["locked/a"] });
});

it("a file that is gone is told again after a minute, since its folder may know that before it does, and then no more", async () => {
  const look = looker([row]);
  const told: Looked[] = [];
  for (let i = 0; i < 20; i++) {
    told.push(await look({ entries: [] }));
    await fixture.clock.advance(10_000);
  }
  const gone: Looked = { kind: "paths", paths: ["k"] };
  expect(told.flatMap((looked, i) => (looked.kind === "same" ? [] : [[i, looked]]))).toEqual([
    [0, gone],
    [6, gone],
  ]);
});

it("a file that changed this moment is told again, since it may change once more and show the same times", async () => {
  const look = looker();
  const now = fixture.clock.now();
  const entries = [entryOf({ signature: { ...signature, ctimeMs: now } })];
  expect(await look({ entries })).toEqual({ kind: "paths", paths: ["k"] });
  await fixture.clock.advance(10_000);
  expect(await look({ entries })).toEqual({ kind: "paths", paths: ["k"] });
  await fixture.clock.advance(10_000);
  expect(await look({ entries })).toEqual(same);
});

const HASHED = 2_000_000 as EpochMs;
const signature = { size: 1, mtimeMs: 1_000_001, ctimeMs: 1_000_002, inode: 7 };

function entryOf({ key = keyOf("k"), size = 1, ...more }: Partial<Entry> & { readonly size?: number } = {}): Entry {
  return {
    key,
    fingerprint: undefined,
    metadata: undefined,
    expiration: undefined,
    ttlSeconds: undefined,
    size,
    signature: { ...signature, size },
    binary: undefined,
    ...more,
  };
}

const row = { ...entryOf(), hashedAt: HASHED, agreedAt: HASHED, previous: undefined } as unknown as BaseRow;

it.each<readonly [string, Entry | undefined, BaseRow | undefined, boolean]>([
  ["neither is there", undefined, undefined, false],
  ["a new file", entryOf(), undefined, true],
  ["a file that is gone", undefined, row, true],
  ["the same file", entryOf(), row, false],
  ["another size", entryOf({ size: 2 }), row, true],
  ["another time", entryOf({ signature: { ...signature, mtimeMs: 5 } }), row, true],
  ["another time of the last change", entryOf({ signature: { ...signature, ctimeMs: 1_000_003 } }), row, true],
  ["another inode, as network file systems give", entryOf({ signature: { ...signature, inode: 8 } }), row, false],
  ["other metadata", entryOf({ metadata: "1" }), row, true],
  [
    "a time to live by rule, which an expiration does",
    entryOf({ ttlSeconds: 60 }),
    { ...row, expiration: 9 as never },
    false,
  ],
  ["a base that knows no file", entryOf(), { ...row, signature: undefined }, true],
  ["a file that changed while it was hashed", entryOf(), { ...row, hashedAt: 1_000_003 as EpochMs }, true],
])("whether a file is to be looked at: %s", (_, entry, base, expected) => {
  expect(isDifferent(entry, base)).toBe(expected);
});
