// With --json, each line of every command is JSON, on stdout and on stderr, whether it succeeds or fails; and what fails says so
// in the last line on stderr.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadAll } from "../../src/cli/command-entry.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { type CliRun, ended, records, runCli, startCli } from "../support/cli.ts";

interface Step {
  /** As one types it, with the command first. */
  readonly type: string;
  /** Elsewhere than in the folder with the config. */
  readonly cwd?: string;
  readonly before?: () => void | Promise<void>;
}

interface Failing extends Step {
  readonly exitCode: number;
  readonly code: string;
}

let dir = "";

// A key of w is deleted at the remote: w is too young to believe it, however long the steps take.
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-json-"));
  write(
    "kvsync.yaml",
    `state_dir: ./state
accounts: { local: { endpoint: embedded } }
root: ./kv
mappings:
  p: { account: local, mode: push, create: true, delete: all }
  l: { account: local, mode: pull, create: true }
  w: { account: local, mode: two-way, create: true, settle_window: 1h }
  c: { account: local, mode: two-way, create: true, conflict: hold }
  h: { account: local, mode: push, create: true, on_change: { run: [sh, -c, "echo went wrong >&2; exit 3"] } }
  g: { account: local, mode: push, create: true, delete: all, on_hold: { run: [sh, -c, "exit 3"] } }
notify: [{ name: n, run: ["true"] }]
`,
  );
  write("broken.yaml", "accounts: { local: { endpoint: nowhere } }\n");
  write("pairs.jsonl", '{"key":"a","value":"1"}\n{"key":"b","value":"2"}\n');
  for (const name of ["p", "w", "c", "h", "g"]) write(`kv/${name}/k`, "value");
  for (const folder of ["kv/l", "new", "empty"]) mkdirSync(join(dir, folder));
  await kvsync("namespace create local:l");
  await kvsync("namespace create local:c");
  await kvsync("key put k other -n c");
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
}

const remove = (path: string): void => rmSync(join(dir, path));

function kvsync(type: string, cwd = "."): Promise<CliRun> {
  return runCli(type.split(" "), { cwd: join(dir, cwd) });
}

/** What runs until it is stopped. */
async function untilReady(args: readonly string[]): Promise<CliRun> {
  const child = startCli(args, { cwd: dir });
  const run = ended(child);
  await Promise.race([new Promise((resolve) => child.stdout!.once("data", resolve)), run]);
  child.kill("SIGTERM");
  return run;
}

/** Commands whose stdout is no JSON, whatever is asked: a value as it is, and a script. */
const RAW: ReadonlySet<string> = new Set(["key get", "cat", "completion"]);

/** Commands whose lines of JSON are data, and end without a summary. */
const DATA: ReadonlySet<string> = new Set([
  "key list",
  "key metadata",
  "bulk get",
  "namespace list",
  "namespace get",
  "map",
]);

const LASTING: ReadonlySet<string> = new Set(["run", "serve", "status"]);

