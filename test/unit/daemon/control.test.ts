// The control socket: real sockets in a folder of their own.

import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/core/errors.ts";
import { type ControlClient, openControlClient } from "../../../src/daemon/control/control-client.ts";
import { type ControlServer, openControlServer } from "../../../src/daemon/control/control-server.ts";
import { parseRequest } from "../../../src/daemon/control/parse-request.ts";
import { type ControlRequest, REQUEST_BYTES_MAX } from "../../../src/daemon/control/protocol.ts";
import { type EventFeed, openEventFeed } from "../../../src/daemon/event-feed.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { outcomeOf } from "../../support/daemon.ts";

let dir: string;
let server: ControlServer | undefined;
let client: ControlClient | undefined;
let bugs: unknown[];
let feed: EventFeed;
let clock: FakeClock;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-control-"));
  bugs = [];
  clock = new FakeClock();
  feed = openEventFeed(clock);
});

afterEach(async () => {
  client?.close();
  await server?.close();
  client = undefined;
  server = undefined;
  rmSync(dir, { recursive: true, force: true });
});

async function serve(handle: (request: ControlRequest) => Promise<unknown>, stateDir = dir): Promise<void> {
  server = await openControlServer({ stateDir, handle, follow: feed.follow, onBug: (error) => bugs.push(error) });
}

