// Keys whose place on the other side cannot be told: a symbolic link where a file or a folder has to be, metadata that
// cannot be carried over. They are named, counted as failures, and no command takes the two sides for equal.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type CliRun, runCli } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { answer, type ScriptedServer, startScriptedServer } from "../unit/kv/scripted-server.ts";

const ID = "0123456789abcdef0123456789abcdef";
let cwd: string;
const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd });
const configure = (url: string, mode: string): void =>
  writeFileSync(
    join(cwd, "kvsync.yaml"),
    `state_dir: ./state
accounts: { dev: { endpoint: "${url}", account_id: acct, api_token: right } }
mappings:
  app: { account: dev, folder: ./app, namespace: "${ID}", mode: ${mode} }
`,
  );
const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-unknown-"));
  mkdirSync(join(cwd, "app"));
});
afterEach(() => rmSync(cwd, { recursive: true }));

describe("a symbolic link in the place of a file, and of a folder", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ token: "right" });
  });
  afterAll(() => server.close());

  it("fails the keys that the remote has there, in every command, and no others", async () => {
    configure(server.url, "pull");
    const title = `ns${Date.now()}`;
    await kvsync("namespace", "create", `dev:${title}`);
    writeFileSync(
      join(cwd, "kvsync.yaml"),
      readFileSync(join(cwd, "kvsync.yaml"), "utf8").replace(/namespace: "[^"]*"/, `namespace: ${title}`),
    );
    const pairs = ["file", "folder/a", "folder/b", "fine"].map((key) => ({ key, value: key }));
    writeFileSync(join(cwd, "pairs.json"), JSON.stringify(pairs));
    expect((await kvsync("bulk", "put", "pairs.json", "-n", `dev:${title}`)).code).toBe(0);
    for (const name of ["file", "folder", "needless"]) symlinkSync("/nowhere", join(cwd, "app", name));

    const pull = await kvsync("pull", "app");
    expect(pull.stdout + pull.stderr).toMatch(/1 written.*3 failed/);
    for (const key of ["file", "folder/a", "folder/b"]) expect(pull.stderr).toContain(key);
    expect(pull.code).toBe(3);
    expect(readFileSync(join(cwd, "app", "fine"), "utf8")).toBe("fine");
    for (const args of [
      ["check", `dev:${title}`, "./app"],
      ["diff", "app"],
    ]) {
      const compared = await kvsync(...args);
      expect([...args, compared.code]).toEqual([...args, 4]);
      expect(compared.stderr).toContain("folder/a");
    }
    expect((await kvsync("push", "app", "--force", "--against-mode")).code).toBe(3);
    expect((await kvsync("key", "get", "folder/b", "-n", `dev:${title}`)).stdout).toBe("folder/b");
  });
});

describe("metadata that cannot be carried over", () => {
  let scripted: ScriptedServer;
  beforeAll(async () => {
    const metadata: readonly (readonly [name: string, json: string])[] = [
      ["deep", nested(8000)],
      ["deeper", nested(100_000)],
      ["huge", '{"id":9007199254740993}'],
      ["infinite", "1e400"],
      ["plain", '{"a":1}'],
    ];
    const items = metadata.map(([name, json]) => `{"name":"${name}","metadata":${json}}`);
    const values = metadata.map(([name, json]) => `"${name}":{"value":"v","metadata":${json}}`);
    scripted = await startScriptedServer(({ target }, response) => {
      if (target.includes("/keys"))
        response.end(
          `{"success":true,"errors":[],"messages":[],"result":[${items.join(",")}],"result_info":{"cursor":""}}`,
        );
      else if (target.endsWith("/bulk/get"))
        response.end(`{"success":true,"errors":[],"messages":[],"result":{"values":{${values.join(",")}}}}`);
      else if (target.includes("/values/")) response.end("v");
      else answer(response, [{ id: ID, title: "t" }], { page: 1, per_page: 100, total_count: 1, total_pages: 1 });
    });
  });
  afterAll(() => scripted[Symbol.asyncDispose]());

  it.each(["pull", "two-way"])("fails its keys alone, where the remote has it (%s)", async (mode) => {
    configure(scripted.url, mode);
    const run = await kvsync(mode === "pull" ? "pull" : "sync", "app");
    expect(run.code).toBe(3);
    expect(run.stderr).toContain("9007199254740993");
    expect(run.stderr).toContain("1e400");
    expect(run.stderr).toMatch(/deeper.*512 levels/);
    expect(readFileSync(join(cwd, "app", "plain"), "utf8")).toBe("v");
    expect((await kvsync("check", `dev:${ID}`, "./app")).code).toBe(3);
  });

  it("is printed as it is", async () => {
    configure(scripted.url, "pull");
    const list = await kvsync("key", "list", `dev:${ID}`, "--json");
    expect([list.code, list.stderr]).toEqual([0, ""]);
    expect(list.stdout).toContain(`{"name":"deeper","metadata":${nested(100_000)}}\n`);
    expect(list.stdout).toContain('{"name":"huge","metadata":{"id":9007199254740993}}\n');
    const get = await kvsync("bulk", "get", "deep", "huge", "-n", `dev:${ID}`);
    expect(get.stdout).toContain('"metadata":{"id":9007199254740993}}\n');
  });

  it("fails its keys alone, where sidecars have it, and legal metadata that is nested deep comes back", async () => {
    const server = await startTestServer({ token: "right" });
    try {
      configure(server.url, "push");
      writeFileSync(
        join(cwd, "kvsync.yaml"),
        readFileSync(join(cwd, "kvsync.yaml"), "utf8").replace(/namespace: "[^"]*"/, "namespace: app, create: true"),
      );
      for (const [name, json] of [
        ["deep", nested(8000)],
        ["huge", '{"id":9007199254740993}'],
        ["legal", nested(500)],
      ] as const) {
        writeFileSync(join(cwd, "app", name), name);
        writeFileSync(join(cwd, "app", `${name}%meta`), `{"metadata":${json}}`);
      }
      const push = await kvsync("push", "app");
      expect(push.code).toBe(3);
      expect(push.stderr).toMatch(/deep.*512 levels/);
      expect(push.stderr).toMatch(/huge.*9007199254740993/);
      expect(push.stdout + push.stderr).toMatch(/1 written/);
      rmSync(join(cwd, "app"), { recursive: true });
      mkdirSync(join(cwd, "app"));
      expect((await kvsync("pull", "app", "--force", "--against-mode")).code).toBe(0);
      expect((await kvsync("check", "dev:app", "./app")).code).toBe(0);
      expect(JSON.parse(readFileSync(join(cwd, "app", "legal%meta"), "utf8"))).toEqual({
        metadata: JSON.parse(nested(500)) as unknown,
      });
    } finally {
      await server.close();
    }
  });
});
