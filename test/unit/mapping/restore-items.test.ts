// What is brought back from the trash to the folder of its mapping, and what stays as it is.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import { AppError } from "../../../src/core/errors.ts";
import type { Loss } from "../../../src/engine/ports.ts";
import { type HistoryNote, openHistory } from "../../../src/journal/history.ts";
import { type Journal, openJournal } from "../../../src/journal/journal.ts";
import { openTrashIndex, type TrashItem } from "../../../src/journal/trash-index.ts";
import { openTrash } from "../../../src/journal/trash.ts";
import { planRestore } from "../../../src/mapping/plan-restore.ts";
import { compareWithFolder, restoreItems } from "../../../src/mapping/restore-items.ts";
import { mappingOf } from "../../support/daemon.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { type Attributes, keyOf, valueOf } from "../../support/values.ts";

let dir: string;
let folder: string;
let clock: FakeClock;
let journal: Journal;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-restore-"));
  folder = join(dir, "app");
  mkdirSync(folder);
  clock = new FakeClock();
  journal = openJournal({ stateDir: dir, clock });
});

afterEach(() => {
  journal.close();
  rmSync(dir, { recursive: true, force: true });
});

const index = (): ReturnType<typeof openTrashIndex> => openTrashIndex(journal, dir);

/** Keeps a value, and returns its item. */
async function keep(
  key: string,
  content: string,
  loss: Partial<Loss> = {},
  attributes: Attributes = {},
): Promise<TrashItem> {
  const trash = openTrash(journal, { clock, stateDir: dir, mapping: "app" });
  await trash.save([valueOf(clock, key, content, attributes)], { reason: "replaced", side: folder, ...loss });
  return index().list({ limit: 1 })[0]!;
}

