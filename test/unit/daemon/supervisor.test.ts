// All mappings together: which run, what can be asked of them, and what becomes of them when the config or the folders
// under `auto` change.

import { beforeEach, describe, expect, it } from "vitest";
import type { Config, MappingConfig } from "../../../src/config/config.ts";
import { AppError } from "../../../src/core/errors.ts";
import type { DaemonEvent } from "../../../src/daemon/daemon-event.ts";
import { openHeartbeats } from "../../../src/daemon/heartbeats.ts";
import { openSupervisor, type Supervisor } from "../../../src/daemon/loop/supervisor.ts";
import { type Journal, openScratchJournal } from "../../../src/journal/journal.ts";
import { openHolds } from "../../../src/journal/holds.ts";
import { openPauses } from "../../../src/journal/pauses.ts";
import {
  accountOf,
  holdOf,
  mappingOf,
  outcomeOf,
  type Script,
  type ScriptedRounds,
  scriptedRounds,
  spokenWatcher,
} from "../../support/daemon.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

let clock: FakeClock;
let rounds: Map<string, ScriptedRounds>;
let scripts: Record<string, Script[]>;
/** How long the rounds of a mapping take. */
let durations: Record<string, number>;
let events: DaemonEvent[];
let folders: string[] | Error;
let supervisor: Supervisor;
let journal: Journal;

beforeEach(() => {
  clock = new FakeClock();
  journal = openScratchJournal();
  rounds = new Map();
  scripts = {};
  durations = {};
  events = [];
  folders = [];
});

function configOf(mappings: readonly MappingConfig[], auto?: object): Config {
  const { name: _, folder: __, namespace: ___, prefix: ____, ...policy } = mappingOf();
  return {
    file: "/nowhere/kvsync.yaml",
    stateDir: "/nowhere/.kvsync",
    root: "/nowhere/kv",
    trash: { keepMs: 86_400_000, maxBytes: 1_000_000 },
    accounts: new Map([["local", accountOf()]]),
    mappings: new Map(mappings.map((mapping) => [mapping.name, mapping])),
    repositories: new Map(),
    backups: new Map(),
    onMigration: undefined,
    page: undefined,
    notify: [],
    auto: auto === undefined ? undefined : { ...policy, root: "/nowhere/kv", ...auto },
  };
}

const named = (name: string, overrides: Partial<MappingConfig> = {}): MappingConfig =>
  mappingOf({ name, folder: `/nowhere/${name}`, namespace: name, ...overrides });

async function start(config: Config, only: readonly string[] = []): Promise<void> {
  supervisor = openSupervisor({
    clock,
    config,
    only,
    pauses: openPauses(journal, clock),
    openRounds: ({ name }) => {
      const opened = scriptedRounds(clock);
      opened.script.push(...(scripts[name] ?? []));
      opened.durationMs = durations[name] ?? 0;
      rounds.set(name, opened);
      return opened;
    },
    openWatcher: (_, watchEvents) => spokenWatcher().open(watchEvents),
    listFolders: () => {
      if (folders instanceof Error) throw folders;
      return folders;
    },
    isWaiting: () => false,
    heartbeats: openHeartbeats(clock),
    onEvent: (event) => events.push(event),
  });
  await clock.advance(0);
}

async function stop(graceMs = 0): Promise<void> {
  const stopped = supervisor.stop(graceMs);
  await clock.advance(graceMs);
  await stopped;
}

async function settled<T>(work: Promise<T>): Promise<T> {
  await clock.advance(SECOND);
  return work;
}

const states = () => Object.fromEntries(supervisor.mappings().map(({ mapping, state }) => [mapping, state]));
const started = () => events.flatMap((event) => (event.kind === "started" ? [event.mapping.name] : []));
const stopped = () => events.flatMap((event) => (event.kind === "stopped" ? [event.mapping.name] : []));

