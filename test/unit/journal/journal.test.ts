// The journal on a real disk: what survives, what is put aside, and who may hold it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { baseWithFilter } from "../../../src/journal/base-with-filter.ts";
import type { EpochMs } from "../../../src/core/clock.ts";
import { compareUtf8 } from "../../../src/core/key.ts";
import { decodePrevious } from "../../../src/core/previous-version.ts";
import { isNews } from "../../../src/core/settle.ts";
import { openBase } from "../../../src/journal/base.ts";
import { JOURNAL_FILE, openJournal } from "../../../src/journal/journal.ts";
import { openStateLock } from "../../../src/journal/lock.ts";
import type { PairStore, NewBaseRow } from "../../../src/engine/ports.ts";
import { MIGRATIONS } from "../../../src/journal/schema.ts";
import { openTrash } from "../../../src/journal/trash.ts";
import { HOSTILE_KEYS } from "../../conformance/replica-suite.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { collect, entryOf, keyOf, valueOf } from "../../support/values.ts";

let stateDir: string;
const clock = new FakeClock();
const NOW = clock.now();

/** Rows as they were recorded, without what they were before. */
async function rows(base: PairStore): Promise<readonly unknown[]> {
  return (await collect(base.scan())).map(({ previous: _, ...row }) => row);
}

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "kvsync-journal-"));
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

function rowOf(key: string, content: string): NewBaseRow {
  const entry = entryOf(key, content);
  return {
    key: entry.key,
    fingerprint: entry.fingerprint!,
    metadata: undefined,
    expiration: undefined,
    size: content.length,
    binary: undefined,
    signature: undefined,
    hashedAt: 1 as EpochMs,
    agreedAt: 2 as EpochMs,
  };
}

