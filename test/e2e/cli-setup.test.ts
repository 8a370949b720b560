// The commands that come before and around syncing: init, doctor, map, completion, namespace.

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";
import { startTestServer } from "../support/server.ts";

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-cli-"));
});

afterEach(() => rmSync(cwd, { recursive: true }));

const kvsync = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliRun> =>
  runCli(args, { cwd, env });

describe("init", () => {
  test("writes a commented config, and never over one", async () => {
    expect(await kvsync(["init"])).toMatchObject({
      code: 0,
      stdout: "wrote kvsync.yaml\nwrote example/app-config, a folder to try it with\n",
    });
    const written = readFileSync(join(cwd, "kvsync.yaml"), "utf8");
    expect(written).toMatch(
      /^# yaml-language-server: \$schema=https:.*\/config\.schema\.json\n#\n# kvsync keeps folders/,
    );
    writeFileSync(join(cwd, "kvsync.yaml"), "mine");
    expect(await kvsync(["init"])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^kvsync: kvsync\.yaml exists already, and is not overwritten\n/) as string,
    });
    expect(await kvsync(["init", "--if-missing"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(readFileSync(join(cwd, "kvsync.yaml"), "utf8")).toBe("mine");
  });

  test("what it writes works at once, with the example's folder", async () => {
    await kvsync(["init"]);
    const doctor = await kvsync(["doctor"]);
    expect([doctor.code, doctor.stderr]).toEqual([0, ""]);
    expect(doctor.stdout).toMatch(
      /^ok {4}mapping app-config: namespace local:app-config does not exist yet, and will be created$/m,
    );
    await kvsync(["namespace", "create", "app-config"]);
    expect(await kvsync(["key", "put", "k", "v"])).toMatchObject({
      code: 0,
      stdout: 'wrote "k" (1 B) to local:app-config\n',
      stderr: "",
    });
    expect((await kvsync(["key", "list"])).stdout).toBe("k\n");
  });
});

describe("doctor", () => {
  test("finds what is wrong, says what to do, and fails", async () => {
    const server = await startTestServer({ token: "right" });
    await server.createNamespace("there");
    writeFileSync(join(cwd, "token"), "right\n");
    chmodSync(join(cwd, "token"), 0o644);
    mkdirSync(join(cwd, "there"));
    writeFileSync(
      join(cwd, "kvsync.yaml"),
      `accounts:
  good: { endpoint: "${server.url}", account_id: ${server.accountId}, api_token_file: token }
  bad: { endpoint: "${server.url}", account_id: ${server.accountId}, api_token: wrong }
  away: { endpoint: "http://127.0.0.1:1/client/v4", account_id: a, api_token: x }
mappings:
  there: { account: good, mode: two-way }
  missing: { account: good, mode: push }
defaults: { create: false }
`,
    );
    const run = await kvsync(["doctor", "--json"]);
    await server.close();
    const checks = records(run.stdout);
    const about = (status: string) =>
      checks
        .filter((check) => check["status"] === status)
        .map(({ subject, message }) => `${String(subject)}: ${String(message)}`);
    expect(run.code).toBe(1);
    expect(about("fail")).toEqual([
      expect.stringMatching(/^mapping missing: the folder .*missing does not exist$/),
      "mapping missing: namespace good:missing does not exist",
      expect.stringMatching(/^account bad: .*403: Authentication error/),
      expect.stringMatching(/^account away: .*the connection was refused \(127\.0\.0\.1:1\)/),
    ]);
    expect(about("warn")).toContainEqual(
      expect.stringMatching(/^account good: all users of this machine can read .*token$/),
    );
    expect(about("ok")).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^account good: 127\.0\.0\.1:\d+ answers, and the token may read \(1 namespace\)$/),
        "mapping there: namespace good:there is there, and the token may write",
        "clock: agrees with that of account good",
      ]),
    );
    expect(
      checks.every(
        (check) => check["status"] === "ok" || check["type"] === "summary" || typeof check["hint"] === "string",
      ),
    ).toBe(true);
    expect(checks.at(-1)).toMatchObject({ type: "summary", command: "doctor", failed: 4 });
  });

  test("shows every fault of a config", async () => {
    writeFileSync(join(cwd, "kvsync.yaml"), "acounts: {}\n");
    const run = await kvsync(["doctor"]);
    expect([run.code, run.stderr]).toEqual([1, ""]);
    expect(run.stdout).toContain(
      'kvsync.yaml:1:1: unknown key "acounts"; did you mean "accounts"?\n   1 | acounts: {}\n     | ^^^^^^^',
    );
  });

  test("leaves nothing behind where nothing was", async () => {
    expect((await kvsync(["doctor"])).code).toBe(0);
    expect((await kvsync(["doctor"])).stdout).toMatch(/state folder: .* does not exist yet, and will be created/);
  });
});

