// A mapping whose remote tells what changes there: when it looks, what it polls, and how far it is known to have come.

import { beforeEach, describe, expect, it } from "vitest";
import type { MappingConfig } from "../../../src/config/config.ts";
import { mappingStatus } from "../../../src/daemon/loop/mapping-status.ts";
import { problem } from "../../../src/core/problem.ts";
import { KvError } from "../../../src/kv/kv-error.ts";
import { NOTHING_DONE } from "../../support/daemon.ts";
import { type ToldFeed, toldFeed } from "../../support/told-feed.ts";
import {
  clock,
  events,
  failure,
  HOUR,
  kinds,
  loop,
  MINUTE,
  rounds,
  SECOND,
  start,
  stop,
  useLoop,
  watcher,
} from "./mapping-loop-fixture.ts";

useLoop();

let feed: ToldFeed;

beforeEach(() => {
  feed = toldFeed();
  rounds.remote = feed.remote;
});

/** Pulling, and fed from the cursor "before" on. */
async function fed(mapping: Partial<MappingConfig> = {}): Promise<void> {
  rounds.kept = "before";
  feed.greeting = [{ kind: "ready", cursor: "before" }];
  await start({ mode: "pull", pollIntervalMs: MINUTE, ...mapping });
  expect(kinds()).toEqual([["go on"]]);
}

const status = () => mappingStatus(loop, false);
const told = () => events.flatMap((event) => (event.kind.startsWith("feed") ? [event.kind] : []));

