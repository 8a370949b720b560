// What befalls the state folder and the config, and what commands say of it: one line, a documented exit code, and nothing
// is lost.

import {
  chmodSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliRun, records } from "../support/cli.ts";
import { DaemonFixture } from "../support/daemon-process.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

let fixture: DaemonFixture;

beforeEach(() => {
  fixture = new DaemonFixture();
  fixture.config();
  fixture.writeMany(40);
});

let mounted = false;

afterEach(async () => {
  if (mounted) spawnSync("umount", ["-l", state()]);
  mounted = false;
  await fixture.close();
});

const canMount = process.platform === "linux" && process.getuid?.() === 0;

const state = (...names: readonly string[]): string => join(fixture.dir, "state", ...names);

/** Bytes that no page of SQLite begins with, over a part of the journal. */
function damage(at: number): void {
  const file = openSync(state("journal.sqlite"), "r+");
  writeSync(file, Buffer.alloc(2048, 0xff), 0, 2048, at);
  closeSync(file);
}

function expectNoBug(run: CliRun): void {
  expect(run.code).not.toBe(70);
  expect(run.stderr).not.toContain("this is a bug");
}

describe("a journal that is damaged", () => {
  it("is no bug for any command, wherever the damage is, and a second round is sound", async () => {
    await fixture.run("sync");
    const sound = readFileSync(state("journal.sqlite"));
    for (let i = 0; i < 10; i++) {
      const at = Math.floor((sound.length * i) / 10) + (i === 0 ? 100 : 0);
      for (const args of [["history"], ["trash", "list"], ["approve", "app"], ["sync"]]) {
        for (const suffix of ["-wal", "-shm"]) rmSync(state(`journal.sqlite${suffix}`), { force: true });
        writeFileSync(state("journal.sqlite"), sound);
        damage(at);
        const run = await fixture.run(...args);
        expectNoBug(run);
        expect([0, 2, 11]).toContain(run.code);
      }
      expect((await fixture.run("sync")).code).toBe(0);
      expect(readdirSync(join(fixture.dir, "kv", "app"))).toHaveLength(40);
    }
  }, 300_000);
});

describe("a state folder", () => {
  it("that cannot be made is told in one line", async () => {
    writeFileSync(join(fixture.dir, "file"), "");
    fixture.write("kvsync.yaml", fixture.read("kvsync.yaml").replace("./state", "./file/state"));
    const run = await fixture.run("sync");
    expectNoBug(run);
    expect([run.code, run.stderr]).toEqual([
      1,
      expect.stringMatching(/cannot (use|create) the state folder|could not create/),
    ]);
  });

  it("with a lock file that is none says which file to remove", async () => {
    mkdirSync(state());
    writeFileSync(state("lock.sqlite"), "garbage ".repeat(1000));
    const run = await fixture.run("sync");
    expect([run.code, run.stderr]).toEqual([
      11,
      expect.stringMatching(/lock\.sqlite is no lock of kvsync\n.*remove that file/),
    ]);
  });

  it("that is new may be used by several commands at once", async () => {
    const runs = await Promise.all(["diff", "diff", "diff", "diff"].map((command) => fixture.run(command)));
    for (const run of runs) expectNoBug(run);
    expect(runs.map(({ code }) => code)).toEqual([4, 4, 4, 4]);
  });

  it("that everybody may read keeps its files to their owner", async () => {
    mkdirSync(state());
    for (const name of ["journal.sqlite", "lock.sqlite", "embedded.sqlite"]) {
      writeFileSync(state(name), "");
      chmodSync(state(name), 0o644);
    }
    chmodSync(state(), 0o755);
    await fixture.start();
    const open = readdirSync(state(), { recursive: true, encoding: "utf8" }).filter(
      (name) => statSync(state(name)).isFile() && (statSync(state(name)).mode & 0o077) !== 0,
    );
    expect(open).toEqual([]);
    expect(readdirSync(state())).toContain("journal.sqlite-wal");
  });

  it("that is removed while the daemon runs stops it, with a message", async () => {
    await fixture.start();
    rmSync(state(), { recursive: true });
    fixture.write("kv/app/k0", "edited");
    const run = await fixture.ended();
    expect(run.code).toBe(11);
    expect(run.stderr).toMatch(/the state folder .*state was removed or replaced while kvsync used it/);
  }, 60_000);

  it("whose journal is moved away while the daemon runs stops it before anything more is removed", async () => {
    await fixture.start();
    renameSync(state("journal.sqlite"), state("aside.sqlite"));
    rmSync(join(fixture.dir, "kv", "app", "k0"));
    const run = await fixture.ended();
    expect(run.code).toBe(11);
    expect(run.stderr).toContain("was removed or replaced while kvsync used it");
    expect((await fixture.run("key", "get", "k0")).code).toBe(0);
  }, 60_000);

  it.runIf(canMount)(
    "on a full disk is told in one line, and all is well when there is room",
    async () => {
      mkdirSync(state());
      mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", state()]).status === 0;
      await fixture.run("sync");
      fixture.write("kv/app/k0", "edited");
      const fill = spawnSync("sh", ["-c", `cat /dev/zero > ${state("fill")}`]);
      expect(fill.status).not.toBe(0);
      for (const args of [["sync"], ["push"], ["history"], ["trash", "list"]]) {
        const run = await fixture.run(...args);
        expectNoBug(run);
        expect(run.stderr.match(/^kvsync: /gm)?.length ?? 0).toBe(run.code === 0 ? 0 : 1);
      }
      rmSync(state("fill"));
      expect((await fixture.run("sync")).code).toBe(0);
      expect(fixture.read("kv/app/k0")).toBe("edited");
    },
    60_000,
  );

  it("that is in use tells by whom, and may be waited for", async () => {
    await fixture.start();
    const [run, copy] = await Promise.all([fixture.run("sync"), fixture.run("copy", "local:app", "./elsewhere")]);
    expect(copy).toMatchObject({
      code: 10,
      stderr: expect.stringContaining("hint: stop the daemon meanwhile") as string,
    });
    expect(run.code).toBe(10);
    expect(run.stderr).toMatch(
      /kvsync run \(pid \d+\) is working with the state folder .* since \d{4}-.*Z\n.*kvsync sync --now/,
    );
    const waiting = fixture.run("sync", "--lock-timeout", "30s");
    await fixture.stop();
    expect((await waiting).code).toBe(0);
  }, 60_000);
});

