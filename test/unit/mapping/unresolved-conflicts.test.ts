// A conflict waits until a round could tell that it is over, or a person has resolved it [I3].

import { afterEach, beforeEach, expect, it } from "vitest";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import { openHistory } from "../../../src/journal/history.ts";
import { openTrashIndex } from "../../../src/journal/trash-index.ts";
import { openWaitingConflicts } from "../../../src/journal/waiting-conflicts.ts";
import { readMappingOutcome } from "../../../src/mapping/mapping-outcome.ts";
import { planRestore } from "../../../src/mapping/plan-restore.ts";
import type { MappingRounds } from "../../../src/mapping/round-port.ts";
import { call, MappingFixture } from "../../support/mapping-fixture.ts";

let fixture: MappingFixture;
let rounds: MappingRounds;

const shown = (text: string): string => fingerprintOf(Buffer.from(text));
const waiting = () => openWaitingConflicts(fixture.journal).list("app");
const keysWaiting = () => waiting().map(({ key }) => key);

beforeEach(async () => {
  fixture = new MappingFixture();
  await fixture.open();
  rounds = await fixture.inStep({ mode: "two-way", conflict: "hold" });
  fixture.write({ k03: "mine" });
  await fixture.put({ k03: "theirs" });
  await fixture.later();
  await rounds.full(call);
  expect(keysWaiting()).toEqual(["k03"]);
});

afterEach(() => fixture.close());

it("waits on when a choice is refused, since another version was shown", async () => {
  const choice = { key: "k03", keep: "local", local: shown("other"), remote: shown("theirs") } as const;
  const before = waiting();
  await expect(rounds.resolve(choice, call)).rejects.toMatchObject({ code: "plan-outdated" });
  expect(waiting()).toEqual(before);
  fixture.write({ k05: "edit" });
  await fixture.later();
  expect((await rounds.dirty(["k05"], call)).waitingConflicts).toBe(1);
});

it("waits on while its file cannot be told, and is as old as it is", async () => {
  const [{ since } = { since: undefined }] = waiting();
  fixture.write({ "k03%meta": "{broken" });
  await fixture.later();
  const dirty = await rounds.dirty(["k03%meta", "k03"], call);
  expect(dirty.problems).toMatchObject([{ code: "metadata-invalid" }]);
  expect(dirty.waitingConflicts).toBe(1);
  const full = await rounds.full(call);
  expect(full.waitingConflicts).toBe(1);
  expect(waiting()).toMatchObject([{ key: "k03", since }]);
});

it.each([
  ["both sides hold the same", { k03: "theirs" }],
  ["the edit was taken back", { k03: "value 3" }],
])("is over when %s", async (_, files) => {
  fixture.write(files);
  await fixture.later();
  expect((await rounds.dirty(["k03"], call)).waitingConflicts).toBe(0);
  expect(keysWaiting()).toEqual([]);
  await rounds.full(call);
  expect(fixture.files()["k03"]).toBe("theirs");
});

it("is over when a person has resolved it, or neither side has the key", async () => {
  fixture.write({ k04: "mine" });
  await fixture.put({ k04: "theirs" });
  await fixture.later();
  await rounds.full(call);
  await rounds.resolve({ key: "k03", keep: "local" }, call);
  expect(keysWaiting()).toEqual(["k04"]);
  fixture.remove("k04");
  await fixture.delete("k04");
  await fixture.later();
  expect((await rounds.full(call)).waitingConflicts).toBe(0);
});

it("is not taken for an old conflict copy of its key, also where the journal does not know of it", async () => {
  const copy = "k03%conflict-20261129T072119Z-1";
  fixture.write({ [copy]: "old mine" });
  openWaitingConflicts(fixture.journal).clear("app");
  await expect(rounds.resolve({ key: "k03", keep: "local" }, call)).rejects.toMatchObject({ code: "usage" });
  await expect(rounds.conflict({ key: "k03" }, call.signal)).rejects.toMatchObject({ code: "usage" });
  expect(fixture.files()).toMatchObject({ k03: "mine", [copy]: "old mine" });
  await rounds.resolve({ key: "k03", keep: "remote", copy }, call);
  await rounds.resolve({ key: "k03", keep: "local" }, call);
  expect((await fixture.keys())["k03"]).toBe("mine");
});

