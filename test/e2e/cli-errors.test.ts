// What goes wrong, as people and scripts see it.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CliRun, ended, records, runCli, startCli } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let cwd: string;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-cli-"));
  server = await startTestServer({ token: "right" });
});

afterAll(async () => {
  await server.close();
  rmSync(cwd, { recursive: true });
});

const kvsync = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliRun> =>
  runCli(args, { cwd, env });
const remote = (more: Readonly<Record<string, string>> = {}) => ({
  CLOUDFLARE_ACCOUNT_ID: "acct",
  CLOUDFLARE_API_TOKEN: "right",
  CLOUDFLARE_API_BASE_URL: server.url,
  ...more,
});

describe("without a command", () => {
  test("a short help with examples is printed", async () => {
    const run = await kvsync([]);
    expect([run.code, run.stderr]).toEqual([0, ""]);
    expect(run.stdout).toMatch(/kvsync push/);
  });

  test("--version prints the version alone", async () => {
    expect(await kvsync(["--version"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
      stderr: "",
    });
  });

  test.each([[["--version", "--json"]], [["--json", "-V"]]])("%j is JSON", async (args) => {
    const { code, stdout } = await kvsync(args);
    expect([code, JSON.parse(stdout)]).toEqual([0, { version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string }]);
  });

  test.each([[["help", "key", "put"]], [["key", "put", "--help"]]])("%j explains the command", async (args) => {
    const run = await kvsync(args);
    expect(run.stdout).toMatch(/^Usage: kvsync key put \[options\] <key> \[value\]/);
    expect([run.code, run.stderr]).toEqual([0, ""]);
  });
});

describe("a mistake in the command line", () => {
  test.each<[readonly string[], string]>([
    [["pusj"], "kvsync: unknown command 'pusj'\n  hint: did you mean push?\n"],
    [["key", "lst"], "kvsync: unknown command 'lst'\n  hint: did you mean list?\n"],
    [["key", "list", "--prefx", "x"], "kvsync: unknown option '--prefx'\n  hint: did you mean --prefix?\n"],
    [["key", "put"], "kvsync: missing required argument 'key'\n  hint: see kvsync key put --help\n"],
    ...["push", "pull", "sync", "copy", "history", "trash list"].map((command): [string[], string] => [
      [...command.split(" "), "-n", "1"],
      `kvsync: unknown option '-n'\n  hint: see kvsync ${command} --help\n`,
    ]),
    [["key", "list", "app", "-n", "app"], "kvsync: the namespace is given twice\n  hint: leave out -n\n"],
    [
      ["serve", "--port", "http"],
      'kvsync: --port: "http" is no port\n  hint: write a number from 0 (any free one) to 65535\n',
    ],
  ])("%j", async (args, stderr) => expect(await kvsync(args, remote())).toMatchObject({ code: 2, stdout: "", stderr }));

  test("is a record with --json", async () => {
    const run = await kvsync(["pusj", "--json"]);
    expect(records(run.stderr)).toEqual([
      { type: "error", code: "usage", exitCode: 2, message: "unknown command 'pusj'", hint: "did you mean push?" },
    ]);
  });
});

describe("an error says what failed, on what, and what to do", () => {
  test("no config and no account", async () => {
    expect(await kvsync(["key", "list", "app"])).toMatchObject({
      code: 7,
      stderr:
        "kvsync: there is no config file, and no account in the environment\n  hint: run kvsync init to write ./kvsync.yaml, or set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN\n",
    });
  });

  test("half an account", async () => {
    expect((await kvsync(["key", "list", "app"], { CLOUDFLARE_API_TOKEN: "t" })).stderr).toMatch(
      /CLOUDFLARE_ACCOUNT_ID is not set/,
    );
  });

  test("a config file that is wrong", async () => {
    writeFileSync(
      join(cwd, "bad.yaml"),
      "accounts:\n  a: { account_id: x, api_token: hunter2, oops: 1 }\nmappings: { m: { mode: psh } }\n",
    );
    const run = await kvsync(["-c", "bad.yaml", "key", "list"]);
    expect(run.code).toBe(7);
    expect(run.stderr).toContain("kvsync: the config file has 2 faults\nbad.yaml:2:43: unknown key");
    expect(run.stderr).toContain(
      'bad.yaml:3:24: mode must be push or pull or two-way, not "psh"; did you mean "push"?',
    );
    expect(run.stderr).not.toContain("hunter2");
  });

  test("a wrong token", async () => {
    const run = await kvsync(["key", "list", "app"], remote({ CLOUDFLARE_API_TOKEN: "hunter2" }));
    expect(run.code).toBe(8);
    expect(run.stderr).toMatch(
      /^kvsync: account "cloudflare": could not list the namespaces of the account: the API answered 403: Authentication error \(code 10000\)\n {2}hint: the token needs the permission/,
    );
    expect(run.stderr).not.toContain("hunter2");
  });

  test("an unknown namespace, and one that is nearly right", async () => {
    await runCli(["namespace", "create", "app-config"], { cwd, env: remote() });
    const run = await kvsync(["key", "list", "app-confg", "--json"], remote());
    expect(run.code).toBe(1);
    expect(records(run.stderr).at(-1)).toEqual({
      type: "error",
      code: "namespace-not-found",
      exitCode: 1,
      message: 'account "cloudflare": there is no namespace "app-confg"',
      hint: 'did you mean "app-config"?',
    });
  });

  test("an unknown account", async () => {
    expect((await kvsync(["key", "list", "cloudflar:app"], remote())).stderr).toBe(
      'kvsync: there is no account "cloudflar"\n  hint: did you mean "cloudflare"?\n',
    );
  });
});

describe("serve", () => {
  async function firstLine(child: ReturnType<typeof startCli>): Promise<string> {
    let text = "";
    for await (const chunk of child.stdout!) {
      text += String(chunk);
      if (text.includes("\n")) break;
    }
    return text.slice(0, text.indexOf("\n"));
  }

  test("tells where it listens, serves, and stops when told to", async () => {
    const child = startCli(["serve", "--port", "0", "--token", "secret", "--json"], { cwd });
    const end = ended(child);
    const { type, url } = JSON.parse(await firstLine(child)) as { type: string; url: string };
    expect(type).toBe("listening");
    const run = await runCli(["namespace", "create", "n", "--json"], {
      cwd,
      env: remote({ CLOUDFLARE_API_BASE_URL: url, CLOUDFLARE_API_TOKEN: "secret" }),
    });
    expect(records(run.stdout)).toEqual([expect.objectContaining({ command: "namespace create", namespace: "n" })]);
    child.kill("SIGTERM");
    expect(await end).toMatchObject({ code: 0 });
  });

  test("keeps its data where it is told, and makes the faults it is told to", async () => {
    const start = async (more: readonly string[]) => {
      const child = startCli(["serve", "--port", "0", "--data", "data", "--json", ...more], { cwd });
      const end = ended(child);
      const { url } = JSON.parse(await firstLine(child)) as { url: string };
      return { url, stop: async () => (child.kill("SIGINT"), (await end).code) };
    };
    const first = await start([]);
    await runCli(["namespace", "create", "kept"], { cwd, env: remote({ CLOUDFLARE_API_BASE_URL: first.url }) });
    expect(await first.stop()).toBe(0);
    const second = await start(["--rate-limit", "1/5m", "--seed", "7"]);
    const env = remote({ CLOUDFLARE_API_BASE_URL: second.url });
    expect((await runCli(["namespace", "list"], { cwd, env })).stdout).toMatch(/^[0-9a-f]{32} {2}kept\n$/);
    const limited = await runCli(["namespace", "list", "--no-wait"], { cwd, env });
    expect([limited.code, limited.stdout]).toEqual([9, ""]);
    await second.stop();
  });

  test("refuses to listen beyond this machine without a token", async () => {
    expect(await kvsync(["serve", "--host", "0.0.0.0", "--port", "0"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/without a token/) as string,
    });
  });

  test("says who has the port", async () => {
    expect(await kvsync(["serve", "--port", String(server.port)])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^kvsync: /) as string,
    });
  });
});

