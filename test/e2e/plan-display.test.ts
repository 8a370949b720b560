// What people are shown before they let something happen: a plan names what it destroys first, tells what holds it, and what
// to type next.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";

let dir = "";
let folder = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-plan-"));
  folder = join(dir, "kv");
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });

function configure(mode: string, more = ""): void {
  writeFileSync(
    join(dir, "kvsync.yaml"),
    `state_dir: ./state\naccounts: { local: { endpoint: embedded } }\nmappings:\n` +
      `  app: { account: local, folder: ./kv, mode: ${mode}, create: true, delete: all${more} }\n`,
  );
}

function write(files: Readonly<Record<string, string>>, root = folder): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, name, ".."), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

const numbered = (count: number, prefix = "k"): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, `value ${i}`]));

/** The lines of a plan, by their marks. */
function marks({ stdout }: CliRun): string {
  return stdout
    .split("\n")
    .flatMap((line) => /^ {2}(?:-> |<- | {3})?([-~!+.])/.exec(line)?.[1] ?? [])
    .join("")
    .replaceAll("...", ".");
}

describe("a plan", () => {
  it("shows removals first, then overwrites, then additions, which are cut at 50", async () => {
    configure("push");
    write({ ...numbered(20, "old"), ...numbered(30, "same") });
    expect(await kvsync("push")).toMatchObject({ code: 0 });
    for (const name of ["old0", "old1", "old2"]) rmSync(join(folder, name));
    write({ old3: "edited", ...numbered(80, "a") });
    for (const args of [["push", "--dry-run"], ["sync", "--dry-run"], ["diff"]]) {
      const run = await kvsync(...args);
      expect(marks(run)).toBe(`---~${"+".repeat(50)}.`);
      expect(run.stdout).toContain("  ... and 30 more additions (--all shows every line)\n");
    }
    for (const more of ["--all", "-v"]) {
      const run = await kvsync("push", "--dry-run", more);
      expect(marks(run)).toBe(`---~${"+".repeat(80)}`);
    }
    const json = records((await kvsync("push", "--dry-run", "--json")).stdout);
    expect(json.slice(0, 4).map(({ change }) => change)).toEqual(["remove", "remove", "remove", "change"]);
    // As it is done, in the order done: writes go before removals.
    const done = await kvsync("push");
    expect(marks(done)).toMatch(/^[+~]{51}---\.$/);
    expect(done.stdout).toContain("  ... and 30 more additions (--all shows every line)\n");
  });

  it("shows 200 removals, and where the others are", async () => {
    write({ ...numbered(120, "from/x"), ...numbered(5, "from/keep/k") });
    const all = { ...numbered(190, "sessions/s"), ...numbered(30, "eu/e"), ...numbered(5, "keep/k"), top: "1" };
    write(all, join(dir, "to"));
    const run = await kvsync("copy", "./kv/from", "./to", "--delete", "--dry-run");
    expect(marks(run)).toBe(`${"-".repeat(200)}.${"+".repeat(50)}.`);
    expect(run.stdout).toMatch(/ {2}\.\.\. and 21 more removals: 20 in sessions\/, 1 in no folder \(--all shows/);
  });

  it("marks conflicts, and names their copies", async () => {
    configure("two-way");
    write(numbered(20));
    expect(await kvsync("sync")).toMatchObject({ code: 0 });
    write({ k3: "mine", k4: "edited", new: "1" });
    expect(await kvsync("key", "put", "k3", "theirs", "-n", "app")).toMatchObject({ code: 0 });
    const dryRun = await kvsync("sync", "--dry-run");
    expect(marks(dryRun)).toBe("~!+");
    expect(dryRun.stdout).toContain(
      "  <- ! k3 (both sides changed it; the version of the folder would be kept beside it, as a conflict copy)\n",
    );
    const foreseen = records((await kvsync("diff", "--json")).stdout);
    expect(foreseen).toContainEqual(expect.objectContaining({ type: "difference", key: "k3", conflict: true }));
    const done = records((await kvsync("sync", "--json")).stdout);
    const copy = readdirSync(folder).find((name) => name.includes("%conflict"))!;
    expect(readFileSync(join(folder, copy), "utf8")).toBe("mine");
    expect(done).toContainEqual(expect.objectContaining({ type: "done", key: "k3", conflict: true, copy }));
    expect(done.filter(({ conflict }) => conflict === true)).toHaveLength(1);
  });

  it("names the conflicts that wait", async () => {
    configure("two-way", ", conflict: hold");
    write(numbered(20));
    expect(await kvsync("sync")).toMatchObject({ code: 0 });
    write({ k3: "mine" });
    expect(await kvsync("key", "put", "k3", "theirs", "-n", "app")).toMatchObject({ code: 0 });
    for (const args of [["diff"], ["sync"]])
      expect((await kvsync(...args)).stdout).toContain("     ! k3 (both sides changed it; it waits for you)\n");
    expect(records((await kvsync("sync", "--json")).stdout)).toContainEqual({ type: "conflict", key: "k3" });
  });
});

describe("a dry run foretells", () => {
  const dry = [["push", "--dry-run"], ["sync", "--dry-run"], ["diff"]];

  async function inStep(): Promise<void> {
    configure("push");
    write(numbered(30));
    expect(await kvsync("push")).toMatchObject({ code: 0 });
  }

  async function foretold(guard: string, reason: string): Promise<void> {
    for (const args of dry) {
      const run = await kvsync(...args);
      const command = args[0] === "diff" ? "push" : args[0];
      expect(run.code).toBe(args[0] === "diff" ? 4 : 5);
      expect(run.stderr).toContain(`  would be held: ${reason}`);
      expect(run.stderr).toContain(`type:\n    kvsync ${command} app --force\n`);
    }
    const json = records((await kvsync("push", "--dry-run", "--json")).stdout);
    expect(json.at(-2)).toMatchObject({ type: "held", guard, reason: expect.stringContaining(reason), dryRun: true });
    expect(json.at(-1)?.["held"]).toBeGreaterThan(0);
    // It did nothing: neither a hold nor a history line.
    expect((await kvsync("history", "app")).stdout).not.toContain("held");
  }

  it("that another folder is in the place of the mapping's", async () => {
    await inStep();
    renameSync(folder, join(dir, "aside"));
    write({ ...numbered(5), ...numbered(10, "new") });
    await foretold("root-changed", "the folder is not the one it was");
    const held = await kvsync("push");
    expect(held).toMatchObject({ code: 5 });
    expect(held.stderr).toMatch(/ {2}held as plan [0-9a-f]{10}, and nothing was changed: the folder is not the one/);
    expect(held.stderr).toMatch(/type:\n    kvsync approve app --plan [0-9a-f]{10} && kvsync push app\n/);
  });

  it("that the patterns changed", async () => {
    configure("push", ", exclude: ['z*']");
    write(numbered(30));
    expect(await kvsync("push")).toMatchObject({ code: 0 });
    expect(await kvsync("key", "put", "z", "1", "-n", "app")).toMatchObject({ code: 0 });
    configure("push");
    await foretold("filter-changed", "include or exclude changed");
  });

  it("that the namespace is another one", async () => {
    await inStep();
    expect(await kvsync("namespace", "delete", "app", "--yes")).toMatchObject({ code: 0 });
    expect(await kvsync("namespace", "create", "local:app")).toMatchObject({ code: 0 });
    await foretold("namespace-changed", "the namespace is not the one it was");
  });

  it("nothing of the kind where the plan was approved, or goes by force", async () => {
    await inStep();
    for (const name of readdirSync(folder).slice(0, 25)) rmSync(join(folder, name));
    await foretold("max-delete", "25 keys would be removed from the namespace");
    expect(await kvsync("push", "--dry-run", "--force")).toMatchObject({
      code: 0,
      stderr: expect.not.stringContaining("held"),
    });
    expect(await kvsync("push")).toMatchObject({ code: 5 });
    expect(await kvsync("approve", "app")).toMatchObject({ code: 0 });
    expect(await kvsync("push", "--dry-run")).toMatchObject({ code: 0, stderr: expect.not.stringContaining("held") });
    expect(await kvsync("push")).toMatchObject({ code: 0 });
  });

  it("with --against-mode what is to be typed with it", async () => {
    await inStep();
    for (const name of readdirSync(folder).slice(0, 25)) rmSync(join(folder, name));
    configure("pull");
    const run = await kvsync("push", "app", "--against-mode", "--dry-run");
    expect(run.stderr).toContain("    kvsync push app --against-mode --force\n");
  });

  it("that a namespace or a folder would be created", async () => {
    configure("push");
    write(numbered(3));
    for (const args of dry) {
      const run = await kvsync(...args);
      expect(run.code).toBe(args[0] === "diff" ? 4 : 0);
      expect(run.stdout).toContain("  the namespace app would be created\n");
      expect(marks(run)).toBe("+++");
    }
    expect(await kvsync("push")).toMatchObject({ code: 0 });
    writeFileSync(
      join(dir, "kvsync.yaml"),
      readFileSync(join(dir, "kvsync.yaml"), "utf8") +
        "  down: { account: local, namespace: other, folder: ./down, mode: pull }\n",
    );
    expect(await kvsync("namespace", "create", "local:other")).toMatchObject({ code: 0 });
    const run = await kvsync("pull", "down", "--dry-run");
    expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/the folder \S+\/down would be created/) });
    expect(readdirSync(dir)).not.toContain("down");
  });

  it("a copy to what does not exist yet", async () => {
    configure("push");
    write(numbered(3));
    const toFolder = await kvsync("copy", "./kv", "./far/away", "--dry-run");
    expect(toFolder.code).toBe(0);
    expect(marks(toFolder)).toBe("+++");
    expect(toFolder.stdout).toContain("  the folder ./far/away would be created\n");
    expect(readdirSync(dir)).not.toContain("far");
    const toNamespace = await kvsync("copy", "./kv", "local:new one", "--dry-run");
    expect(toNamespace.code).toBe(0);
    expect(marks(toNamespace)).toBe("+++");
    expect(toNamespace.stderr).toContain(`  the namespace "new one" does not exist yet\n`);
    expect(toNamespace.stderr).toContain("    kvsync namespace create 'local:new one'\n");
    // A comparison with what does not exist is a mistake.
    expect(await kvsync("diff", "./kv", "./far/away")).toMatchObject({ code: 1 });
    expect(await kvsync("diff", "./kv", "local:new")).toMatchObject({ code: 1 });
  });
});