describe("the base", () => {
  it("names the keys below a prefix, those that are gone among them, and no others", () => {
    const base = openBase(openJournal({ stateDir, clock }), "pair");
    const keys = ["a", "a/", "a/b", "a/\u{10ffff}", "a/\u{10ffff}/c", "a0", "b/\u00ff", "b/\u00ff1", "b/\u0100"];
    base.commit({ record: keys.map((key) => rowOf(key, key)), forget: [], now: NOW });
    base.commit({ record: [], forget: [keyOf("a/b")], now: NOW });
    expect(base.keysBelow("a/", 10)).toEqual(["a/", "a/b", "a/\u{10ffff}", "a/\u{10ffff}/c"]);
    expect(base.keysBelow("a/", 2)).toEqual(["a/", "a/b"]);
    expect(base.keysBelow("b/\u00ff", 10)).toEqual(["b/\u00ff", "b/\u00ff1"]);
    expect(base.keysBelow("", 100)).toEqual(keys);
    expect(base.keysBelow("c/", 10)).toEqual([]);
    // Of a filtered one, as many as there are, however many others lie between them.
    const filtered = baseWithFilter(base, (key) => key !== "a/" && key !== "a/b");
    expect(filtered.keysBelow("a/", 1)).toEqual(["a/\u{10ffff}"]);
    expect(filtered.keysBelow("a/", 3)).toEqual(["a/\u{10ffff}", "a/\u{10ffff}/c"]);
  });

  it("gives back its rows in byte order, over pages, as they were recorded", async () => {
    const journal = openJournal({ stateDir, clock });
    const base = openBase(journal, "pair");
    const signature = { size: 3, mtimeMs: 1_700_000_000_123.5, ctimeMs: 1_700_000_000_000.25, inode: 2 ** 52 };
    const recorded = [...HOSTILE_KEYS, ...Array.from({ length: 2100 }, (_, i) => `n/${i}`)].map((key) => ({
      ...rowOf(key, "abc"),
      signature,
      metadata: '{"a":1}',
    }));
    base.commit({ record: recorded, forget: [], now: NOW });
    expect(await rows(base)).toEqual(recorded.toSorted((a, b) => compareUtf8(a.key, b.key)));
    journal.close();
  });

  it("keeps pairs apart, replaces rows and forgets keys", async () => {
    const journal = openJournal({ stateDir, clock });
    const [one, two] = [openBase(journal, "one"), openBase(journal, "two")];
    one.commit({ record: [rowOf("a", "1"), rowOf("b", "2")], forget: [], now: NOW });
    two.commit({ record: [rowOf("a", "other")], forget: [], now: NOW });
    one.commit({ record: [rowOf("a", "new")], forget: [rowOf("b", "").key], now: NOW });
    expect(await rows(one)).toEqual([rowOf("a", "new"), { key: "b", gone: true }]);
    expect(await rows(two)).toEqual([rowOf("a", "other")]);
    journal.close();
  });

  it("remembers what a key was before, newest first, and for a day what is gone", async () => {
    const journal = openJournal({ stateDir, clock });
    const base = openBase(journal, "pair");
    const at = (ms: number): EpochMs => (NOW + ms) as EpochMs;
    const [one, two] = [rowOf("a", "1"), rowOf("a", "2")];
    base.commit({ record: [one], forget: [], now: at(1) });
    base.commit({ record: [{ ...one, hashedAt: at(5) }], forget: [], now: at(2) });
    base.commit({ record: [two], forget: [], now: at(3) });
    base.commit({ record: [], forget: [two.key], now: at(4) });
    const [tombstone] = await collect(base.scan());
    expect(decodePrevious(tombstone?.previous ?? "")).toEqual([
      [two.fingerprint, null, null, NOW + 4],
      [one.fingerprint, null, null, NOW + 3],
    ]);
    base.commit({ record: [], forget: [], now: at(86_400_005) });
    expect(await collect(base.scan())).toEqual([]);
    journal.close();
  });

  it("forgets no version of the last minutes, however many there are and whatever metadata they had", async () => {
    const journal = openJournal({ stateDir, clock });
    const base = openBase(journal, "pair");
    const at = (ms: number): EpochMs => (NOW + ms) as EpochMs;
    const versions = Array.from({ length: 300 }, (_, i) => {
      return { ...rowOf("a", `version ${i}`), metadata: JSON.stringify({ note: `${i} ${"x".repeat(900)}` }) };
    });
    for (const [i, row] of versions.entries()) base.commit({ record: [row], forget: [], now: at(i * 1000) });
    const [last] = base.lookup([keyOf("a")]);
    const previous = decodePrevious(last!.previous!);
    expect(previous.map(([fingerprint]) => fingerprint)).toEqual(
      versions
        .slice(0, -1)
        .map((row) => row.fingerprint)
        .toReversed(),
    );
    const { fingerprint, metadata } = versions[0]!;
    const shown = { ...entryOf("a", "version 0"), metadata };
    const past = { base: undefined, previous: last!.previous, unsettled: [] };
    expect([shown.fingerprint, isNews(shown, past)]).toEqual([fingerprint, false]);
    expect(isNews({ ...shown, metadata: '{"other":1}' }, past)).toBe(true);
    // Half an hour later they are of no use.
    base.commit({ record: [rowOf("a", "later")], forget: [], now: at(1_800_000) });
    expect(decodePrevious(base.lookup([keyOf("a")])[0]!.previous!)).toHaveLength(1);
    journal.close();
  });

  it("remembers when both sides agreed on a version, which finding it again does not change", () => {
    const journal = openJournal({ stateDir, clock });
    const base = openBase(journal, "pair");
    const agreed = (agreedAt: number): NewBaseRow => ({ ...rowOf("a", "1"), agreedAt: agreedAt as EpochMs });
    const shown = (): unknown => base.lookup([keyOf("a")])[0];
    base.commit({ record: [agreed(10)], forget: [], now: NOW });
    base.commit({ record: [agreed(20)], forget: [], now: NOW });
    expect(shown()).toMatchObject({ agreedAt: 10 });
    base.commit({ record: [agreed(30)], forget: [], now: NOW, overwrites: true });
    expect(shown()).toMatchObject({ agreedAt: 30 });
    base.commit({ record: [{ ...rowOf("a", "2"), agreedAt: 40 as EpochMs }], forget: [], now: NOW });
    expect(shown()).toMatchObject({ agreedAt: 40 });
    journal.close();
  });

  it("dates anew what a clock that was wrong has dated ahead, and nothing else", () => {
    const journal = openJournal({ stateDir, clock });
    const base = openBase(journal, "pair");
    const ahead = (NOW + 400 * 86_400_000) as EpochMs;
    const row = (key: string, content: string, agreedAt: EpochMs): NewBaseRow => ({ ...rowOf(key, content), agreedAt });
    base.commit({ record: [row("old", "1", NOW)], forget: [], now: NOW });
    base.commit({ record: [row("a", "1", ahead), row("gone", "1", ahead)], forget: [], now: ahead });
    base.commit({ record: [row("a", "2", ahead)], forget: [keyOf("gone")], now: ahead });
    base.rememberUnsettled([entryOf("g", "seen")], ahead);
    const later = (NOW + 5000) as EpochMs;
    base.redate(later);
    const [old, a, gone] = base.lookup(["old", "a", "gone"].map(keyOf));
    expect(old).toMatchObject({ agreedAt: NOW });
    expect(a).toMatchObject({ agreedAt: later });
    expect([a, gone].map((found) => decodePrevious(found!.previous!)[0]![3])).toEqual([later, later]);
    expect(base.unsettled().get(keyOf("g"))).toMatchObject([{ at: later }]);
    // A tombstone of the wrong clock does not stay for 400 days.
    base.commit({ record: [], forget: [], now: (later + 86_400_001) as EpochMs });
    expect(base.lookup([keyOf("gone")])).toEqual([]);
    journal.close();
  });

  it("is there again after the journal is opened anew", async () => {
    const first = openJournal({ stateDir, clock });
    openBase(first, "pair").commit({ record: [rowOf("a", "1")], forget: [], now: NOW });
    first.close();
    const second = openJournal({ stateDir, clock });
    expect(await rows(openBase(second, "pair"))).toEqual([rowOf("a", "1")]);
    second.close();
  });
});

