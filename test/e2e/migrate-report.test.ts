// The report of a real migration between two accounts, and the comparison done again from it, from the command line.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { MigrationReport } from "../../src/migration/report/migration-report.ts";
import { type CliRun, records, runCli } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const KEYS = 300;
let dir = "";
let source: TestServer;
let destination: TestServer;
let sourceId = "";

const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });
const readReport = (name: string): MigrationReport =>
  JSON.parse(readFileSync(join(dir, name), "utf8")) as MigrationReport;
const keysOf = (report: MigrationReport): readonly string[] =>
  report.namespaces[0]!.proof!.findings.map(({ key, class: as }) => `${as} ${key}`);

async function call({ namespacesUrl, token }: TestServer, method: string, path: string, body: unknown): Promise<void> {
  const response = await fetch(`${namespacesUrl}/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-report-"));
  [source, destination] = await Promise.all([startTestServer(), startTestServer()]);
  sourceId = await source.createNamespace("app");
  const account = ({ url, token }: TestServer, id: string): string =>
    `{ account_id: ${id}, endpoint: "${url}", api_token: ${token} }`;
  const accounts = `  old: ${account(source, "testaccount")}\n  new: ${account(destination, "testaccount")}`;
  writeFileSync(join(dir, "kvsync.yaml"), `state_dir: ./state\naccounts:\n${accounts}\n`);
  const pairs = Array.from({ length: KEYS }, (_, i) => ({
    key: `k${i}`,
    value: `value ${i}`,
    ...(i % 3 === 0 && { metadata: { n: i } }),
    ...(i === 5 && { expiration: 1_900_000_000 }),
  }));
  await call(source, "PUT", `${sourceId}/bulk`, pairs);
}, 240_000);
afterAll(async () => {
  await Promise.all([source.close(), destination.close()]);
  rmSync(dir, { recursive: true, force: true });
});

it("a migration ends with a report, and from the report alone what was changed since is found", async () => {
  writeFileSync(join(dir, "wrangler.toml"), 'name = "worker"\n');
  const run = await kvsync(
    "migrate",
    "old:app",
    "new",
    "--name",
    "move",
    "--report",
    "ticket",
    "--settle-window",
    "1s",
  );
  expect(run).toMatchObject({ code: 0 });
  // In the form of the config that is there.
  expect(run.stderr).toContain('[[kv_namespaces]]\nbinding = "APP"\n');
  expect(run.stdout).toContain("Everything that was to be moved is at the destination: 300 keys of 300 are equal");
  const report = readReport("ticket.json");
  expect(report).toMatchObject({
    verdict: "equal",
    exitCode: 0,
    source: { account: "old" },
    totals: { counts: { equal: KEYS } },
  });
  const [namespace] = report.namespaces;
  expect(namespace).toMatchObject({ isNew: true, source: { id: sourceId }, copied: { written: KEYS } });
  expect(namespace!.proof!.root.destination).toBe(namespace!.proof!.root.source);
  expect(readFileSync(join(dir, "ticket.md"), "utf8")).toContain(`| \`app\` | \`${sourceId}\` |`);

  const id = namespace!.destination.id;
  await call(destination, "PUT", `${id}/bulk`, [
    { key: "k1", value: "value_1" },
    { key: "k3", value: "value 3", metadata: { n: 4 } },
    { key: "k5", value: "value 5", expiration: 1_900_000_001 },
    { key: "new", value: "1" },
  ]);
  await call(destination, "POST", `${id}/bulk/delete`, ["k7"]);
  const differing = ["missing k7", "value k1", "metadata k3", "expiration k5", "extra new"];
  // Whatever the accounts are called by then: their ids tell.
  const config = readFileSync(join(dir, "kvsync.yaml"), "utf8");
  writeFileSync(join(dir, "kvsync.yaml"), config.replace("  old:", "  before:"));
  const verified = await kvsync("migrate", "verify", "ticket.json", "--report", "again", "--settle-window", "1s");
  expect(verified).toMatchObject({ code: 4 });
  expect(keysOf(readReport("again.json"))).toEqual(differing);
  expect(verified.stderr).toContain("5 keys do not look equal: looked at again in 1s");
  expect(verified.stdout).toContain(
    "the source has not changed, the destination has changed (keys that expired count). 5 keys differ now, 0 of these did then",
  );
  writeFileSync(join(dir, "kvsync.yaml"), config);

  const json = await kvsync("migrate", "verify", "again.json", "--verify", "values", "--settle-window", "1s", "--json");
  const lines = records(json.stdout);
  expect(
    lines.filter(({ type }) => type === "difference").map((line) => `${String(line["class"])} ${String(line["key"])}`),
  ).toEqual(differing);
  expect(lines.at(-1)).toMatchObject({
    type: "summary",
    command: "migrate verify",
    verdict: "different",
    equal: KEYS - 4,
  });
  expect(json.code).toBe(4);

  const again = await kvsync("migrate", "old:app", "new", "--name", "move", "--settle-window", "1s");
  // What was changed or removed at the destination is left alone, and named: programs may use it already.
  expect(again).toMatchObject({ code: 4 });
  const text = readFileSync(join(dir, "state/migrations/move/report.md"), "utf8");
  expect(text).toContain("The destination was changed after the key was copied; the source was not.");
  expect(text).toContain(
    "`k7`: The source holds it (7 B), the destination does not. It had been copied, and was removed",
  );
}, 240_000);

it("what is no report, or is of an account that the config does not have, is told", async () => {
  writeFileSync(join(dir, "no.json"), "{}");
  const refused = await kvsync("migrate", "verify", "no.json");
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toContain("no.json is no report of a migration");
  const report = readReport("ticket.json");
  writeFileSync(
    join(dir, "other.json"),
    JSON.stringify({ ...report, source: { ...report.source, accountId: "other" } }),
  );
  expect((await kvsync("migrate", "verify", "other.json")).stderr).toContain(
    "the config has no account with the id other",
  );
}, 240_000);

it("keys are chosen by the names that they have at the source, also where others get these names", async () => {
  const id = await source.createNamespace("renamed");
  const pairs = ["old/a", "old/b", "new/b", "new/c"].map((key) => ({ key, value: `value of ${key}` }));
  await call(source, "PUT", `${id}/bulk`, pairs);
  const args = ["--prefix", "old/", "--rename", "old/=new/", "--name", "renamed", "--settle-window", "1s"];
  expect(await kvsync("migrate", "old:renamed", "new", ...args)).toMatchObject({ code: 0 });
  const report = readReport("state/migrations/renamed/report.json");
  expect(report).toMatchObject({ verdict: "equal", totals: { counts: { equal: 2, excluded: 2, unreadable: 0 } } });
  expect(keysOf(report)).toEqual(["excluded new/b", "excluded new/c"]);
  expect(report.namespaces[0]!.proof!.findings[0]!.reason).toBe("is left out: --prefix old/");
  // One that only the destination holds, by a name that another key of the source has.
  await call(destination, "PUT", `${report.namespaces[0]!.destination.id}/bulk`, [{ key: "new/c", value: "theirs" }]);
  const path = "state/migrations/renamed/report.json";
  const verified = await kvsync("migrate", "verify", path, "--report", "found", "--settle-window", "1s");
  expect(verified).toMatchObject({ code: 4 });
  expect(keysOf(readReport("found.json"))).toEqual(["extra new/c", "excluded new/b", "excluded new/c"]);
}, 240_000);
