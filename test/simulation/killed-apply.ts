// `kvsync apply` as a process that is killed with SIGKILL again and again, at random moments, and run again: in the end both
// sides are exactly as the plan says, and nothing was sent twice whose write was confirmed and recorded before a kill. What was
// on its way at a kill may be sent once more. The server runs in this process, and notes what it was sent. Real time.

import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Fingerprint, fingerprintOf } from "../../src/core/fingerprint.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { JOURNAL_FILE } from "../../src/journal/journal.ts";
import type { AnsweredExchange } from "../../src/server/answered-exchange.ts";
import { openServer } from "../../src/server/server.ts";
import { endedChild } from "./ended-child.ts";
import { openFarSide } from "./far-side.ts";
import { chanceOf } from "./sim-clock.ts";

export interface KilledApplyOptions {
  readonly seed: number;
  /** Writes and removals of the plan. */
  readonly changes: number;
  /** Mappings that they are divided among. */
  readonly mappings: number;
  /** So many at most: an apply that ends is not killed any more. */
  readonly kills: number;
  /** What carries the changes over: "push" for comparison, which is not killed. */
  readonly by: "apply" | "push";
  /** Starts `kvsync` with these arguments in this folder. */
  readonly start: (args: readonly string[], cwd: string) => ChildProcess;
  readonly tell: (line: string) => void;
}

export interface KilledApplyReport {
  readonly kills: number;
  /** Kills that came when a part of the plan was done, and not all. */
  readonly midway: number;
  /** Keys that do not hold what the plan says. */
  readonly wrong: readonly string[];
  /** Keys that were sent although their change had been recorded before a kill. */
  readonly sentAgain: readonly string[];
  /** Changes that the server answered, those that were sent once more among them. */
  readonly answered: number;
  /** Requests of all runs that carry the changes over. */
  readonly requests: Readonly<Record<string, number>>;
  /** The exit code of one more apply at the end; undefined for a push. */
  readonly onceMore: number | undefined;
}

const ACCOUNT_ID = "killed";
/** Of the changes: the rest is new. */
const CHANGED_SHARE = 0.6;
const REMOVED_SHARE = 0.2;
/** Of the mappings: while it lasts, what was sent and not confirmed before a kill is not believed to be undone. */
const SETTLE_WINDOW_MS = 2000;
/** Keys that stay as they are, a share of the changes. */
const KEPT_SHARE = 0.2;
/** How many kills come soon after the run's first change was answered; the others come at any moment. */
const MIDWAY_SHARE = 0.5;
const AFTER_CHANGE_MS_MAX = 150;
/** Runs that end with keys that are not settled yet: one after the last kill, or two. */
const UNSETTLED_MAX = 5;

interface World {
  readonly dir: string;
  /** What each key is to hold in the end; undefined: nothing. */
  readonly planned: ReadonlyMap<string, Fingerprint | undefined>;
  readonly kept: ReadonlyMap<string, Fingerprint>;
}

