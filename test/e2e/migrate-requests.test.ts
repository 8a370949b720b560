// What is asked of a migration from elsewhere, and was not carried out when the process was killed; and what runs beside it.

import { createInterface } from "node:readline";
import type { ChildProcess } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { EpochMs } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { ended, runCli, startCli } from "../support/cli.ts";
import { call, create, numbered, openTwoServers, titlesOf, type TwoServers, valueOf } from "../support/two-servers.ts";

let servers: TwoServers;
let dir = "";
beforeAll(async () => {
  servers = await openTwoServers();
  ({ dir } = servers);
});
afterAll(() => servers[Symbol.asyncDispose]());

async function untilTold(child: ChildProcess, text: string): Promise<void> {
  for await (const line of createInterface(child.stdout!)) if (line.includes(text)) return;
}

/** Asks a process for something that is killed before it looks. */
async function askAndKill(child: ChildProcess, name: string, ...asked: readonly string[]): Promise<void> {
  const over = ended(child);
  child.kill("SIGSTOP");
  const run = await runCli(["migrate", ...asked], { cwd: dir });
  child.kill("SIGKILL");
  await over;
  expect(run).toMatchObject({ code: 0 });
  expect(run.stdout).toContain(`${name} is asked to`);
}

const following = (name: string): readonly string[] => [
  "migrate",
  `old:${name}`,
  "new",
  "--name",
  name,
  "--follow",
  "--settle-window",
  "200ms",
  "--interval",
  "100ms",
];

it("an abort that a killed process did not come to is not asked of the next run, and a cut-over is", async () => {
  await create(servers.source, "asked", numbered(3));
  const first = startCli([...following("asked"), "--json"], { cwd: dir });
  await untilTold(first, '"state":"catching-up"');
  await askAndKill(first, "asked", "abort", "asked");

  const second = startCli([...following("asked"), "--json"], { cwd: dir });
  await untilTold(second, '"state":"ready"');
  expect(servers.recordOf("asked")).toMatchObject({ state: "ready", runs: 2 });
  await askAndKill(second, "asked", "cutover", "asked");

  const third = await runCli(following("asked"), { cwd: dir });
  expect(third).toMatchObject({ code: 0 });
  expect(servers.recordOf("asked")).toMatchObject({ state: "done", runs: 3 });
});

it("a dry run beside a running process leaves alone what that tells of its progress", async () => {
  await create(servers.source, "beside", numbered(3));
  expect(await servers.migrate("old:beside", "new", "--name", "beside")).toMatchObject({ code: 0 });
  // As a process that runs keeps it.
  const progress = join(dir, "state", "migrations", "beside", "progress.json");
  writeFileSync(progress, "{}");
  const dry = await servers.migrate("old:beside", "new", "--name", "beside", "--dry-run");
  expect(dry.stderr).toContain("a dry run is possible only before it begins");
  expect(existsSync(progress)).toBe(true);
});

it("nothing is moved, compared or put back by a clock that is a day ahead: keys that live would count as expired", async () => {
  let behindMs = 0;
  const now = (): EpochMs => (systemClock.now() - behindMs) as EpochMs;
  await using dated = await openTwoServers("", { ...systemClock, now });
  const from = await create(dated.source, "app", []);
  const expiration = Math.floor(systemClock.now() / 1000) + 5 * 3600;
  await call(dated.source, "PUT", `/${from}/bulk`, [{ key: "session", value: "5 hours to live", expiration }]);
  const args = ["old:app", "new", "--name", "dated"];
  const words = /this machine's clock is (?:1d|23h 59m) ahead of that of account/;
  const ahead = { code: 1, stderr: expect.stringMatching(words) };
  behindMs = 86_400_000;
  expect(await dated.migrate(...args)).toMatchObject(ahead);
  expect(await titlesOf(dated.destination)).toEqual({});
  behindMs = 0;
  expect(await dated.migrate(...args)).toMatchObject({ code: 0 });
  behindMs = 86_400_000;
  expect(await dated.migrate("undo", "dated", "--yes")).toMatchObject(ahead);
  const verified = await dated.migrate("verify", join("state", "migrations", "dated", "report.json"));
  expect(verified).toMatchObject(ahead);
});

it("with --accept overwrite, only what the archive holds is overwritten: what a program wrote there since stays", async () => {
  const { source, destination } = servers;
  await create(source, "shared", [
    { key: "a", value: "source" },
    { key: "b", value: "source" },
  ]);
  const to = await create(destination, "shared", [
    { key: "a", value: "before" },
    { key: "b", value: "before" },
  ]);
  const args = ["old:shared", "new", "--name", "shared", "--accept", "overwrite", "--settle-window", "200ms"];
  source.setFaults({ rules: [{ kind: "slow", delayMs: 60_000, operations: ["bulkGet"], after: 1 }] });
  const child = startCli(["migrate", ...args, "--json"], { cwd: dir });
  const over = ended(child);
  await untilTold(child, '"type":"kept"');
  child.kill("SIGKILL");
  await over;
  source.setFaults({});
  await call(destination, "PUT", `/${to}/bulk`, [{ key: "b", value: "written after the archive" }]);
  expect((await servers.migrate(...args)).code).toBe(4);
  expect(await valueOf(destination, to, "a")).toBe("source");
  expect(await valueOf(destination, to, "b")).toBe("written after the archive");
  expect(await servers.migrate("undo", "shared", "--yes")).toMatchObject({ code: 0 });
  expect(await valueOf(destination, to, "a")).toBe("before");
});