/** In this order: some need what others leave behind. */
const SUCCEEDING: readonly Step[] = [
  { type: "init", cwd: "new" },
  { type: "namespace create local:x" },
  { type: "namespace get local:x" },
  { type: "namespace list" },
  { type: "namespace rename local:x y" },
  { type: "namespace delete local:y --yes" },
  { type: "key put k v -n l" },
  { type: "key get k -n l" },
  { type: "key get k -n l -o got" },
  { type: "key metadata k -n l" },
  { type: "bulk put pairs.jsonl -n l" },
  { type: "bulk get a b -n l" },
  { type: "key list -n l" },
  { type: "key list -n l --long" },
  { type: "pull l -v" },
  { type: "key put k v2 -n l" },
  { type: "pull l" },
  { type: "bulk delete a b -n l" },
  { type: "key delete k -n l" },
  { type: "push p g -v" },
  { type: "sync w" },
  { type: "diff p" },
  { type: "plan p --out none.plan" },
  { type: "apply none.plan" },
  { type: "copy ./kv/p local:p" },
  { type: "check ./kv/p local:p" },
  { type: "export local:p p.ndjson" },
  { type: "import p.ndjson local:p" },
  { type: "backup local:p ./repo --no-encryption" },
  { type: "snapshots ./repo" },
  { type: "ls ./repo@latest" },
  { type: "find ./repo k" },
  { type: "cat ./repo@latest k" },
  { type: "restore ./repo@latest local:p" },
  { type: "drill ./repo" },
  { type: "forget ./repo --keep-last 1" },
  { type: "prune ./repo" },
  { type: "check ./repo" },
  { type: "repair index ./repo" },
  { type: "copy ./repo ./repo2 --no-encryption" },
  { type: "migrate local:p local:p2 --settle-window 1s" },
  { type: "migrate status" },
  { type: "history" },
  { type: "trash list" },
  { type: "history p --text k --since 1h --event added" },
  { type: "history p --key k --at 0s" },
  { type: "trash restore 1 --to restored" },
  { type: "trash list --prefix k --until 0s" },
  { type: "trash restore w --at 1h --dry-run" },
  { type: "trash restore w --at 1h --yes" },
  { type: "trash empty p --older-than 1d" },
  { type: "trash empty p --yes" },
  { type: "version" },
  { type: "notify test" },
  { type: "map k -m p" },
  { type: "doctor" },
  { type: "completion bash" },
  { type: "serve --port 0" },
  { type: "run" },
  { type: "conflicts list" },
  { type: "conflicts show c k" },
  { type: "status --watch" },
  { type: "pause w" },
  { type: "resume w" },
];

