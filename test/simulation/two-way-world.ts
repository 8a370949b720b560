// A world in which one mapping lives for as long as it is told to: a real folder, the embedded server over real HTTP with
// its lag and faults, the daemon's own loop and rounds with a real journal, and people who change both sides, also between
// two requests of a round. Time is simulated.
//
// A seed gives the same people, faults and lag again; what runs at the same time in one process (requests, file system)
// may still come in another order, so a seed repeats a run nearly, not exactly.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MappingConfig } from "../../src/config/config.ts";
import type { MappingEvent } from "../../src/daemon/daemon-event.ts";
import type { MappingLoop } from "../../src/daemon/loop/loop-port.ts";
import { openMappingLoop } from "../../src/daemon/loop/mapping-loop.ts";
import { openMappingRounds } from "../../src/mapping/mapping-rounds.ts";
import type { DaemonAccount } from "../../src/mapping/round-port.ts";
import { openRoundGate } from "../../src/daemon/loop/round-gate.ts";
import type { WatchEvents } from "../../src/daemon/watch/watcher.ts";
import { type Journal, openJournal, openScratchJournal } from "../../src/journal/journal.ts";
import { type KvClient, openKvClient } from "../../src/kv/kv-client.ts";
import { openTreeReplica } from "../../src/replica/tree/tree-replica.ts";
import { openServer, type RunningServer } from "../../src/server/server.ts";
import type { FaultPlan } from "../../src/server/faults.ts";
import { accountOf, mappingOf } from "../support/daemon.ts";
import { type FarSide, openFarSide, watchedClient } from "./far-side.ts";
import { Decider } from "./decider.ts";
import { type Habits, People, readIfThere } from "./people.ts";
import { chanceOf, rightClock, SimClock } from "./sim-clock.ts";
import { Timeline } from "./timeline.ts";
import { ValueLedger, type Verdict } from "./value-ledger.ts";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export interface WorldOptions {
  readonly seed: number;
  /** How long reads and listings may lag, at the most. */
  readonly lagMs: number;
  readonly habits: Habits;
  readonly faults: NonNullable<FaultPlan["rules"]>;
  /** How long the clock of kvsync's machine goes well, on average, until somebody sets it hours or days ahead or back. */
  readonly jumpEveryMs?: number;
  /** How long it is, on average, from one decision about a conflict, or pause, to the next; never unless given. */
  readonly decideEveryMs?: number;
  readonly mapping?: Partial<MappingConfig>;
  /** Told what happens to this key. */
  readonly trace?: { readonly key: string; readonly tell: (line: string) => void };
}

export interface WorldReport extends Verdict {
  readonly rounds: number;
  readonly conflicts: number;
  readonly failures: number;
  readonly requests: number;
  /** Keys that differ between the sides in the end, but for those of `misstamped`. */
  readonly apart: readonly string[];
  /** Keys in the end whose value somebody wrote back with the stamp of another: a scrub tells of them, and no listing. */
  readonly misstamped: number;
  /** How often the clock was set. */
  readonly jumps: number;
  /** Conflicts that a person decided, and those that were refused. */
  readonly decided: number;
  readonly refused: number;
  /** What the last rounds still did, when nothing was left to do. */
  readonly unrest: number;
}

/** People who change a key every two minutes on average, and collide often. */
export const BUSY: Habits = { editEveryMs: 4 * MINUTE, collideShare: 0.2 };
/** What goes wrong on a bad day, all at once. */
export const BAD_DAY: WorldOptions["faults"] = [
  { kind: "server-error", probability: 0.01 },
  { kind: "rate-limited", probability: 0.005, retryAfterSeconds: 5 },
  { kind: "reset-after", probability: 0.01 },
  { kind: "unsuccessful-keys", probability: 0.02 },
  { kind: "empty-page", probability: 0.02 },
];

const ACCOUNT_ID = "world";
const REQUEST_MS_MIN = 30;
const REQUEST_MS_MAX = 400;
/** A round looks, and then writes; between the two lie some requests, and waits of the client for a server that fails. */
const ROUND_MS_MAX = 30 * SECOND;
/** On average. */
const RESTART_EVERY_MS = 10 * MINUTE;

