// `kvsync forget`, `prune`, `check`, `repair index` and `copy` of repositories from the command line, on files that are aged by their times.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";

let dir = "";
const HOUR_S = 3600;
const kvsync = (args: string, env: Readonly<Record<string, string>> = {}): Promise<CliRun> =>
  runCli(args.split(" "), { cwd: dir, env });
async function done(args: string, env?: Readonly<Record<string, string>>): Promise<Record<string, unknown>[]> {
  const run = await kvsync(`${args} --json`, env);
  expect({ args, code: run.code, stderr: run.stderr }).toMatchObject({ args, code: 0 });
  return records(run.stdout);
}
const summary = async (args: string): Promise<Record<string, unknown>> => (await done(args)).at(-1)!;
const names = (folder: string, repository = "repo"): readonly string[] => {
  const path = join(dir, repository, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) => statSync(join(path, name)).isFile());
};
/** Lets everything in a folder of the repository be older by these hours. */
const age = (folder: string, hours: number): void => {
  for (const name of names(folder)) {
    const path = join(dir, "repo", folder, name);
    const seconds = statSync(path).mtimeMs / 1000 - hours * HOUR_S;
    utimesSync(path, seconds, seconds);
  }
};
const backUp = async (round: string, ...more: readonly string[]): Promise<string> => {
  for (let i = 0; i < 30; i++) writeFileSync(join(dir, "files", `key${i}`), `value ${i} of ${round}`);
  const made = await summary(["backup ./files ./repo", ...more].join(" "));
  return String(made["snapshot"]);
};
/** Flips a bit. */
const spoil = (path: string, at: number): void => {
  const bytes = readFileSync(path);
  bytes[at] = bytes[at]! ^ 1;
  writeFileSync(path, bytes);
};

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-care-"));
  mkdirSync(join(dir, "files"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("a repository", () => {
  let [first, second, third] = ["", "", ""];

  it("forgets what no rule keeps, and tells why it keeps the rest", async () => {
    first = await backUp("one", "--no-encryption");
    second = await backUp("two", "--tag", "release");
    third = await backUp("three");
    const rules = "forget ./repo --keep-last 1 --keep-tag release";
    const told = await done(`${rules} --dry-run`);
    expect(told).toMatchObject([
      { type: "snapshot", id: third, kept: true, reasons: ["last"] },
      { type: "snapshot", id: second, kept: true, reasons: ["tag release"] },
      { type: "snapshot", id: first, kept: false, reasons: [] },
      {
        type: "summary",
        command: "forget",
        sources: 1,
        kept: 2,
        removed: 1,
        timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        dryRun: true,
      },
    ]);
    expect(names("snapshots")).toHaveLength(3);
    const text = await kvsync(rules, { TZ: "Europe/Berlin" });
    expect(text.stdout).toMatch(/keep {4}\w{8} .* last\n {2}keep {4}.*tag release\n {2}forget {2}/);
    expect(text.stdout).toContain("forgot 1 snapshot of ./repo, and kept 2");
    expect(text.stderr).toContain("those of Europe/Berlin");
    expect(names("snapshots").toSorted()).toEqual([second, third].toSorted());
  });

  it.each([
    ["forget ./repo", "rules that keep something"],
    ["forget ./repo --keep-last 0", "rules that keep something"],
    ["forget ./repo --keep-within 7", '--keep-within: "7" is no span of time'],
    ["forget ./repo abcd --keep-last 1", "ids or rules, and not both"],
    ["forget ./repo --keep-last 1 --force", "--force goes with the ids"],
    ["prune ./repo --grace 2h", "add --alone"],
    ["prune ./repo --grace 2s --alone", "1h is the least"],
    ["prune ./repo --max-unused 5", "--max-unused: "],
    ["check ./repo --values", "none of the options of a comparison"],
    ["check ./repo --read-data-subset 0%", "nothing to be read"],
    ["check ./repo ./files --read-data", "for a check of one repository"],
    ["copy ./repo ./elsewhere --delete", "is copied as a whole"],
    ["copy ./repo local:app", "kvsync restore ./repo@latest local:app"],
  ])("refuses kvsync %s", async (args, message) => {
    const run = await kvsync(args);
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  });

  it("keeps the last complete snapshot of a source, unless it is forced", async () => {
    await done(`forget ./repo ${second.slice(0, 8)}`);
    const run = await kvsync(`forget ./repo ${third.slice(0, 8)}`);
    expect(run).toMatchObject({
      code: 5,
      stderr: expect.stringContaining(`forget ./repo ${third.slice(0, 8)} --force`),
    });
    expect(names("snapshots")).toEqual([third]);
  });

  it("frees what no snapshot needs: marked first, and removed a day later", async () => {
    const packs = names("packs").length;
    expect(await summary("prune ./repo")).toMatchObject({
      young: { packs: 4 },
      marked: { packs: 0 },
      removableFrom: null,
    });
    age("packs", 25);
    expect(await summary("prune ./repo --dry-run")).toMatchObject({ marked: { packs: 4 }, dryRun: true });
    expect(names("marks")).toEqual([]);
    const marking = await kvsync("prune ./repo");
    expect(marking.stdout).toMatch(/freed 0 packs .*\nmarked 4 packs .*\nprune again .* from 20/);
    expect(names("marks")).toHaveLength(4);
    expect(await summary("prune ./repo")).toMatchObject({ removed: { packs: 0 }, waiting: { packs: 4 } });
    age("marks", 25);
    expect(await summary("prune ./repo")).toMatchObject({ removed: { packs: 4 } });
    expect(names("packs")).toHaveLength(packs - 4);
    expect(await summary("prune ./repo")).toMatchObject({ marksRemoved: 4 });
    expect(await summary("check ./repo --read-data")).toMatchObject({ faults: 0, garbage: { packs: 0 }, snapshots: 1 });
    await done("check ./repo@latest ./files");
  });

  it("is copied to another one, encrypted, and only what is missing is read", async () => {
    const env = { KVSYNC_PASSPHRASE: "a passphrase of some length" };
    const run = await kvsync("copy ./repo ./copy --json", env);
    expect(records(run.stdout)).toMatchObject([
      { type: "created", repository: "./copy", encrypted: true },
      { type: "copied", snapshot: third },
      { type: "summary", command: "copy", copied: 1, present: 0, values: 30, failed: 0 },
    ]);
    const again = await kvsync("copy ./repo ./copy --json", env);
    expect(records(again.stdout).at(-1)).toMatchObject({ copied: 0, present: 1, values: 0 });
    expect(await kvsync("check ./copy --read-data", env)).toMatchObject({ code: 0 });
    expect(await kvsync("check ./copy@latest ./files --values", env)).toMatchObject({ code: 0 });
  });

  it("whose index is gone has it made anew", async () => {
    rmSync(join(dir, "repo", "index"), { recursive: true });
    const run = await kvsync("check ./repo");
    expect(run).toMatchObject({ code: 1, stdout: expect.stringContaining("of snapshots/") });
    expect(await summary("repair index ./repo")).toMatchObject({ command: "repair index", failed: 0, written: 1 });
    expect(await summary("check ./repo --read-data")).toMatchObject({ faults: 0 });
  });

  it("that is damaged says in what, and what is the worse for it", async () => {
    const packs = names("packs").map((name) => join(dir, "repo", "packs", name));
    for (const path of packs) spoil(path, 60);
    const run = await kvsync("check ./repo --read-data");
    expect(run.code).toBe(1);
    expect(run.stdout).toContain(`a page of snapshots/${third} cannot be read`);
    expect(run.stdout).toMatch(/30 keys: all from the first to the last/);
    expect(run.stdout).toContain("; 3 faults");
    expect(run.stderr).not.toContain("garbage");
    expect(run.stderr).toContain("hint: type: kvsync repair index ./repo; then back up again");
    expect(await kvsync("prune ./repo")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("prune removes nothing"),
    });
    const repaired = await kvsync("repair index ./repo --json");
    expect(repaired).toMatchObject({ code: 3 });
    expect(records(repaired.stdout).at(-1)).toMatchObject({ failed: 2 });
  });
});

describe("what a hint says can be typed as it is", () => {
  /** The last command of the hints. */
  const hinted = ({ stderr }: CliRun): string => /.*hint: .*?kvsync ([^;]*?)(?:;.*)?$/ms.exec(stderr)![1]!.trim();

  it("where a page or a snapshot cannot be read: the keys of a page are counted, and each of the hints mends or clears", async () => {
    mkdirSync(join(dir, "torn-files"));
    for (let i = 0; i < 30; i++) writeFileSync(join(dir, "torn-files", `key${i}`), `value ${i}`);
    await summary("backup ./torn-files ./torn --no-encryption");
    const [index] = names("index", "torn");
    rmSync(join(dir, "torn", "index", index!));
    const id = names("snapshots", "torn")[0]!.slice(-64, -56);
    const cut = await kvsync(`export ./torn@${id} cut.ndjson --json`);
    expect(cut.code).toBe(3);
    expect(records(cut.stdout).at(-1)).toMatchObject({ written: 0, failed: 30 });
    const backup = await kvsync(`backup ./torn@${id} ./again --no-encryption`);
    expect(backup.stderr).toContain("is not complete: 30 keys could not be read");
    expect(await kvsync(hinted(await kvsync(`cat ./torn@${id} key0`)))).toMatchObject({ code: 1 });
    expect(hinted(backup)).toBe("repair index ./torn");
    expect(await kvsync(hinted(backup))).toMatchObject({ code: 0 });
    expect(await summary(`export ./torn@${id} whole.ndjson`)).toMatchObject({ written: 30, failed: 0 });
    // A snapshot that cannot be read is in the way of prune.
    await summary("backup ./torn-files ./torn");
    spoil(
      join(
        dir,
        "torn",
        "snapshots",
        names("snapshots", "torn").find((name) => name.includes(id))!,
      ),
      30,
    );
    expect(hinted(await kvsync("check ./torn"))).toBe(`forget ./torn ${id} --force`);
    expect(await kvsync(hinted(await kvsync("prune ./torn")))).toMatchObject({ code: 0 });
    expect(await kvsync("prune ./torn")).toMatchObject({ code: 0 });
  });

  it("where nothing is found, two snapshots differ, a filter lets nothing through, or config.json is damaged", async () => {
    await summary("backup ./torn-files ./torn --prefix key1");
    const found = await kvsync("find ./torn nosuch");
    expect(await kvsync(hinted(found))).toMatchObject({ code: 0, stdout: expect.stringContaining("key1") as string });
    expect(await kvsync("find ./torn a[b")).toMatchObject({
      code: 2,
      stderr: 'kvsync: the pattern "a[b" has a "[" without a "]"\n  hint: write \\[ for a plain [\n',
    });
    writeFileSync(join(dir, "torn-files", "key5"), "another value");
    const first = (await summary("backup ./torn-files ./torn")) as { snapshot: string };
    writeFileSync(join(dir, "torn-files", "key5"), "a third value");
    const second = (await summary("backup ./torn-files ./torn")) as { snapshot: string };
    const diff = await kvsync(`diff ./torn@${first.snapshot} ./torn@${second.snapshot}`);
    expect(diff).toMatchObject({ code: 4, stderr: expect.not.stringContaining("hint") as string });
    const none = await kvsync(`restore ./torn@${first.snapshot} ./none --prefix nosuch`);
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining("passes the filter") as string });
    spoil(join(dir, "torn", "config.json"), 30);
    const spoilt = await kvsync("check ./torn --read-data");
    expect(spoilt.stderr).toContain("hint: put it back from a copy of the repository");
  });

  it("where a guard holds what an empty source would remove", async () => {
    mkdirSync(join(dir, "nothing"));
    mkdirSync(join(dir, "full"));
    for (let i = 0; i < 30; i++) writeFileSync(join(dir, "full", `key${i}`), "a value");
    await summary("export ./nothing nothing.ndjson --no-fail-empty");
    const held = await kvsync("import nothing.ndjson ./full --delete --no-fail-empty");
    expect(held.code).toBe(5);
    const force = /type:\n +kvsync (.*--force)$/m.exec(held.stderr)![1]!;
    expect(await kvsync(force)).toMatchObject({ code: 0 });
    expect(readdirSync(join(dir, "full"))).toEqual([]);
  });
});
