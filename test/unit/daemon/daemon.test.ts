// The daemon as a whole, in this process: what is left of it when it has been stopped.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Config } from "../../../src/config/config.ts";
import { openEventFeed } from "../../../src/daemon/event-feed.ts";
import { openDaemon } from "../../../src/daemon/daemon.ts";
import { openHeartbeats } from "../../../src/daemon/heartbeats.ts";
import { openStateLock } from "../../../src/journal/lock.ts";
import { accountOf, mappingOf, outcomeOf } from "../../support/daemon.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-daemon-unit-"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

it("ends all that it began, also after a bug in a loop, and frees the state folder", async () => {
  const clock = new FakeClock();
  const config: Config = {
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
  };
  const bug = new TypeError("a bug");
  const heartbeats = openHeartbeats(clock);
  const daemon = await openDaemon({
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
    heartbeats,
    onEvent: () => {},
    feed: openEventFeed(clock),
  });
  await clock.advance(0);
  expect(await outcomeOf(daemon.failed)).toBe(bug);
  expect(await outcomeOf(daemon.stop(0))).toBe(bug);
  heartbeats.close();
  expect(clock.sleeping).toBe(0);
  openStateLock(dir).close();
});
