// What people are shown before they let something happen: a plan names what it destroys first, tells what holds it, and what
// to type next.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