describe("a config that is broken while the daemon runs", () => {
  it.each(["mappings: { app: { mode: nonsense } }", "mappings: [unfinished"])(
    "still lets it be asked: %s",
    async (broken) => {
      await fixture.start();
      fixture.config(broken);
      for (const args of [["status"], ["history"], ["trash", "list"]]) {
        const run = await fixture.run(...args);
        expect([args, run.code]).toEqual([args, 0]);
        expect(run.stderr).toMatch(/the config file has one fault[^]*the rest of the config is ignored/);
      }
      const approve = await fixture.run("approve", "app");
      expect(approve.stderr).toContain('mapping "app" is not held');
      const reload = await fixture.run("reload");
      expect(reload.code).toBe(7);
      expect((await fixture.run("status")).stdout).toContain("app");
    },
    60_000,
  );
});

describe("stdout on a full disk", () => {
  it("is a failure, and no bug", async () => {
    await fixture.run("sync");
    const run = spawnSync("sh", ["-c", '"$@" > /dev/full', "sh", process.execPath, main, "history"], {
      cwd: fixture.dir,
      encoding: "utf8",
    });
    expect([run.status, run.stderr]).toEqual([
      1,
      expect.stringMatching(/^kvsync: could not write to stdout: the disk is full$/m),
    ]);
    expect(run.stderr).not.toContain("this is a bug");
  });

  it("ends a round as a signal does: no unfinished file is left behind", { timeout: 240_000 }, async () => {
    fixture.write("kv/app/large", "x".repeat(20_000_000));
    fixture.write("kv/app/small", "x");
    expect(await fixture.run("sync")).toMatchObject({ code: 0 });
    const shell = ["-c", '"$@" > /dev/full', "sh", process.execPath, main, "copy", "local:app", "./copied", "--json"];
    const run = spawnSync("sh", shell, { cwd: fixture.dir, encoding: "utf8" });
    const told = records(run.stderr).at(-1);
    expect([run.status, told]).toEqual([1, expect.objectContaining({ type: "error", code: "disk-full", exitCode: 1 })]);
    expect(readdirSync(join(fixture.dir, "copied")).filter((name) => name.includes("%tmp-"))).toEqual([]);
  });

  it("is a line and exit code 1 also for --version", () => {
    const run = spawnSync("sh", ["-c", '"$@" > /dev/full', "sh", process.execPath, main, "--version"], {
      cwd: fixture.dir,
      encoding: "utf8",
    });
    expect([run.status, run.stderr]).toEqual([1, "kvsync: could not write to stdout: the disk is full\n"]);
  });
});
