// A day of the daemon in seconds: 100,000 keys, ten edits a minute, and the request budget of Cloudflare's API, kept by the
// real budget and spent by rounds that take the requests that real ones take.

import { openScratchJournal } from "../../src/journal/journal.ts";
import { openPauses } from "../../src/journal/pauses.ts";
import { expect, it } from "vitest";
import type { Config } from "../../src/config/config.ts";
import type { DurationMs } from "../../src/core/clock.ts";
import { openHeartbeats } from "../../src/daemon/heartbeats.ts";
import type { MappingRounds, RoundCall, RoundReport } from "../../src/mapping/round-port.ts";
import { openSupervisor } from "../../src/daemon/loop/supervisor.ts";
import type { WatchEvents } from "../../src/daemon/watch/watcher.ts";
import { type Budget, openBudget } from "../../src/kv/budget.ts";
import type { Priority } from "../../src/kv/kv-api.ts";
import { accountOf, mappingOf, reportOf } from "../support/daemon.ts";
import { FakeClock } from "../support/fake-clock.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const WINDOW = 5 * MINUTE;
const LATENCY = 200;
const EDIT_EVERY = 6 * SECOND;

interface Sent {
  readonly at: number;
  readonly priority: Priority;
}

/** Rounds that cost what those of a namespace with `pages` thousand keys do, and nothing else. */
function costlyRounds(
  clock: FakeClock,
  budget: Budget,
  pages: number,
  { sent, onEdit }: { readonly sent: Sent[]; readonly onEdit: (path: string) => void },
): MappingRounds {
  async function request(priority: Priority, { signal }: Pick<RoundCall, "signal">): Promise<void> {
    const permit = await budget.acquire(priority, { signal });
    sent.push({ at: clock.now(), priority });
    await clock.sleep(LATENCY, signal);
    permit.settle();
  }
  const report = (startedAt: number, isFull: boolean): RoundReport =>
    reportOf({ startedAt: startedAt as RoundReport["startedAt"], isFull, readRequests: pages });
  return {
    full: async (call) => {
      const startedAt = clock.now();
      for (let page = 0; page < pages; page++) await request("scan", call);
      return report(startedAt, true);
    },
    dirty: async (paths, call) => {
      const startedAt = clock.now();
      for (let step = 0; step < 2; step++) await request("edit", call);
      for (const path of paths) onEdit(path);
      return report(startedAt, false);
    },
    changed: () => Promise.reject(new Error("nobody tells of changes")),
    goOn: async () => undefined,
    keyOf: () => undefined,
    cursor: () => undefined,
    keepCursor: () => {},
    look: async () => ({ kind: "same" }),
    scrub: async (signal) => {
      await request("scrub", { signal });
      return { after: undefined, sound: [], problems: [], keys: pages * 1000 };
    },
    resting: () => [],
    rested: async (keys) => keys,
    hold: () => undefined,
    conflicts: async () => ({ conflicts: [], more: 0 }),
    conflict: () => Promise.reject(new Error("nobody asks for it")),
    resolve: () => Promise.reject(new Error("nobody asks for it")),
    approve: () => false,
    close: async () => {},
  };
}

/** The most requests that lie in any window. */
function mostInWindow(sent: readonly Sent[]): number {
  let most = 0;
  let first = 0;
  for (const [last, { at }] of sent.entries()) {
    while (sent[first]!.at <= at - WINDOW) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

it("keeps to the budget and to the share of it that polls may take, and never keeps an edit waiting", async () => {
  const clock = new FakeClock();
  const limits = { requests: 1200, windowMs: WINDOW, share: 0.8, pollShare: 0.5 };
  const budget = openBudget({ clock, ...limits });
  const sent: Sent[] = [];
  const editedAt = new Map<string, number>();
  const waits: DurationMs[] = [];
  const onEdit = (path: string): void => void waits.push(clock.now() - editedAt.get(path)!);
  const watchers: WatchEvents[] = [];
  const mappings = ["one", "two"].map((name) =>
    mappingOf({ name, folder: `/nowhere/${name}`, pollIntervalMs: MINUTE }),
  );
  const config: Config = {
    file: undefined,
    stateDir: "/nowhere/.kvsync",
    root: "/nowhere",
    trash: { keepMs: 86_400_000, maxBytes: 1_000_000 },
    accounts: new Map([["local", accountOf({ budget: limits })]]),
    mappings: new Map(mappings.map((mapping) => [mapping.name, mapping])),
    repositories: new Map(),
    backups: new Map(),
    onMigration: undefined,
    page: undefined,
    notify: [],
    auto: undefined,
  };
  const supervisor = openSupervisor({
    clock,
    config,
    pauses: openPauses(openScratchJournal(), clock),
    openRounds: () => costlyRounds(clock, budget, 100, { sent, onEdit }),
    openWatcher: async (_, events) => {
      watchers.push(events);
      return {
        state: () => ({ kind: "watching", folders: 1, unreadable: 0, alsoPolling: undefined }),
        refresh: async () => {},
        caughtUp: () => {},
        close: async () => {},
      };
    },
    listFolders: () => [],
    isWaiting: () => false,
    heartbeats: openHeartbeats(clock),
    onEvent: () => {},
  });

  await clock.advance(MINUTE);
  const startedAt = clock.now();
  for (let edit = 0; clock.now() < startedAt + 24 * HOUR; edit++) {
    const path = `d/k${edit}`;
    editedAt.set(path, clock.now());
    watchers[edit % 2]!.onDirty([path]);
    await clock.advance(EDIT_EVERY);
  }

  const polls = sent.filter(({ priority }) => priority === "scan");
  expect(mostInWindow(sent)).toBeLessThanOrEqual(960);
  // A window may begin and end within a look.
  expect(mostInWindow(polls)).toBeLessThanOrEqual(480 + 2 * 100);
  expect(polls.length / (24 * 12)).toBeLessThanOrEqual(480 * 1.02);
  // It also uses what it may: both are looked at as often as the share allows.
  expect(polls.length / (24 * 12)).toBeGreaterThan(480 * 0.8);
  // An edit waits for a look that has begun (100 requests of 0.2 s), never for the budget.
  expect(waits.length).toBeGreaterThan(10_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(25 * SECOND);
  expect(waits.filter((wait) => wait <= SECOND).length / waits.length).toBeGreaterThan(0.7);
  expect(sent.filter(({ priority }) => priority === "scrub").length).toBeGreaterThan(100);
  expect(supervisor.mappings().map(({ pollIntervalMs }) => Math.round(pollIntervalMs! / SECOND))).toEqual([125, 125]);

  const stopped = supervisor.stop(0);
  await clock.advance(0);
  await stopped;
  expect(clock.sleeping).toBe(0);
});