export class TwoWayWorld {
  readonly #options: WorldOptions;
  readonly #chance: () => number;
  readonly #ledger = new ValueLedger();
  readonly #timeline: Timeline;
  readonly #dir: string;
  readonly #folder: string;
  readonly #stateDir: string;
  readonly #mapping: MappingConfig;
  readonly #tally = { rounds: 0, conflicts: 0, failures: 0, unrest: 0, jumps: 0 };
  #server: RunningServer | undefined;
  #far: FarSide | undefined;
  #client: KvClient | undefined;
  #people: People | undefined;
  #decider: Decider | undefined;
  #journals: readonly Journal[] = [];
  #loop: MappingLoop | undefined;
  #watch: WatchEvents | undefined;
  #isRestarting = false;
  #bug: unknown;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#chance = chanceOf(options.seed);
    this.#timeline = new Timeline(new SimClock(chanceOf(options.seed + 1)), () => this.#note());
    this.#dir = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "kvsync-world-"));
    this.#folder = join(this.#dir, "app");
    this.#stateDir = join(this.#dir, "state");
    mkdirSync(this.#folder);
    this.#mapping = mappingOf({
      folder: this.#folder,
      // What is asked in the end is what was ever kept.
      trash: { keepMs: 10_000 * DAY, maxBytes: 1e12 },
      maxDelete: { share: 1 },
      ...options.mapping,
    });
  }

  async open(): Promise<void> {
    const { clock } = this.#timeline;
    const { habits, lagMs, faults, seed } = this.#options;
    const database = join(this.#dir, "server.sqlite");
    this.#server = await openServer({ clock: rightClock(clock), database });
    const { url } = this.#server;
    this.#far = openFarSide(database);
    this.#client = openKvClient({
      clock,
      baseUrl: url,
      accountId: ACCOUNT_ID,
      credentials: { kind: "token", token: "any" },
      budget: { requests: Number.POSITIVE_INFINITY },
    });
    const { id } = await this.#client.createNamespace(this.#mapping.namespace);
    this.#server.setFaults({ seed, rules: faults, ...(lagMs > 0 && { settle: { seconds: lagMs / SECOND } }) });
    this.#people = new People({
      habits,
      chance: this.#chance,
      timeline: this.#timeline,
      ledger: this.#ledger,
      far: this.#far,
      folder: this.#folder,
      scratch: this.#dir,
      valuesUrl: `${url}/accounts/${ACCOUNT_ID}/storage/kv/namespaces/${id}/values/`,
      trace: (what, about) => this.#trace(what, about),
      onChange: (key) => this.#watch?.onDirty([key]),
    });
    this.#people.start();
    this.#start();
    const { decideEveryMs } = this.#options;
    if (decideEveryMs !== undefined) {
      this.#decider = new Decider({
        everyMs: decideEveryMs,
        chance: this.#chance,
        timeline: this.#timeline,
        loop: () => this.#loop,
        trace: (what, key) => this.#trace(what, key),
        onBug: (error) => (this.#bug = error),
      });
      this.#decider.start();
    }
    this.#timeline.plan(RESTART_EVERY_MS, () => this.#restart());
    this.#planJump();
  }

  /** Seconds or minutes as often as hours or days, ahead or back to where it would be. */
  #planJump(): void {
    const { jumpEveryMs } = this.#options;
    if (jumpEveryMs === undefined) return;
    this.#timeline.plan(2 * this.#chance() * jumpEveryMs, () => {
      const { clock } = this.#timeline;
      const length = SECOND * Math.exp(this.#chance() * Math.log((3 * DAY) / SECOND));
      const by = this.#chance() < 0.5 ? length : -length;
      this.#tally.jumps++;
      clock.jump(by);
      this.#planJump();
    });
  }

  async close(): Promise<void> {
    await this.#end();
    await this.#client?.close();
    this.#far?.close();
    await this.#server?.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** Lets `duration` pass, with all that happens in it. */
  async run(duration: number): Promise<void> {
    const { clock } = this.#timeline;
    const until = clock.monotonic() + duration;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#bug !== undefined) throw this.#bug;
      // What is under way takes real time, and no simulated time but that of its requests and waits.
      const isBusy = this.#isBusy();
      const next = isBusy ? clock.due() : (this.#timeline.next() ?? until);
      if (next === undefined) continue;
      if (!isBusy && next > until) break;
      await this.#timeline.pass(next);
    }
    await this.#timeline.pass(until);
  }

  /** Nobody changes anything any more; all that lags comes to rest; and everything is counted. */
  async settle(): Promise<WorldReport> {
    const { settleWindowMs, mode, pollIntervalMs, rescanIntervalMs } = this.#mapping;
    // A server that shows what it has at once offers its feed, and then two-way sync does not poll.
    const lookEveryMs = mode === "pull" ? pollIntervalMs : rescanIntervalMs;
    this.#people?.rest();
    this.#decider?.rest();
    await this.run(10 * settleWindowMs + 10 * MINUTE);
    this.#server?.setFaults({});
    await this.run(3 * lookEveryMs);
    const { rounds } = this.#tally;
    this.#tally.unrest = 0;
    await this.run(3 * lookEveryMs);
    if (this.#tally.rounds === rounds) throw new Error("the mapping is not looked at any more");
    const remote = this.#far!.keys();
    const local = await this.#files();
    const misstamped = this.#far!.misstamped();
    const held = [...remote.values(), ...contents(this.#folder), ...contents(join(this.#stateDir, "trash"))];
    return {
      ...this.#ledger.judge(held, this.#options.lagMs + ROUND_MS_MAX),
      ...this.#tally,
      decided: this.#decider?.decided ?? 0,
      refused: this.#decider?.refused ?? 0,
      requests: this.#client!.counts().total,
      apart: [...new Set([...remote.keys(), ...local.keys()])].filter(
        (key) => !isEqual(remote.get(key), local.get(key)) && !misstamped.has(key),
      ),
      misstamped: misstamped.size,
    };
  }

  #isBusy(): boolean {
    return this.#isRestarting || this.#loop?.state().activity !== undefined;
  }

  /** What the remote has lost since the last time was kvsync's doing, and now. */
  #note(): void {
    for (const { bytes, by } of this.#far?.destroyed() ?? []) {
      this.#trace("kvsync replaces or deletes", bytes);
      this.#ledger.overwrite(bytes, by, this.#timeline.clock.monotonic());
    }
  }

  #trace(what: string, about: Uint8Array | string): void {
    const { trace } = this.#options;
    if (trace === undefined || trace.key !== (typeof about === "string" ? about : this.#ledger.keyOf(about))) return;
    const value = typeof about === "string" ? "" : Buffer.from(about).toString("latin1").split(" ")[0];
    trace.tell(`${(this.#timeline.elapsed / SECOND).toFixed(3)} ${what} ${value}`);
  }

  /** As the daemon starts. */
  #start(): void {
    const { clock } = this.#timeline;
    const journal = openJournal({ stateDir: this.#stateDir, clock });
    const scratch = openScratchJournal();
    this.#journals = [journal, scratch];
    const account: DaemonAccount = { name: "local", config: accountOf(), api: this.#watchedClient() };
    this.#loop = openMappingLoop({
      clock,
      mapping: this.#mapping,
      rounds: openMappingRounds({
        clock,
        journal,
        scratch,
        stateDir: this.#stateDir,
        mapping: this.#mapping,
        accounts: { open: async () => account, renew: async () => {} },
        spool: 1,
      }),
      gate: openRoundGate(),
      openWatcher: async (events) => {
        this.#watch = events;
        return {
          state: () => ({ kind: "watching", folders: 1, unreadable: 0, alsoPolling: undefined }),
          refresh: async () => {},
          caughtUp: () => {},
          close: async () => {},
        };
      },
      pollStretch: () => 1,
      heartbeat: { beat: () => {}, close: () => {} },
      onEvent: (event) => this.#onEvent(event),
    });
    this.#loop.ended.catch((error: unknown) => (this.#bug = error));
  }

  #watchedClient(): KvClient {
    const { clock } = this.#timeline;
    return watchedClient(this.#client!, {
      passTime: () => {
        const takes = REQUEST_MS_MIN + this.#chance() * (REQUEST_MS_MAX - REQUEST_MS_MIN);
        return this.#timeline.pass(clock.monotonic() + takes);
      },
      onValue: (bytes) => {
        this.#trace("a read shows", bytes);
        this.#ledger.show(bytes, clock.monotonic());
      },
      onMetadata: (metadata) => {
        if (typeof metadata !== "object" || metadata === null || !("of" in metadata)) return;
        this.#trace("a listing shows", Buffer.from(String(metadata.of)));
      },
    });
  }

  #onEvent(event: MappingEvent): void {
    if (event.kind === "failed") this.#tally.failures++;
    if (event.kind !== "round-ended") return;
    const { result, changes, problems } = event.report;
    this.#tally.rounds++;
    this.#tally.conflicts += result.conflicts;
    this.#tally.unrest += result.written + result.removed;
    for (const change of changes) this.#trace(`${event.step} round: ${change.event} at ${change.side}`, change.key);
    for (const problem of problems) this.#trace(`${event.step} round: ${problem.code}`, problem.subject);
  }

  async #end(): Promise<void> {
    // What runs is broken off at once.
    await this.#loop?.stop(Promise.resolve());
    this.#loop = undefined;
    for (const journal of this.#journals) journal.close();
    this.#journals = [];
  }

  /** Breaks off what runs, wherever it is. Time goes on meanwhile: the round may wait for it. */
  #restart(): void {
    this.#isRestarting = true;
    this.#end().then(
      () => {
        this.#start();
        this.#isRestarting = false;
        this.#timeline.plan(2 * this.#chance() * RESTART_EVERY_MS, () => this.#restart());
      },
      (error: unknown) => (this.#bug = error),
    );
  }

  /** What the folder holds, by key, as kvsync itself lists and reads it. */
  async #files(): Promise<ReadonlyMap<string, Uint8Array>> {
    const tree = openTreeReplica({ clock: this.#timeline.clock, root: this.#folder, label: "app" });
    const files = new Map<string, Uint8Array>();
    for await (const page of tree.read(tree.list({ onProblem: () => {} }))) {
      for (const outcome of page) if (outcome.kind === "value") files.set(outcome.key, outcome.value.bytes);
    }
    return files;
  }
}

function isEqual(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}

function contents(folder: string): readonly Uint8Array[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).flatMap(
    (name) => readIfThere(join(folder, name)) ?? [],
  );
}