const FAILING: readonly Failing[] = [
  { type: "init", exitCode: 1, code: "io" },
  { type: "namespace create local:p", exitCode: 1, code: "namespace-exists" },
  { type: "namespace get local:nope", exitCode: 1, code: "namespace-not-found" },
  { type: "namespace list nope", exitCode: 2, code: "usage" },
  { type: "namespace rename local:nope x", exitCode: 1, code: "namespace-not-found" },
  { type: "namespace delete local:p", exitCode: 2, code: "usage" },
  { type: "key put k v -n local:nope", exitCode: 1, code: "namespace-not-found" },
  { type: "key get nope -n p", exitCode: 1, code: "key-not-found" },
  { type: "key metadata nope -n p", exitCode: 1, code: "key-not-found" },
  { type: "key list -n local:nope", exitCode: 1, code: "namespace-not-found" },
  { type: "key delete nope -n p", exitCode: 1, code: "key-not-found" },
  { type: "key delete nope k -n w", exitCode: 3, code: "incomplete" },
  { type: "bulk put nope.json -n p", exitCode: 1, code: "io" },
  { type: "bulk get nope k -n p", exitCode: 3, code: "incomplete" },
  { type: "bulk delete nope.json -n p", exitCode: 2, code: "usage" },
  {
    type: "sync w",
    exitCode: 3,
    code: "incomplete",
    before: () => ["kv/w/bad", "kv/w/bad%meta"].forEach((path) => write(path, "no JSON")),
  },
  {
    type: "pull p",
    exitCode: 2,
    code: "usage",
    before: () => ["kv/w/bad", "kv/w/bad%meta"].forEach(remove),
  },
  { type: "copy ./empty local:p", exitCode: 1, code: "source-empty" },
  { type: "check ./nope local:p", exitCode: 1, code: "root-missing" },
  { type: "export local:nope nope.ndjson", exitCode: 1, code: "namespace-not-found" },
  { type: "import pairs.jsonl local:p", exitCode: 1, code: "archive-refused" },
  { type: "backup local:nope ./repo", exitCode: 1, code: "namespace-not-found" },
  { type: "snapshots ./kv", exitCode: 1, code: "repository-refused" },
  { type: "ls ./repo@abcdef01", exitCode: 1, code: "snapshot-not-found" },
  { type: "find ./repo nope", exitCode: 1, code: "key-not-found" },
  { type: "cat ./repo@latest nope", exitCode: 1, code: "key-not-found" },
  { type: "restore ./repo local:p", exitCode: 2, code: "location-invalid" },
  { type: "drill ./repo latest --namespace nope", exitCode: 1, code: "snapshot-not-found" },
  { type: "forget ./repo", exitCode: 2, code: "usage" },
  { type: "prune ./kv", exitCode: 1, code: "repository-refused" },
  { type: "check ./kv", exitCode: 1, code: "repository-refused" },
  { type: "repair index ./kv", exitCode: 1, code: "repository-refused" },
  { type: "copy ./repo local:p", exitCode: 2, code: "usage" },
  { type: "diff p --values nope", exitCode: 1, code: "key-not-found" },
  { type: "sync c", exitCode: 6, code: "conflicts" },
  { type: "push h", exitCode: 1, code: "hook-failed" },
  // The hold outweighs that its program failed.
  { type: "push g", exitCode: 5, code: "held", before: () => remove("kv/g/k") },
  { type: "plan p --out -", exitCode: 2, code: "usage" },
  {
    type: "apply outdated.plan",
    exitCode: 12,
    code: "plan-outdated",
    before: async () => {
      write("kv/p/k", "planned");
      expect(await kvsync("plan p --out outdated.plan")).toMatchObject({ code: 4 });
      write("kv/p/k", "written since");
    },
  },
  {
    type: "apply held.plan",
    exitCode: 5,
    code: "held",
    before: async () => {
      remove("kv/p/k");
      await kvsync("plan p --out held.plan");
    },
  },
  { type: "push p", exitCode: 5, code: "held" },
  { type: "push p nope", exitCode: 2, code: "usage" },
  { type: "push h g", exitCode: 5, code: "held" },
  { type: "migrate local:nope local:p2", exitCode: 1, code: "namespace-not-found" },
  { type: "history nope", exitCode: 2, code: "usage" },
  { type: "trash list nope", exitCode: 2, code: "usage" },
  { type: "trash restore 999", exitCode: 2, code: "usage" },
  { type: "trash restore l --at 1h", exitCode: 2, code: "usage" },
  { type: "trash restore w --at yesterday", exitCode: 2, code: "usage" },
  { type: "trash empty nope", exitCode: 2, code: "usage" },
  { type: "history --since soon", exitCode: 2, code: "usage" },
  { type: "events", exitCode: 1, code: "not-running" },
  { type: "page", exitCode: 1, code: "not-running" },
  { type: "notify test nobody", exitCode: 2, code: "usage" },
  { type: "version too much", exitCode: 2, code: "usage" },
  { type: "events nope --follow", exitCode: 2, code: "usage" },
  { type: "status --watch soon", exitCode: 2, code: "usage" },
  { type: "approve w", exitCode: 2, code: "usage" },
  { type: "conflicts list --fail", exitCode: 6, code: "conflicts" },
  { type: "conflicts show c nope", exitCode: 2, code: "usage" },
  { type: "conflicts resolve c --keep local", exitCode: 2, code: "usage" },
  { type: "discard w", exitCode: 2, code: "usage" },
  { type: "pause", exitCode: 2, code: "usage" },
  { type: "resume nope", exitCode: 2, code: "usage" },
  { type: "sync w", exitCode: 5, code: "paused", before: async () => void (await kvsync("pause w")) },
  { type: "reload", exitCode: 1, code: "not-running" },
  { type: "status", exitCode: 1, code: "not-running" },
  { type: "sync --now", exitCode: 1, code: "not-running" },
  { type: "map /nowhere/k", exitCode: 2, code: "usage" },
  { type: "doctor -c broken.yaml", exitCode: 1, code: "failed" },
  { type: "completion nosuchshell", exitCode: 2, code: "usage" },
  { type: "serve --port 99999", exitCode: 2, code: "usage" },
  { type: "run nope", exitCode: 2, code: "usage" },
  { type: "key", exitCode: 2, code: "usage" },
  { type: "nonsense", exitCode: 2, code: "usage" },
  { type: "push --nonsense", exitCode: 2, code: "usage" },
];

const GROUPS: ReadonlySet<string> = new Set(["namespace", "key", "bulk", "trash", "repair", "conflicts", "notify"]);

/** The command of `type`: `key list` of `key list -n l`. */
function commandOf(type: string): string {
  const [first = "", second = ""] = type.split(" ");
  return GROUPS.has(first) ? `${first} ${second}` : first;
}

function errorsIn(lines: readonly Record<string, unknown>[]): readonly Record<string, unknown>[] {
  return lines.filter((line) => line["type"] === "error");
}

