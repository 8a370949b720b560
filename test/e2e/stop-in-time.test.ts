// A stop never waits for the network: SIGTERM and SIGINT end every command within five seconds, whatever the server does, and
// no temporary file is left.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliRun, ended, startCli } from "../support/cli.ts";
import {
  HOSTILITIES,
  type Hostility,
  type Knowledge,
  KNOWLEDGE,
  startHostileServer,
} from "../support/hostile-server.ts";

/** What a user is promised of a command, and of the daemon, which gives a round that is under way ten seconds. */
const STOP_MS_MAX = 5000;
const DAEMON_STOP_MS_MAX = 13_000;

let root: string;
let made = 0;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "kvsync-stop-"));
});

afterAll(() => rmSync(root, { recursive: true }));

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  "key get": ["key", "get", "k", "-o", "app/got"],
  "key put": ["key", "put", "k", "--path", "app/big"],
  "key list": ["key", "list"],
  "key delete": ["key", "delete", "k"],
  "bulk put": ["bulk", "put", "pairs.jsonl"],
  "bulk get": ["bulk", "get", "a", "b", "c"],
  "bulk delete": ["bulk", "delete", "a", "b"],
  push: ["push", "app", "--against-mode"],
  pull: ["pull", "app", "--against-mode"],
  sync: ["sync"],
  diff: ["diff"],
  check: ["check", "./app", "dev:app"],
  "copy out": ["copy", "dev:app", "./copied"],
  "copy in": ["copy", "./app", "dev:app"],
  "namespace list": ["namespace", "list", "dev"],
  doctor: ["doctor"],
  run: ["run"],
};

/** Who is also tried with a server that lists no namespaces, or that lists keys as well. (The daemon takes its ten seconds each
 * time.) */
const MORE: Readonly<Record<"nothing" | "keys", readonly string[]>> = {
  nothing: ["key get", "push", "pull", "sync", "copy out", "namespace list", "doctor"],
  keys: ["push", "pull", "sync", "diff", "check", "copy out", "copy in"],
};

/** A folder of its own for each command, with a config that asks `url`. */
function prepare(url: string): string {
  const cwd = join(root, String(made++));
  mkdirSync(join(cwd, "app"), { recursive: true });
  for (let i = 0; i < 30; i++) writeFileSync(join(cwd, "app", `k${i}`), `value ${i}`);
  writeFileSync(join(cwd, "app", "big"), Buffer.alloc(3_000_000, "x"));
  writeFileSync(join(cwd, "pairs.jsonl"), ["a", "b"].map((key) => `{"key":"${key}","value":"v"}\n`).join(""));
  const config = [
    "state_dir: ./state",
    `accounts: { dev: { endpoint: "${url}", account_id: acct, api_token: right } }`,
    "mappings: { app: { account: dev, folder: ./app, mode: two-way } }",
    "",
  ];
  writeFileSync(join(cwd, "kvsync.yaml"), config.join("\n"));
  return cwd;
}

async function stopIt(
  args: readonly string[],
  hostility: Hostility,
  knows: Knowledge,
  signal: NodeJS.Signals,
): Promise<object> {
  await using server = await startHostileServer(hostility, knows);
  const cwd = prepare(server.url);
  const child = startCli([...args, "--json"], { cwd });
  child.stdin?.end();
  const over = ended(child);
  // A command that has ended by itself, or that asks nothing more, is over as well.
  await Promise.race([server.begun(hostility === "endless" ? 3 : 1), over]);
  const stopped = performance.now();
  child.kill(signal);
  const killer = setTimeout(() => child.kill("SIGKILL"), 4 * STOP_MS_MAX);
  const run = await over;
  clearTimeout(killer);
  const tookMs = performance.now() - stopped;
  const left = readdirSync(cwd, { recursive: true })
    .map(String)
    .filter((name) => /(^|\/)(\.kvsync-.*\.tmp|.*%tmp-)/.test(name));
  const inTime =
    tookMs < (args[0] === "run" ? DAEMON_STOP_MS_MAX : STOP_MS_MAX)
      ? "in time"
      : `after ${Math.round(tookMs)} ms: ${run.stderr}`;
  return { ended: inTime, killed: run.signal, wrong: isStopOrFailure(run) ? "nothing" : run.stderr, left };
}

/** No bug, and where it was stopped, it says so and not that something failed. */
function isStopOrFailure({ code, stderr }: CliRun): boolean {
  if (code !== 130 && code !== 143) return code !== 70 && code !== 2;
  const last = stderr.trimEnd().split("\n").at(-1) ?? "";
  return last.startsWith(`{"type":"error","code":"interrupted","exitCode":${code},`);
}

const ENDED = { ended: "in time", killed: null, wrong: "nothing", left: [] };

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  it.concurrent.each(HOSTILITIES)("ends each command whose server is: %s", { timeout: 240_000 }, async (hostility) => {
    const results: object[] = [];
    const names: object[] = [];
    for (const [name, args] of Object.entries(COMMANDS)) {
      // Both signals do the same: a few commands show it.
      if (signal === "SIGINT" && !["key get", "push", "pull"].includes(name)) continue;
      for (const knows of KNOWLEDGE) {
        if (knows !== "namespaces" && (signal === "SIGINT" || !MORE[knows].includes(name))) continue;
        results.push({ name, knows, ...(await stopIt(args, hostility, knows, signal)) });
        names.push({ name, knows });
      }
    }
    expect(results).toEqual(names.map((name) => ({ ...name, ...ENDED })));
  });
});
