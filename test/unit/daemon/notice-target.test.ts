// What becomes of messages to one target over hours and restarts: a real receiver, a real journal, and a clock that the test moves.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/config/load-config.ts";
import {
  type NoticeEvent,
  type NoticeTargetLoop,
  openNoticeTarget,
} from "../../../src/daemon/notices/notice-target.ts";
import { type Journal, openJournal } from "../../../src/journal/journal.ts";
import { openNoticeTargets } from "../../../src/journal/notice-targets.ts";
import type { NoticeItem } from "../../../src/notices/notice.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { answers, WebhookReceiver } from "../../support/webhook-receiver.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let clock: FakeClock;
let stateDir: string;
let journal: Journal;
let receiver: WebhookReceiver;
let target: NoticeTargetLoop;
let events: NoticeEvent[];
let bugs: unknown[];

beforeEach(async () => {
  clock = new FakeClock();
  stateDir = mkdtempSync(join(tmpdir(), "kvsync-notice-target-"));
  journal = openJournal({ stateDir, clock });
  receiver = await WebhookReceiver.start();
  events = [];
  bugs = [];
  target = open();
});

afterEach(async () => {
  await target.stop();
  await receiver.close();
  journal.close();
  rmSync(stateDir, { recursive: true, force: true });
  expect(bugs).toEqual([]);
});

function open(): NoticeTargetLoop {
  const text = `notify:\n  - { name: chat, webhook: "${receiver.url}", gather: 0s, timeout: 1h, secret: hook-secret-1 }\n`;
  const config = loadConfig({ path: "/p/kvsync.yaml", cwd: "/p", env: {}, readFile: () => text });
  return openNoticeTarget({
    clock,
    config: config.notify[0]!,
    sender: { host: "kv-1", stateDir },
    journal: openNoticeTargets(journal),
    delivery: { clock, env: {}, programEnv: () => ({}), folder: "/", readFile: () => undefined, version: "1.0.0" },
    onEvent: (event) => void events.push(event),
    onBug: (error) => void bugs.push(error),
  });
}

const held = (mapping: string): NoticeItem => ({
  event: "held",
  mapping,
  backup: null,
  account: null,
  since: clock.now(),
  message: "320 keys would be removed from the folder, and 80 are allowed (max_delete)",
  hint: null,
  command: `kvsync approve ${mapping} --plan 0123456789`,
  again: false,
  writes: 0,
  removes: 320,
});

const see = (...mappings: readonly string[]): void =>
  target.see(
    new Map(["a", "b"].map((name) => [`held mapping ${name}`, mappings.includes(name) ? held(name) : "well"])),
  );

/** Lets time pass until the receiver has got so many requests, and what came of them is known. */
async function received(count: number): Promise<void> {
  await expect.poll(() => [receiver.received.length, events.length], { timeout: 5000 }).toEqual([count, count]);
}

/** Lets the longest time pass between two tries, and what comes of the next one be known. */
async function nextTry(): Promise<void> {
  const before = events.length;
  await clock.advance(11 * MINUTE);
  await expect.poll(() => events.length, { timeout: 5000 }).toBeGreaterThan(before);
}

const ids = (): ReadonlySet<unknown> => new Set(receiver.received.map(({ headers }) => headers["idempotency-key"]));

describe("a message", () => {
  it("reads well in a chat, and says what it is about to programs", async () => {
    see("a");
    await received(1);
    const notice = receiver.notices()[0]!;
    expect(notice).toMatchObject({ type: "kvsync.notice", version: 1, host: "kv-1", stateDir, moreItems: 0 });
    expect(notice["items"]).toMatchObject([{ event: "held", mapping: "a", removes: 320, again: false }]);
    expect(notice["text"]).toBe(
      [
        "kvsync on kv-1: 1 on hold",
        "- a is on hold for 0s: 320 keys would be removed from the folder, and 80 are allowed (max_delete) (0 to write, 320 to remove); look with kvsync diff a, and let it run with kvsync approve a --plan 0123456789",
      ].join("\n"),
    );
    expect(target.status()).toMatchObject({
      target: "chat",
      kind: "webhook",
      sent: 1,
      failed: 0,
      waiting: 0,
      undelivered: null,
    });
  });

  it("that does not arrive is sent again, the same under the same id, until it does", async () => {
    receiver.answer(answers.status(503), answers.status(500), answers.well);
    see("a");
    await received(1);
    expect(events[0]).toMatchObject({ kind: "notice-failed", isNew: true, retryInMs: expect.any(Number) });
    expect(target.status()).toMatchObject({ waiting: 1, failed: 1, undelivered: { isTriedAgain: true } });
    while (target.status().sent === 0) await nextTry();
    expect(receiver.received).toHaveLength(3);
    expect(ids().size).toBe(1);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    expect(target.status()).toMatchObject({ sent: 1, failed: 2, waiting: 0, undelivered: null });
  });

  it("comes back when the receiver says so, and not before", async () => {
    receiver.answer(answers.status(429, "", { "retry-after": "600" }), answers.well);
    see("a");
    await received(1);
    await clock.advance(9 * MINUTE);
    expect(receiver.received).toHaveLength(1);
    await clock.advance(2 * MINUTE);
    await received(2);
  });

  it("that the receiver refuses is not sent again, and the status says why", async () => {
    receiver.answer(answers.status(404, "no such room"));
    see("a");
    await received(1);
    await clock.advance(HOUR);
    see("a");
    expect(receiver.received).toHaveLength(1);
    expect(target.status().undelivered).toMatchObject({
      isTriedAgain: false,
      reason: expect.stringContaining("answered 404: no such room"),
    });
    receiver.answer(answers.well);
    see("a", "b");
    await received(2);
    expect(target.status().undelivered).toBeNull();
  });

  it("that is on its way when the daemon ends goes on with the next one, under the same id", async () => {
    receiver.answer(answers.status(503));
    see("a");
    await received(1);
    await target.stop();
    receiver.answer(answers.well);
    target = open();
    await received(2);
    expect(ids().size).toBe(1);
    see("a");
    await clock.advance(HOUR);
    see("a");
    expect(receiver.received).toHaveLength(2);
  });

  it("that nobody takes for half a day is given up, and what lasts is told anew", async () => {
    receiver.answer(answers.status(503));
    see("a");
    await received(1);
    while (target.status().undelivered?.isTriedAgain === true) await nextTry();
    expect(receiver.received.length).toBeLessThan(200);
    receiver.answer(answers.well);
    see("a");
    await clock.advance(2 * HOUR);
    see("a");
    await expect.poll(() => target.status().sent).toBe(1);
    expect(ids().size).toBe(2);
  });
});

it("while a message is on its way no other is made, and the next one tells how all stand then", async () => {
  receiver.answer(answers.status(503));
  see("a");
  await received(1);
  see("a", "b");
  await clock.advance(HOUR);
  see("b");
  receiver.answer(answers.well);
  await clock.advance(20 * MINUTE);
  await expect.poll(() => target.status().sent).toBe(1);
  see("b");
  await expect.poll(() => target.status().sent).toBe(2);
  const items = receiver
    .notices()
    .map((notice) => (notice["items"] as NoticeItem[]).map(({ event, mapping }) => `${event} ${mapping}`));
  expect(items).toEqual([["held a"], ["recovered a", "held b"]]);
});