describe("a supervisor", () => {
  it("runs all mappings of the config, and one that fails does not keep the others from theirs", async () => {
    scripts["b"] = Array.from({ length: 100 }, () => new AppError("unauthorized", "refused"));
    await start(configOf([named("a"), named("b"), named("c")]));
    expect(states()).toEqual({ a: "in-step", b: "error", c: "in-step" });
    await clock.advance(5 * MINUTE);
    expect(rounds.get("a")?.calls.length).toBe(6);
    await stop();
    expect(stopped().sort()).toEqual(["a", "b", "c"]);
    expect(clock.sleeping).toBe(0);
  });

  it("keeps no mapping waiting for those of an account that does not answer", async () => {
    durations = { a: 10 * MINUTE, b: 10 * MINUTE, c: 10 * MINUTE };
    const slow = { account: "slow" };
    await start(configOf([named("a", slow), named("b", slow), named("c", slow), named("d")]));
    expect(states()).toMatchObject({ d: "in-step" });
    expect(rounds.get("c")?.calls).toHaveLength(0);
    await clock.advance(20 * MINUTE);
    expect(rounds.get("c")?.calls).not.toHaveLength(0);
    await stop();
  });

  it("runs only the mappings it is asked to", async () => {
    folders = ["found"];
    await start(configOf([named("a"), named("b")], {}), ["b"]);
    await clock.advance(MINUTE);
    expect(states()).toEqual({ b: "in-step" });
    await stop();
  });

  it("runs a few first rounds at once, and all of them in the end", async () => {
    const names = Array.from({ length: 20 }, (_, i) => `m${i}`);
    await start(configOf(names.map((name) => named(name))));
    await clock.advance(SECOND);
    expect(Object.values(states()).every((state) => state === "in-step")).toBe(true);
    await stop();
  });

  it("fails as a whole with a bug", async () => {
    scripts["a"] = [new TypeError("a bug")];
    await start(configOf([named("a"), named("b")]));
    await expect(supervisor.failed).rejects.toThrow("a bug");
    expect(await settled(outcomeOf(supervisor.stop(0)))).toMatchObject({ message: "a bug" });
  });

  it("looks at some mappings or at all when asked, and tells what came of each", async () => {
    await start(configOf([named("a"), named("b")]));
    rounds.get("b")?.script.push(new AppError("network", "unreachable"));
    const outcomes = await settled(supervisor.sync([]));
    expect(outcomes.map(({ mapping }) => mapping)).toEqual(["a", "b"]);
    expect(outcomes[1]?.outcome).toMatchObject({ code: "network" });
    await settled(supervisor.sync(["a"]));
    expect(rounds.get("a")?.calls).toHaveLength(3);
    expect(await outcomeOf(supervisor.sync(["nope"]))).toMatchObject({ code: "usage", hint: "it runs a, b" });
    await stop();
  });

  it("lets a held plan run when it is approved, and refuses what is not held", async () => {
    scripts["a"] = [{ hold: holdOf("p1", clock) }];
    await start(configOf([named("a"), named("b")]));
    expect(states()).toEqual({ a: "hold", b: "in-step" });
    await expect(supervisor.approve("b")).rejects.toThrow("is not held");
    await expect(supervisor.approve("a", "p2")).rejects.toThrow("is held with plan p1, not with p2");
    expect(await supervisor.approve("a")).toBe("p1");
    await clock.advance(0);
    expect(states()["a"]).toBe("in-step");
    await stop();
  });

  it("shows what a mapping is held with that fails until it is approved, and lets it run the next time", async () => {
    const failure = new AppError("namespace-not-found", "the namespace is gone");
    scripts["a"] = [failure, { hold: holdOf("p1", clock) }];
    scripts["b"] = Array.from({ length: 50 }, () => failure);
    await start(configOf([named("a"), named("b")]));
    const held = await settled(outcomeOf(supervisor.approve("a")));
    expect(held).toMatchObject({ code: "held", message: expect.stringContaining("held only now, with plan p1") });
    const failing = await settled(outcomeOf(supervisor.approve("b")));
    const message = expect.stringContaining("It fails: the namespace is gone");
    expect(failing).toMatchObject({ code: "usage", message });
    expect(await supervisor.approve("a")).toBe("p1");
    await stop();
  });

  it("stretches the polls of an account to half of its budget, and leaves other accounts alone", async () => {
    const budget = { requests: 1200, windowMs: 5 * MINUTE, share: 0.8, pollShare: 0.5 };
    const config = {
      ...configOf([named("a", { mode: "pull" }), named("b"), named("c", { account: "other" })]),
      accounts: new Map([
        ["local", accountOf({ budget })],
        ["other", accountOf({ name: "other", budget })],
      ]),
    };
    // 600 requests a look: 1,200 a minute of the 96 a minute that half of the budget allows.
    scripts["a"] = scripts["b"] = [{ readRequests: 600 }];
    await start(config);
    const intervals = supervisor.mappings().map(({ pollIntervalMs }) => pollIntervalMs);
    expect(intervals[0]).toBeCloseTo((1200 / 96) * MINUTE);
    expect(intervals[1]).toBe(intervals[0]);
    expect(intervals[2]).toBe(MINUTE);
    await stop();
  });
});

