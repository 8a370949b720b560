// What open pages are told: the newest status at most twice a second, computed once for all, each event once, and nobody's slowness costs
// memory without end.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DaemonStatus } from "../../../../src/daemon/control/daemon-status.ts";
import type { MonotonicMs } from "../../../../src/core/clock.ts";
import { openEventFeed } from "../../../../src/daemon/event-feed.ts";
import { EventStreams, type StreamReader, type StreamSink } from "../../../../src/daemon/page/event-streams.ts";
import { hideSecret } from "../../../../src/core/redact.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

let clock: BusyClock;
/** How long it takes to compute a status. */
let costMs: number;
let bugs: unknown[];
let looks: number;
let state: object;

beforeEach(() => {
  clock = new BusyClock();
  costMs = 0;
  bugs = [];
  looks = 0;
  state = { mappings: [] };
});
afterEach(() => expect(bugs).toEqual([]));

/** Time also passes while something is computed. */
class BusyClock extends FakeClock {
  spentMs = 0;

  override monotonic(): MonotonicMs {
    return (super.monotonic() + this.spentMs) as MonotonicMs;
  }
}

/** A connection that takes what it is given, until it is told not to. */
class Sink implements StreamSink {
  text = "";
  isClosed = false;
  isSlow = false;
  #waiting = 0;
  #drained = (): void => undefined;
  #closed = (): void => undefined;

  write(chunk: Buffer): void {
    if (this.isSlow) this.#waiting += chunk.byteLength;
    this.text += chunk.toString();
  }
  buffered(): number {
    return this.#waiting;
  }
  onDrain(callback: () => void): void {
    this.#drained = callback;
  }
  onClose(callback: () => void): void {
    this.#closed = callback;
  }
  close(): void {
    this.isClosed = true;
    this.#closed();
  }
  /** The reader has read. */
  take(): void {
    this.#waiting = 0;
    this.#drained();
  }
  events(): readonly [event: string, data: unknown, id: string | undefined][] {
    return this.text
      .split("\n\n")
      .filter((frame) => frame.startsWith("event:"))
      .map((frame) => {
        const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "m").exec(frame)?.[1];
        return [field("event")!, JSON.parse(field("data")!) as unknown, field("id")];
      });
  }
  statuses(): readonly unknown[] {
    return this.events().flatMap(([event, data]) => (event === "status" ? [data] : []));
  }
}

const anybody: StreamReader = { mayChange: false, mayGoOn: () => true, lastEventId: undefined };

function open() {
  const feed = openEventFeed(clock);
  const streams = new EventStreams({
    clock,
    feed,
    startedAt: clock.now(),
    onBug: (error) => bugs.push(error),
    status: () => {
      looks++;
      clock.spentMs += costMs;
      return { now: clock.now(), ...state } as unknown as DaemonStatus;
    },
  });
  const join = (reader: Partial<StreamReader> = {}, sink = new Sink()): Sink => {
    streams.open(sink, { ...anybody, ...reader });
    return sink;
  };
  const happen = (): void => feed.listen({ kind: "folder-skipped", folder: "x" });
  return { streams, join, happen };
}

describe("a page that is opened", () => {
  it("is told what it may do, and then the status", () => {
    const { join } = open();
    const now = clock.now();
    expect(join({ mayChange: true }).events()).toEqual([
      ["session", { mayChange: true }, undefined],
      ["status", { now, mappings: [] }, undefined],
    ]);
  });

  it("is told the events from now on, with their numbers", async () => {
    const { join, happen } = open();
    const startedAt = clock.now();
    happen();
    const sink = join();
    happen();
    const events = sink.events().filter(([event]) => event === "event");
    expect(events).toEqual([["event", expect.objectContaining({ event: "folder-skipped", id: 2 }), `${startedAt}-2`]]);
  });

  it.each([
    ["those since the last it has had", (startedAt: number) => `${startedAt}-1`, [2, 3]],
    [
      "all that are kept, where the daemon was started anew since",
      (startedAt: number) => `${startedAt - 1}-900`,
      [1, 2, 3],
    ],
    ["none for what is no id", () => "x", []],
  ])("again is told %s", (_, lastEventId, ids) => {
    const { join, happen } = open();
    const id = lastEventId(clock.now());
    for (let i = 0; i < 3; i++) happen();
    const told = join({ lastEventId: id })
      .events()
      .filter(([event]) => event === "event")
      .map(([, data]) => (data as { readonly id: number }).id);
    expect(told).toEqual(ids);
  });

  it("is told no secret", () => {
    hideSecret("very-secret-token-1");
    state = { mappings: ["very-secret-token-1"] };
    const { join } = open();
    expect(join().text).not.toContain("very-secret");
  });
});

