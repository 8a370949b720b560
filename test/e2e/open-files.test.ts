// Under a limit of 64 open files, of which the program itself takes about half, every command does all of its work.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type CliRun, ended, runCli, startCli } from "../support/cli.ts";
import { filesBelow } from "../support/tree-fixture.ts";

const hasLimits = process.platform === "linux" && spawnSync("bash", ["-c", "ulimit -n 64"]).status === 0;

let cwd: string;
const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd, openFiles: 64 });
const fill = (text: string): void => {
  for (let folder = 0; folder < 40; folder++) {
    mkdirSync(join(cwd, "app", `d${folder}`), { recursive: true });
    for (let i = 0; i < 6; i++) {
      writeFileSync(join(cwd, "app", `d${folder}`, `f${i}`), `${text} ${folder} ${i}`);
      writeFileSync(join(cwd, "app", `d${folder}`, `f${i}%meta`), `{\n  "metadata": ${i}\n}\n`);
    }
  }
  for (let i = 0; i < 150; i++) writeFileSync(join(cwd, "app", `r${i}`), `${text} ${i}`);
};

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-open-files-"));
  writeFileSync(
    join(cwd, "kvsync.yaml"),
    "state_dir: ./state\naccounts: { local: { endpoint: embedded } }\nmappings: { app: { mode: two-way, create: true, settle_window: 0s } }\n",
  );
});
afterEach(() => rmSync(cwd, { recursive: true }));

it.skipIf(!hasLimits)("push, pull, sync and check take turns", { timeout: 180_000 }, async () => {
  fill("old");
  const old = filesBelow(join(cwd, "app"));
  expect(await kvsync("push", "app", "--force", "--against-mode")).toMatchObject({
    code: 0,
    stderr: expect.not.stringContaining("EMFILE"),
  });

  rmSync(join(cwd, "app"), { recursive: true });
  mkdirSync(join(cwd, "app"));
  expect((await kvsync("pull", "app", "--force", "--against-mode")).code).toBe(0);
  expect(filesBelow(join(cwd, "app"))).toEqual(old);

  // Every file is replaced.
  fill("new");
  const pull = await kvsync("pull", "app", "--force", "--against-mode");
  expect([pull.code, pull.stdout]).toEqual([0, expect.stringContaining("390 written")]);
  expect(filesBelow(join(cwd, "app"))).toEqual(old);

  for (let folder = 0; folder < 40; folder++) {
    writeFileSync(join(cwd, "app", `d${folder}`, "f0"), "edited");
    rmSync(join(cwd, "app", `d${folder}`, "f1"));
  }
  const sync = await kvsync("sync", "app", "--force");
  expect([sync.code, sync.stdout]).toEqual([0, expect.stringContaining("40 written, 40 removed")]);
  expect((await kvsync("check", "./app", "local:app")).code).toBe(0);
  expect((await kvsync("copy", "local:app", "./copy")).code).toBe(0);
});

it.skipIf(!hasLimits)("the daemon takes turns, too", { timeout: 240_000 }, async () => {
  fill("old");
  const daemon = startCli(["run"], { cwd, openFiles: 64 });
  const over = ended(daemon);
  const keys = async (): Promise<number> =>
    (await runCli(["key", "list", "-n", "app"], { cwd })).stdout.split("\n").filter((line) => line !== "").length;
  await expect.poll(keys, { timeout: 60_000 }).toBe(390);
  for (let i = 0; i < 150; i++) writeFileSync(join(cwd, "app", `more${i}`), String(i));
  await expect.poll(keys, { timeout: 60_000 }).toBe(540);
  daemon.kill("SIGTERM");
  expect(await over).toMatchObject({ code: 0, stderr: expect.not.stringContaining("EMFILE") });
});
