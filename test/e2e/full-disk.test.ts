// A disk that is full, and folders that this user may not use: a line or a few with what failed and what to type, the exit code
// of the README, nothing lost, nothing left behind; and all is well again once there is room.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type CliRun, ended, runCli, startCli } from "../support/cli.ts";
import { type ServeProcess, startServe } from "../support/serve-process.ts";

const DISK_BYTES = 1_000_000;
const VALUES = 6;
const VALUE_BYTES = 100_000;
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

let dir = "";
let disk = "";
let server: ServeProcess;

const canMount = ((): boolean => {
  const probe = mkdtempSync(join(tmpdir(), "kvsync-tmpfs-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", probe]).status === 0;
  if (mounted) spawnSync("umount", [probe]);
  rmSync(probe, { recursive: true });
  return mounted;
})();

const kvsync = (args: readonly string[], uid?: number): Promise<CliRun> =>
  runCli(args, { cwd: dir, ...(uid !== undefined && { uid }) });

beforeAll(async () => {
  const home = mkdtempSync(join(tmpdir(), "kvsync-full-server-"));
  server = await startServe(home, "t");
});

afterAll(() => server.stop());

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-full-"));
  chmodSync(dir, 0o777);
  disk = join(dir, "disk");
  mkdirSync(disk);
  configure("pull", "./disk/kv");
  const pairs = Array.from({ length: VALUES }, (_, i) => {
    const bytes = randomBytes(VALUE_BYTES);
    writeFileSync(join(dir, `value${i}`), bytes);
    return JSON.stringify({ key: `k${i}`, value: bytes.toString("base64"), base64: true });
  });
  await kvsync(["namespace", "create", "dev:app"]);
  writeFileSync(join(dir, "pairs.jsonl"), pairs.join("\n"));
  expect(await kvsync(["bulk", "put", "pairs.jsonl", "-n", "dev:app"])).toMatchObject({ code: 0 });
});

afterEach(() => {
  if (canMount) spawnSync("umount", [disk]);
  rmSync(dir, { recursive: true, force: true });
});

function configure(mode: string, folder: string, stateDir = "./state"): void {
  writeFileSync(
    join(dir, "kvsync.yaml"),
    `state_dir: ${stateDir}\naccounts: { dev: { endpoint: "${server.url}", account_id: dev, api_token: t } }\n` +
      `mappings:\n  app: { account: dev, folder: ${folder}, namespace: app, mode: ${mode}, poll_interval: 1s }\n`,
  );
}

/** Room for two values and a half. */
function fillDisk(): void {
  spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", disk]);
  chmodSync(disk, 0o777);
  writeFileSync(join(disk, "filler"), Buffer.alloc(DISK_BYTES - 2.5 * VALUE_BYTES));
}

const makeRoom = (): void => rmSync(join(disk, "filler"));

/** What lies in `folder` and is not whole. */
function torn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => {
    const index = /(?:^|\/)k(\d)$/.exec(name)?.[1];
    if (index === undefined) return /tmp|kvsync/.test(name);
    return !readFileSync(join(folder, name)).equals(readFileSync(join(dir, `value${index}`)));
  });
}

function expectOneStory({ stderr }: CliRun): void {
  expect(stderr).toMatch(/full/);
  expect(stderr).toMatch(/hint: make room/);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(6);
}