describe("the status", () => {
  it("is told when something has changed, at most twice a second, and computed once for all", async () => {
    const { join, happen } = open();
    const sinks = Array.from({ length: 100 }, () => join());
    await clock.advance(1000);
    looks = 0;
    for (let i = 1; i <= 100; i++) {
      state = { mappings: [i] };
      happen();
      await clock.advance(10);
    }
    expect(looks).toBeLessThanOrEqual(3);
    await clock.advance(500);
    for (const sink of sinks) {
      expect(sink.statuses().at(-1)).toMatchObject({ mappings: [100] });
      expect(sink.statuses().length).toBeLessThanOrEqual(5);
    }
  });

  it("that is as it was is not told again", async () => {
    const { join, happen } = open();
    const sink = join();
    for (let i = 0; i < 20; i++) {
      happen();
      await clock.advance(1000);
    }
    expect(sink.statuses()).toHaveLength(1);
  });

  it("that changes without an event is told within seconds", async () => {
    const { join } = open();
    const sink = join();
    await clock.advance(1000);
    state = { mappings: ["new"] };
    await clock.advance(2500);
    expect(sink.statuses().at(-1)).toMatchObject({ mappings: ["new"] });
  });

  it("takes a twentieth of the time at most, however long it takes", async () => {
    const { join, happen } = open();
    costMs = 1000;
    join();
    for (let i = 0; i < 100; i++) {
      happen();
      await clock.advance(1000);
    }
    expect(looks).toBeLessThanOrEqual(8);
  });

  it("is not computed when no page is open", async () => {
    const { join, happen } = open();
    join().close();
    await clock.advance(3000);
    looks = 0;
    happen();
    await clock.advance(60_000);
    expect([looks, clock.sleeping]).toEqual([0, 0]);
    const sink = join();
    state = { mappings: ["again"] };
    happen();
    await clock.advance(1000);
    expect(sink.statuses().at(-1)).toMatchObject({ mappings: ["again"] });
  });
});

describe("a reader", () => {
  it("that is slow misses statuses, and gets the newest when it has read", async () => {
    const { join, happen } = open();
    const sink = join();
    await clock.advance(1000);
    sink.isSlow = true;
    for (let i = 1; i <= 10; i++) {
      state = { mappings: [i] };
      happen();
      await clock.advance(1000);
    }
    const before = sink.statuses().length;
    sink.isSlow = false;
    sink.take();
    expect(sink.statuses()).toHaveLength(before + 1);
    expect(sink.statuses().at(-1)).toMatchObject({ mappings: [10] });
    expect(sink.isClosed).toBe(false);
  });

  it("that takes nothing for half a minute is dropped, and others are not", async () => {
    const { join, happen } = open();
    const [slow, quick] = [join(), join()];
    await clock.advance(1000);
    slow.isSlow = true;
    happen();
    await clock.advance(29_000);
    expect(slow.isClosed).toBe(false);
    await clock.advance(5000);
    expect([slow.isClosed, quick.isClosed]).toEqual([true, false]);
  });

  it("that lags behind by a megabyte of events is dropped", async () => {
    const { streams, join } = open();
    const feed = openEventFeed(clock);
    const sink = new Sink();
    const own = new EventStreams({
      clock,
      feed,
      startedAt: clock.now(),
      onBug: (error) => bugs.push(error),
      status: () => ({ now: clock.now() }) as DaemonStatus,
    });
    own.open(sink, anybody);
    sink.isSlow = true;
    for (let i = 0; i < 1100 && !sink.isClosed; i++) feed.listen({ kind: "folder-skipped", folder: "x".repeat(1000) });
    expect(sink.isClosed).toBe(true);
    expect(sink.buffered()).toBeLessThan(1_200_000);
    expect(join().isClosed).toBe(false);
    streams.close();
  });

  it("whose session is over is let go", async () => {
    const { streams, join } = open();
    let isIn = true;
    const [one, other] = [join({ mayGoOn: () => isIn }), join()];
    isIn = false;
    streams.review();
    expect([one.isClosed, other.isClosed]).toEqual([true, false]);
  });

  it("is told something every quarter of a minute, so that nobody takes the connection for dead", async () => {
    const { join } = open();
    const sink = join();
    await clock.advance(61_000);
    expect(sink.events().filter(([event]) => event === "ping").length).toBeGreaterThanOrEqual(3);
  });
});

it("there are 128 streams at most, and one that ends makes room", () => {
  const { streams, join } = open();
  const sinks = Array.from({ length: 128 }, () => join());
  expect(streams.isFull()).toBe(true);
  sinks[5]!.close();
  expect(streams.isFull()).toBe(false);
});

it("all end when the daemon does, at once, and none begins after that", async () => {
  const { streams, join } = open();
  const sinks = Array.from({ length: 100 }, () => join());
  streams.close();
  expect(sinks.every(({ isClosed }) => isClosed)).toBe(true);
  expect(join().isClosed).toBe(true);
  await clock.advance(10_000);
  expect(clock.sleeping).toBe(0);
});
