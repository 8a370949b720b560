// A folder that is polled, as its users meet it: `watch: polling` under a running daemon, and a mount whose file system tells
// of nothing that happens below it.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { records } from "../support/cli.ts";
import { DaemonFixture, pause } from "../support/daemon-process.ts";
import { type ServeProcess, startServe } from "../support/serve-process.ts";

let fixture: DaemonFixture;
let server: ServeProcess;

beforeEach(async () => {
  fixture = new DaemonFixture();
  server = await startServe(fixture.dir, "right");
});

afterEach(async () => {
  await fixture.close();
  await server.stop();
});

/** The daemon, with a folder that it polls, a server that is not its own, and metrics, which count its requests. */
async function start(policy = "watch: polling, watch_interval: 200ms"): Promise<void> {
  const account = `{ endpoint: "${server.url}", account_id: testaccount, api_token: right }`;
  const mapping = `{ account: local, mode: push, create: true, settle_window: 1s, ${policy} }`;
  const lines = [
    "state_dir: ./state",
    `accounts: { local: ${account} }`,
    "root: ./kv",
    `mappings: { app: ${mapping} }`,
  ];
  fixture.write("kvsync.yaml", lines.join("\n"));
  fixture.write("kv/app/a", "1");
  fixture.write("kv/app/b", "2");
  await fixture.start("--json", "--health", "0");
  await fixture.until(async () => (await fixture.stateOf()) === "in-step");
}

async function requests(): Promise<number> {
  const url = records(fixture.out)[0]?.["health"] as string;
  const text = await (await fetch(`${url}/metrics`)).text();
  const counted = text.matchAll(/^kvsync_requests_total\{[^}]*\} (\d+)$/gm);
  return [...counted].reduce((sum, [, times]) => sum + Number(times), 0);
}

const rounds = (): number => records(fixture.out).filter(({ type }) => type === "round").length;

/** By all rounds so far. */
const written = (): number =>
  [...fixture.out.matchAll(/"written":(\d+)/g)].reduce((sum, [, keys]) => sum + Number(keys), 0);

async function untilKeys(...keys: readonly string[]): Promise<void> {
  await fixture.until(async () => (await fixture.keys()).join() === [...keys].sort().join(), 20_000);
}

async function valueOf(key: string): Promise<string> {
  return (await fixture.run("key", "get", key, "-n", "app")).stdout;
}

describe("a daemon that polls", () => {
  it("carries what is created, edited, renamed, removed and put into new folders", async () => {
    await start();
    fixture.write("kv/app/new/nested/c", "3");
    await untilKeys("a", "b", "new/nested/c");
    fixture.write("kv/app/a", "edited");
    await fixture.until(async () => (await valueOf("a")) === "edited");
    renameSync(join(fixture.dir, "kv/app/b"), join(fixture.dir, "kv/app/renamed"));
    await untilKeys("a", "new/nested/c", "renamed");
    renameSync(join(fixture.dir, "kv/app/new"), join(fixture.dir, "kv/app/other"));
    await untilKeys("a", "other/nested/c", "renamed");
    fixture.remove("kv/app/renamed");
    await untilKeys("a", "other/nested/c");
    expect((await fixture.run("status")).stdout).toContain(
      "polling its folder every 200ms: watch: polling asks for it",
    );
    await fixture.stop();
  });

  it("sends no request while nothing changes, also not for a file that can never be synced", async () => {
    await start();
    fixture.write("kv/app/bad%zz", "its name can be no key's");
    await fixture.until(() => rounds() > 1);
    // A file that was hashed within the tick in which it was written is hashed once more.
    await pause(1000);
    const before = { requests: await requests(), rounds: rounds() };
    expect(before.requests).toBeGreaterThan(0);
    await pause(3000);
    expect({ requests: await requests(), rounds: rounds() }).toEqual(before);
    fixture.write("kv/app/a", "edited");
    await fixture.until(async () => (await requests()) > before.requests);
    await fixture.stop();
  });

  it("carries more than 10,000 files at once", { timeout: 240_000 }, async () => {
    await start();
    const folder = join(fixture.dir, "kv/app/many");
    const aside = join(fixture.dir, "many");
    mkdirSync(aside);
    for (let i = 0; i < 10_500; i++) writeFileSync(join(aside, `${i}`), `${i}`);
    const before = written();
    renameSync(aside, folder);
    await fixture.until(() => written() === before + 10_500, 90_000);
    expect((await fixture.keys()).filter((key) => key.startsWith("many/"))).toHaveLength(10_500);
    // The first, and one for all of these; the last of them may be too young for it, and have a round of their own.
    expect(rounds()).toBeGreaterThan(1);
    expect(rounds()).toBeLessThanOrEqual(3);
    await fixture.stop();
  });

  it("takes a folder that is away, or another one in its place, for no deletion, and goes on when it is back", async () => {
    await start();
    const folder = join(fixture.dir, "kv/app");
    renameSync(folder, `${folder}-away`);
    await fixture.until(async () => (await fixture.stateOf()) === "error");
    expect(await fixture.keys()).toEqual(["a", "b"]);
    mkdirSync(folder);
    await fixture.until(async () => (await fixture.stateOf()) === "hold");
    expect(await fixture.keys()).toEqual(["a", "b"]);
    rmSync(folder, { recursive: true });
    renameSync(`${folder}-away`, folder);
    await fixture.until(async () => (await fixture.stateOf()) === "in-step", 30_000);
    fixture.write("kv/app/c", "3");
    await untilKeys("a", "b", "c");
    await fixture.stop();
  });
});