function write(path: string, content: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

const read = (path: string): string => readFileSync(join(folder, path), "utf8");

async function restore(items: readonly TrashItem[], replace: boolean, mode?: "pull"): Promise<readonly unknown[]> {
  const mapping = mappingOf({ folder, ...(mode !== undefined && { mode }) });
  const restored = await restoreItems({ clock, journal, stateDir: dir }, mapping, items, { replace });
  return restored.map(({ outcome }) => (outcome instanceof AppError ? outcome.message : outcome));
}

describe("a value of the trash", () => {
  it("comes back with its metadata and expiration, and the history tells of it", async () => {
    const later = clock.now() / 1000 + 3600;
    const item = await keep("a/b", "old", {}, { metadata: '{"x":1}', expiration: later });
    expect(await restore([item], false)).toEqual(["written"]);
    expect(read("a/b")).toBe("old");
    expect(JSON.parse(read("a/b%meta"))).toEqual({ metadata: { x: 1 }, expiration: later });
    expect(openHistory(journal).list({ limit: 1 })).toMatchObject([{ key: "a/b", event: "restored", side: "local" }]);
  });

  it("takes no other's place unless it is to, and then that is in the trash", async () => {
    const item = await keep("k", "old");
    write("k", "new");
    expect(await restore([item], false)).toEqual([
      expect.stringContaining("it exists already, and is not overwritten"),
    ]);
    expect(read("k")).toBe("new");
    expect(await restore([item], true)).toEqual(["written"]);
    expect(read("k")).toBe("old");
    const [kept] = index().list({ limit: 1 });
    expect(kept).toMatchObject({ key: "k", reason: "replaced", side: folder });
    expect(Buffer.from(index().read(kept!)).toString()).toBe("new");
    expect(await restore([item], true)).toEqual(["same"]);
    expect(index().list({ limit: 10 })).toHaveLength(2);
  });

  it("keeps the metadata of what it replaces, too", async () => {
    const item = await keep("k", "old");
    write("k", "new");
    write("k%meta", '{"metadata":"mine"}');
    expect(await restore([item], true)).toEqual(["written"]);
    expect(existsSync(join(folder, "k%meta"))).toBe(false);
    expect(index().list({ limit: 1 })).toMatchObject([{ key: "k", metadata: '"mine"' }]);
  });

  it("follows no link, and one that fails does not keep the others", async () => {
    const items = [await keep("link", "1"), await keep("gone", "2"), await keep("fine", "3")];
    write("../outside", "untouched");
    symlinkSync(join(dir, "outside"), join(folder, "link"));
    rmSync(join(dir, "trash", items[1]!.fingerprint));
    const outcomes = await restore(items, true);
    expect(outcomes).toEqual([
      expect.stringMatching(/could not restore .*link: it is a symbolic link/),
      expect.stringContaining("cannot read what the trash kept"),
      "written",
    ]);
    expect(readFileSync(join(dir, "outside"), "utf8")).toBe("untouched");
    expect(read("fine")).toBe("3");
  });

  it("replaces no file of a pull, whose next round would undo it", async () => {
    const item = await keep("k", "old");
    await expect(restore([item], true, "pull")).rejects.toThrow("would replace the restored file again");
    expect(await restore([item], false, "pull")).toEqual(["written"]);
  });

  it("is compared with what is there before anything is written", async () => {
    const items = [await keep("new", "1"), await keep("same", "2"), await keep("other", "3")];
    write("same", "2");
    write("other", "0");
    const states = await compareWithFolder({ clock, stateDir: dir }, mappingOf({ folder }), items);
    expect([...states.values()]).toEqual(["new", "same", "replaces"]);
  });
});

describe("the files as they were at a time", () => {
  const remote = "local:app";
  const note = (key: string, event: HistoryNote["event"]): void =>
    openHistory(journal).append([
      { at: clock.now(), mapping: "app", key: keyOf(key), side: "remote", event, reason: "so", bytes: 1 },
    ]);
  const plan = (at: EpochMs, prefix = ""): unknown => {
    const found = planRestore({ clock, journal, stateDir: dir }, "app", {
      at,
      isWanted: (key) => key.startsWith(prefix),
    });
    const items = found.items.map((item) => `${item.key} ${Buffer.from(index().read(item)).toString()}`);
    return { ...found, items };
  };

  it("are the first of each key that was kept since", async () => {
    await keep("k", "before");
    const at = clock.now();
    await clock.advance(1000);
    await keep("k", "then");
    await keep("k", "later");
    await keep("j/x", "then", { side: remote, reason: "removed" });
    expect(plan(at)).toEqual({ items: ["j/x then", "k then"], later: 0, notKept: 0 });
    expect(plan(at, "j/")).toEqual({ items: ["j/x then"], later: 0, notKept: 0 });
    expect(plan(clock.now())).toEqual({ items: [], later: 0, notKept: 0 });
  });

  it("are not what somebody else wrote to the namespace, and a push replaced", async () => {
    const at = clock.now();
    await clock.advance(1000);
    await keep("k", "theirs", { side: remote });
    expect(plan(at)).toEqual({ items: [], later: 0, notKept: 0 });
    await keep("k", "mine");
    expect(plan(at)).toEqual({ items: ["k mine"], later: 0, notKept: 0 });
  });

  it("are not the conflict copies that a person let go, which no file of the key held", async () => {
    const at = clock.now();
    await clock.advance(1000);
    await keep("k", "mine", { reason: "conflict-copy" });
    expect(plan(at)).toEqual({ items: [], later: 0, notKept: 0 });
    await keep("k", "theirs");
    expect(plan(at)).toEqual({ items: ["k theirs"], later: 0, notKept: 0 });
  });

  it("are also what a round had kept, and not replaced yet", async () => {
    await keep("k", "there still", { side: remote, reason: "removed" });
    await keep("gone", "gone by then", { side: remote, reason: "removed" });
    await clock.advance(1000);
    note("gone", "removed");
    const at = clock.now();
    await clock.advance(1000);
    note("k", "removed");
    note("gone", "changed");
    expect(plan(at)).toEqual({ items: ["k there still"], later: 0, notKept: 1 });
  });

  it("are not what was kept before, while the clock was ahead", async () => {
    clock.jump(400 * 86_400_000);
    await keep("k", "old");
    note("k", "changed");
    clock.jump(-400 * 86_400_000);
    await keep("j", "so long ago");
    await clock.advance(1000);
    const at = clock.now();
    await clock.advance(1000);
    await keep("k", "then");
    note("k", "changed");
    expect(plan(at)).toEqual({ items: ["k then"], later: 0, notKept: 0 });
  });

  it("are not what was kept before, while the clock was ahead by less than it is now", async () => {
    await clock.advance(1000);
    clock.jump(5000);
    await keep("k", "old");
    clock.jump(-5000);
    await clock.advance(1000);
    await keep("j", "1");
    await keep("j", "2");
    const at = clock.now();
    await clock.advance(60_000);
    expect(plan(at)).toEqual({ items: [], later: 0, notKept: 0 });
  });

  it("are also what was kept since, while the clock was behind", async () => {
    await keep("i", "before");
    const at = clock.now();
    await clock.advance(1000);
    await keep("j", "then");
    clock.jump(-400 * 86_400_000);
    await keep("k", "then");
    clock.jump(400 * 86_400_000);
    await clock.advance(1000);
    expect(plan(at)).toEqual({ items: ["j then", "k then"], later: 0, notKept: 0 });
  });

  it("leave out what came later, and tell of what nobody kept", async () => {
    const at = clock.now();
    await clock.advance(1000);
    note("later", "added");
    await keep("later", "not there then");
    note("later", "changed");
    note("passing", "added");
    note("passing", "removed");
    note("edited", "changed");
    expect(plan(at)).toEqual({ items: [], later: 1, notKept: 1 });
  });
});
