// The rounds of one mapping: what they do, what they cost and what they tell, over real files and the embedded server.

import { cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MappingRounds, RoundReport } from "../../../src/mapping/round-port.ts";
import type { EpochSeconds } from "../../../src/core/clock.ts";
import type { Key } from "../../../src/core/key.ts";
import { openHistory } from "../../../src/journal/history.ts";
import { openTrashIndex } from "../../../src/journal/trash-index.ts";
import { bodyOfBytes } from "../../../src/kv/sized-body.ts";
import { outcomeOf } from "../../support/daemon.ts";
import { call, counts, MappingFixture, nameOf } from "../../support/mapping-fixture.ts";

let fixture: MappingFixture;

beforeEach(async () => {
  fixture = new MappingFixture();
  await fixture.open();
});

afterEach(() => fixture.close());

describe("a round", () => {
  it("creates the namespace, writes, and the next one does nothing", async () => {
    fixture.write({ a: "1", "b/c": "2" });
    const rounds = fixture.rounds();
    expect(counts(await rounds.full(call))).toEqual({ written: 2, removed: 0, unchanged: 0, held: 0 });
    await fixture.later();
    const requests = await fixture.requests(async () => {
      expect(counts(await rounds.full(call))).toEqual({ written: 0, removed: 0, unchanged: 2, held: 0 });
    });
    expect(requests).toEqual({ list: 1, total: 1 });
  });

  it("counts what looking costs, for the polling interval: listing, and reading what no stamp tells of", async () => {
    const rounds = await fixture.inStep();
    expect((await rounds.full(call)).readRequests).toBe(1);
    await fixture.put({ foreign: "one", another: "two" });
    // Carrying them over takes a request too, but only this once.
    await rounds.full(call);
    await fixture.later();
    expect((await rounds.full(call)).readRequests).toBe(2);
  });

  it("knows the next time which values without a stamp are no text, so that each is asked for once", async () => {
    const rounds = await fixture.inStep();
    const foreign = Array.from({ length: 40 }, (_, i) => [`f${i}`, i % 10 === 0 ? Buffer.from([255, i]) : `text ${i}`]);
    await fixture.put(Object.fromEntries(foreign) as Record<string, string | Uint8Array>);
    await rounds.full(call);
    await fixture.later();
    const requests = await fixture.requests(() => rounds.full(call));
    expect(requests).toEqual({ list: 1, bulkGet: 1, read: 4, total: 6 });
  });

  it.each(["pull", "two-way"] as const)(
    "comes to an end where keys lack what rules give, or have more (%s)",
    async (mode) => {
      await fixture.rounds().full(call);
      await fixture.put({ "a.json": "1", "b.json": "2", "c.txt": "3" });
      const id = await fixture.namespaceId();
      const expiration = Math.round(fixture.clock.now() / 1000) + 5000;
      await fixture.api.writeValue(id, "d.json" as Key, bodyOfBytes(Buffer.from("4")), {
        metadata: '{"own":1}',
        expiration: expiration as EpochSeconds,
        ttlSeconds: undefined,
      });
      const rules = [{ match: "*.json", ttlSeconds: 3600, metadata: '{"type":"json"}' }];
      const rounds = fixture.rounds({ mode, rules });
      for (let i = 0; i < 3; i++) {
        await rounds.full(call);
        await fixture.later();
      }
      expect(counts(await rounds.full(call))).toEqual({ written: 0, removed: 0, unchanged: 4, held: 0 });
      expect(fixture.files()).toEqual({
        "a.json": "1",
        "b.json": "2",
        "c.txt": "3",
        "d.json": "4",
        "d.json%meta": expect.stringContaining("own") as string,
      });
    },
  );

  it("tells what it did, and writes it to the history", async () => {
    const rounds = await fixture.inStep();
    fixture.write({ k00: "edited" });
    await fixture.put({ k01: "edited there", new: "there" });
    await fixture.delete("k02");
    const { changes } = await rounds.full(call);
    const events = changes.map(({ key, side, event }) => `${event} ${key} ${side}`);
    expect(events.sort()).toEqual(["added new local", "changed k00 remote", "changed k01 local", "removed k02 local"]);
    const lines = openHistory(fixture.journal).list({ mapping: "app", key: "k02", limit: 10 });
    expect(lines.map(({ event, reason }) => `${event}: ${reason}`)).toEqual([
      "removed: the key is gone",
      "added: the file is new",
    ]);
  });

  it("changes nothing when it is only to show", async () => {
    fixture.write({ a: "1" });
    const rounds = fixture.rounds();
    expect((await rounds.full({ ...call, dryRun: true })).result.written).toBe(1);
    await expect(fixture.namespaceId()).rejects.toThrow("no namespace");
    expect(counts(await rounds.full(call)).written).toBe(1);
  });

  it("keeps the trash to its size and age", async () => {
    const rounds = await fixture.inStep({ trash: { keepMs: 3_600_000, maxBytes: 20 } });
    for (const content of ["one", "two", "three", "four", "five"]) {
      await fixture.put({ k00: content.repeat(2), k01: content.repeat(3) });
      await rounds.full(call);
      await fixture.later();
    }
    const index = openTrashIndex(fixture.journal, fixture.stateDir);
    const kept = index.list({ limit: 100 });
    // What was kept within a day is there, whatever its size.
    expect(kept.reduce((bytes, { size }) => bytes + size, 0)).toBeGreaterThan(20);
    await fixture.clock.advance(86_400_000);
    await rounds.full(call);
    const left = index.list({ limit: 100 });
    expect(left.reduce((bytes, { size }) => bytes + size, 0)).toBeLessThanOrEqual(20);
    expect(left.map((item) => Buffer.from(index.read(item)).toString())).toContain("fourfourfour");
    // A look that finds them old, and then a quarter a day.
    for (let day = 0; day <= left.length; day++) {
      await fixture.clock.advance(86_400_000);
      await rounds.full(call);
    }
    expect(index.list({ limit: 100 })).toEqual([]);
  });
});

