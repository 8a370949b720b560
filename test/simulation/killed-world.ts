// Where backups are killed: a KV server as a process of its own, two namespaces, the stores, the config of the processes, and what they report.

import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRepository } from "../../src/backup/repository/open-repository.ts";
import type { Repository } from "../../src/backup/repository/repository.ts";
import { type BackupCommand, type EndedCommand, PASSPHRASE, TITLES } from "./backup-commands.ts";
import { type KeptSnapshots, openKeptSnapshots } from "./kept-snapshots.ts";
import { type KillableStores, openKillableBucket, openKillableFolders, REPOSITORIES } from "./killable-stores.ts";
import { type Content, type KvContents, openKvContents } from "./kv-contents.ts";
import { chanceOf } from "./sim-clock.ts";

export interface KilledBackupsOptions {
  readonly seed: number;
  readonly kills: number;
  readonly store: "folder" | "s3";
  /** Of one namespace; another one has half of them. */
  readonly keys: number;
  /** Bytes of large values. */
  readonly large: readonly number[];
  /** Starts `kvsync` with these arguments in this folder. */
  readonly start: (args: readonly string[], cwd: string, env: Readonly<Record<string, string>>) => ChildProcess;
  readonly tell: (line: string) => void;
}

export interface KilledBackupsReport {
  /** By command. */
  readonly kills: Record<string, number>;
  /** Stopped with SIGINT, besides. */
  stopped: number;
  /** Kills, by the tenth of its usual time that the process had lived; the last: longer. */
  readonly moments: number[];
  /** By command. */
  readonly toTheirEnd: Record<string, number>;
  /** Runs that gave up, as they may. */
  readonly refusals: Record<string, number>;
  looks: number;
  hoursPassed: number;
  /** `untold`: found, and whoever wrote them was killed before it could say so. */
  readonly snapshots: { reported: number; untold: number; forgotten: number };
  /** Snapshots that were read key by key, and those that a process restored. */
  read: number;
  restores: number;
  packsRemoved: number;
  /** Of what is left in the end, in bytes: before the last prunes, after them, and in a new repository. */
  readonly space: Record<string, { readonly before: number; readonly after: number; readonly fresh: number }>;
  /** What must not be. */
  readonly failures: string[];
}

export interface KilledWorld {
  readonly dir: string;
  readonly options: KilledBackupsOptions;
  readonly chance: () => number;
  readonly stores: KillableStores;
  readonly kv: KvContents;
  readonly kept: ReadonlyMap<string, KeptSnapshots>;
  readonly report: KilledBackupsReport;
  /** One of the repositories, for a look. */
  repository(name: string): Promise<Repository>;
  close(): Promise<void>;
}

const ACCOUNT_ID = "killed";
/** Restores beside each other each need a state folder. */
export const RESTORES_AT_ONCE = 2;
const RUN_MS_MAX = 300_000;

export async function openKilledWorld(options: KilledBackupsOptions): Promise<KilledWorld> {
  const { seed, store, keys, large, tell } = options;
  const dir = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "kvsync-killed-backups-"));
  const chance = chanceOf(seed);
  const stores = store === "s3" ? await openKillableBucket(chance) : openKillableFolders(dir);
  const server = await startServer(dir, options);
  const kv = await openKvContents({
    chance,
    url: `${server.url}/accounts/${ACCOUNT_ID}/storage/kv/namespaces`,
    database: join(dir, "data", "kv.sqlite"),
    namespaces: [
      { title: TITLES[0], keys, large },
      { title: TITLES[1], keys: keys >> 1, large: [] },
    ],
  });
  writeConfigs(dir, server.url, stores);
  const roots = new Map<string, Content>();
  const report = emptyReport();
  const opened = new Map<string, Promise<Repository>>();
  return {
    dir,
    options,
    chance,
    stores,
    kv,
    kept: new Map(REPOSITORIES.map((name) => [name as string, openKeptSnapshots(name, roots)])),
    report,
    repository(name) {
      const known = opened.get(name) ?? openRepository(stores.open(name), { passphrase: async () => PASSPHRASE });
      opened.set(name, known);
      return known;
    },
    async close() {
      kv.close();
      for (const repository of opened.values()) await (await repository).store.close();
      await stores.close();
      const over = endedOf(server.process);
      server.process.kill("SIGTERM");
      await over;
      if (report.failures.length === 0) rmSync(dir, { recursive: true, force: true });
      else tell(`kept for a look: ${dir}`);
    },
  };
}

