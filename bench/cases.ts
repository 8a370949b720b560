// What is measured against what, and the target that each figure is held to. Every case that talks to a server starts
// its own, and checks once that each contender really did the work that it is credited with.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { benchRoot, HUNDRED_THOUSAND, makeTree, MILLION } from "./make-tree.ts";
import { type Command, type Contender, measure } from "./measure.ts";
import { ACCOUNT_ID, API_TOKEN, sdkEnvironment, type ServerProcess, startServer } from "./server-process.ts";

export interface Target {
  /** At most this many times the wall time, or the peak memory, of the contender named `of`. */
  readonly of?: string;
  readonly wall?: number;
  readonly peak?: number;
  readonly peakBytesMax?: number;
}

export interface BenchCase {
  readonly title: string;
  /** Runs of each contender; the default of the command line unless given. */
  readonly runs?: number;
  readonly targets: Readonly<Record<string, Target>>;
  /** Sets up what all runs share, and hands the contenders to `use`; cleans up after it. */
  with(use: (contenders: readonly Contender[]) => Promise<void>): Promise<void>;
}

const here = dirname(fileURLToPath(import.meta.url));
export const MAIN = join(here, "..", "dist", "main.js");
const NAMESPACE = "bench";
const MEBIBYTE = 1024 * 1024;

export const cases: Readonly<Record<string, BenchCase>> = {
  "first-push": {
    title: "First push of 100,000 files (203 MB) into an empty namespace",
    targets: { "kvsync push": { of: "SDK script", wall: 0.5, peak: 0.25 } },
    async with(use) {
      const tree = makeTree(HUNDRED_THOUSAND);
      await use([
        onFreshServer("kvsync push", HUNDRED_THOUSAND.files, (url) => kvsync("push", tree, url)),
        onFreshServer("SDK script", HUNDRED_THOUSAND.files, (url) => sdkPush(tree, url)),
      ]);
    },
  },

  "nothing-to-push": {
    title: "100,000 files, nothing to do",
    targets: { "kvsync push": { of: "rclone sync --dry-run", wall: 1 } },
    async with(use) {
      const tree = makeTree(HUNDRED_THOUSAND);
      const copy = mkdtempSync(join(benchRoot(), "copy-"));
      await measure({ command: "cp", args: ["-a", `${tree}/.`, copy] });
      const server = await startServer(MAIN);
      const push = kvsync("push", tree, server.url);
      await measure(push);
      await use([
        { name: "kvsync push", prepare: async () => push },
        installed("rclone sync --dry-run", {
          command: "rclone",
          args: ["sync", "--dry-run", tree, copy],
          env: { RCLONE_CONFIG: "" },
        }),
        installed("rsync -an --delete", { command: "rsync", args: ["-an", "--delete", `${tree}/`, `${copy}/`] }),
        gitStatus(copy),
        { name: "bare lstat loop", prepare: async () => node([join(here, "lstat-loop.mjs"), tree]) },
      ]);
      await server.stop();
      server.discard();
      rmSync(copy, { recursive: true });
    },
  },

  pull: {
    title: "Pull of 100,000 keys (203 MB) into an empty folder",
    targets: { "kvsync pull": { of: "SDK script", wall: 0.55 } },
    async with(use) {
      // Written by the SDK's script: values without kvsync's stamps, so that it has no help from itself.
      const filled = await startServer(MAIN);
      await measure(sdkPush(makeTree(HUNDRED_THOUSAND), filled.url));
      await filled.stop();
      await use([
        intoFreshFolder("kvsync pull", filled.data, (url, folder) => kvsync("pull", folder, url)),
        intoFreshFolder("SDK script", filled.data, (url, folder) => ({
          ...node([join(here, "sdk-pull.mjs"), NAMESPACE, folder]),
          env: sdkEnvironment(url),
        })),
      ]);
      filled.discard();
    },
  },

  million: {
    title: "1,000,000 keys",
    runs: 1,
    targets: {
      "kvsync diff (all differ)": { peakBytesMax: 256 * MEBIBYTE },
      "kvsync push": { peakBytesMax: 256 * MEBIBYTE },
      "kvsync diff (none differs)": { peakBytesMax: 256 * MEBIBYTE },
    },
    async with(use) {
      const tree = makeTree(MILLION);
      const server = await startServer(MAIN);
      const config = writeConfig("push", tree, server.url);
      await createNamespace(server.url);
      const run = (verb: string): Command => ({ ...cli([verb, NAMESPACE, "-c", config]), exitCodes: [0, 4] });
      await use([
        { name: "kvsync diff (all differ)", prepare: async () => run("diff") },
        { name: "kvsync push", prepare: async () => run("push") },
        { name: "kvsync diff (none differs)", prepare: async () => run("diff") },
      ]);
      await server.stop();
      server.discard();
      rmSync(tree, { recursive: true });
      rmSync(`${tree}.complete`);
    },
  },

  startup: {
    title: "Start-up",
    runs: 21,
    targets: { "kvsync --version": { of: "node -e 0", wall: 2 } },
    async with(use) {
      await use([
        { name: "kvsync --version", prepare: async () => ({ ...cli(["--version"]), wallOnly: true }) },
        { name: "node -e 0", prepare: async () => ({ ...node(["-e", "0"]), wallOnly: true }) },
      ]);
    },
  },
};

function node(args: readonly string[]): Command {
  return { command: process.execPath, args };
}

/** The built command line as it is installed: by its first line, with the options that stand there. */
function cli(args: readonly string[]): Command {
  return { command: MAIN, args };
}

