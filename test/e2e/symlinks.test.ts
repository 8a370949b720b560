// Folders of symbolic links as people meet them: ConfigMaps as the kubelet writes and swaps them, links that lead nowhere, in a
// circle or out of the folder.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliRun, records } from "../support/cli.ts";
import { ServedMapping } from "../support/served-mapping.ts";

let fixture: ServedMapping;

beforeEach(async () => {
  fixture = new ServedMapping();
  await fixture.serve("kv/app");
});
afterEach(() => fixture.close());

/** No poll of the namespace makes a round. */
function configure(symlinks: string, more = ""): void {
  fixture.configure("kv/app", `, symlinks: ${symlinks}${more}`);
  fixture.write("kvsync.yaml", fixture.read("kvsync.yaml").replace("poll_interval: 1s", "poll_interval: 1h"));
}

function shell(script: string): void {
  const { status, stderr } = spawnSync("bash", ["-ec", script], { cwd: join(fixture.dir, "kv/app"), encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

/** What kubelet's AtomicWriter does: a new folder, a link to it, swapped in by a rename, and the old folder removed. */
function writeConfigMap(version: number, values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) fixture.write(`kv/app/..v${version}/${name}`, value);
  shell(`ln -s ..v${version} ..data_tmp; mv -T ..data_tmp ..data
    for f in ..v${version}/*; do [ -L "$(basename "$f")" ] || ln -s "..data/$(basename "$f")" .; done
    for l in *; do [ -e "$l" ] || rm "$l"; done
    rm -rf ..v${version - 1}`);
}

/** Of the version: one that stays, one that changes, and one that is in every other version. */
const valuesOf = (version: number): Readonly<Record<string, string>> => ({
  stays: "the same",
  "app.json": `{"version":${version}}`,
  ...(version % 2 === 0 && { even: "x" }),
});

/** Of the daemon's rounds. */
function totalsSince(at: number): Readonly<Record<string, number>> {
  const rounds = records(fixture.out.slice(at)).filter(({ type }) => type === "round");
  const sum = (name: string): number => rounds.reduce((total, round) => total + (round[name] as number), 0);
  return { written: sum("written"), removed: sum("removed"), held: sum("held") };
}

const summaryOf = ({ stdout }: CliRun): unknown => records(stdout).find(({ type }) => type === "summary");

describe("a ConfigMap, with symlinks: inside", () => {
  it("is pushed by the names of its links, swap by swap, and nothing is deleted that stays", async () => {
    configure("inside");
    for (let version = 1; version <= 10; version++) {
      writeConfigMap(version, valuesOf(version));
      const run = await fixture.run("push", "--json");
      expect([run.code, run.stderr]).toEqual([0, expect.not.stringContaining("held")]);
      const isEven = version % 2 === 0;
      const removed = version === 1 || isEven ? 0 : 1;
      const written = version === 1 || isEven ? 2 : 1;
      expect(summaryOf(run)).toMatchObject({ written, removed, held: 0, failed: 0 });
      expect(await fixture.values()).toEqual(valuesOf(version));
    }
  });

  it.each([
    ["watches", ""],
    ["polls", ", watch: polling, watch_interval: 100ms"],
  ])("is followed through ten swaps by a daemon that %s, each as one change", async (_, more) => {
    configure("inside", more);
    writeConfigMap(1, valuesOf(1));
    await fixture.start("--json");
    await fixture.until(() => fixture.out.includes('"round"'));
    expect(await fixture.values()).toEqual(valuesOf(1));
    const before = fixture.out.length;
    for (let version = 2; version <= 11; version++) {
      writeConfigMap(version, valuesOf(version));
      await fixture.until(async () => isDeepStrictEqual(await fixture.values(), valuesOf(version)));
    }
    const isDone = (): boolean => isDeepStrictEqual(totalsSince(before), { written: 15, removed: 5, held: 0 });
    await fixture.until(isDone);
    const { stdout } = await fixture.run("status", "--json");
    expect(records(stdout).find(({ mapping }) => mapping === "app")).toMatchObject({
      state: "in-step",
      problemCount: 0,
    });
    expect(fixture.err).not.toContain("held");
    // Between two steps of the writer, the link of a value that is gone leads to nothing.
    for (const { key } of await fixture.history("failed")) expect(key).toBe("even");
    await fixture.stop();
  });
});

describe("a file that a link leads to", () => {
  it("is seen by the daemon when it changes, when it goes, and when it comes", async () => {
    configure("inside");
    fixture.write("kv/app/real/x", "1");
    for (let i = 0; i < 9; i++) fixture.write(`kv/app/k${i}`, "v");
    shell("ln -s real alias; ln -s real/x file; ln -s real/later soon");
    await fixture.start("--json");
    const some = async (): Promise<unknown> => {
      const { "real/x": real, "alias/x": alias, file, soon, "alias/later": later } = await fixture.values();
      return [real, alias, file, soon, later];
    };
    await fixture.until(async () => isDeepStrictEqual(await some(), ["1", "1", "1", undefined, undefined]));
    await fixture.until(() => (fixture.out + fixture.err).includes("leads to nothing"));
    fixture.write("kv/app/real/x", "2");
    await fixture.until(async () => isDeepStrictEqual(await some(), ["2", "2", "2", undefined, undefined]));
    fixture.write("kv/app/real/later", "3");
    await fixture.until(async () => isDeepStrictEqual(await some(), ["2", "2", "2", "3", "3"]));
    fixture.remove("kv/app/real/later");
    await fixture.until(async () => isDeepStrictEqual(await some(), ["2", "2", "2", "3", undefined]));
    fixture.remove("kv/app/soon");
    await fixture.until(async () => isDeepStrictEqual(await some(), ["2", "2", "2", undefined, undefined]));
    await fixture.stop();
  });
});

describe("a key that a link leads to, in two-way sync", () => {
  it("is pushed, and never written or removed here: what the remote did to it is told, and both sides stay", async () => {
    configure("inside");
    // What the remote did counts at once, however fast this machine is.
    const twoWay = fixture.read("kvsync.yaml").replace("mode: push", "mode: two-way");
    fixture.write("kvsync.yaml", twoWay.replace("settle_window: 1s", "settle_window: 0s"));
    for (const name of ["both", "changed", "deleted", "edited"]) fixture.write(`kv/app/real/${name}`, "1");
    shell("ln -s real alias");
    expect((await fixture.run("sync")).code).toBe(0);
    await fixture.delete("alias/deleted");
    for (const key of ["alias/both", "alias/changed"])
      expect((await fixture.run("key", "put", key, "2", "-n", "net:app")).code).toBe(0);
    fixture.write("kv/app/real/both", "3");
    fixture.write("kv/app/real/edited", "3");
    const diff = await fixture.run("diff");
    const sync = await fixture.run("sync");
    expect([diff.code, sync.code, (await fixture.run("sync")).code]).toEqual([3, 3, 3]);
    for (const key of ["alias/both", "alias/changed", "alias/deleted"])
      for (const { stderr } of [diff, sync]) expect(stderr).toContain(`${key}: is reached by a symbolic link`);
    // Nothing of this was replaced or removed.
    expect((await fixture.run("trash", "list")).stdout).not.toContain("alias/");
    expect(fixture.read("kv/app/real/changed") + fixture.read("kv/app/real/deleted")).toBe("11");
    // Least of all a copy of what lost the conflict, each time anew.
    expect(readdirSync(join(fixture.dir, "kv/app/real"))).toEqual(["both", "changed", "deleted", "edited"]);
    expect(await fixture.values()).toEqual({
      "alias/both": "2",
      "alias/changed": "2",
      "alias/edited": "3",
      "real/both": "3",
      "real/changed": "1",
      "real/deleted": "1",
      "real/edited": "3",
    });
  });
});

describe("links that cannot be followed", () => {
  it("are told by push and doctor, and what they stood for is not deleted", async () => {
    configure("inside");
    const names = ["dangling", "circle", "leaving"];
    for (const name of [...names, "a", "b", "c"]) fixture.write(`kv/app/${name}`, name);
    expect((await fixture.run("push")).code).toBe(0);
    const before = await fixture.values();
    shell("rm dangling circle leaving; ln -s nowhere dangling; ln -s circle circle; ln -s /etc/passwd leaving");
    const push = await fixture.run("push");
    const doctor = await fixture.run("doctor");
    expect([push.code, doctor.code]).toEqual([3, 1]);
    for (const text of [push.stdout + push.stderr, doctor.stdout])
      expect(text).toMatch(/circle:? .*in a circle[^]*dangling:? .*to nothing[^]*leaving:? .*out of the folder/);
    expect(await fixture.values()).toEqual(before);
  });
});

describe("what links lead to outside of the folder, with symlinks: follow", () => {
  it("is pushed, and polled for by the daemon, as status says", async () => {
    fixture.configure("kv/app", ", symlinks: follow, watch_interval: 1s");
    fixture.write("elsewhere/d/x", "1");
    fixture.write("kv/app/a", "a");
    shell("ln -s ../../elsewhere/d d; ln -s ../../elsewhere/d/x file");
    await fixture.start("--json");
    const isEverywhere = (x: string) => async (): Promise<boolean> =>
      isDeepStrictEqual(await fixture.values(), { a: "a", "d/x": x, file: x });
    await fixture.until(isEverywhere("1"));
    fixture.write("elsewhere/d/x", "2");
    await fixture.until(isEverywhere("2"));
    expect((await fixture.run("status")).stdout).toContain("is not watched (symlinks: follow)");
    await fixture.stop();
  });
});

describe("a ConfigMap, with symlinks: skip", () => {
  it("is no success, and push, doctor and status say what to set", async () => {
    configure("skip");
    writeConfigMap(1, valuesOf(1));
    const push = await fixture.run("push");
    const doctor = await fixture.run("doctor");
    const status = await fixture.run("status");
    expect([push.code, doctor.code]).toEqual([3, 1]);
    for (const text of [push.stdout + push.stderr, doctor.stdout, status.stdout])
      expect(text).toContain("holds 3 symbolic links in 4 names, which are not synced: set symlinks: inside");
    expect(Object.keys(await fixture.values())).not.toContain("app.json");
  });
});
