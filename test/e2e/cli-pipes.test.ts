// What is given as a path and can be read once only: a pipe, a process substitution, a FIFO, a device.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CliRun, records, runCli, runScript } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let cwd: string;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-pipes-"));
  server = await startTestServer();
  await server.createNamespace("app");
});

afterAll(async () => {
  await server.close();
  rmSync(cwd, { recursive: true });
});

const env = () => ({
  CLOUDFLARE_ACCOUNT_ID: server.accountId,
  CLOUDFLARE_API_TOKEN: server.token,
  CLOUDFLARE_API_BASE_URL: server.url,
});
const script = (text: string): Promise<CliRun> => runScript(text, { cwd, env: env() });
const PAIRS = String.raw`printf '{"key":"a","value":"1"}\n{"key":"b","value":"2"}\n'`;

test.each([
  ["a pipe at /dev/stdin", `${PAIRS} | kvsync bulk put --namespace app /dev/stdin`],
  ["a process substitution", `kvsync bulk put --namespace app <(${PAIRS})`],
  ["a FIFO", `mkfifo f1; ${PAIRS} >f1 & kvsync bulk put --namespace app f1; wait`],
])("bulk put takes every pair from %s", async (_, text) => {
  const run = await script(text);
  expect(run.code).toBe(0);
  expect(run.stdout).toContain("wrote 2 keys");
});

test("key get -o goes on with a file that is open as stdout, or under a number", async () => {
  await script(String.raw`printf value | kvsync key put --namespace app log --path -`);
  const get = (path: string): string => `kvsync key get log -n app -o ${path}`;
  const outs = [
    `(echo before; ${get("/dev/stdout")}; echo after) > o1; cat o1`,
    `echo before > o2; ${get("/dev/stdout")} >> o2; echo after >> o2; cat o2`,
    `exec 3>o3; echo before >&3; ${get("/dev/fd/3")}; echo after >&3; cat o3`,
    `(echo before >&2; ${get("/dev/stderr")} -q; echo after >&2) 2> o4; cat o4`,
  ];
  for (const text of outs) expect((await script(text)).stdout.replaceAll("\n", "")).toBe("beforevalueafter");
});

test("key get -o leaves a file the mode that it has", async () => {
  const run = await script(
    `umask 022; echo old > f; chmod 600 f; kvsync key get log -n app -o f; stat -c %a f; cat f; kvsync key get log -n app -o g; stat -c %a g`,
  );
  expect(run.stdout).toBe("600\nvalue644\n");
});

test("bulk put takes /dev/stdin that is a socket", async () => {
  const input = '[{"key":"a","value":"1"}]';
  const run = await runCli(["bulk", "put", "--namespace", "app", "/dev/stdin"], { cwd, env: env(), input });
  expect(run.code).toBe(0);
  expect(run.stdout).toContain("wrote 1 key");
});

test("bulk get and bulk delete take every key from a process substitution and a FIFO", async () => {
  await script(`kvsync bulk put --namespace app <(${PAIRS})`);
  const got = await script(String.raw`kvsync bulk get --namespace app <(printf 'a\nb\n')`);
  expect(got.code).toBe(0);
  expect(records(got.stdout).map(({ key }) => key)).toEqual(["a", "b"]);
  const first = await script(String.raw`kvsync bulk delete --namespace app <(printf 'a\n')`);
  expect(first.stdout).toContain("to delete 1 key\n");
  const second = await script(
    String.raw`mkfifo f2; printf 'b\n' >f2 & kvsync bulk delete --namespace app f2; wait; kvsync key list --namespace app`,
  );
  expect(second.stdout).toContain("to delete 1 key\n");
  expect(second.stdout).not.toMatch(/^[ab]\b/m);
});

test("key put reads a pipe by its path, and no more of a device than a value may have", async () => {
  const piped = await script(
    "kvsync key put --namespace app p --path <(printf hello); kvsync key get --namespace app p",
  );
  expect(piped.stdout).toContain("hello");
  const endless = await script("kvsync key put --namespace app zero --path /dev/zero");
  expect(endless.code).toBe(2);
  expect(endless.stderr).toContain("the value has more than 25 MiB");
});

test.each([
  ["put", String.raw`printf '{"key":"a","value":1}\n'`, "has a value that is no string"],
  ["delete", String.raw`printf 'a\r\n'`, "ends with a carriage return"],
])("bulk %s tells what is wrong with a pipe although nothing answers for the API", async (verb, producer, message) => {
  const dead = { ...env(), CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:9" };
  const run = await runScript(`kvsync bulk ${verb} --namespace app <(${producer})`, { cwd, env: dead });
  expect([run.code, run.stderr]).toEqual([2, expect.stringContaining(message)]);
});
