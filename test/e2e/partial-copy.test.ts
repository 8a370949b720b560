// A copy of a part: `--limit` and `--sample`. What is not copied is never taken for gone.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const KEYS = 2500;
let dir = "";
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ validate: false });
  dir = mkdtempSync(join(tmpdir(), "kvsync-part-"));
  const account = `{ endpoint: "${server.url}", account_id: ${server.accountId}, api_token: test-token }`;
  writeFileSync(join(dir, "kvsync.yaml"), `state_dir: ./state\naccounts:\n  prod: ${account}\n`);
  const id = await server.createNamespace("big");
  const pairs = Array.from({ length: KEYS }, (_, index) => ({ key: keyOf(index), value: `value ${index}` }));
  await fetch(`${server.namespacesUrl}/${id}/bulk`, {
    method: "PUT",
    headers: { authorization: "Bearer test-token", "content-type": "application/json" },
    body: JSON.stringify(pairs),
  });
  await server.createNamespace("dev");
});

afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

const keyOf = (index: number): string => `k${String(index).padStart(5, "0")}`;
const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });
const summaryOf = (run: CliRun) => records(run.stdout).at(-1);
const files = (folder: string): readonly string[] => readdirSync(join(dir, folder)).toSorted();

it("--limit copies the first keys, does not list all, and leaves alone what the destination has behind them", async () => {
  mkdirSync(join(dir, "out"));
  for (const name of ["a-mine", "k00002x-mine", "zzz-mine", keyOf(4)]) writeFileSync(join(dir, "out", name), "mine");
  const run = await kvsync("copy", "prod:big", "./out", "--limit", "3", "--json");
  expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining("only the first 3 keys") });
  expect(summaryOf(run)).toMatchObject({ written: 3, removed: 0, failed: 0 });
  // The page that is used, and the one after it, which was under way.
  expect((summaryOf(run) as { requests: { list: number } }).requests.list).toBeLessThan(3);
  const names = ["a-mine", keyOf(0), keyOf(1), keyOf(2), "k00002x-mine", keyOf(4), "zzz-mine"];
  expect(files("out")).toEqual(names);
  expect(readFileSync(join(dir, "out", keyOf(4)), "utf8")).toBe("mine");
  const again = await kvsync("copy", "prod:big", "./out", "--limit", "3", "--json");
  expect(summaryOf(again)).toMatchObject({ written: 0, unchanged: 3 });
});

it("--sample copies the same keys each time, from namespace to namespace; --limit takes the first of them", async () => {
  const run = await kvsync("copy", "prod:big", "prod:dev", "--sample", "2%", "--json");
  expect(run).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("a sample of 2% of the keys, with the seed 1"),
  });
  const { written } = summaryOf(run) as { written: number };
  expect(written).toBeGreaterThan(25);
  expect(written).toBeLessThan(80);
  const limited = await kvsync("copy", "prod:big", "prod:dev", "--sample", "2%", "--limit", "5", "--json");
  expect(summaryOf(limited)).toMatchObject({ written: 0, unchanged: 5 });
  const other = await kvsync("copy", "prod:big", "prod:dev", "--sample", "2%", "--seed", "2", "--dry-run", "--json");
  expect((summaryOf(other) as { written: number }).written).toBeGreaterThan(15);
});

it("after a copy of everything, one of a part forgets and removes nothing, and a mirror finds what it has to remove", async () => {
  mkdirSync(join(dir, "from"));
  for (let index = 0; index < 20; index++) writeFileSync(join(dir, "from", keyOf(index)), `value ${index}`);
  expect(await kvsync("copy", "./from", "./to")).toMatchObject({ code: 0 });
  rmSync(join(dir, "from", keyOf(19)));
  for (const part of [
    ["--limit", "10"],
    ["--limit", "1000"],
    ["--sample", "100%"],
  ]) {
    const run = await kvsync("copy", "./from", "./to", ...part, "--json");
    expect(summaryOf(run)).toMatchObject({ written: 0, removed: 0 });
    expect(files("to")).toHaveLength(20);
  }
  const mirror = await kvsync("copy", "./from", "./to", "--delete", "--json");
  expect(summaryOf(mirror)).toMatchObject({ written: 0, removed: 1, unchanged: 19 });
});

it("a part is no mirror, and no archive", async () => {
  const mirror = await kvsync("copy", "prod:big", "./out", "--limit", "3", "--delete");
  expect(mirror).toMatchObject({ code: 2, stderr: expect.stringContaining("what is not copied is not gone") });
  const archive = await kvsync("copy", "prod:big", "part.ndjson", "--sample", "3%");
  expect(archive).toMatchObject({ code: 2, stderr: expect.stringContaining("could not say that it has only a part") });
});
