// Namespaces by the names that a Worker has for them: wrangler's config says which is which.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let dir = "";
let server: TestServer;
let ids: { readonly production: string; readonly staging: string };

beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "kvsync-wrangler-"));
  ids = {
    production: await server.createNamespace("worker-app"),
    staging: await server.createNamespace("worker-app-staging"),
  };
  const account = (id: string): string => `{ endpoint: "${server.url}", account_id: ${id}, api_token: test-token }`;
  writeFileSync(
    join(dir, "kvsync.yaml"),
    `state_dir: ./state\naccounts:\n  other: ${account("x")}\n  mine: ${account(server.accountId)}\n`,
  );
  writeFileSync(
    join(dir, "wrangler.jsonc"),
    `{
      "name": "worker", // the Worker
      "account_id": "${server.accountId}",
      "kv_namespaces": [{ "binding": "APP", "id": "${ids.production}" }, { "binding": "MADE" }],
      "env": { "staging": { "kv_namespaces": [{ "binding": "APP", "id": "${ids.staging}" }] } },
    }`,
  );
  mkdirSync(join(dir, "src", "deep"), { recursive: true });
});

afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

const kvsync = (...args: readonly string[]): Promise<CliRun> =>
  runCli(["-c", join(dir, "kvsync.yaml"), ...args], { cwd: join(dir, "src", "deep") });

it("a binding is a location: of key, copy, check and export, from a folder below the config, of any environment", async () => {
  expect(await kvsync("key", "put", "greeting", "hello", "-n", "wrangler:APP")).toMatchObject({ code: 0 });
  const copied = await kvsync("copy", "wrangler:APP", "wrangler:staging:APP", "--json");
  expect(copied).toMatchObject({ code: 0 });
  expect(records(copied.stdout).at(-1)).toMatchObject({ account: "mine", namespace: "worker-app-staging", written: 1 });
  expect(await kvsync("check", "mine:worker-app", "wrangler:staging:APP")).toMatchObject({ code: 0 });
  expect((await kvsync("namespace", "get", "wrangler:staging:APP")).stdout).toContain(
    `${ids.staging}  worker-app-staging`,
  );
  expect(await kvsync("export", "wrangler:staging:APP/greet*", "app.ndjson")).toMatchObject({ code: 0 });
  expect(readFileSync(join(dir, "src", "deep", "app.ndjson"), "utf8")).toContain(`"namespace":"${ids.staging}"`);
});

it("a binding that is not there, or has no namespace yet, is told in one line with what there is", async () => {
  const runs = [await kvsync("copy", "wrangler:AP", "./out"), await kvsync("key", "list", "-n", "wrangler:MADE")];
  expect(runs.map(({ code }) => code)).toEqual([2, 2]);
  expect(runs[0]!.stderr).toContain('../../wrangler.jsonc has no binding "AP" under kv_namespaces');
  expect(runs[0]!.stderr).toContain('did you mean "APP"?');
  expect(runs[1]!.stderr).toContain('the binding "MADE" in ../../wrangler.jsonc has no id');
});

it("a binding is the source of a migration, which goes by the id", async () => {
  const plan = join(dir, "plan.json");
  const run = await kvsync(
    "migrate",
    "wrangler:APP",
    "other",
    "--dry-run",
    "--name",
    "move",
    "--plan",
    plan,
    "--accept",
    "overwrite",
  );
  expect(run).toMatchObject({ code: 0 });
  expect(JSON.parse(readFileSync(plan, "utf8"))).toMatchObject({
    asked: { source: { account: "mine" }, namespaces: [ids.production] },
  });
});

it("init --from-wrangler makes a config with a mapping for each binding, which pulls", async () => {
  const cwd = join(dir, "src");
  const run = await runCli(["init", "--from-wrangler", "--env", "staging"], { cwd });
  expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining("wrote kvsync.yaml") });
  const path = join(cwd, "kvsync.yaml");
  const text = readFileSync(path, "utf8");
  // What is for tests alone: a server that is not Cloudflare's.
  writeFileSync(path, text.replace("    api_token:", `    endpoint: ${server.url}\n    api_token:`));
  const env = { CLOUDFLARE_API_TOKEN: "test-token" };
  expect(await runCli(["pull"], { cwd, env })).toMatchObject({ code: 0 });
  expect(readFileSync(join(cwd, "kv", "APP", "greeting"), "utf8")).toBe("hello");
  expect(await runCli(["init", "--env", "staging"], { cwd })).toMatchObject({ code: 2 });
});
