// A migration between two accounts from the command line: what is found before the first write, a killed run that goes on, a source
// that is followed until the cut-over, and the way back.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeStamp } from "../../src/core/stamp.ts";
import type { MigrationRecord } from "../../src/migration/migration-record.ts";
import { type CliRun, ended, records, runCli, startCli } from "../support/cli.ts";
import { entryOf } from "../support/values.ts";
import type { TestServer } from "../support/server.ts";
import {
  call,
  create,
  keysOf,
  numbered,
  openTwoServers,
  titlesOf,
  type TwoServers,
  valueOf,
} from "../support/two-servers.ts";

let servers: TwoServers;
let dir = "";
let source: TestServer;
let destination: TestServer;

beforeAll(async () => {
  const hook = `{ run: [sh, -c, 'echo "$KVSYNC_EVENT $KVSYNC_MIGRATION" >> events.txt; cat >> told.jsonl'], debounce: 1ms }`;
  servers = await openTwoServers(`on_migration: ${hook}\n`);
  ({ dir, source, destination } = servers);
});

afterAll(() => servers[Symbol.asyncDispose]());

const migrate = (...args: readonly string[]): Promise<CliRun> => servers.migrate(...args);
const recordOf = (name: string): MigrationRecord => servers.recordOf(name);

/** Of which the hook was told. */
const eventsOf = (name: string): readonly string[] =>
  readFileSync(join(dir, "events.txt"), "utf8")
    .split("\n")
    .filter((line) => line.endsWith(` ${name}`))
    .map((line) => line.split(" ")[0]!);

describe("before the first write", () => {
  it("is told of a token that may only read, keys that a rename breaks, other content and another jurisdiction", async () => {
    await create(source, "broken", [
      { key: "old/a", value: "1" },
      { key: "new/a", value: "2" },
      { key: "dots/..", value: "3" },
    ]);
    await create(source, "taken", [{ key: "k", value: "theirs" }], { jurisdiction: "eu" });
    const taken = await create(destination, "taken", [{ key: "k", value: "mine" }]);
    destination.setFaults({ readOnly: true });
    const args = ["old", "new", "--namespaces", "broken,taken", "--name", "found", "--json"];
    const run = await migrate(...args, "--rename", "old/=new/", "--rename", "dots/=");
    destination.setFaults({});
    expect(run.code).toBe(5);
    const found = records(run.stdout).filter(({ type }) => type === "finding");
    expect(found.map(({ code, namespace }) => [code, namespace])).toEqual([
      ["read-only", null],
      ["bad-keys", "broken"],
      ["jurisdiction", "taken"],
      ["overwrite", "taken"],
    ]);
    expect(Object.keys(await titlesOf(destination))).toEqual(["taken"]);
    expect(await call(destination, "GET", `/${taken}/keys`)).toHaveLength(1);
  });

  it("is told what a dry run has seen, and a saved plan holds only as long as the destination is as it was", async () => {
    await create(source, "planned", [{ key: "k", value: "v" }]);
    const id = await create(destination, "planned", []);
    const args = ["old:planned", "new", "--plan", "plan.json", "--name", "planned"];
    expect(await migrate(...args, "--dry-run")).toMatchObject({ code: 0 });
    expect(await keysOf(destination, id)).toEqual([]);
    await call(destination, "PUT", `/${id}/bulk`, [{ key: "later", value: "v" }]);
    const run = await migrate(...args);
    expect(run).toMatchObject({ code: 12 });
    expect(run.stderr).toContain('the destination of "planned" does not hold what it held');
    expect(await keysOf(destination, id)).toEqual(["later"]);
  });
});