/** Whether somebody has made it. */
export function isThere({ stores }: KilledWorld, name: string): boolean {
  return stores.measure(name).objects["config"] !== undefined;
}

/** Config files: that of the commands, and one for each of the restores that run at once. */
function writeConfigs(dir: string, url: string, stores: KillableStores): void {
  const account = `{ endpoint: "${url}", account_id: ${ACCOUNT_ID}, api_token: any, budget: { requests: 1000000, per: 5m, share: 100% } }`;
  const repositories = REPOSITORIES.map((name) => {
    const passphrase = name === "copy" ? `, passphrase: "${PASSPHRASE}"` : "";
    return `  ${name}: { store: "${stores.place(name)}"${passphrase} }\n`;
  });
  const rest = `accounts: { dev: ${account} }\nrepositories:\n${repositories.join("")}`;
  writeFileSync(join(dir, "kvsync.yaml"), `state_dir: ./state\n${rest}`);
  for (let i = 0; i < RESTORES_AT_ONCE; i++) {
    writeFileSync(join(dir, `restore-${i}.yaml`), `state_dir: ./state-${i}\n${rest}`);
  }
}

function emptyReport(): KilledBackupsReport {
  return {
    kills: {},
    stopped: 0,
    moments: Array.from({ length: 11 }, () => 0),
    toTheirEnd: {},
    refusals: {},
    looks: 0,
    hoursPassed: 0,
    snapshots: { reported: 0, untold: 0, forgotten: 0 },
    read: 0,
    restores: 0,
    packsRemoved: 0,
    space: {},
    failures: [],
  };
}

async function startServer(
  dir: string,
  { start }: KilledBackupsOptions,
): Promise<{ readonly url: string; readonly process: ChildProcess }> {
  const child = start(["serve", "--json", "--port", "0", "--data", join(dir, "data")], dir, {});
  const line = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  return { url: (JSON.parse(line) as { readonly url: string }).url, process: child };
}

export function startIn({ options, dir, stores }: KilledWorld, args: readonly string[]): ChildProcess {
  return options.start(args, dir, stores.env);
}

export async function runIn(world: KilledWorld, args: readonly string[]): Promise<EndedCommand> {
  return endedOf(startIn(world, args));
}

/** How it ended, and what it said. One that does not end is killed after a while. */
export function endedOf(child: ChildProcess): Promise<EndedCommand> {
  const [out, all]: [string[], string[]] = [[], []];
  child.stdout?.on("data", (chunk: Buffer) => {
    out.push(chunk.toString());
    all.push(chunk.toString());
  });
  child.stderr?.on("data", (chunk: Buffer) => all.push(chunk.toString()));
  const timer = setTimeout(() => {
    all.push(`it did not end within ${RUN_MS_MAX / 1000} s`);
    child.kill("SIGKILL");
  }, RUN_MS_MAX);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, records: recordsIn(out.join("")), text: all.join("") });
    });
  });
}

/** Whole lines only: a process may be killed in the middle of one. */
function recordsIn(text: string): readonly Record<string, unknown>[] {
  return text
    .split("\n")
    .slice(0, -1)
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** What the process reported as there, and complete. */
export function takeReports(
  { kept, kv, report }: KilledWorld,
  command: BackupCommand,
  { records }: EndedCommand,
): void {
  const destination = kept.get(command.repository)!;
  const noted = (id: string, title: string, content: Content): void => {
    destination.report(id, title, content);
    report.snapshots.reported++;
  };
  for (const record of records) {
    if (record["type"] === "summary" && record["command"] === "backup" && record["complete"] === true) {
      const title = String(record["namespace"]);
      if (typeof record["snapshot"] === "string") noted(record["snapshot"], title, kv.content(title));
    }
    if (record["type"] === "copied" && typeof record["copy"] === "string") {
      const original = kept.get(command.from ?? "")?.get(String(record["snapshot"]));
      // A copy of what a backup beside it wrote and could not say any more: it is looked at as one that was found.
      if (original !== undefined) noted(record["copy"], original.title, original.content);
    }
    if (record["type"] === "summary" && record["command"] === "prune") {
      report.packsRemoved += (record["removed"] as { readonly packs: number }).packs;
    }
  }
}
