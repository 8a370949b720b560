// `kvsync drill` from the command line: it proves a sound repository, and finds what somebody has altered in one.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sha256Of } from "../../src/core/fingerprint.ts";
import { type CliRun, ended, records, runCli, startCli } from "../support/cli.ts";
import { tamper } from "../support/tamper.ts";

let dir = "";
const file = (name: string): string => join(dir, name);
const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });
const later = Math.floor(Date.now() / 1000) + 86_400;
const KEYS = 300;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-drill-"));
  writeFileSync(file("kvsync.yaml"), "state_dir: ./state\naccounts: { local: { endpoint: embedded } }\n");
  mkdirSync(file("state/drills"), { recursive: true });
  const pairs: object[] = Array.from({ length: KEYS }, (_, i) => ({ key: `flags/${i}`, value: `value ${i}` }));
  pairs.push(
    { key: "binary", value: Buffer.from([0, 255, 254, 1]).toString("base64"), base64: true },
    { key: "empty", value: "" },
    { key: "whole", value: "w", metadata: { n: [1, "ü", null] }, expiration: later },
    { key: "metadata/full", value: "m", metadata: "x".repeat(1022) },
    { key: "large", value: "l".repeat(3_000_000) },
  );
  writeFileSync(file("pairs.ndjson"), pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
  expect(await kvsync("namespace", "create", "local:app")).toMatchObject({ code: 0 });
  expect(await kvsync("bulk", "put", "pairs.ndjson", "-n", "local:app")).toMatchObject({ code: 0 });
  expect(await kvsync("backup", "local:app", "./repo", "--no-encryption")).toMatchObject({ code: 0 });
}, 240_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const copyOf = (name: string): string => {
  cpSync(file("repo"), file(name), { recursive: true });
  return file(name);
};
const left = (): readonly string[] => readdirSync(file("state/drills"));
async function drill(repository: string): Promise<{ readonly run: CliRun; readonly end: Record<string, unknown> }> {
  const run = await kvsync("drill", repository, "--json");
  expect(left()).toEqual([]);
  return { run, end: records(run.stdout).at(-1)! };
}
const problems = ({ stdout }: CliRun): readonly Record<string, unknown>[] =>
  records(stdout).filter(({ type, failure }) => type === "problem" && failure === true);

it("proves a sound snapshot, of each source the newest, and leaves nothing behind", async () => {
  const { run, end } = await drill("./repo");
  expect(run).toMatchObject({ code: 0 });
  expect(end).toMatchObject({ command: "drill", verdict: "proven", entries: KEYS + 5, equal: KEYS + 5, failed: 0 });
  expect(end["rootFound"]).toBe(end["root"]);
  const two = copyOf("two");
  mkdirSync(file("folder"));
  writeFileSync(file("folder/a"), "1");
  expect(await kvsync("backup", "./folder", two)).toMatchObject({ code: 0 });
  const both = await kvsync("drill", two);
  expect(both).toMatchObject({ code: 0 });
  expect(both.stdout + both.stderr).toMatch(/local:app: proven[^]*folder: proven/);
  const one = await kvsync("drill", two, "latest", "--namespace", "app", "--json");
  expect(records(one.stdout)).toMatchObject([{ namespace: "app", verdict: "proven" }]);
  expect(await kvsync("drill", two, "--namespace", "nope")).toMatchObject({ code: 1 });
}, 240_000);

it("leaves out what has expired, or is about to", async () => {
  const soon = Math.floor(Date.now() / 1000) + 30;
  const lines = [
    { key: "soon", value: "1", expiration: soon },
    { key: "stays", value: "2", expiration: later },
  ];
  writeFileSync(file("expiring.json"), JSON.stringify(lines));
  expect(await kvsync("backup", "./expiring.json", "./expiring", "--no-encryption")).toMatchObject({ code: 0 });
  const { run, end } = await drill("./expiring");
  expect(run).toMatchObject({ code: 0 });
  expect(end).toMatchObject({ verdict: "proven", equal: 1, skipped: 1 });
}, 240_000);