it("a killed run goes on: nothing is copied twice, what has changed since is carried over, and a namespace is created as the source's is", async () => {
  const ids = {
    first: await create(source, "first", numbered(1200), { jurisdiction: "eu" }),
    second: await create(source, "second", numbered(300)),
  };
  const args = [
    "migrate",
    "old",
    "new",
    "--namespaces",
    "first*,second",
    "--name",
    "killed",
    "--settle-window",
    "200ms",
  ];
  // The second namespace is never written while the first run lives.
  source.setFaults({ rules: [{ kind: "slow", delayMs: 60_000, operations: ["bulkGet"], after: 13 }] });
  const child = startCli([...args, "--json"], { cwd: dir });
  const over = ended(child);
  const lines = createInterface(child.stdout!);
  for await (const line of lines) if (line.includes('"type":"namespace"')) break;
  child.kill("SIGKILL");
  await over;
  source.setFaults({});
  const done = recordOf("killed").namespaces.filter(({ isCopied }) => isCopied);
  expect(done).toHaveLength(1);
  const copied = done[0]!.source.title as keyof typeof ids;
  await create(source, "first-again", numbered(5));
  await call(source, "PUT", `/${ids[copied]}/bulk`, [{ key: "k/00007", value: "changed" }]);
  const before = source.counts().bulkGet;
  const written = destination.counts().bulkWrite;
  const run = await runCli([...args, "--verify", "listing"], { cwd: dir });
  expect(run).toMatchObject({ code: 0 });
  // What was left and what has come to it, and then all of it once more, since no stamp tells what has changed since.
  const left = copied === "first" ? 3 : 12;
  expect(source.counts().bulkGet - before).toBe(left + 17);
  expect(destination.counts().bulkWrite - written).toBe(3);
  const there = await titlesOf(destination);
  expect(await valueOf(destination, there[copied]!.id, "k/00007")).toBe("changed");
  const { first, second } = there;
  expect(first).toMatchObject({ jurisdiction: "eu" });
  expect(await keysOf(destination, second!.id)).toHaveLength(300);
  expect(await keysOf(destination, there["first-again"]!.id)).toHaveLength(5);
  expect(recordOf("killed")).toMatchObject({ state: "done", runs: 2 });
  // What is pasted into wrangler's config.
  const snippet = readFileSync(join(dir, "state", "migrations", "killed", "ids.wrangler.jsonc"), "utf8");
  expect(run.stderr).toContain(snippet.trim());
  expect(snippet).toContain(`// "first"; its id was ${ids.first}\n    { "binding": "FIRST", "id": "${first!.id}" },\n`);
  const toml = readFileSync(join(dir, "state", "migrations", "killed", "ids.wrangler.toml"), "utf8");
  expect(toml).toContain(`[[kv_namespaces]]\nbinding = "FIRST_AGAIN"\nid = "${there["first-again"]!.id}"\n`);
});

it("metadata gets a checksum at the destination, which is told before; with --no-stamp it stays as it is", async () => {
  const pairs = [
    { key: "bare", value: "v" },
    { key: "with", value: "w", metadata: { by: "me" } },
  ];
  await create(source, "plain", pairs);
  const args = ["old:plain", "new", "--settle-window", "100ms", "--verify", "listing"];
  const told = await migrate(...args, "--dry-run");
  expect(told.stderr).toContain("--no-stamp leaves metadata as it is");
  expect(await migrate(...args, "--name", "bare", "--no-stamp")).toMatchObject({ code: 0 });
  const { id } = (await titlesOf(destination))["plain"]!;
  expect(await call(destination, "GET", `/${id}/keys`)).toEqual([
    { name: "bare" },
    { name: "with", metadata: { by: "me" } },
  ]);
  // It is another migration than one with stamps.
  expect(await migrate(...args, "--name", "bare")).toMatchObject({ code: 2 });
});

it("a followed source is carried over until the cut-over, what others wrote at the destination stays, and undo goes back", async () => {
  const from = await create(source, "live", numbered(20));
  const to = await create(destination, "moved", [{ key: "k/00000", value: "before" }]);
  const args = ["old:live", "new:moved", "--name", "live", "--accept", "overwrite", "--follow", "--interval", "100ms"];
  const child = startCli(
    ["migrate", ...args, "--settle-window", "200ms", "--verify", "values", "--json", "--health", "0"],
    { cwd: dir },
  );
  const over = ended(child);
  // Read from now on: it may be ready before the server has answered.
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
  await call(source, "PUT", `/${from}/bulk`, [{ key: "k/new", value: "new" }]);
  let url = "";
  for await (const line of lines) {
    if (line.includes('"type":"health"')) ({ url } = JSON.parse(line) as { url: string });
    if (line.includes('"state":"ready"')) break;
  }
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain('kvsync_migration_state{migration="live",state="ready"} 1\n');
  expect(metrics).toMatch(/^kvsync_requests_total\{account="new",operation="bulkWrite"\} [1-9]/m);
  const health = await fetch(`${url}/health`);
  expect(health.status).toBe(200);
  expect(await health.json()).toMatchObject({ status: "ok", migrations: [{ name: "live", state: "ready" }] });
  await call(source, "POST", `/${from}/bulk/delete`, ["k/00003"]);
  await call(destination, "PUT", `/${to}/bulk`, [{ key: "k/00004", value: "of the new app" }]);
  expect(await runCli(["migrate", "cutover", "live", "--now"], { cwd: dir })).toMatchObject({ code: 0 });
  // The comparison names what the new app has written.
  expect((await over).code).toBe(4);
  expect(recordOf("live")).toMatchObject({ state: "done" });
  // It is ready once more if a round found a change after it was.
  expect([...new Set(eventsOf("live"))]).toEqual(["migration-ready", "migration-done"]);
  const told = records(readFileSync(join(dir, "told.jsonl"), "utf8")).filter(({ name }) => name === "live");
  expect(told.at(-1)).toMatchObject({ state: "done", namespaces: [{ verdict: "different" }], total: { keys: 20 } });
  expect(await keysOf(destination, to)).toEqual(
    numbered(20)
      .map(({ key }) => key)
      .filter((key) => key !== "k/00003")
      .concat("k/new"),
  );
  const undo = await migrate("undo", "live", "--yes");
  expect(undo).toMatchObject({ code: 0 });
  expect(undo.stdout).toContain("18 keys removed, 1 put back, 1 left");
  expect(await keysOf(destination, to)).toEqual(["k/00000", "k/00004"]);
  expect(recordOf("live")).toMatchObject({ state: "undone" });
});