describe("a mapping that is fed", () => {
  it("looks at what is told at once, and polls no more", async () => {
    await start({ mode: "pull", pollIntervalMs: MINUTE });
    expect(kinds()).toEqual(["full"]);
    expect(status()).toMatchObject({ state: "in-step", feed: { state: "up" } });
    feed.change("a", "b");
    await clock.advance(0);
    expect(kinds()).toEqual(["full", ["changed", "a", "b"]]);
    await clock.advance(20 * HOUR);
    expect(rounds.calls).toHaveLength(2);
    expect(feed.asked).toEqual([undefined]);
    expect(told()).toEqual(["feed-up"]);
  });

  it("has its files looked at as often as it would poll, without a request, where it is a pull: its folder is not watched", async () => {
    await fed();
    await clock.advance(5 * MINUTE);
    expect(rounds.looks).toBe(5);
    expect(kinds()).toEqual([["go on"]]);
    rounds.looked.push({ kind: "paths", paths: ["a"] });
    await clock.advance(MINUTE);
    expect(kinds()).toEqual([["go on"], "full"]);
  });

  it("has its files left to the watcher where it is synced both ways", async () => {
    await start({ mode: "two-way", pollIntervalMs: MINUTE, rescanIntervalMs: HOUR });
    await clock.advance(5 * MINUTE);
    expect(rounds.looks).toBe(0);
    expect(kinds()).toEqual(["full"]);
  });

  it("lists all keys once a day nevertheless", async () => {
    await start({ mode: "pull", pollIntervalMs: MINUTE });
    await clock.advance(21 * HOUR);
    expect(rounds.calls).toHaveLength(1);
    await clock.advance(6 * HOUR);
    expect(kinds()).toEqual(["full", "full"]);
  });

  it("has only its own keys looked at, and moves past those of others", async () => {
    await fed();
    feed.change("excluded/a");
    await clock.advance(11 * SECOND);
    feed.change("excluded/b", "a");
    await clock.advance(0);
    expect(kinds()).toEqual([["go on"], ["changed", "a"]]);
    feed.change("excluded/c");
    await clock.advance(11 * SECOND);
    feed.change("excluded/d");
    await clock.advance(SECOND);
    expect(rounds.kept).toBe("4");
    expect(rounds.calls).toHaveLength(2);
  });

  it("takes what is told during a round in the next one", async () => {
    await fed();
    rounds.durationMs = SECOND;
    feed.change("a");
    await clock.advance(0);
    feed.change("b");
    await clock.advance(0);
    feed.change("a", "c");
    await clock.advance(3 * SECOND);
    expect(kinds().slice(1)).toEqual([
      ["changed", "a"],
      ["changed", "b", "a", "c"],
    ]);
    expect(rounds.kept).toBe("3");
  });

  it("moves its cursor only when the round over what was told has ended", async () => {
    await fed();
    rounds.durationMs = SECOND;
    feed.change("a");
    await clock.advance(0);
    feed.change("b");
    expect(rounds.kept).toBe("before");
    await clock.advance(SECOND);
    expect(rounds.kept).toBe("1");
    await stop();
    expect(rounds.kept).toBe("1");
  });

  it("looks at everything when too much is told to be named, and at most once in a poll interval", async () => {
    await fed();
    rounds.durationMs = SECOND;
    const flood = (name: string): void => feed.change(...Array.from({ length: 20_000 }, (_, i) => `${name}${i}`));
    flood("a");
    await clock.advance(0);
    expect(kinds()).toEqual([["go on"], "full"]);
    flood("b");
    await clock.advance(2 * SECOND);
    flood("c");
    await clock.advance(2 * SECOND);
    expect(kinds()).toEqual([["go on"], "full"]);
    expect(rounds.kept).toBe("before");
    await clock.advance(MINUTE);
    expect(kinds()).toEqual([["go on"], "full", "full"]);
    expect(rounds.kept).toBe("3");
  });

  it("slows down when a key never ceases to change", async () => {
    await fed();
    for (let i = 0; i < 600; i++) {
      feed.change("a");
      await clock.advance(100);
    }
    expect(rounds.calls.length).toBeLessThan(45);
    expect(rounds.calls.length).toBeGreaterThan(30);
    await clock.advance(5 * SECOND);
    expect(rounds.kept).toBe("600");
  });

  it("lets neither edits nor changes there starve the other", async () => {
    rounds.kept = "before";
    feed.greeting = [{ kind: "ready", cursor: "before" }];
    await start({ mode: "two-way", rescanIntervalMs: HOUR });
    rounds.durationMs = SECOND;
    for (let i = 0; i < 6; i++) {
      feed.change(`r${i}`);
      watcher.events().onDirty([`l${i}`]);
      await clock.advance(SECOND);
    }
    await clock.advance(3 * SECOND);
    const seen = kinds().map((what) =>
      what[0] === "changed" ? "changed" : what[0]?.startsWith("l") === true ? "edited" : "other",
    );
    expect(seen.slice(1, 5).toSorted()).toEqual(["changed", "changed", "edited", "edited"]);
  });

  it("is polled as well while something is in the way of some keys, since nobody tells when that goes", async () => {
    await fed();
    const problems = [problem("rejected", "a", "is no good")];
    rounds.script.push({ problems, result: { ...NOTHING_DONE, failed: 1 } }, { problems }, {});
    feed.change("a");
    await clock.advance(0);
    expect(rounds.kept).toBe("1");
    expect(status().pollIntervalMs).toBe(MINUTE);
    await clock.advance(3 * MINUTE);
    expect(kinds()).toEqual([["go on"], ["changed", "a"], "full", "full"]);
    expect(status().pollIntervalMs).toBeGreaterThan(20 * HOUR);
  });
});

