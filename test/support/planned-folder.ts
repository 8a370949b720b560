// A folder of its own for each test, with a config whose mappings are on the embedded server, and what tests of plans do in
// it: write and remove files, put keys, plan, apply, and look at both sides.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { type CliRun, records, runCli } from "./cli.ts";

export type Texts = Readonly<Record<string, string>>;

export let dir = "";
let looks = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-apply-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

export const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });

export async function done(...args: readonly string[]): Promise<CliRun> {
  const run = await kvsync(...args);
  expect(run).toMatchObject({ code: 0 });
  return run;
}

const LOCAL = "accounts: { local: { endpoint: embedded } }";

/** Mappings of these modes, with `more` in the config of each; no settle window unless it says one. */
export function configure(modes: Texts, more = "", accounts = LOCAL, at = dir): void {
  const settled = more.includes("settle_window") ? "" : ", settle_window: 0s";
  const lines = Object.entries(modes).map(
    ([name, mode]) => `  ${name}: { mode: ${mode}, delete: all${settled}${more} }`,
  );
  const head = `state_dir: ./state\n${accounts}\nroot: ./kv\ndefaults: { account: local, create: true }\nmappings:\n`;
  writeFileSync(join(at, "kvsync.yaml"), `${head}${lines.join("\n")}\n`);
}

export function write(files: Texts, folder = "kv/app"): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(dir, folder, name, ".."), { recursive: true });
    writeFileSync(join(dir, folder, name), text);
  }
}

export function remove(...names: readonly string[]): void {
  for (const name of names) rmSync(join(dir, "kv/app", name));
}

export function read(folder: string): Texts {
  const names = readdirSync(join(dir, folder), { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => statSync(join(dir, folder, name)).isFile()).toSorted();
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(dir, folder, name), "utf8")]));
}

export const files = (name = "app"): Texts => read(`kv/${name}`);

/** What the namespace holds, as a copy of it does. */
export async function keys(namespace = "app"): Promise<Texts> {
  const folder = `seen${looks++}`;
  mkdirSync(join(dir, folder));
  await done("copy", `local:${namespace}`, `./${folder}`, "--no-fail-empty");
  return read(folder);
}

export const put = (key: string, value: string, ...more: readonly string[]): Promise<CliRun> =>
  done("key", "put", key, value, "-n", "app", ...more);

export const numbered = (count: number, prefix = "k"): Texts =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, `value ${i}`]));

export async function plan(...args: readonly string[]): Promise<CliRun> {
  const run = await kvsync("plan", ...args, "--out", "plan.json");
  expect(run).toMatchObject({ code: 4 });
  expect(run.stderr).toContain("kvsync apply plan.json");
  return run;
}

export const apply = (...more: readonly string[]): Promise<CliRun> => kvsync("apply", "plan.json", ...more);

/** The plan is refused, these keys of it are named with what happened to each, and neither side is touched. */
export async function refused(problems: Texts): Promise<void> {
  const before = [files(), await keys()];
  const run = await apply("--json");
  expect(run.code).toBe(12);
  const told = records(run.stdout).filter(({ type }) => type === "problem");
  expect(Object.fromEntries(told.map(({ subject, message }) => [subject, message]))).toEqual(
    Object.fromEntries(Object.entries(problems).map(([key, what]) => [key, `${what} since the plan was made`])),
  );
  expect(told.every(({ code }) => code === "outdated")).toBe(true);
  expect(records(run.stdout).at(-1)).toMatchObject({
    type: "summary",
    command: "apply",
    written: 0,
    removed: 0,
    held: 0,
  });
  expect([files(), await keys()]).toEqual(before);
  const { code, stderr } = await apply();
  expect(code).toBe(12);
  expect(stderr).toContain("nothing was changed");
}

export async function inStep(mode: string, more = ""): Promise<void> {
  configure({ app: mode }, more);
  write(numbered(20));
  await done("sync");
}