it("a migration that follows ends when it is aborted from elsewhere", async () => {
  await create(source, "endless", numbered(3));
  const child = startCli(["migrate", "old:endless", "new", "--name", "endless", "--follow", "--json"], { cwd: dir });
  const over = ended(child);
  for await (const line of createInterface(child.stdout!)) if (line.includes('"state":"catching-up"')) break;
  const status = await runCli(["migrate", "status", "endless", "--json"], { cwd: dir });
  expect(records(status.stdout)[0]).toMatchObject({ name: "endless", state: "catching-up", running: true });
  expect(await runCli(["migrate", "abort", "endless"], { cwd: dir })).toMatchObject({ code: 0 });
  expect((await over).code).toBe(1);
  expect(recordOf("endless")).toMatchObject({ state: "aborted" });
  expect(eventsOf("endless")).toEqual(["migration-aborted"]);
  // Only its record knows what was there before.
  const again = await migrate("old:endless", "new", "--name", "endless");
  expect(again).toMatchObject({ code: 2 });
  expect(again.stderr).toContain("kvsync migrate undo endless");
  expect(await migrate("undo", "endless", "--yes")).toMatchObject({ code: 0 });
  expect(await titlesOf(destination)).not.toHaveProperty("endless");
  expect(await migrate("old:endless", "new", "--name", "endless")).toMatchObject({ code: 0 });
});

it("a namespace that was deleted meanwhile is named, and the others are carried over and compared", async () => {
  const stays = await create(source, "stays", numbered(3));
  const goes = await create(source, "goes", numbered(3));
  const args = ["old", "new", "--namespaces", "stays,goes", "--name", "gone"];
  expect(await migrate(...args)).toMatchObject({ code: 0 });
  await call(source, "DELETE", `/${goes}`);
  await call(source, "PUT", `/${stays}/bulk`, [{ key: "k/new", value: "new" }]);
  const run = await migrate(...args);
  expect(run.code).toBe(1);
  expect(run.stderr).toContain("goes: could not list the keys of namespace");
  const { state, namespaces } = recordOf("gone");
  expect(state).toBe("done");
  expect(namespaces.map(({ verdict, failure }) => [verdict, failure?.code])).toEqual([
    [null, "namespace-not-found"],
    ["equal", undefined],
  ]);
  const path = join("state", "migrations", "gone", "report.json");
  const report = JSON.parse(readFileSync(join(dir, path), "utf8")) as { readonly verdict: string };
  expect(report.verdict).toBe("incomplete");
  const verified = await migrate("verify", path);
  expect(verified).toMatchObject({ code: 3 });
  expect(verified.stdout).toContain("stays: since the report of");
});

it("a namespace that came to the source meanwhile, and whose title the destination has, is named as not moved", async () => {
  await create(source, "late-1", numbered(2));
  const args = ["old", "new", "--namespaces", "late-*", "--name", "late"];
  expect(await migrate(...args)).toMatchObject({ code: 0 });
  const from = await create(source, "late-2", numbered(2));
  const to = await create(destination, "late-2", []);
  const run = await migrate(...args);
  expect(run).toMatchObject({ code: 3 });
  expect(run.stdout).toContain("not proven to be complete: 1 namespace was not copied or compared to the end");
  expect(await keysOf(destination, to)).toEqual([]);
  const path = join("state", "migrations", "late", "report.json");
  expect(readFileSync(join(dir, path.replace(".json", ".md")), "utf8")).toContain(
    `| \`late-2\` | \`${from}\` | none | not looked at | ? | ? | not finished: was created at the source after`,
  );
  expect(await migrate("verify", path)).toMatchObject({ code: 3 });
});

it("a source that has stamps is read in the last pass: a program may have kept the stamp of the value that it replaced", async () => {
  const { fingerprint, size } = entryOf("k", "first");
  const metadata = { kvsync: encodeStamp({ fingerprint: fingerprint!, size: size!, binary: false }), mine: 1 };
  const from = await create(source, "stamped", [{ key: "k", value: "first", metadata }]);
  const args = ["old:stamped", "new", "--name", "stamped"];
  expect(await migrate(...args)).toMatchObject({ code: 0 });
  await call(source, "PUT", `/${from}/bulk`, [{ key: "k", value: "second", metadata }]);
  const again = await migrate(...args);
  expect(again).toMatchObject({ code: 0 });
  // Of this pass, and of all of them.
  expect(again.stdout).toContain("old:stamped -> new:stamped: 1 key, 1 written, 0 unchanged");
  expect(recordOf("stamped").namespaces[0]!.counts).toMatchObject({ written: 2, unchanged: 0 });
  expect(await valueOf(destination, (await titlesOf(destination))["stamped"]!.id, "k")).toBe("second");
});