describe("what was told is not lost", () => {
  it("when keys may do better later", async () => {
    await fed();
    rounds.script.push({ transient: 1 }, { result: { ...NOTHING_DONE, unseen: 1 } });
    feed.change("a");
    await clock.advance(10 * SECOND);
    expect(kinds().slice(1)).toEqual([
      ["changed", "a"],
      ["changed", "a"],
      ["changed", "a"],
    ]);
    expect(rounds.kept).toBe("1");
  });

  it("when the round fails", async () => {
    await fed();
    rounds.script.push(failure("network"), failure("network"));
    feed.change("a");
    await clock.advance(0);
    feed.change("b");
    expect(rounds.kept).toBe("before");
    await clock.advance(MINUTE);
    expect(kinds()).toEqual([["go on"], ["changed", "a"], "full", "full"]);
    expect(rounds.kept).toBe("2");
  });

  it("when the first look at all keys fails: the cursor, and the config it was kept under, stay as they were", async () => {
    rounds.kept = "before";
    rounds.mayGoOn = false;
    feed.greeting = [{ kind: "ready", cursor: "later" }];
    rounds.script.push(failure("network"));
    await start({ mode: "pull", pollIntervalMs: MINUTE });
    expect(kinds()).toEqual(["full"]);
    await stop();
    expect(rounds.kept).toBe("before");
  });

  it("and does not wait with what has failed time and again", async () => {
    await fed();
    rounds.script.push(...Array.from({ length: 12 }, () => ({ transient: 1 })));
    feed.change("a");
    await clock.advance(10 * MINUTE);
    const before = rounds.calls.length;
    feed.change("b");
    await clock.advance(0);
    expect(kinds().slice(before)).toEqual([["changed", "a", "b"]]);
  });

  it("when the mapping is held, which goes on being polled", async () => {
    await fed();
    const hold = { mapping: "app", plan: "p", reason: "{}", writes: 0, removes: 9, since: 0 as never, approved: false };
    rounds.script.push({ hold, isFull: true }, { hold }, { hold });
    feed.change("a");
    await clock.advance(0);
    feed.change("b");
    await clock.advance(11 * SECOND);
    expect(kinds()).toEqual([["go on"], ["changed", "a"], "full"]);
    expect(rounds.kept).toBe("before");
    await clock.advance(MINUTE + SECOND);
    expect(kinds()).toEqual([["go on"], ["changed", "a"], "full", "full"]);
    expect(rounds.kept).toBe("before");
    await clock.advance(MINUTE);
    expect(rounds.kept).toBe("2");
    await clock.advance(10 * HOUR);
    expect(rounds.calls).toHaveLength(5);
  });

  it("when the mapping is paused", async () => {
    await fed();
    await loop.pause({ mapping: "app", since: 0 as never, reason: undefined }, new Promise(() => {}));
    feed.change("a");
    await clock.advance(HOUR);
    expect(rounds.calls).toHaveLength(1);
    expect(rounds.kept).toBe("before");
    loop.resume();
    await clock.advance(0);
    expect(kinds()).toEqual([["go on"], "full"]);
    expect(rounds.kept).toBe("1");
  });
});