describe("a journal file", () => {
  it("that is damaged is put aside, whole, and a new one begun", () => {
    writeFileSync(
      join(stateDir, JOURNAL_FILE),
      "this is no database, and long enough to be read as a header of one".repeat(100),
    );
    const journal = openJournal({ stateDir, clock });
    expect(journal.replaced).toMatch(/journal\.sqlite\.damaged-/);
    expect(readFileSync(journal.replaced!, "utf8")).toContain("this is no database");
    journal.close();
  });

  it("of an older kvsync is brought up to date, with what it remembers", () => {
    const file = new DatabaseSync(join(stateDir, JOURNAL_FILE));
    for (const step of MIGRATIONS.slice(0, 2)) file.exec(step);
    file.exec(`
      PRAGMA user_version = 2;
      INSERT INTO pair VALUES (1, 'pair');
      INSERT INTO glimpse VALUES (1, CAST('k' AS BLOB), 'f', NULL, NULL, 3, 0, 5);
    `);
    file.close();
    const journal = openJournal({ stateDir, clock });
    expect([...openBase(journal, "pair").unsettled().values()]).toMatchObject([
      [{ entry: { key: "k", fingerprint: "f", size: 3, binary: false }, at: 5 }],
    ]);
    journal.close();
  });

  it("of a newer kvsync is refused, and left as it is", () => {
    const newer = new DatabaseSync(join(stateDir, JOURNAL_FILE));
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    expect(() => openJournal({ stateDir, clock })).toThrow(expect.objectContaining({ code: "state-damaged" }));
  });
});