describe("a token that is refused", () => {
  it("has its account renewed, deletes nothing, and works again with a good one", async () => {
    const rounds = await fixture.inStep();
    fixture.connect("wrong");
    expect(await outcomeOf(rounds.full(call))).toMatchObject({ code: "unauthorized" });
    expect(fixture.renewed).toBe(1);
    fixture.connect("right");
    expect(counts(await rounds.full(call)).unchanged).toBe(20);
  });
});

describe("a round over changed files", () => {
  const dirty = (rounds: MappingRounds, ...paths: readonly string[]): Promise<RoundReport> => rounds.dirty(paths, call);

  it("writes an edited file with two requests in a push: one to see what is there, one to write", async () => {
    const rounds = await fixture.inStep({ mode: "push" });
    fixture.write({ k00: "edited" });
    const requests = await fixture.requests(async () => {
      expect(counts(await dirty(rounds, "k00"))).toMatchObject({ written: 1, removed: 0 });
    });
    expect(requests).toEqual({ bulkGet: 1, bulkWrite: 1, total: 2 });
    expect((await fixture.keys())["k00"]).toBe("edited");
  });

  it("removes a deleted file with two requests in a push, and takes no other key for gone", async () => {
    const rounds = await fixture.inStep({ mode: "push" });
    fixture.remove("k00");
    const requests = await fixture.requests(async () => {
      expect(counts(await dirty(rounds, "k00"))).toMatchObject({ written: 0, removed: 1 });
    });
    expect(requests).toEqual({ bulkGet: 1, bulkDelete: 1, total: 2 });
    expect(Object.keys(await fixture.keys())).toHaveLength(19);
    // The last copy of it, kept from the same answer.
    const trash = openTrashIndex(fixture.journal, fixture.stateDir).list({ mapping: "app", limit: 10 });
    expect(trash.map(({ key, reason }) => [key, reason])).toEqual([["k00", "removed"]]);
  });

  it("costs nothing for a file that is as it was", async () => {
    const rounds = await fixture.inStep({ mode: "push" });
    expect(await fixture.requests(() => dirty(rounds, "k00", "no-such-file"))).toEqual({});
  });

  it("looks at the remote before it writes over it in a two-way", async () => {
    const rounds = await fixture.inStep();
    fixture.write({ k00: "mine", new: "mine" });
    await fixture.put({ k00: "theirs", new: "theirs" });
    const report = await dirty(rounds, "k00", "new");
    expect(report.isFull).toBe(false);
    expect(report.result.conflicts).toBe(2);
    expect(fixture.files()).toMatchObject({ k00: "theirs", new: "theirs" });
    const index = openTrashIndex(fixture.journal, fixture.stateDir);
    const kept = index.list({ limit: 10 }).map((item) => Buffer.from(index.read(item)).toString());
    expect(kept).toEqual(["mine", "mine"]);
  });

  it("keeps what somebody else wrote under a name that is new here", async () => {
    const rounds = await fixture.inStep({ mode: "push" });
    await fixture.put({ new: "theirs" });
    fixture.write({ new: "mine" });
    await dirty(rounds, "new");
    expect((await fixture.keys())["new"]).toBe("mine");
    const index = openTrashIndex(fixture.journal, fixture.stateDir);
    expect(index.list({ limit: 10 }).map((item) => Buffer.from(index.read(item)).toString())).toEqual(["theirs"]);
  });

  it("follows a folder that was moved, both to where it is and from where it was", async () => {
    const rounds = fixture.rounds({ mode: "push" });
    fixture.writeMany(20);
    fixture.write({ "from/a": "1", "from/b/c": "2" });
    await rounds.full(call);
    await fixture.later();
    renameSync(join(fixture.folder, "from"), join(fixture.folder, "to"));
    const report = await dirty(rounds, "from/", "to/");
    expect(report.isFull).toBe(false);
    expect(counts(report)).toMatchObject({ written: 2, removed: 2 });
    expect(Object.keys(await fixture.keys())).toEqual(expect.arrayContaining(["to/a", "to/b/c"]));
    expect(Object.keys(await fixture.keys())).toHaveLength(22);
  });

  it("looks at everything before the first look, on hold, and when the folder is another one", async () => {
    const rounds = fixture.rounds({ mode: "push" });
    fixture.writeMany(20);
    expect((await dirty(rounds, "k00")).isFull).toBe(true);
    await fixture.later();
    expect((await dirty(rounds, "k00")).isFull).toBe(false);
    const copy = join(fixture.dir, "copy");
    cpSync(fixture.folder, copy, { recursive: true });
    rmSync(fixture.folder, { recursive: true });
    renameSync(copy, fixture.folder);
    expect((await dirty(rounds, "k00")).isFull).toBe(true);
    await fixture.later();
    fixture.remove(...Array.from({ length: 15 }, (_, i) => nameOf(i)));
    expect((await rounds.full(call)).hold).toBeDefined();
    expect((await dirty(rounds, "k16")).isFull).toBe(true);
  });

  it("removes no more than a look at everything would: it is held with a plan of all keys", async () => {
    const rounds = await fixture.inStep({ mode: "push" });
    fixture.remove(...Array.from({ length: 15 }, (_, i) => nameOf(i)));
    const report = await dirty(rounds, ...Array.from({ length: 15 }, (_, i) => nameOf(i)));
    expect(report).toMatchObject({ isFull: true, hold: { removes: 15 } });
    expect(Object.keys(await fixture.keys())).toHaveLength(20);
  });

  it("concludes nothing from a folder that is gone", async () => {
    const rounds = await fixture.inStep({ mode: "push" });
    rmSync(fixture.folder, { recursive: true });
    expect(await outcomeOf(dirty(rounds, "k00"))).toMatchObject({ code: "root-missing" });
  });
});
