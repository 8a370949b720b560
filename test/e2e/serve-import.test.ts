// `kvsync serve --import`: a server that begins with what archives hold, and the whole of a server moved to another one by copy and by migrate.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CliRun, ended, records, runCli, startCli } from "../support/cli.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-serve-import-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });

interface Served {
  readonly url: string;
  /** What it said before it listened. */
  readonly events: readonly Record<string, unknown>[];
  stop(): Promise<CliRun>;
}

async function serve(...args: readonly string[]): Promise<Served> {
  const child = startCli(["serve", "--port", "0", "--json", ...args], { cwd: dir });
  const over = ended(child);
  const lines: string[] = [];
  await Promise.race([
    new Promise<void>((resolve) =>
      createInterface(child.stdout!).on("line", (line) => {
        lines.push(line);
        if (line.includes('"listening"')) resolve();
      }),
    ),
    over.then((run) => {
      throw new Error(`the server ended with ${run.code}: ${run.stderr}`);
    }),
  ]);
  const events = records(lines.join("\n"));
  const stop = (): Promise<CliRun> => {
    child.kill();
    return over;
  };
  return { url: String(events.at(-1)?.["url"]), events: events.slice(0, -1), stop };
}

/** Each account is a server. */
function writeConfig(accounts: Readonly<Record<string, Served>>): void {
  const lines = Object.entries(accounts).map(
    ([name, { url }]) =>
      `  ${name}: { endpoint: "${url}", account_id: dev, api_token: any, budget: { requests: 100000, per: 1s } }\n`,
  );
  writeFileSync(join(dir, "kvsync.yaml"), `state_dir: ./state\naccounts:\n${lines.join("")}`);
}

const HEADERS = { authorization: "Bearer any", "content-type": "application/json" };
const LATER = Math.floor(Date.now() / 1000) + 86_400;
const NASTY = [
  " ",
  "%",
  "%2F",
  "a//b",
  "/",
  "..a",
  "a\nb",
  "\0",
  "ÿ",
  "\u{ffff}",
  "\u{1f600}",
  "__proto__",
  "x".repeat(512),
];

function writePairs(path: string, count: number): void {
  const pairs: object[] = Array.from({ length: count }, (_, i) => ({ key: `k/${i}`, value: `value ${i}` }));
  for (const key of NASTY) pairs.push({ key, value: `of ${key}`, metadata: { key, list: [1, null] } });
  pairs.push(
    { key: "binary", value: Buffer.from([255, 0, 128]).toString("base64"), base64: true },
    { key: "empty", value: "" },
    { key: "later", value: "x", expiration: LATER, metadata: "text" },
    { key: "large", value: Buffer.alloc(25 * 1024 * 1024, 200).toString("base64"), base64: true },
  );
  writeFileSync(path, JSON.stringify(pairs));
}

it("archives are there before the server listens, stay as they are found, and all of it moves to another server", async () => {
  mkdirSync(join(dir, "seed"));
  writePairs(join(dir, "seed", "app.json"), 10_000);
  writeFileSync(join(dir, "seed", "a%2Fb.json"), '[{"key":"k","value":"v"}]');
  const seed = ["--data", "a", "--import", "seed/"];
  const a = await serve(...seed, "--import", "twice=seed/a%2Fb.json");
  const keys = 10_000 + NASTY.length + 4;
  expect(a.events).toMatchObject([
    { type: "imported", namespace: "a/b", keys: 1 },
    { type: "imported", namespace: "app", file: "seed/app.json", keys, expired: 0 },
    { type: "imported", namespace: "twice", keys: 1 },
  ]);
  const [b, c] = await Promise.all([serve("--data", "b"), serve("--data", "c")]);
  writeConfig({ a, b, c });
  expect(await kvsync("check", "seed/app.json", "a:app", "--values")).toMatchObject({ code: 0 });
  const europe = { method: "POST", body: JSON.stringify({ title: "europe", jurisdiction: "eu" }), headers: HEADERS };
  expect((await fetch(`${a.url}/accounts/dev/storage/kv/namespaces`, europe)).status).toBe(200);
  expect(await kvsync("key", "put", "k", "changed", "-n", "a:twice")).toMatchObject({ code: 0 });

  expect(await kvsync("copy", "a:*", "b:*")).toMatchObject({ code: 0 });
  const equal = await kvsync("check", "a:app", "b:app", "--values", "--json");
  expect(equal).toMatchObject({ code: 0 });
  expect(records(equal.stdout).at(-1)).toMatchObject({ unchanged: keys, written: 0, removed: 0, failed: 0 });
  const migrated = await kvsync(
    "migrate",
    "b",
    "c",
    "--all-namespaces",
    "--verify",
    "values",
    "--settle-window",
    "200ms",
    "--json",
  );
  expect(migrated).toMatchObject({ code: 0 });
  expect(records(migrated.stdout)).toContainEqual(expect.objectContaining({ type: "report", verdict: "equal" }));
  const listed = await fetch(`${c.url}/accounts/dev/storage/kv/namespaces?order=title`, { headers: HEADERS });
  expect(((await listed.json()) as { result: unknown }).result).toMatchObject([
    { title: "a/b" },
    { title: "app" },
    { title: "europe", jurisdiction: "eu" },
    { title: "twice" },
  ]);

  await a.stop();
  const again = await serve(...seed, "--import", "twice=seed/a%2Fb.json");
  expect(again.events.map(({ type, namespace }) => [type, namespace])).toEqual([
    ["left-alone", "a/b"],
    ["left-alone", "app"],
    ["left-alone", "twice"],
  ]);
  writeConfig({ a: again });
  expect(await kvsync("key", "get", "k", "-n", "a:twice")).toMatchObject({ stdout: "changed" });
  await Promise.all([again.stop(), b.stop(), c.stop()]);
}, 90_000);

it("a server does not start with an archive that is damaged, is missing, or has what is no key", async () => {
  writeConfig({});
  writeFileSync(join(dir, "good.json"), '[{"key":"k","value":"v"}]');
  writeFileSync(join(dir, "odd.json"), `[{"key":"k","value":"v"},{"key":"${"x".repeat(513)}","value":"v"}]`);
  const started = (...args: readonly string[]): Promise<CliRun> =>
    kvsync("serve", "--port", "0", "--data", "refusing", ...args);
  expect(await kvsync("export", "good.json", "cut.ndjson")).toMatchObject({ code: 0 });
  writeFileSync(
    join(dir, "cut.ndjson"),
    readFileSync(join(dir, "cut.ndjson"), "utf8").split("\n").slice(0, 2).join("\n"),
  );
  const cut = await started("--import", "good.json", "--import", "cut.ndjson");
  expect(cut).toMatchObject({ code: 1, stdout: "" });
  expect(cut.stderr).toContain("cut.ndjson ends in the middle");
  expect(cut.stderr).toContain("kvsync import cut.ndjson ACCOUNT:cut --salvage");
  const missing = await started("--import", "good.json", "--import", "none.json");
  expect(missing).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("none.json") });
  const odd = await started("--import", "good.json", "--import", "odd.json");
  expect(odd).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("it has more than 512 bytes") });
  // All of them were looked at before anything was made.
  const server = await serve("--data", "refusing", "--import", "good.json");
  expect(server.events).toMatchObject([{ type: "imported", namespace: "good" }]);
  await server.stop();
}, 60_000);