describe("with --json", () => {
  it.each(SUCCEEDING)("kvsync $type succeeds in lines of JSON", { timeout: 240_000 }, async ({ type, cwd }) => {
    const command = commandOf(type);
    const run = LASTING.has(command)
      ? await untilReady([...type.split(" "), "--json"])
      : await kvsync(`${type} --json`, cwd);
    expect(run).toMatchObject({ code: 0 });
    const told = RAW.has(command) ? [] : records(run.stdout);
    if (!RAW.has(command) && !DATA.has(command))
      expect(told.at(-1)).toMatchObject({ type: "summary", command: expect.stringMatching(/^[a-z -]+$/) });
    expect(errorsIn(records(run.stderr))).toEqual([]);
  });

  it.each(FAILING)("kvsync $type fails in lines of JSON", { timeout: 240_000 }, async (step) => {
    await step.before?.();
    const run = await kvsync(`${step.type} --json`, step.cwd);
    records(run.stdout);
    const told = records(run.stderr);
    const { exitCode, code } = step;
    expect({ exit: run.code, last: told.at(-1) }).toEqual({
      exit: exitCode,
      last: expect.objectContaining({ type: "error", code, exitCode, message: expect.any(String) }),
    });
    expect(errorsIn(told)).toHaveLength(1);
  });

  it("approves what is held", async () => {
    const run = await kvsync("approve p --json");
    expect(run).toMatchObject({ code: 0 });
    records(run.stdout);
    expect(errorsIn(records(run.stderr))).toEqual([]);
  });

  it("discards what is held, and goes on; and resolves a conflict", async () => {
    for (const type of ["discard g", "resume --all", "conflicts resolve c k --keep remote"]) {
      const run = await kvsync(`${type} --json`);
      expect(run).toMatchObject({ code: 0 });
      records(run.stdout);
      expect(errorsIn(records(run.stderr))).toEqual([]);
    }
  });

  it("a difference is an answer, and no failure", async () => {
    write("kv/w/k", "changed");
    const run = await kvsync("diff w --json");
    expect(run).toMatchObject({ code: 4 });
    expect(errorsIn([...records(run.stdout), ...records(run.stderr)])).toEqual([]);
  });

  it("a daemon is asked in lines of JSON", { timeout: 240_000 }, async () => {
    const child = startCli(["run", "--json", "--page", "127.0.0.1:0"], { cwd: dir });
    const run = ended(child);
    await new Promise((resolve) => child.stdout!.once("data", resolve));
    expect(records((await untilReady(["events", "--since", "0", "--json"])).stdout).at(-1)).toMatchObject({
      type: "summary",
      command: "events",
    });
    for (const type of ["status", "reload", "page"]) {
      const asked = await kvsync(`${type} --json`);
      expect(asked).toMatchObject({ code: 0 });
      expect(errorsIn([...records(asked.stdout), ...records(asked.stderr)])).toEqual([]);
    }
    const now = await kvsync("sync --now --json");
    records(now.stdout);
    expect(records(now.stderr).at(-1)).toMatchObject({ type: "error", exitCode: now.code });
    child.kill("SIGTERM");
    const { code, stdout, stderr } = await run;
    expect(code).toBe(0);
    records(stdout);
    records(stderr);
  });

  it("every command is tried, succeeding and failing", async () => {
    const program = buildProgram(async () => {}, { out: () => undefined, err: () => undefined });
    await loadAll(program);
    const tried = (steps: readonly Step[], more: readonly string[]): readonly string[] =>
      [...new Set([...steps.map(({ type }) => commandOf(type)), ...more])].toSorted();
    const all = leavesOf(program, []).toSorted();
    expect(tried(SUCCEEDING, ["approve", "conflicts resolve", "discard", "events", "page", "reload"])).toEqual(all);
    expect(tried(FAILING, []).filter((command) => all.includes(command))).toEqual(all);
  });
});

function leavesOf(command: Command, path: readonly string[]): readonly string[] {
  // One that does something itself stands for its subcommands.
  if (command.commands.length === 0 || command.registeredArguments.length > 0) return [path.join(" ")];
  return command.commands.flatMap((sub) => leavesOf(sub, [...path, sub.name()]));
}