describe("a folder of which nothing is told", () => {
  it("with watch: off is seen by kvsync sync, and status says so", async () => {
    await start("watch: off");
    fixture.write("kv/app/c", "3");
    expect((await fixture.run("status")).stdout).toContain(
      "not watching its folder (watch: off), which is rescanned every 1h",
    );
    expect((await fixture.run("sync", "--now", "app")).code).toBe(0);
    await untilKeys("a", "b", "c");
    await fixture.stop();
  });

  it.runIf(canOverlay())("since what changes lies below its mount is seen by polling", async () => {
    const { dir } = fixture;
    for (const name of ["disk", "kv/app"]) mkdirSync(join(dir, name), { recursive: true });
    const disk = join(dir, "disk");
    spawnSync("mount", ["-t", "tmpfs", "tmpfs", disk]);
    for (const name of ["lower", "upper", "work"]) mkdirSync(join(disk, name));
    overlay(disk, join(dir, "kv/app"));
    try {
      await start();
      writeFileSync(join(disk, "upper/c"), "made below");
      writeFileSync(join(disk, "lower/d"), "made below");
      await untilKeys("a", "b", "c", "d");
      // An overlay goes on to show a file that is removed below it.
      writeFileSync(join(disk, "upper/a"), "edited below");
      await fixture.until(async () => (await valueOf("a")) === "edited below");
      await fixture.stop();
    } finally {
      spawnSync("umount", ["-l", join(dir, "kv/app")]);
      spawnSync("umount", ["-l", disk]);
    }
  });
});

function overlay(disk: string, folder: string): boolean {
  const layers = `lowerdir=${disk}/lower,upperdir=${disk}/upper,workdir=${disk}/work`;
  return spawnSync("mount", ["-t", "overlay", "overlay", "-o", layers, folder]).status === 0;
}

/** Whether this user may mount what the test needs. */
function canOverlay(): boolean {
  const disk = mkdtempSync(join(tmpdir(), "kvsync-overlay-"));
  const isDisk = spawnSync("mount", ["-t", "tmpfs", "tmpfs", disk]).status === 0;
  for (const name of ["lower", "upper", "work", "top"]) mkdirSync(join(disk, name));
  const isOverlay = isDisk && overlay(disk, join(disk, "top"));
  if (isOverlay) spawnSync("umount", [join(disk, "top")]);
  if (isDisk) spawnSync("umount", [disk]);
  rmSync(disk, { recursive: true, force: true });
  return isOverlay;
}