describe.skipIf(!canMount)("on a full disk", () => {
  it.each([
    ["pull", "pull", ["pull"]],
    ["two-way", "sync", ["sync"]],
    ["pull", "copy", ["copy", "dev:app", "./disk/kv"]],
  ] as const)("of mode %s, %s says so, leaves no torn file, and goes on when there is room", async (mode, _, args) => {
    fillDisk();
    configure(mode, "./disk/kv");
    mkdirSync(join(disk, "kv"));
    const failed = await kvsync(args);
    expect(failed).toMatchObject({ code: 1 });
    expectOneStory(failed);
    expect(torn(disk)).toEqual([]);
    makeRoom();
    expect(await kvsync(args)).toMatchObject({ code: 0 });
    expect(torn(disk)).toEqual([]);
    expect(readdirSync(join(disk, "kv"))).toHaveLength(VALUES);
  });

  it("that has no room at all, what needs the journal says so", async () => {
    spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", disk]);
    configure("two-way", "./kv", "./disk/state");
    mkdirSync(join(dir, "kv"));
    expect(await kvsync(["sync"])).toMatchObject({ code: 0 });
    expect(() => writeFileSync(join(disk, "filler"), Buffer.alloc(2 * DISK_BYTES))).toThrow("ENOSPC");
    const failed = await kvsync(["trash", "empty", "--yes"]);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining("its disk is full") });
    expectOneStory(failed);
    makeRoom();
    expect(await kvsync(["trash", "empty", "--yes"])).toMatchObject({ code: 0 });
  });

  it(
    "serve --import says so, though the server that fails is within its own process",
    { timeout: 120_000 },
    async () => {
      expect(await kvsync(["export", "dev:app", "app.ndjson"])).toMatchObject({ code: 0 });
      spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES / 2}`, "tmpfs", disk]);
      const failed = await kvsync(["serve", "--port", "0", "--data", "disk/served", "--import", "app.ndjson"]);
      expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining("disk is full") });
    },
  );

  it("a value that is read into a file leaves the file that was there", async () => {
    fillDisk();
    writeFileSync(join(disk, "got"), "as before");
    writeFileSync(join(disk, "more"), Buffer.alloc(2 * VALUE_BYTES));
    expect(await kvsync(["key", "get", "k0", "-n", "dev:app", "-o", "disk/got"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("the disk is full"),
    });
    expect(readFileSync(join(disk, "got"), "utf8")).toBe("as before");
    expect(torn(disk)).toEqual([]);
  });

  it("the daemon goes on by itself when there is room, and says meanwhile what is wrong", async () => {
    fillDisk();
    configure("two-way", "./disk/kv");
    mkdirSync(join(disk, "kv"));
    const daemon = startCli(["run"], { cwd: dir });
    const over = ended(daemon);
    try {
      const isFull = async (): Promise<boolean> => (await kvsync(["status"])).stdout.includes("is full");
      await expect.poll(isFull, { timeout: 20_000 }).toBe(true);
      makeRoom();
      const status = (): Promise<number | null> => kvsync(["status", "--wait"]).then(({ code }) => code);
      await expect.poll(status, { timeout: 30_000 }).toBe(0);
      expect(readdirSync(join(disk, "kv"))).toHaveLength(VALUES);
      expect(torn(disk)).toEqual([]);
    } finally {
      daemon.kill("SIGTERM");
    }
    expect(await over).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/\n\s+at /) });
  });
});

describe.skipIf(!isRoot)("for a user who may not", () => {
  const owned = (name: string, mode: number): string => {
    const path = join(dir, name);
    mkdirSync(path, { recursive: true });
    chownSync(path, NOBODY, NOBODY);
    chmodSync(path, mode);
    return path;
  };

  it("write to the folder of a pull, it fails key by key, in a few lines", async () => {
    owned("kv", 0o555);
    configure("pull", "./kv");
    const run = await kvsync(["pull"], NOBODY);
    expect(run).toMatchObject({ code: 3, stderr: expect.stringContaining("permission denied") });
    chmodSync(join(dir, "kv"), 0o755);
    expect(await kvsync(["pull"], NOBODY)).toMatchObject({ code: 0 });
    expect(torn(join(dir, "kv"))).toEqual([]);
  });

  it("read a file or a folder of a push, these are told of, and nothing follows from them", async () => {
    const folder = owned("kv", 0o755);
    configure("two-way", "./kv");
    expect(await kvsync(["sync"], NOBODY)).toMatchObject({ code: 0 });
    chmodSync(join(folder, "k0"), 0o000);
    writeFileSync(join(folder, "k1"), "edited");
    mkdirSync(join(folder, "closed"), { mode: 0o700 });
    const run = await kvsync(["sync"], NOBODY);
    expect(run).toMatchObject({ code: 3, stderr: expect.stringContaining("closed: cannot be listed") });
    expect((await kvsync(["key", "list", "-n", "dev:app"])).stdout.split("\n")).toEqual(
      expect.arrayContaining(["k0", "k1"]),
    );
  });

  it.each(["push", "sync", "run", "diff"])(
    "use the state folder, %s ends with one line and a hint",
    async (command) => {
      owned("kv", 0o755);
      mkdirSync(join(dir, "closed"), { mode: 0o755 });
      configure("push", "./kv", "./closed");
      const { code, stderr } = await kvsync([command], NOBODY);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^kvsync: .*permission denied.*\n  hint: .*\n?$/);
    },
  );
});
