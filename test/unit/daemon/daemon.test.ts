// The daemon as a whole, in this process: what is left of it when it has been stopped.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Config } from "../../../src/config/config.ts";
import { openEventFeed } from "../../../src/daemon/event-feed.ts";
import { type DaemonDeps, openDaemon } from "../../../src/daemon/daemon.ts";
import { openHeartbeats } from "../../../src/daemon/heartbeats.ts";
import { openJournal } from "../../../src/journal/journal.ts";
import { openStateLock } from "../../../src/journal/lock.ts";
import { openNoticeTargets } from "../../../src/journal/notice-targets.ts";
import { accountOf, mappingOf, outcomeOf } from "../../support/daemon.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-daemon-unit-"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const bug = new TypeError("a bug");

function configOf(overrides: Partial<Config> = {}): Config {
  return {
    file: undefined,
    stateDir: dir,
    root: dir,
    trash: { keepMs: 86_400_000, maxBytes: 1_000_000 },
    accounts: new Map([["local", accountOf()]]),
    mappings: new Map([["app", mappingOf({ mode: "pull", folder: join(dir, "app") })]]),
    repositories: new Map(),
    backups: new Map(),
    onMigration: undefined,
    page: undefined,
    notify: [],
    auto: undefined,
    ...overrides,
  };
}

function depsOf(clock: FakeClock, config: Config): DaemonDeps {
  return {
    clock,
    version: "1.2.3",
    pid: 1,
    config,
    isJournalDamaged: false,
    pageAddress: undefined,
    pageFolder: "",
    lockTimeoutMs: 0,
    signal: new AbortController().signal,
    only: [],
    accounts: {
      open: () => Promise.reject(bug),
      renew: async () => {},
      isWaiting: () => false,
      startFrom: () => {},
      recent: () => new Map([["local", [clock.now()]]]),
      status: () => [],
      use: async () => new Set(),
      closeRetired: async () => {},
    },
    loadConfig: async () => config,
    cwd: dir,
    env: {},
    heartbeats: openHeartbeats(clock),
    onEvent: () => {},
    feed: openEventFeed(clock),
  };
}

it("ends all that it began, also after a bug in a loop, and frees the state folder", async () => {
  const clock = new FakeClock();
  const deps = depsOf(clock, configOf());
  const daemon = await openDaemon(deps);
  await clock.advance(0);
  expect(await outcomeOf(daemon.failed)).toBe(bug);
  expect(await outcomeOf(daemon.stop(0))).toBe(bug);
  deps.heartbeats.close();
  expect(clock.sleeping).toBe(0);
  openStateLock(dir).close();
});

it("whose start fails late, as over notices that the journal has damaged, leaves nothing that runs", async () => {
  const clock = new FakeClock();
  const journal = openJournal({ stateDir: dir, clock });
  openNoticeTargets(journal).put("chat", "{");
  journal.close();
  const target = { name: "chat", on: new Set<never>(), failingAfterMs: 0, backupAgeMs: undefined, gatherMs: 0 };
  const to = { kind: "program", run: ["true"], timeoutMs: 1000 } as const;
  const deps = depsOf(clock, configOf({ mappings: new Map(), notify: [{ ...target, to }] }));
  expect(await outcomeOf(openDaemon(deps))).toBeInstanceOf(SyntaxError);
  deps.heartbeats.close();
  expect(clock.sleeping).toBe(0);
  expect(existsSync(join(dir, "control.sock"))).toBe(false);
  openStateLock(dir).close();
});
