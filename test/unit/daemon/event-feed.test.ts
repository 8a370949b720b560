// The numbered events of the daemon, and what each is told as.

import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/core/errors.ts";
import type { FeedEvent } from "../../../src/daemon/control/feed-event.ts";
import { streamEvents, WAITING_BYTES_MAX } from "../../../src/daemon/control/event-stream.ts";
import { openEventFeed } from "../../../src/daemon/event-feed.ts";
import { toldEvent } from "../../../src/daemon/told-event.ts";
import { mappingOf, reportOf } from "../../support/daemon.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { keyOf } from "../../support/values.ts";

const mapping = mappingOf();

describe("the feed", () => {
  const clock = new FakeClock();
  const open = (): ReturnType<typeof openEventFeed> => openEventFeed(clock);

  it("numbers events from 1, and tells who follows of those from now on", () => {
    const feed = open();
    feed.listen({ kind: "lifted", mapping });
    const told: FeedEvent[] = [];
    const end = feed.follow((event) => told.push(event));
    feed.listen({ kind: "recovered", mapping });
    end();
    feed.listen({ kind: "lifted", mapping });
    expect(told).toEqual([{ type: "event", id: 2, at: clock.now(), event: "recovered", mapping: "app" }]);
    expect(feed.last()).toBe(3);
  });

  it("goes on after any event that is kept, and tells how many are not", () => {
    const feed = open();
    for (let i = 0; i < 600; i++) feed.listen({ kind: "folder-skipped", folder: `f${i}` });
    const idsAfter = (since: number): readonly string[] => {
      const ids: string[] = [];
      feed.follow(
        ({ id, event, count }) => ids.push(event === "missed" ? `missed ${String(count)} to ${id}` : String(id)),
        since,
      )();
      return [...ids.slice(0, 2), ...ids.slice(-1)];
    };
    expect(idsAfter(598)).toEqual(["599", "600", "600"]);
    expect(idsAfter(100)).toEqual(["101", "102", "600"]);
    expect(idsAfter(40)).toEqual(["missed 60 to 100", "101", "600"]);
    expect(idsAfter(600)).toEqual([]);
  });

  it("does not number what happens with each request", () => {
    const feed = open();
    feed.listen({ kind: "account-waited", account: "local", waitedMs: 5 });
    expect(feed.last()).toBe(0);
  });
});

describe("an event", () => {
  it.each([
    ["of a mapping", { kind: "lifted", mapping } as const, { event: "lifted", mapping: "app" }],
    [
      "that failed",
      {
        kind: "failed",
        mapping,
        error: new AppError("network", "no route", { hint: "plug it in" }),
        retryInMs: 2000,
        repeats: 1,
      } as const,
      {
        event: "failed",
        mapping: "app",
        code: "network",
        message: "no route",
        hint: "plug it in",
        retryInMs: 2000,
        repeats: 1,
      },
    ],
    [
      "of a value that was restored",
      { kind: "restored", mapping, key: keyOf("a"), item: 7, file: "/app/a" } as const,
      { event: "restored", mapping: "app", key: "a", item: 7, file: "/app/a" },
    ],
    [
      "of an account",
      { kind: "account-waits", account: "prod", waitMs: 5 } as const,
      { event: "account-waits", account: "prod", waitMs: 5 },
    ],
    [
      "of the daemon",
      { kind: "reloaded", added: ["a"], changed: [], removed: [] } as const,
      { event: "reloaded", added: ["a"], changed: [], removed: [] },
    ],
  ])("%s is told as plain data", (_, event, told) => {
    expect(JSON.parse(JSON.stringify(toldEvent(event)))).toEqual(told);
  });

  it("of a round tells the first hundred changes, and how many there were besides", () => {
    const changes = Array.from({ length: 150 }, (_, i) => ({
      key: keyOf(`k${i}`),
      side: "local" as const,
      event: "added" as const,
    }));
    const told = toldEvent({
      kind: "round-ended",
      mapping,
      step: "full",
      report: reportOf({ changes, moreChanges: 3 }),
    });
    expect(told).toMatchObject({ event: "round-ended", mapping: "app", step: "full", moreChanges: 53 });
    expect(told?.["changes"]).toHaveLength(100);
  });
});

describe("events on a connection", () => {
  it("are dropped while it is full, counted, and told of when there is room", () => {
    const feed = openEventFeed(new FakeClock());
    const lines: string[] = [];
    const sink = { writableLength: 0, write: (line: string) => void lines.push(line) };
    let drained = (): void => {};
    const end = streamEvents(
      {
        ...sink,
        get writableLength() {
          return sink.writableLength;
        },
        onDrain: (listener) => (drained = listener),
      },
      feed.follow,
      0,
    );
    const told = (): readonly unknown[] =>
      lines.splice(0).map((line) => {
        const { event } = JSON.parse(line) as { event: FeedEvent };
        return event.event === "missed" ? `missed ${String(event["count"])} to ${event.id}` : event.id;
      });
    const happen = (): void => feed.listen({ kind: "lifted", mapping });
    happen();
    sink.writableLength = WAITING_BYTES_MAX;
    for (let i = 0; i < 5; i++) happen();
    expect(told()).toEqual([1]);
    sink.writableLength = 0;
    drained();
    drained();
    happen();
    expect(told()).toEqual(["missed 5 to 6", 7]);
    end();
    happen();
    expect(told()).toEqual([]);
  });
});