describe("map", () => {
  beforeEach(() => {
    writeFileSync(
      join(cwd, "kvsync.yaml"),
      `accounts: { a: { endpoint: embedded } }
defaults: { mode: push }
mappings:
  pages: { prefix: p/, exclude: ["*.tmp"] }
  win: { names: portable }
`,
    );
  });

  test("tells where a key is kept, in each mapping that could hold it", async () => {
    const run = await kvsync(["map", "p/a//b", "--json"]);
    expect(records(run.stdout)).toEqual([
      {
        type: "map",
        mapping: "pages",
        key: "p/a//b",
        path: "./pages/a/%/b",
        sidecar: "./pages/a/%/b%meta",
        kind: "value",
        managed: true,
      },
      {
        type: "map",
        mapping: "win",
        key: "p/a//b",
        path: "./win/p/a/%/b",
        sidecar: "./win/p/a/%/b%meta",
        kind: "value",
        managed: true,
      },
    ]);
  });

  test("tells which key a file is, and that a filter leaves it alone", async () => {
    expect((await kvsync(["map", "./pages/x/y.tmp"])).stdout).toBe(
      "key       p/x/y.tmp\nfile      ./pages/x/y.tmp\nmapping   pages (a:pages/p/)\nfilters   not managed: include and exclude leave it alone\n",
    );
    expect((await kvsync(["map", "./pages/x%meta"])).stdout).toMatch(/^key {7}p\/x\nsidecar {3}\.\/pages\/x%meta\n/);
  });

  test("there and back is where it began", async () => {
    const key = "p/..//con\u0007fig%meta/é";
    const [there] = records((await kvsync(["map", key, "-m", "pages", "--json"])).stdout);
    const [back] = records((await kvsync(["map", String(there?.["path"]), "--json"])).stdout);
    expect(back?.["key"]).toBe(key);
  });

  test("a path in no mapping's folder is said to be so", async () => {
    expect(await kvsync(["map", "/etc/passwd"])).toMatchObject({
      code: 2,
      stderr: "kvsync: /etc/passwd is in the folder of no mapping\n  hint: folders are: ./pages, ./win\n",
    });
  });
});

describe("namespace", () => {
  test("create, list, get, rename and delete, by title and by id", async () => {
    writeFileSync(join(cwd, "kvsync.yaml"), "accounts: { a: { endpoint: embedded }, b: { endpoint: embedded } }\n");
    const created = await kvsync(["namespace", "create", "a:first", "--json"]);
    const [{ id } = {}] = records(created.stdout);
    expect(records(created.stdout)[0]).toMatchObject({
      type: "summary",
      command: "namespace create",
      account: "a",
      namespace: "first",
    });
    expect((await kvsync(["namespace", "create", "a:first"])).stderr).toMatch(
      /a:first exists already, with the id [0-9a-f]{32}/,
    );
    await kvsync(["namespace", "create", "x:y/z", "--account", "b"]);
    expect((await kvsync(["namespace", "list", "a"])).stdout).toBe(`${String(id)}  first\n`);
    expect((await kvsync(["namespace", "list", "b"])).stdout).toMatch(/ {2}x:y\/z\n$/);
    expect((await kvsync(["namespace", "rename", `a:${String(id)}`, "second"])).stdout).toBe(
      `renamed a:first to a:second (${String(id)})\n`,
    );
    expect((await kvsync(["namespace", "get", "a:second"])).stdout).toBe(`${String(id)}  second\n`);
    expect((await kvsync(["namespace", "list"])).stderr).toBe(
      "kvsync: there are several accounts: a, b\n  hint: say which: a:NAMESPACE, or --account a\n",
    );
    expect(await kvsync(["namespace", "delete", "a:second"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no terminal to ask on\n {2}hint: add --yes/) as string,
    });
    expect((await kvsync(["namespace", "delete", "a:second", "--yes"])).stdout).toBe(
      `deleted a:second (${String(id)})\n`,
    );
    expect((await kvsync(["namespace", "list", "a"])).stdout).toBe("");
  });
});

test("completion knows all commands and their options", async () => {
  const run = await kvsync(["completion", "bash"]);
  expect(run.code).toBe(0);
  expect(run.stdout).toMatch(/^ {4}'key list'\) words='.*--prefix.*--json.*'/m);
  expect(run.stdout).toMatch(/^ {4}'bulk'\) words='put get delete /m);
  expect(await kvsync(["completion", "tcsh"])).toMatchObject({ code: 2 });
});

describe("completion names", () => {
  test("are those of the config, a name a line", async () => {
    await kvsync(["init"]);
    expect(await kvsync(["completion", "names", "mappings"])).toMatchObject({ code: 0, stdout: "app-config\n" });
    expect(await kvsync(["completion", "names", "namespaces"])).toMatchObject({
      stdout: "app-config\nlocal:\nlocal:app-config\n",
    });
    expect(await kvsync(["completion", "names", "namespaces", "--json"])).toMatchObject({
      code: 0,
      stdout: '{"name":"app-config"}\n{"name":"local:"}\n{"name":"local:app-config"}\n',
    });
  });

  test.each([
    ["there is no config", undefined],
    ["it is broken", "mappings: ["],
  ])("are none where %s", async (_, text) => {
    if (text !== undefined) writeFileSync(join(cwd, "kvsync.yaml"), text);
    expect(await kvsync(["completion", "names"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });
});