describe("auto", () => {
  it("makes a mapping of each folder, also of those that appear later", async () => {
    folders = ["one"];
    await start(configOf([], {}));
    expect(states()).toEqual({ one: "in-step" });
    folders = ["one", "two", ".hidden", "no name!"];
    await clock.advance(2 * SECOND);
    expect(states()).toEqual({ one: "in-step", two: "in-step" });
    expect(supervisor.skippedFolders()).toEqual(["no name!"]);
    await clock.advance(10 * SECOND);
    expect(events.filter(({ kind }) => kind === "folder-skipped")).toHaveLength(1);
    expect(started()).toEqual(["one", "two"]);
    await stop();
  });

  it("stops the mapping of a folder that goes, and takes it up again when it comes back", async () => {
    folders = ["one", "two"];
    await start(configOf([], {}));
    folders = ["one"];
    await clock.advance(2 * SECOND);
    expect(states()).toEqual({ one: "in-step" });
    expect(stopped()).toEqual(["two"]);
    folders = ["one", "two"];
    await clock.advance(2 * SECOND);
    expect(states()).toEqual({ one: "in-step", two: "in-step" });
    await stop();
  });

  it("concludes nothing from a root that cannot be read", async () => {
    folders = ["one"];
    await start(configOf([], {}));
    folders = Object.assign(new Error("ENOENT: no such file or directory"), { code: "ENOENT", syscall: "scandir" });
    await clock.advance(MINUTE);
    expect(stopped()).toEqual([]);
    await stop();
  });

  it("leaves out what is a mapping by its own name or folder", async () => {
    folders = ["one", "two"];
    await start(configOf([named("mine", { folder: "/nowhere/kv/two" })], {}));
    expect(states()).toEqual({ mine: "in-step", one: "in-step" });
    await stop();
  });
});

describe("pausing", () => {
  it("leaves the mapping out of what is asked of all, and refuses it by name", async () => {
    await start(configOf([named("a"), named("b")]));
    expect(await settled(supervisor.pause(["a"], "a deploy"))).toEqual(["a"]);
    expect(states()).toEqual({ a: "paused", b: "in-step" });
    const all = await settled(supervisor.sync([]));
    expect(all.map(({ mapping, outcome }) => [mapping, "by" in outcome])).toEqual([
      ["a", true],
      ["b", false],
    ]);
    expect(await outcomeOf(supervisor.sync(["b", "a"]))).toMatchObject({ code: "paused" });
    expect(rounds.get("a")?.calls).toHaveLength(1);
    await stop();
  });

  it("outlives a reload, a change of the mapping, and its absence from the config", async () => {
    await start(configOf([named("a"), named("b")]));
    await settled(supervisor.pause([], undefined));
    await settled(supervisor.reload(configOf([named("a", { mode: "push" })]), new Set()));
    expect(states()).toEqual({ a: "paused" });
    await settled(supervisor.reload(configOf([named("a"), named("b")]), new Set()));
    expect(states()).toEqual({ a: "paused", b: "paused" });
    await settled(supervisor.reload(configOf([named("a")]), new Set()));
    expect(await settled(supervisor.resume(["b"]))).toEqual(["b"]);
    expect(await settled(supervisor.resume([]))).toEqual(["a"]);
    expect(await settled(supervisor.resume([]))).toEqual([]);
    expect(await outcomeOf(supervisor.resume(["nope"]))).toMatchObject({ code: "usage" });
    expect(states()).toEqual({ a: "in-step" });
    expect(events.flatMap(({ kind }) => (kind === "paused" || kind === "resumed" ? [kind] : []))).toEqual([
      "paused",
      "paused",
      "resumed",
    ]);
    await stop();
  });

  it("discards the plan of a hold, and that one only", async () => {
    scripts["a"] = [{ hold: holdOf("p1", clock) }];
    await start(configOf([named("a")]));
    openHolds(journal).put({ ...holdOf("p1", clock), mapping: "a" });
    expect(await outcomeOf(supervisor.discard("a", "p2"))).toMatchObject({ code: "usage" });
    expect(states()).toEqual({ a: "hold" });
    expect(await settled(supervisor.discard("a"))).toBe("p1");
    expect(supervisor.mappings()[0]).toMatchObject({
      state: "paused",
      hold: null,
      paused: { reason: "plan p1 was discarded" },
    });
    expect(await outcomeOf(supervisor.discard("a"))).toMatchObject({ code: "usage" });
    await stop();
  });

  it.each([
    ["a deploy", "a deploy"],
    [undefined, "a person asked for it"],
  ])("stays when a plan could not be discarded meanwhile: for %s", async (reason, told) => {
    scripts["a"] = [{ hold: holdOf("p1", clock) }, { hold: holdOf("p2", clock) }];
    await start(configOf([named("a")]));
    openHolds(journal).put({ ...holdOf("p1", clock), mapping: "a" });
    rounds.get("a")!.durationMs = 5 * SECOND;
    const looked = outcomeOf(supervisor.sync(["a"]));
    await settled(Promise.resolve());
    const discarded = outcomeOf(supervisor.discard("a", "p1"));
    await settled(Promise.resolve());
    const paused = supervisor.pause(["a"], reason);
    await clock.advance(10 * SECOND);
    expect(await discarded).toMatchObject({ code: "usage" });
    expect(await paused).toEqual(["a"]);
    expect(supervisor.mappings()[0]).toMatchObject({ state: "paused", paused: { reason: told } });
    await looked;
    await stop();
  });
});