it("finds a flipped bit in a pack, of values and of pages", async () => {
  const packs = readdirSync(file("repo/packs"), { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const named: number[] = [];
  for (const [at, pack] of packs.entries()) {
    const copy = copyOf(`flipped${at}`);
    const name = join(pack.parentPath, pack.name).replace(file("repo"), copy);
    const bytes = readFileSync(name);
    // In the first block.
    bytes[100]! ^= 1;
    rmSync(name);
    writeFileSync(name, bytes);
    const { run, end } = await drill(`./flipped${at}`);
    expect(run).toMatchObject({ code: 3 });
    expect(end).toMatchObject({ verdict: "incomplete", different: 0 });
    expect(Number(end["lost"])).toBeGreaterThan(0);
    expect(Number(end["lost"]) + Number(end["equal"])).toBe(KEYS + 5);
    expect(new Set(problems(run).map(({ code }) => code))).toEqual(new Set(["unreadable"]));
    named.push(problems(run).length - Number(end["lost"]));
  }
  // Each key of a value that cannot be read; a page by itself.
  expect(named.sort((a, b) => a - b)).toEqual([1 - (KEYS + 5), 0]);
}, 240_000);

it.each(["as it was", "as it is"] as const)(
  "finds another value in a pack, with an index that tells it %s",
  async (index) => {
    const path = copyOf(`value ${index}`);
    const alter = (kind: string, bytes: Buffer): Buffer =>
      kind === "values" && bytes.toString() === "value 7" ? Buffer.from("VALUE 7") : bytes;
    await tamper(path, { alter, index });
    const { run, end } = await drill(`./value ${index}`);
    expect(run).toMatchObject({ code: 3 });
    expect(end).toMatchObject({ verdict: "incomplete", lost: 1, different: 0, equal: KEYS + 4 });
    expect(problems(run)).toMatchObject([{ code: "unreadable", subject: "flags/7" }]);
  },
  240_000,
);

it("finds a page that says of a key that it holds another value, though the snapshot names that page", async () => {
  const path = copyOf("page");
  const [seven, eight] = [7, 8].map((i) => sha256Of(Buffer.from(`value ${i}`)));
  const ids = new Map<string, string>();
  const alter = (kind: string, bytes: Buffer): Buffer => {
    const altered = kind === "page" ? Buffer.from(bytes.toString().replace(seven!, eight!)) : bytes;
    ids.set(sha256Of(bytes), sha256Of(altered));
    return altered;
  };
  await tamper(path, {
    alter,
    index: "as it is",
    alterSnapshot: (snapshot) => ({
      ...snapshot,
      pages: snapshot.pages.map(({ id, entries }) => ({ id: ids.get(id)!, entries })),
    }),
  });
  const { run, end } = await drill("./page");
  expect(run).toMatchObject({ code: 4 });
  expect(end).toMatchObject({ verdict: "different", lost: 0, equal: KEYS + 5 });
  expect(end["rootFound"]).not.toBe(end["root"]);
  expect(problems(run)).toMatchObject([{ code: "differs" }]);
  expect(problems(run)[0]!["message"]).toContain("content root");
}, 240_000);

it("is stopped without leaving a value behind, and removes what a killed one left", async () => {
  /** Signals the drill when it has its folder. */
  const signalled = async (signal: NodeJS.Signals): Promise<CliRun> => {
    const watching = watch(file("state/drills"))[Symbol.asyncIterator]();
    const folder = watching.next();
    const child = startCli(["drill", "./repo"], { cwd: dir });
    const run = ended(child);
    await folder;
    child.kill(signal);
    await watching.return?.();
    return run;
  };
  expect(await signalled("SIGINT")).toMatchObject({ code: 130 });
  expect(left()).toEqual([]);
  expect(await signalled("SIGKILL")).toMatchObject({ signal: "SIGKILL" });
  expect(left()).toHaveLength(1);
  expect(await kvsync("drill", "./repo", "--folder", "./elsewhere")).toMatchObject({ code: 0 });
  expect(existsSync(file("elsewhere"))).toBe(true);
  expect(left()).toHaveLength(1);
  await drill("./repo");
}, 240_000);
