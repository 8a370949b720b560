// What is no key unless the config says so: version control, secrets of the environment, what editors leave.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type CliRun, runCli } from "../support/cli.ts";

let cwd: string;
const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd });
const configure = (more = ""): void =>
  writeFileSync(
    join(cwd, "kvsync.yaml"),
    `accounts: { local: { endpoint: embedded } }\nmappings: { app: { mode: push, create: true, delete: all${more} } }\n`,
  );
const file = (name: string): void => {
  mkdirSync(dirname(join(cwd, "app", name)), { recursive: true });
  writeFileSync(join(cwd, "app", name), name);
};
const keys = async (): Promise<readonly string[]> =>
  (await kvsync("key", "list", "local:app")).stdout.split("\n").slice(0, -1);

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-excludes-"));
  for (const name of ["a", ".env", ".git/config", "node_modules/x/y", ".a.swp", "deploy.key"]) file(name);
});
afterEach(() => rmSync(cwd, { recursive: true }));

it("a push leaves them out, names what looks like a secret, and deletes none that the namespace has", async () => {
  configure(", exclude_defaults: false");
  expect((await kvsync("push")).code).toBe(0);
  expect(await keys()).toEqual([".a.swp", ".env", ".git/config", "a", "deploy.key", "node_modules/x/y"]);

  configure();
  file("b");
  rmSync(join(cwd, "app", ".git"), { recursive: true });
  const upgraded = await kvsync("push");
  expect([upgraded.code, upgraded.stderr]).toEqual([0, expect.not.stringContaining("held")]);
  expect(await keys()).toEqual([".a.swp", ".env", ".git/config", "a", "b", "deploy.key", "node_modules/x/y"]);

  file("deploy.key2");
  file("tls/deploy.key");
  const secret = await kvsync("push");
  expect(secret.code).toBe(0);
  expect(secret.stderr).toContain("1 key with the name of a secret was written to the namespace: tls/deploy.key");
  const doctor = await kvsync("doctor");
  expect(doctor.stdout).toContain("deploy.key, tls/deploy.key");
  expect(doctor.stdout).toContain("leaves out .git");
});

it("a copy leaves them out both ways, unless it is told not to", async () => {
  configure();
  expect((await kvsync("copy", "./app", "local:app")).code).toBe(1);
  await kvsync("namespace", "create", "local:app");
  expect((await kvsync("copy", "./app", "local:app")).code).toBe(0);
  expect(await keys()).toEqual(["a", "deploy.key"]);
  expect((await kvsync("copy", "./app", "local:app", "--no-exclude-defaults")).code).toBe(0);
  expect(await keys()).toHaveLength(6);
  expect((await kvsync("copy", "local:app", "./back")).code).toBe(0);
  expect(readdirSync(join(cwd, "back"))).toEqual(["a", "deploy.key"]);
  expect((await kvsync("check", "local:app", "./back")).code).toBe(0);
  expect((await kvsync("check", "local:app", "./back", "--no-exclude-defaults")).code).toBe(4);
});