describe("a feed that is lost", () => {
  it("is asked for again from where it was, and nobody polls if it is soon back", async () => {
    await fed();
    feed.change("a");
    await clock.advance(0);
    feed.greeting = [
      { kind: "ready", cursor: "1" },
      { kind: "changed", cursor: "7", keys: ["b"] },
    ];
    feed.cut();
    await clock.advance(4 * SECOND);
    expect(feed.asked).toEqual(["before", "1"]);
    expect(kinds().slice(1)).toEqual([
      ["changed", "a"],
      ["changed", "b"],
    ]);
    await clock.advance(10 * HOUR);
    expect(rounds.calls).toHaveLength(3);
    expect(told()).toEqual(["feed-up", "feed-lost", "feed-up"]);
    expect(rounds.kept).toBe("7");
  });

  it("is polled for, and then as often as without it", async () => {
    await fed();
    await clock.advance(HOUR);
    feed.refusal = new KvError("network", "no way there", { retryable: true });
    feed.cut();
    await clock.advance(4 * SECOND);
    expect(rounds.calls).toHaveLength(1);
    expect(status()).toMatchObject({ feed: { state: "lost" }, pollIntervalMs: MINUTE });
    await clock.advance(7 * SECOND);
    expect(kinds()).toEqual([["go on"], "full"]);
    await clock.advance(3 * MINUTE);
    expect(rounds.calls).toHaveLength(5);
    feed.refusal = undefined;
    feed.greeting = [{ kind: "ready", cursor: "before" }];
    await clock.advance(2 * MINUTE);
    const before = rounds.calls.length;
    await clock.advance(10 * HOUR);
    expect(rounds.calls).toHaveLength(before);
    expect(told()).toEqual(["feed-up", "feed-lost", "feed-up"]);
  });

  it("is not asked for again for a while when the server has none any more", async () => {
    await fed();
    feed.refusal = new KvError("api-error", "no such route", { status: 404 });
    feed.cut();
    await clock.advance(30 * MINUTE);
    expect(status()).toMatchObject({ feed: null, pollIntervalMs: MINUTE });
    expect(feed.asked.length).toBeLessThan(10);
    expect(rounds.calls.length).toBeGreaterThan(28);
    expect(told()).toEqual(["feed-up", "feed-lost", "feed-lost"]);
    feed.refusal = undefined;
    await clock.advance(6 * MINUTE);
    expect(status()).toMatchObject({ feed: { state: "up" } });
  });

  it("that does not go back so far has all keys looked at, once", async () => {
    await fed();
    feed.greeting = [{ kind: "reset", cursor: "new", reason: "too long ago" }];
    rounds.script.push(...Array.from({ length: 3 }, () => failure("network")));
    feed.cut();
    for (let ms = 0; rounds.script.length > 0 && ms < MINUTE; ms += 100) {
      expect(rounds.kept).toBe("before");
      await clock.advance(100);
    }
    await clock.advance(MINUTE);
    expect(kinds()).toEqual([["go on"], "full", "full", "full", "full"]);
    expect(rounds.kept).toBe("new");
    await clock.advance(10 * HOUR);
    expect(rounds.calls).toHaveLength(5);
  });

  it("of a namespace that is gone has that found out at once", async () => {
    await fed();
    rounds.script.push(failure("namespace-not-found"));
    feed.say({ kind: "gone" });
    await clock.advance(0);
    expect(kinds()).toEqual([["go on"], "full"]);
    expect(status().state).toBe("error");
  });
});

describe("a mapping that starts", () => {
  it("lists nothing where the feed goes on from where it was", async () => {
    await fed();
    expect(status()).toMatchObject({ state: "in-step", feed: { state: "up" } });
    await clock.advance(10 * HOUR);
    expect(kinds()).toEqual([["go on"]]);
  });

  it("lists all keys where the feed has forgotten that place", async () => {
    rounds.kept = "before";
    feed.greeting = [{ kind: "reset", cursor: "new", reason: "too long ago" }];
    await start({ mode: "pull" });
    expect(kinds()).toEqual(["full"]);
    expect(rounds.kept).toBe("new");
  });

  it("does not wait for long for a feed that says nothing", async () => {
    rounds.kept = "before";
    feed.greeting = [];
    await start({ mode: "pull" });
    expect(rounds.calls).toHaveLength(0);
    await clock.advance(7 * SECOND);
    expect(kinds()).toEqual(["full"]);
    expect(status().feed).toBeNull();
  });

  it("asks for no feed in a push, or where none is offered", async () => {
    feed.offered = false;
    await start({ mode: "pull", pollIntervalMs: MINUTE });
    await clock.advance(10 * MINUTE);
    expect(rounds.calls).toHaveLength(11);
    expect(feed.asked).toEqual([]);
    await stop();
    feed.offered = true;
    await start({ mode: "push" });
    expect(feed.asked).toEqual([]);
  });

  it("that is offered a feed only by the answers of its first round lists once more, as soon as that has begun", async () => {
    feed.offered = false;
    rounds.onLooked = () => (feed.offered = true);
    await start({ mode: "pull", pollIntervalMs: MINUTE });
    expect(kinds()).toEqual(["full", "full"]);
    expect(rounds.kept).toBe("start");
    await clock.advance(10 * HOUR);
    expect(rounds.calls).toHaveLength(2);
  });

  it("leaves no connection behind when it stops", async () => {
    await fed();
    expect(feed.connected()).toBe(1);
    await stop();
    expect(feed.connected()).toBe(0);
  });
});