/** What the socket says to `text`, sent as it is, until it closes or has answered `lines` times. */
async function say(text: string, lines = 1): Promise<readonly Record<string, unknown>[]> {
  const socket = connect(join(dir, "control.sock"));
  socket.write(text);
  let said = "";
  for await (const chunk of socket) {
    said += String(chunk);
    if (said.split("\n").length > lines) break;
  }
  return said
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("the control socket", () => {
  it("answers requests, in order", async () => {
    await serve(async (request) => ({ plan: request.op === "approve" ? request.mapping : "?" }));
    client = await openControlClient(dir, { clock });
    for (const mapping of ["a", "b", "c"])
      expect(await client.call({ op: "approve", mapping })).toEqual({ plan: mapping });
  });

  it("carries events after it was asked for them, from the answer on", async () => {
    const folder = (name: string): void => feed.listen({ kind: "folder-skipped", folder: name });
    folder("before");
    await serve(async () => {
      const { last } = { last: feed.last() };
      folder("while it is answered");
      return { startedAt: 1, last };
    });
    client = await openControlClient(dir, { clock });
    expect(await client.call({ op: "events" })).toEqual({ startedAt: 1, last: 1 });
    const events = client.events();
    expect((await events.next()).value).toMatchObject({
      id: 2,
      event: "folder-skipped",
      folder: "while it is answered",
    });
    folder("later");
    expect((await events.next()).value).toMatchObject({ type: "event", id: 3, folder: "later" });
    await server!.close();
    expect(await events.next()).toMatchObject({ done: true });
  });

  it("keeps no events for who does not read them, and tells how many that were", async () => {
    await serve(async () => ({ startedAt: 1, last: 0 }));
    const socket = connect(join(dir, "control.sock"));
    socket.write('{"op":"events"}\n');
    await new Promise((resolve) => void socket.once("readable", resolve));
    const folder = "x".repeat(100_000);
    for (let i = 0; i < 400; i++) feed.listen({ kind: "folder-skipped", folder });
    let text = "";
    let [told, missed] = [0, 0];
    for await (const chunk of socket) {
      text += String(chunk);
      const lines = text.split("\n");
      text = lines.pop()!;
      for (const line of lines) {
        const { event } = JSON.parse(line) as { event?: { event: string; count?: number } };
        if (event?.event === "missed") missed += event.count!;
        else if (event !== undefined) told++;
      }
      if (told + missed === 400) break;
    }
    expect(missed).toBeGreaterThan(300);
    socket.destroy();
  });

  it("answers with what is as long as a history may be, in time that grows with its length alone", async () => {
    let answer = "";
    await serve(async () => answer);
    client = await openControlClient(dir, { clock });
    const timeOf = async (asked: number): Promise<number> => {
      answer = "x".repeat(asked);
      const began = performance.now();
      const answered: unknown = await client!.call({ op: "status" });
      const tookMs = performance.now() - began;
      expect(answered === answer).toBe(true);
      return tookMs;
    };
    await timeOf(5_000_000);
    // Looked through anew with each piece that comes, the longer one takes a hundred times as long.
    const shorter = Math.max(await timeOf(5_000_000), await timeOf(5_000_000));
    expect(await timeOf(50_000_000)).toBeLessThan(30 * shorter);
  });

  it("answers what comes in one piece or in many", async () => {
    await serve(async ({ op }) => op);
    expect(await say('{"op":"status"}\n{"op":"reload"}\n\n', 2)).toEqual([
      { ok: true, result: "status" },
      { ok: true, result: "reload" },
    ]);
    const socket = connect(join(dir, "control.sock"));
    for (const char of '{"op":"status"}\n') socket.write(char);
    for await (const chunk of socket) {
      expect(JSON.parse(String(chunk))).toEqual({ ok: true, result: "status" });
      break;
    }
  });

  it("is nobody else's to open", async () => {
    await serve(async () => "");
    expect(statSync(join(dir, "control.sock")).mode & 0o777).toBe(0o600);
  });

  it("takes the place of a socket that a killed process left", async () => {
    writeFileSync(join(dir, "control.sock"), "");
    await serve(async ({ op }) => op);
    client = await openControlClient(dir, { clock });
    expect(await client.call({ op: "status" })).toBe("status");
  });

  it("works in a folder whose path is longer than a socket's address", async () => {
    const deep = join(dir, "a".repeat(100), "b".repeat(100));
    mkdirSync(deep, { recursive: true });
    await serve(async ({ op }) => op, deep);
    client = await openControlClient(deep, { clock });
    expect(await client.call({ op: "status" })).toBe("status");
  });

  it("hands errors on, with their hints", async () => {
    await serve(async () => {
      throw new AppError("usage", "there is nothing to approve", { hint: "look at the status" });
    });
    client = await openControlClient(dir, { clock });
    const error = await outcomeOf(client.call({ op: "approve", mapping: "a" }));
    expect(error).toMatchObject({ code: "usage", message: "there is nothing to approve", hint: "look at the status" });
  });

  it("keeps a bug to itself, and tells the daemon", async () => {
    await serve(async () => {
      throw new TypeError("undefined is not a function");
    });
    client = await openControlClient(dir, { clock });
    expect(await outcomeOf(client.call({ op: "status" }))).toMatchObject({ message: "the daemon failed to answer" });
    expect(bugs).toHaveLength(1);
  });

  it("prepares no answer for who does not read the one before, and serves others meanwhile", async () => {
    const asked = { history: 0, status: 0 };
    await serve(async ({ op }) => {
      asked[op as keyof typeof asked]++;
      return op === "history" ? "x".repeat(4_000_000) : op;
    });
    const greedy = connect(join(dir, "control.sock")).pause();
    for (let i = 0; i < 20; i++) greedy.write('{"op":"history","limit":1}\n');
    client = await openControlClient(dir, { clock });
    for (let i = 0; i < 50; i++) await client.call({ op: "status" });
    expect(asked).toEqual({ history: 1, status: 50 });
    let length = 0;
    for await (const chunk of greedy) {
      length += (chunk as Buffer).length;
      if (length > 20 * 4_000_000) break;
    }
    expect(asked.history).toBe(20);
  });

  it("refuses what is no request, and goes on", async () => {
    await serve(async ({ op }) => op);
    const answers = await say('nonsense\n{"op":"stop"}\n{"op":"status"}\n', 3);
    expect(answers.map(({ ok }) => ok)).toEqual([false, false, true]);
  });

  it("refuses a line without end", async () => {
    await serve(async ({ op }) => op);
    expect(await say("x".repeat(REQUEST_BYTES_MAX + 1))).toMatchObject([{ ok: false, error: { code: "usage" } }]);
  });
});

/** Until somebody waits by the clock. */
async function untilSleeping(): Promise<void> {
  while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
}

describe("asking a daemon", () => {
  it.each(["", "missing"])("that is not running says so", async (folder) => {
    const error = await outcomeOf(openControlClient(join(dir, folder), { clock }));
    expect(error).toMatchObject({ code: "not-running", hint: "start it with kvsync run" });
  });

  it("that was killed says so", async () => {
    await serve(async () => "");
    const path = join(dir, "control.sock");
    await server?.close();
    server = undefined;
    writeFileSync(path, "");
    expect(await outcomeOf(openControlClient(dir, { clock }))).toMatchObject({ code: "not-running" });
  });

  it("that goes away meanwhile says so", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await serve(() => {
      resolve();
      return new Promise(() => {});
    });
    client = await openControlClient(dir, { clock });
    const answer = outcomeOf(client.call({ op: "status" }));
    await promise;
    await server?.close();
    server = undefined;
    expect(await answer).toMatchObject({ code: "not-running" });
  });

  it("that was stopped says so after ten seconds, and what is to be done", async () => {
    const path = join(dir, "control.sock");
    const stopped = createServer((socket) => void socket.resume());
    await new Promise<void>((resolve) => void stopped.listen(path, resolve));
    const opening = outcomeOf(openControlClient(dir, { clock }));
    await untilSleeping();
    await clock.advance(10_000);
    expect(await opening).toMatchObject({
      code: "io",
      message: expect.stringContaining("has not answered for 10s"),
      hint: expect.stringContaining("If it hangs, end it and start it again"),
    });
    await new Promise((resolve) => stopped.close(resolve));
  });

  it("that is stopped while it is asked for its status again and again says so, too, but a round takes as long as it does", async () => {
    await serve(() => new Promise(() => {}));
    client = await openControlClient(dir, { clock });
    const round = outcomeOf(client.call({ op: "sync", mappings: [] }));
    await clock.advance(3_600_000);
    const other = await openControlClient(dir, { clock });
    const status = outcomeOf(other.call({ op: "status" }));
    await untilSleeping();
    await clock.advance(10_000);
    expect(await status).toMatchObject({ code: "io" });
    other.close();
    client.close();
    expect(await round).toMatchObject({ code: "not-running" });
  });

  it("ends when it is interrupted", async () => {
    await serve(() => new Promise(() => {}));
    const stopping = new AbortController();
    client = await openControlClient(dir, { clock, signal: stopping.signal });
    const answer = outcomeOf(client.call({ op: "sync", mappings: [] }));
    stopping.abort(new AppError("interrupted", "stopped by SIGINT"));
    expect(await answer).toMatchObject({ code: "interrupted" });
  });
});