describe("reloading", () => {
  it("starts, stops and restarts what the config says otherwise about, and leaves the rest alone", async () => {
    await start(configOf([named("same"), named("changed"), named("removed")]));
    const before = rounds.get("same");
    const next = configOf([named("same"), named("changed", { mode: "push" }), named("added")]);
    expect(await settled(supervisor.reload(next, new Set()))).toEqual({
      added: ["added"],
      changed: ["changed"],
      removed: ["removed"],
    });
    expect(Object.keys(states()).sort()).toEqual(["added", "changed", "same"]);
    expect(rounds.get("same")).toBe(before);
    expect(before?.calls).toHaveLength(1);
    await stop();
  });

  it("keeps nobody from a conflict: who asks while a mapping starts anew waits for it", async () => {
    durations["a"] = 5 * SECOND;
    await start(configOf([named("a")]));
    const reloaded = supervisor.reload(configOf([named("a", { mode: "push" })]), new Set());
    const resolved = outcomeOf(supervisor.resolve("a", { key: "k", keep: "local" }));
    const shown = outcomeOf(supervisor.conflict("a", { key: "k" }, new AbortController().signal));
    await clock.advance(20 * SECOND);
    await reloaded;
    expect(await resolved).toMatchObject({ key: "k" });
    expect(await shown).toMatchObject({ message: "k is in no conflict" });
    await stop();
  });

  it("keeps its mappings in the order of the config", async () => {
    await start(configOf([named("a"), named("b"), named("c")]));
    await settled(supervisor.reload(configOf([named("a", { mode: "push" }), named("b"), named("c")]), new Set()));
    expect(Object.keys(states())).toEqual(["a", "b", "c"]);
    await settled(supervisor.reload(configOf([named("c"), named("new"), named("a")]), new Set()));
    expect(Object.keys(states())).toEqual(["c", "new", "a"]);
    await stop();
  });

  it("restarts the mappings of an account that changed", async () => {
    await start(configOf([named("a"), named("b")]));
    expect(await settled(supervisor.reload(configOf([named("a"), named("b")]), new Set(["local"])))).toMatchObject({
      changed: ["a", "b"],
    });
    await stop();
  });
});

describe("stopping", () => {
  it("waits for rounds that end in time, and for no longer", async () => {
    await start(configOf([named("quick"), named("slow")]));
    rounds.get("quick")!.durationMs = 5 * SECOND;
    rounds.get("slow")!.durationMs = 100 * MINUTE;
    await clock.advance(MINUTE);
    expect(states()).toEqual({ quick: "working", slow: "working" });
    await stop(10 * SECOND);
    expect(rounds.get("quick")?.calls.at(-1)?.call.signal.aborted).toBe(false);
    expect(rounds.get("slow")?.calls.at(-1)?.call.signal.aborted).toBe(true);
    expect(clock.sleeping).toBe(0);
  });
});