test("a reader that goes away early ends the listing quietly", async () => {
  const pairs = Array.from({ length: 5000 }, (_, i) =>
    JSON.stringify({ key: `${"long".repeat(20)}-${i}`, value: "" }),
  ).join("\n");
  await runCli(["bulk", "put", "-n", "app-config", "-"], { cwd, env: remote(), input: pairs });
  const child = startCli(["key", "list", "app-config"], { cwd, env: remote() });
  child.stdout?.once("data", () => child.stdout?.destroy());
  expect(await ended(child)).toMatchObject({ code: 141, stderr: "" });
});

test("Ctrl-C stops a command that waits for an answer, with exit code 130", async () => {
  const slow = await startTestServer({ faults: { rules: [{ kind: "slow", delayMs: 600_000 }] }, validate: false });
  const env = { ...remote(), CLOUDFLARE_API_TOKEN: slow.token, CLOUDFLARE_API_BASE_URL: slow.url };
  const child = startCli(["key", "list", "app"], { cwd, env });
  const end = ended(child);
  await expect.poll(() => slow.counts().total).toBe(1);
  child.kill("SIGINT");
  expect(await end).toMatchObject({ code: 130, stdout: "", stderr: "kvsync: stopped by SIGINT\n" });
  await slow.close();
});

test("and one that waits for stdin, with exit code 143 for SIGTERM", async () => {
  const child = startCli(["bulk", "put", "-n", "app-config", "-"], { cwd, env: remote() });
  const end = ended(child);
  const before = server.counts().total;
  // The first page is looked at before any request; then it waits for the rest.
  child.stdin?.write(Array.from({ length: 1000 }, (_, n) => `{"key":"waiting/${n}","value":"v"}\n`).join(""));
  await expect.poll(() => server.counts().total, { timeout: 60_000 }).toBeGreaterThan(before);
  child.kill("SIGTERM");
  expect(await end).toMatchObject({ code: 143, stdout: "" });
});