it("is in the trash as what it was when a conflict copy is let go, so that no moment is restored to it", async () => {
  const path = "k05%conflict-20261129T072119Z-1";
  fixture.write({ [path]: "let go" });
  const at = fixture.clock.now();
  await fixture.later();
  await rounds.resolve({ key: "k05", keep: "remote", copy: path }, call);
  const { clock, journal, stateDir } = fixture;
  expect(openTrashIndex(journal, stateDir).list({ mapping: "app", limit: 10 })).toMatchObject([
    { key: "k05", reason: "conflict-copy" },
  ]);
  expect(planRestore({ clock, journal, stateDir }, "app", { at, isWanted: () => true }).items).toEqual([]);
});

it("when it is resolved, does not make a failure of the mapping over that stands", async () => {
  fixture.connect("wrong");
  await expect(rounds.full(call)).rejects.toMatchObject({ code: "unauthorized" });
  fixture.connect("right");
  await rounds.resolve({ key: "k03", keep: "local" }, call);
  expect(readMappingOutcome(fixture.journal, "app")?.error).toMatchObject({ code: "unauthorized" });
  await rounds.full(call);
  expect(readMappingOutcome(fixture.journal, "app")?.error).toBe(null);
});

it.each(["all", "owned"] as const)(
  "in a pull with delete: %s, the copy is kept as a file only if it stays",
  async (deletes) => {
    const copy = "k05%conflict-20261129T072119Z-1";
    fixture.write({ [copy]: "mine" });
    const pull = fixture.rounds({ mode: "pull", delete: deletes });
    await pull.full(call);
    const resolved = pull.resolve({ key: "k05", keep: "both", copy }, call);
    if (deletes === "all") await expect(resolved).rejects.toMatchObject({ code: "usage" });
    else expect((await resolved).resolved.done).toContain("It stays in the folder");
    await fixture.later();
    await pull.full(call);
    expect(Object.values(fixture.files())).toContain("mine");
  },
);

it("a copy that is to have the name again replaces no file that came since it was shown that there is none", async () => {
  const copy = "new%conflict-20261129T072119Z-1";
  fixture.write({ [copy]: "mine" });
  const choice = { key: "new", keep: "local", copy, remote: "none" } as const;
  fixture.write({ new: "came meanwhile" });
  await expect(rounds.resolve(choice, call)).rejects.toMatchObject({ code: "plan-outdated" });
  fixture.remove("new");
  await rounds.resolve(choice, call);
  expect(fixture.files()["new"]).toBe("mine");
});

it("whose sides have become alike is no choice of a person, and nothing of it counts as lost", async () => {
  const { clock, journal, stateDir } = fixture;
  const at = fixture.clock.now();
  await fixture.later();
  fixture.write({ k03: "theirs" });
  await fixture.later();
  const { resolved } = await rounds.resolve({ key: "k03", keep: "local" }, call);
  expect(resolved.done).toBe("both sides hold the same by now");
  expect(openHistory(journal).list({ mapping: "app", event: "resolved", limit: 10 })).toEqual([]);
  const path = "k05%conflict-20261129T072119Z-1";
  fixture.write({ [path]: "let go" });
  await rounds.resolve({ key: "k05", keep: "remote", copy: path }, call);
  expect(openHistory(journal).list({ mapping: "app", event: "resolved", limit: 10 })).toHaveLength(1);
  expect(planRestore({ clock, journal, stateDir }, "app", { at, isWanted: () => true })).toMatchObject({ notKept: 0 });
});

it.each(["local", "remote", "both"] as const)(
  "is no choice of %s where the key is in none, and another version is said to have been shown",
  async (keep) => {
    const files = fixture.files();
    for (const choice of [{ local: shown("wrong") }, { remote: shown("wrong") }])
      await expect(rounds.resolve({ key: "k05", keep, ...choice }, call)).rejects.toMatchObject({
        code: "plan-outdated",
      });
    expect(fixture.files()).toEqual(files);
  },
);

it("is told why when the local version expires too soon to be kept", async () => {
  fixture.write({ "k03%meta": JSON.stringify({ expiration: Math.round(fixture.clock.now() / 1000) + 150 }) });
  await fixture.later();
  await expect(rounds.resolve({ key: "k03", keep: "local" }, call)).rejects.toMatchObject({
    code: "failed",
    message: expect.stringContaining("expired"),
    hint: expect.stringContaining("another expiration"),
  });
  expect(keysWaiting()).toEqual(["k03"]);
});