export async function liveKilledApply(options: KilledApplyOptions): Promise<KilledApplyReport> {
  const dir = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "kvsync-killed-apply-"));
  const sent = openSentKeys();
  const database = join(dir, "server.sqlite");
  const server = await openServer({ clock: systemClock, database, onAnswer: sent.onAnswer });
  try {
    writeFileSync(join(dir, "kvsync.yaml"), config(server.url, options.mappings));
    const world = await setUp(dir, options);
    sent.reset();
    const before = server.counts();
    const course = options.by === "push" ? await push(world, options) : await applyKilled(world, sent, options);
    const after = server.counts();
    const requests = Object.fromEntries(
      Object.entries(after)
        .map(([name, count]) => [name, count - before[name as keyof typeof before]] as const)
        .filter(([, count]) => count > 0),
    );
    const far = openFarSide(database);
    const wrong = wrongKeys(world, far.keys());
    far.close();
    const onceMore =
      options.by === "push" ? undefined : (await endedChild(options.start(["apply", "plan.json"], dir))).code;
    return { ...course, wrong, answered: sent.total(), requests, onceMore: onceMore ?? undefined };
  } finally {
    await server.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

function config(url: string, mappings: number): string {
  const lines = Array.from(
    { length: mappings },
    (_, i) =>
      `  ${nameOf(i)}: { account: dev, mode: push, create: true, max_delete: 100%, max_overwrite: 100%, settle_window: ${SETTLE_WINDOW_MS}ms }`,
  );
  const budget = "budget: { requests: 1000000000, per: 5m, share: 100% }";
  return [
    "state_dir: ./state",
    `accounts: { dev: { endpoint: "${url}", account_id: ${ACCOUNT_ID}, api_token: any, ${budget} } }`,
    "root: ./kv",
    "mappings:",
    ...lines,
    "",
  ].join("\n");
}

const nameOf = (mapping: number): string => `m${mapping}`;

/** Both sides in step, then the folders changed, and with "apply" the plan of that. Keys of different mappings differ. */
async function setUp(dir: string, { changes, mappings, by, start }: KilledApplyOptions): Promise<World> {
  const planned = new Map<string, Fingerprint | undefined>();
  const kept = new Map<string, Fingerprint>();
  const each = Math.floor(changes / mappings);
  const counts = { changed: Math.floor(each * CHANGED_SHARE), removed: Math.floor(each * REMOVED_SHARE) };
  const old = counts.changed + counts.removed + Math.floor(each * KEPT_SHARE);
  const pathOf = (mapping: number, i: number): string => `d${i % 100}/${nameOf(mapping)}-${i}`;
  for (let mapping = 0; mapping < mappings; mapping++) {
    for (let i = 0; i < 100; i++) mkdirSync(join(dir, "kv", nameOf(mapping), `d${i}`), { recursive: true });
    for (let i = 0; i < old; i++) {
      const key = pathOf(mapping, i);
      writeFileSync(join(dir, "kv", nameOf(mapping), key), `old value of ${key}`);
      if (i >= counts.changed + counts.removed) kept.set(key, fingerprintOf(Buffer.from(`old value of ${key}`)));
    }
  }
  await run(start(["push"], dir), 0);
  for (let mapping = 0; mapping < mappings; mapping++) {
    const folder = join(dir, "kv", nameOf(mapping));
    for (let i = counts.changed; i < counts.changed + counts.removed; i++) {
      rmSync(join(folder, pathOf(mapping, i)));
      planned.set(pathOf(mapping, i), undefined);
    }
    const fresh = each - counts.changed - counts.removed;
    for (let i = 0; i < counts.changed + fresh; i++) {
      const key = pathOf(mapping, i < counts.changed ? i : old + i);
      writeFileSync(join(folder, key), `new value of ${key}`);
      planned.set(key, fingerprintOf(Buffer.from(`new value of ${key}`)));
    }
  }
  if (by === "apply") await run(start(["plan", "--out", "plan.json"], dir), 4);
  return { dir, planned, kept };
}

type Course = Pick<KilledApplyReport, "kills" | "midway" | "sentAgain">;

async function push({ dir }: World, { start }: KilledApplyOptions): Promise<Course> {
  await run(start(["push"], dir), 0);
  return { kills: 0, midway: 0, sentAgain: [] };
}

async function applyKilled(world: World, sent: SentKeys, options: KilledApplyOptions): Promise<Course> {
  const { dir, planned } = world;
  const chance = chanceOf(options.seed);
  const sentAgain: string[] = [];
  let recorded: ReadonlySet<string> = new Set();
  let midway = 0;
  let usualMs = 1000;
  let unsettled = 0;
  for (let kills = 0; ;) {
    sent.begin();
    const startedAt = Date.now();
    const child = options.start(["apply", "plan.json"], dir);
    const over = endedChild(child);
    if (kills < options.kills) {
      // The first one hits, however quick the machine is: there is more to send then.
      const isFirst = kills === 0;
      const isSoonAfter = isFirst || chance() < MIDWAY_SHARE;
      if (isSoonAfter) await Promise.race([sent.first(), over]);
      const waitMs = isFirst ? 0 : chance() * (isSoonAfter ? AFTER_CHANGE_MS_MAX : usualMs);
      if (waitMs > 0) await Promise.race([pause(waitMs), over]);
      child.kill("SIGKILL");
    }
    const { code, signal, text } = await over;
    sentAgain.push(...sent.keys().filter((key) => recorded.has(key)));
    if (signal !== "SIGKILL") {
      // The kill may have come when all was done and noted.
      const isUnsettled = code === 3 && text.includes("not settled yet");
      if (isUnsettled && unsettled++ < UNSETTLED_MAX) {
        await pause(SETTLE_WINDOW_MS);
        continue;
      }
      const isDone = code === 0 || (kills > 0 && code === 12 && text.includes("applied already"));
      if (!isDone) throw new Error(`the apply ended with ${code}: ${text}`);
      return { kills, midway, sentAgain };
    }
    usualMs = Math.max(usualMs, Date.now() - startedAt);
    recorded = recordedKeys(world);
    if (recorded.size > 0 && recorded.size < planned.size) midway++;
    options.tell(`kill ${++kills}: ${recorded.size} of ${planned.size} changes are recorded`);
  }
}

/** Keys of which the journal says that they are as planned. */
function recordedKeys({ dir, planned }: World): ReadonlySet<string> {
  const journal = new DatabaseSync(join(dir, "state", JOURNAL_FILE));
  try {
    const rows = journal.prepare("SELECT CAST(key AS TEXT) AS key, fingerprint FROM base").all() as {
      readonly key: string;
      readonly fingerprint: string | null;
    }[];
    const base = new Map(rows.map(({ key, fingerprint }) => [key, fingerprint ?? undefined]));
    return new Set([...planned].flatMap(([key, fingerprint]) => (base.get(key) === fingerprint ? [key] : [])));
  } finally {
    journal.close();
  }
}

function wrongKeys({ planned, kept }: World, remote: ReadonlyMap<string, Uint8Array>): readonly string[] {
  const expected = new Map([...kept, ...planned]);
  return [...new Set([...expected.keys(), ...remote.keys()])].filter((key) => {
    const bytes = remote.get(key);
    return (bytes === undefined ? undefined : fingerprintOf(bytes)) !== expected.get(key);
  });
}

/** The keys that the server was told to write or remove, and said that it did. */
function openSentKeys() {
  let keys: string[] = [];
  let before = 0;
  let onFirst = Promise.withResolvers<void>();
  return {
    onAnswer: (exchange: AnsweredExchange): void => {
      const changed = changedKeys(exchange);
      for (const key of changed) keys.push(key);
      if (changed.length > 0) onFirst.resolve();
    },
    /** Another run begins. */
    begin(): void {
      before += keys.length;
      keys = [];
      onFirst = Promise.withResolvers();
    },
    first: (): Promise<void> => onFirst.promise,
    keys: (): readonly string[] => keys,
    /** Forgets what was sent so far. */
    reset(): void {
      before = 0;
      keys = [];
    },
    total: (): number => before + keys.length,
  };
}

type SentKeys = ReturnType<typeof openSentKeys>;

function changedKeys({ method, path, status, requestBody }: AnsweredExchange): readonly string[] {
  if (status !== 200 || requestBody === undefined) return [];
  if (method === "PUT" && path.endsWith("/bulk")) {
    return (JSON.parse(requestBody.toString()) as { readonly key: string }[]).map(({ key }) => key);
  }
  if (path.endsWith("/bulk/delete")) return JSON.parse(requestBody.toString()) as string[];
  const single = /\/values\/(.+)$/.exec(path)?.[1];
  return single !== undefined && (method === "PUT" || method === "DELETE") ? [decodeURIComponent(single)] : [];
}

async function run(child: ChildProcess, expected: number): Promise<void> {
  const { code, text } = await endedChild(child);
  if (code !== expected) throw new Error(`${child.spawnargs.join(" ")} ended with ${code}: ${text}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