describe("the state lock", () => {
  it("is held by one process at a time, and dies with it", async () => {
    const script = `import { openStateLock } from ${JSON.stringify(join(import.meta.dirname, "../../../src/journal/lock.ts"))};
      globalThis.lock = openStateLock(process.argv[1]); console.log("held"); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", script, stateDir], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(holder.stdout, "data");
      expect(() => openStateLock(stateDir)).toThrow(expect.objectContaining({ code: "locked" }));
    } finally {
      holder.kill("SIGKILL");
      await once(holder, "exit");
    }
    openStateLock(stateDir).close();
  });
});

describe("the trash", () => {
  it("has its index on disk before what held the value is touched, and only this is waited for", async () => {
    const journal = openJournal({ stateDir, clock });
    const { database } = journal;
    const levels: unknown[] = [];
    const level = (): unknown => database.prepare("PRAGMA synchronous").get()!["synchronous"];
    const [normal, full] = [1, 2];
    database.function("note", (found) => (levels.push(found), null));
    database.exec(`CREATE TEMP TRIGGER noted AFTER INSERT ON main.trash
      BEGIN SELECT note((SELECT synchronous FROM pragma_synchronous)); END`);
    const trash = openTrash(journal, { clock, stateDir, mapping: "m" });
    await trash.save([valueOf(clock, "a", "x")], { reason: "replaced", side: "local" });
    expect([levels, level()]).toEqual([[full], normal]);
    database.exec("DROP TABLE main.trash");
    await expect(trash.save([valueOf(clock, "a", "y")], { reason: "replaced", side: "local" })).rejects.toThrow();
    expect(level()).toBe(normal);
    journal.close();
  });

  it("keeps each content once, and a row for each value", async () => {
    const journal = openJournal({ stateDir, clock });
    const trash = openTrash(journal, { clock, stateDir, mapping: "m" });
    await trash.save([valueOf(clock, "a", "same"), valueOf(clock, "b", "same")], { reason: "replaced", side: "local" });
    await trash.save([valueOf(clock, "a", "", { metadata: '{"m":1}' })], { reason: "removed", side: "local" });
    expect(readdirSync(join(stateDir, "trash"))).toHaveLength(2);
    const rows = journal.database
      .prepare("SELECT CAST(key AS TEXT) AS key, size, reason, metadata FROM trash ORDER BY id")
      .all();
    expect(rows.map((row) => ({ ...row }))).toEqual([
      { key: "a", size: 4, reason: "replaced", metadata: null },
      { key: "b", size: 4, reason: "replaced", metadata: null },
      { key: "a", size: 0, reason: "removed", metadata: '{"m":1}' },
    ]);
    expect(readFileSync(join(stateDir, "trash", entryOf("a", "same").fingerprint!), "utf8")).toBe("same");
    journal.close();
  });

  it.each(["", "sbme", "same and more"])(
    "does not take a file with %j for the content it is named for",
    async (text) => {
      const journal = openJournal({ stateDir, clock });
      const trash = openTrash(journal, { clock, stateDir, mapping: "m" });
      const file = join(stateDir, "trash", entryOf("a", "same").fingerprint!);
      await trash.save([valueOf(clock, "a", "same")], { reason: "replaced", side: "local" });
      writeFileSync(file, text);
      writeFileSync(`${file}.tmp`, "left behind");
      await trash.save([valueOf(clock, "b", "same")], { reason: "replaced", side: "local" });
      expect(readFileSync(file, "utf8")).toBe("same");
      expect(readdirSync(join(stateDir, "trash"))).toHaveLength(1);
      journal.close();
    },
  );

  it("refuses, rather than lose a value, when it cannot keep it", async () => {
    const journal = openJournal({ stateDir, clock });
    writeFileSync(join(stateDir, "trash"), "in the way");
    const trash = openTrash(journal, { clock, stateDir, mapping: "m" });
    await expect(trash.save([valueOf(clock, "a", "x")], { reason: "replaced", side: "local" })).rejects.toMatchObject({
      code: "io",
    });
    journal.close();
  });
});