function sdkPush(tree: string, url: string): Command {
  return { ...node([join(here, "sdk-push.mjs"), tree, NAMESPACE]), env: sdkEnvironment(url) };
}

/** One round of a mapping between `folder` and the namespace, with a new state folder. */
function kvsync(mode: "push" | "pull", folder: string, url: string): Command {
  return cli([mode, NAMESPACE, "-c", writeConfig(mode, folder, url)]);
}

export interface Budget {
  readonly requests: number;
  readonly per: string;
}

/** Over loopback the budget of the real API would only put everyone to sleep. */
export const UNLIMITED: Budget = { requests: 1_000_000, per: "1s" };

export function writeConfig(mode: string, folder: string, url: string, budget = UNLIMITED): string {
  const state = mkdtempSync(join(benchRoot(), "state-"));
  const file = join(state, "kvsync.yaml");
  const config = {
    state_dir: join(state, "state"),
    accounts: {
      bench: { endpoint: url, account_id: ACCOUNT_ID, api_token: API_TOKEN, budget },
    },
    mappings: { [NAMESPACE]: { folder, account: "bench", namespace: NAMESPACE, create: true, mode } },
  };
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config));
  return file;
}

function onFreshServer(name: string, keys: number, command: (url: string) => Command): Contender {
  let server: ServerProcess | undefined;
  let checked = false;
  return {
    name,
    async prepare() {
      server = await startServer(MAIN);
      return command(server.url);
    },
    async finish() {
      if (server === undefined) return;
      if (!checked) expectCount(name, "keys", await countKeys(server.url), keys);
      checked = true;
      await server.stop();
      server.discard();
    },
  };
}

function intoFreshFolder(name: string, data: string, command: (url: string, folder: string) => Command): Contender {
  let server: ServerProcess | undefined;
  let folder = "";
  let checked = false;
  return {
    name,
    async prepare() {
      server = await startServer(MAIN, data);
      folder = mkdtempSync(join(benchRoot(), "pulled-"));
      return command(server.url, folder);
    },
    async finish() {
      await server?.stop();
      if (!checked) await measure({ command: "diff", args: ["-rq", makeTree(HUNDRED_THOUSAND), folder] });
      checked = true;
      rmSync(folder, { recursive: true });
    },
  };
}

/** The repository lies outside of `copy`, which the other contenders compare with the tree. */
function gitStatus(copy: string): Contender {
  const repository = mkdtempSync(join(benchRoot(), "git-"));
  const git = (...args: string[]): Command => ({
    command: "git",
    args: ["-c", "user.name=bench", "-c", "user.email=bench@example.com", ...args],
    env: { GIT_DIR: repository, GIT_WORK_TREE: copy },
    cwd: copy,
  });
  let committed = false;
  return {
    name: "git status",
    async prepare() {
      if (!onPath("git")) return undefined;
      if (!committed) {
        await measure(git("init", "-q"));
        await measure(git("add", "-A"));
        await measure(git("commit", "-q", "-m", "bench"));
      }
      committed = true;
      return git("status", "--porcelain");
    },
  };
}

function installed(name: string, command: Command): Contender {
  return { name, prepare: async () => (onPath(command.command) ? command : undefined) };
}

export function onPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, program)));
}

export function expectCount(name: string, what: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`${name} left ${found} ${what}, not ${expected}: its figures mean nothing`);
}

interface Envelope<T> {
  readonly result: T;
  readonly result_info?: { readonly cursor?: string };
}

async function api<T>(url: string, path: string, init: RequestInit = {}): Promise<Envelope<T>> {
  const response = await fetch(`${url}/accounts/${ACCOUNT_ID}/storage/kv/namespaces${path}`, {
    ...init,
    headers: { authorization: `Bearer ${API_TOKEN}`, "content-type": "application/json" },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  const envelope: Envelope<T> = JSON.parse(text);
  return envelope;
}

async function createNamespace(url: string): Promise<void> {
  await api(url, "", { method: "POST", body: JSON.stringify({ title: NAMESPACE }) });
}

/** Of the keys that begin with `prefix`. */
export async function countKeys(url: string, prefix = ""): Promise<number> {
  const [namespace] = (await api<{ id: string }[]>(url, "")).result;
  let count = 0;
  let cursor = "";
  do {
    const query = new URLSearchParams({ prefix, cursor }).toString();
    const page = await api<unknown[]>(url, `/${namespace?.id}/keys?${query}`);
    count += page.result.length;
    cursor = page.result_info?.cursor ?? "";
  } while (cursor !== "");
  return count;
}

/** The values of keys, a hundred a request. */
export async function bulkGet(url: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const [namespace] = (await api<{ id: string }[]>(url, "")).result;
  const found = new Map<string, string>();
  for (let at = 0; at < keys.length; at += 100) {
    const body = JSON.stringify({ keys: keys.slice(at, at + 100) });
    const { values } = (
      await api<{ values: Record<string, string | null> }>(url, `/${namespace?.id}/bulk/get`, { method: "POST", body })
    ).result;
    for (const [key, value] of Object.entries(values)) if (value !== null) found.set(key, value);
  }
  return found;
}

/** Removes what an interrupted run may have left behind, except the trees. */
export function sweep(): void {
  const root = benchRoot();
  mkdirSync(root, { recursive: true });
  for (const name of readdirSync(root)) {
    if (!name.startsWith("tree-")) rmSync(join(root, name), { recursive: true, force: true });
  }
}