describe("parseRequest", () => {
  it("knows each request, and what belongs to it", () => {
    expect(parseRequest('{"op":"sync"}')).toEqual({ op: "sync", mappings: [] });
    expect(parseRequest('{"op":"approve","mapping":"a","plan":"p"}')).toEqual({
      op: "approve",
      mapping: "a",
      plan: "p",
    });
    expect(parseRequest('{"op":"pause","mappings":["a"],"reason":"a deploy"}')).toEqual({
      op: "pause",
      mappings: ["a"],
      reason: "a deploy",
    });
    expect(parseRequest('{"op":"resolve","mapping":"a","key":"k","keep":"both","local":"f"}')).toEqual({
      op: "resolve",
      mapping: "a",
      key: "k",
      copy: undefined,
      keep: "both",
      local: "f",
      remote: undefined,
    });
    expect(parseRequest('{"op":"history","limit":5}')).toMatchObject({ op: "history", limit: 5, mapping: undefined });
  });

  it.each([
    "null",
    "[]",
    "1",
    '{"op":"sync","mappings":"a"}',
    '{"op":"sync","mappings":[1]}',
    '{"op":"approve"}',
    '{"op":"approve","mapping":1}',
    '{"op":"history"}',
    '{"op":"history","limit":0}',
    '{"op":"__proto__"}',
    '{"op":"discard"}',
    '{"op":"conflict","mapping":"a"}',
    '{"op":"resolve","mapping":"a","key":"k"}',
    '{"op":"resolve","mapping":"a","key":"k","keep":"mine"}',
    '{"op":"resume","mappings":"a"}',
    `{"op":"pause","mappings":[],"reason":"${"x".repeat(501)}"}`,
  ])("refuses %s", (line) => {
    expect(() => parseRequest(line)).toThrow(AppError);
  });
});
