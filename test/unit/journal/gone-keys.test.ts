// Keys that are gone and whose removal waits, as the journal keeps them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import { openBase } from "../../../src/journal/base.ts";
import { clockJump, type Look } from "../../../src/journal/clock-jump.ts";
import { type GoneKeyTable, openGoneKeys } from "../../../src/journal/gone-keys.ts";
import { type Journal, JOURNAL_FILE, openJournal } from "../../../src/journal/journal.ts";
import { MIGRATIONS } from "../../../src/journal/schema.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { keyOf } from "../../support/values.ts";

const HOUR = 3_600_000;
const SIDE = "net:app";

let stateDir: string;
let clock: FakeClock;
let journal: Journal;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "kvsync-gone-"));
  clock = new FakeClock();
  journal = openJournal({ stateDir, clock });
});

afterEach(() => {
  journal.close();
  rmSync(stateDir, { recursive: true, force: true });
});

function openPair(name = "pair"): GoneKeyTable {
  openBase(journal, name);
  return openGoneKeys(journal, name);
}

const goneOf = (...names: readonly string[]) => names.map((name) => ({ key: keyOf(name), side: SIDE }));

function note(gone: GoneKeyTable, fresh: readonly string[], over: readonly string[] = []): void {
  gone.note({ fresh: goneOf(...fresh), over: over.map(keyOf), now: clock.now() });
}

describe("keys that are gone", () => {
  it("outlive the process, with the time since when they are, a pair and a side each", () => {
    note(openPair(), ["a", "ä"]);
    const since = clock.now();
    journal.close();
    journal = openJournal({ stateDir, clock });
    const gone = openPair();
    expect(gone.since({ key: keyOf("ä"), side: SIDE })).toBe(since);
    expect(gone.since({ key: keyOf("a"), side: "/srv/app" })).toBeUndefined();
    expect(openPair("other").since({ key: keyOf("a"), side: SIDE })).toBeUndefined();
  });

  it("are found by their place in the order of keys, and by name", () => {
    const gone = openPair();
    note(gone, ["c", "a", "b", "\uff5e", "\u{1f600}"]);
    note(openPair("other"), ["b1"]);
    expect(gone.between(undefined, keyOf("b"))).toEqual(["a", "b"]);
    expect(gone.between(keyOf("b"), keyOf("bb"))).toEqual([]);
    expect(gone.between(keyOf("b"), undefined)).toEqual(["c", "\uff5e", "\u{1f600}"]);
    expect(gone.among([keyOf("c"), keyOf("b1")])).toEqual(["c"]);
  });

  it("are not any more when they are back, or removed, or agreed on anew", () => {
    const base = openBase(journal, "pair");
    const gone = openPair();
    note(gone, ["back", "removed", "agreed", "stays"]);
    note(gone, [], ["back"]);
    const row = { key: keyOf("agreed"), fingerprint: "x", size: 1, hashedAt: 1, agreedAt: 1 } as never;
    base.commit({ record: [row], forget: [keyOf("removed")], now: clock.now() });
    expect(gone.between(undefined, undefined)).toEqual(["stays"]);
    gone.clear();
    expect(gone.between(undefined, undefined)).toEqual([]);
  });

  it("tell how many wait, and which of them is the next to be removed", async () => {
    const gone = openPair();
    expect(gone.waiting(clock.now(), HOUR)).toBeUndefined();
    note(gone, ["a"]);
    await clock.advance(HOUR / 2);
    note(gone, ["b", "c"]);
    expect(gone.waiting(clock.now(), HOUR)).toEqual({ keys: 3, since: clock.now() - HOUR / 2 });
    // What could not be removed in its time is no reason to wake for.
    await clock.advance(HOUR / 2);
    expect(gone.waiting(clock.now(), HOUR)).toEqual({ keys: 2, since: clock.now() - HOUR / 2 });
    await clock.advance(HOUR / 2);
    expect(gone.waiting(clock.now(), HOUR)).toBeUndefined();
  });

  it.each([
    ["ahead", 40 * 24 * HOUR],
    ["back", -40 * 24 * HOUR],
  ])("have been so for as long as they have where the clock is set %s", async (_, jump) => {
    const gone = openPair();
    gone.followClock(clock);
    note(gone, ["a"]);
    await clock.advance(HOUR / 4);
    clock.jump(jump);
    gone.followClock(clock);
    gone.followClock(clock);
    expect(gone.since({ key: keyOf("a"), side: SIDE })).toBe(clock.now() - HOUR / 4);
  });

  it("have their place in a journal that an older kvsync has written, which keeps what was in it", () => {
    journal.close();
    const path = join(stateDir, JOURNAL_FILE);
    rmSync(path);
    const before = MIGRATIONS.findIndex((step) => step.includes("gone_key"));
    const file = new DatabaseSync(path);
    for (const step of MIGRATIONS.slice(0, before)) file.exec(step);
    file.exec(`PRAGMA user_version = ${before}`);
    file.prepare("INSERT INTO pair (identity) VALUES ('pair')").run();
    file.close();
    journal = openJournal({ stateDir, clock });
    const gone = openGoneKeys(journal, "pair");
    note(gone, ["a"]);
    expect(gone.between(undefined, undefined)).toEqual(["a"]);
  });
});

const look = (at: number, monotonic: number, boot = "one"): Look => ({ at: at as EpochMs, monotonic, boot });

it.each<[string, last: Look, now: Look, jump: number]>([
  ["goes on", look(1000, 50), look(1_001_000, 1_000_050), 0],
  ["drifts", look(1000, 50), look(1_030_000, 1_000_050), 0],
  ["is set ahead", look(0, 50), look(500_000, 100_050), 400_000],
  ["is set back", look(500_000, 50), look(0, 50), -500_000],
  ["is that of a machine that was started", look(0, 50, ""), look(500_000, 1, ""), 0],
  ["is that of a machine that starts for each look", look(0, 60), look(86_400_000, 65, "another"), 0],
])("a clock that %s", (_, last, now, jump) => expect(clockJump(last, now)).toBe(jump));
