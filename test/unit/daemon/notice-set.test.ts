// The targets of notices of a daemon when its config is read again: a real receiver, a real journal, and a clock that the test moves.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import type { Environment } from "../../../src/config/yaml-source.ts";
import type { DaemonStatus } from "../../../src/daemon/control/daemon-status.ts";
import type { DaemonEvent } from "../../../src/daemon/daemon-event.ts";
import { type NoticeSet, openNoticeSet } from "../../../src/daemon/notices/notice-set.ts";
import { type Journal, openJournal } from "../../../src/journal/journal.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { answers, WebhookReceiver } from "../../support/webhook-receiver.ts";

const ENV: Environment = { PATH: process.env["PATH"] };

let clock: FakeClock;
let dir: string;
let journal: Journal;
let receiver: WebhookReceiver;
let notices: NoticeSet;
let events: DaemonEvent[];
let bugs: unknown[];
let held: readonly string[];

beforeEach(async () => {
  clock = new FakeClock();
  dir = mkdtempSync(join(tmpdir(), "kvsync-notice-set-"));
  journal = openJournal({ stateDir: dir, clock });
  receiver = await WebhookReceiver.start();
  [events, bugs, held] = [[], [], []];
  notices = open();
});

afterEach(async () => {
  await notices.stop();
  await receiver.close();
  journal.close();
  rmSync(dir, { recursive: true, force: true });
  expect(bugs).toEqual([]);
});

function open(env: Environment = ENV): NoticeSet {
  return openNoticeSet({
    clock,
    journal,
    status: statusOf,
    version: "1.0.0",
    env,
    folder: dir,
    onEvent: (event) => void events.push(event),
    onBug: (error) => void bugs.push(error),
  });
}

/** What the looks need of a status: these mappings are on hold. */
function statusOf(): DaemonStatus {
  const hold = { approved: false, since: 0, message: "too much", hint: null, plan: "0123456789", guard: "deletes" };
  const mappings = held.map((mapping) => ({ mapping, hold, paused: null, error: null, lastRound: null, conflicts: 0 }));
  return { mappings, backups: [], accounts: [], stuck: [], now: clock.now() } as unknown as DaemonStatus;
}

function configOf(notify: string, env: Environment = ENV, more = ""): Config {
  const text = `${more}notify:\n  - { name: chat, ${notify}, gather: 0s }\n`;
  return loadConfig({ path: "/p/kvsync.yaml", cwd: "/p", env, readFile: () => text });
}

it("configs that are read at once are followed one after the other: no message twice, and no loop that nobody stops", async () => {
  receiver.answer(answers.status(503));
  held = ["app"];
  await notices.follow(configOf(`webhook: "${receiver.url}"`));
  await clock.advance(2000);
  await expect.poll(() => events.length, { timeout: 5000 }).toBe(1);
  const changed = configOf(`webhook: "${receiver.url}", timeout: 7s`);
  await Promise.all([notices.follow(changed), notices.follow(changed)]);
  await expect.poll(() => events.length, { timeout: 5000 }).toBe(2);
  await notices.stop();
  expect(receiver.received).toHaveLength(2);
  expect(clock.sleeping).toBe(0);
});

it("a program does not see a secret that a reload has made one", async () => {
  const env = { ...ENV, NEW: "hidden-token-of-new", PLAIN: "plain-text" };
  await notices.stop();
  notices = open(env);
  const program = "run: [sh, -c, 'env >> env']";
  await notices.follow(configOf(program, env));
  await notices.follow(
    configOf(
      program,
      env,
      "accounts:\n  live: { account_id: 0123456789abcdef0123456789abcdef, api_token: '${NEW}' }\n",
    ),
  );
  held = ["app"];
  await clock.advance(16_000);
  await expect.poll(() => events.length, { timeout: 5000 }).toBe(1);
  const seen = readFileSync(join(dir, "env"), "utf8");
  expect(seen).toContain("PLAIN=plain-text");
  expect(seen).not.toContain("hidden-token-of-new");
});
