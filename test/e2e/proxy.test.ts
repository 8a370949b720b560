// The proxies of the environment: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, through a real proxy.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CliRun, runCli } from "../support/cli.ts";
import { startProxy } from "../support/proxy.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { CERTIFICATE, openTlsFront, type TlsFront } from "../support/tls/tls-front.ts";

let server: TestServer;
let front: TlsFront;
let cwd: string;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-proxy-"));
  server = await startTestServer({ token: "right" });
  front = await openTlsFront(server.url);
  await server.createNamespace("app");
  const config = [
    "state_dir: ./state",
    "accounts:",
    `  plain: { endpoint: "${server.url}", account_id: testaccount, api_token: right }`,
    `  tls: { endpoint: "https://localhost:${front.port}/client/v4", account_id: testaccount, api_token: right }`,
    "  inside: { endpoint: embedded }",
    "",
  ];
  writeFileSync(join(cwd, "kvsync.yaml"), config.join("\n"));
});

afterAll(async () => {
  front.close();
  await server.close();
  rmSync(cwd, { recursive: true });
});

const kvsync = (env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<CliRun> =>
  runCli(args, { cwd, env: { NODE_EXTRA_CA_CERTS: CERTIFICATE, ...env } });

test("HTTPS_PROXY opens the way through, with its user and password, for values of any size", async () => {
  await using proxy = await startProxy("me:s3cr3t");
  const env = { HTTPS_PROXY: `http://me:s3cr3t@127.0.0.1:${proxy.port}` };
  mkdirSync(join(cwd, "from"));
  const value = Buffer.alloc(3_000_000, "v\0");
  writeFileSync(join(cwd, "from", "a b"), value);
  expect(await kvsync(env, "copy", "./from", "tls:app")).toMatchObject({ code: 0 });
  expect(await kvsync(env, "copy", "tls:app", "./to")).toMatchObject({ code: 0 });
  expect(readFileSync(join(cwd, "to", "a b")).equals(value)).toBe(true);
  expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT localhost:${front.port}`]));
});

test("HTTP_PROXY is asked for whole addresses, with the path as it is", async () => {
  await using proxy = await startProxy();
  const env = { HTTP_PROXY: proxy.url };
  expect(await kvsync(env, "key", "put", "x/../y", "hello", "-n", "plain:app")).toMatchObject({ code: 0 });
  const got = await kvsync(env, "key", "get", "x/../y", "-n", "plain:app");
  expect([got.code, got.stdout]).toEqual([0, "hello"]);
  expect(proxy.asked.at(-1)).toMatch(
    new RegExp(`^GET ${new URL(server.url).origin}/client/v4/.*/values/x%2F\\.\\.%2Fy$`),
  );
});

test.each(["127.0.0.1", "*", "other.test, 127.0.0.1"])("NO_PROXY=%s is reached directly", async (none) => {
  await using proxy = await startProxy();
  const env = { HTTP_PROXY: proxy.url, NO_PROXY: none };
  expect(await kvsync(env, "namespace", "list", "plain")).toMatchObject({ code: 0 });
  expect(proxy.asked).toEqual([]);
});

test("the embedded account never goes through a proxy", async () => {
  await using proxy = await startProxy();
  const env = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url };
  expect(await kvsync(env, "namespace", "create", "inside:app")).toMatchObject({ code: 0 });
  expect(proxy.asked).toEqual([]);
});

test.each([
  ["tls", "HTTPS_PROXY"],
  ["plain", "HTTP_PROXY"],
])("a proxy that refuses account %s is told at once, without its password", async (account, variable) => {
  await using proxy = await startProxy("me:s3cr3t");
  const run = await kvsync({ [variable]: `http://me:wr0ng@127.0.0.1:${proxy.port}` }, "namespace", "list", account);
  expect([run.code, run.stderr]).toEqual([1, expect.stringContaining("the proxy answered 407")]);
  expect(run.stdout + run.stderr).not.toContain("wr0ng");
  expect(proxy.asked).toHaveLength(1);
});

test("doctor tells which proxy each account uses, without its password", async () => {
  await using proxy = await startProxy("me:s3cr3t");
  const address = `http://me:s3cr3t@127.0.0.1:${proxy.port}`;
  const run = await kvsync({ HTTPS_PROXY: address, HTTP_PROXY: address, NO_PROXY: "127.0.0.1" }, "doctor");
  expect(run.stdout).toContain(
    `proxy of account tls: requests go through http://127.0.0.1:${proxy.port} (HTTPS_PROXY)`,
  );
  expect(run.stdout).toContain(`proxy of account plain: none: ${new URL(server.url).host} is reached directly`);
  expect(run.stdout).not.toContain("proxy of account inside");
  expect(run.stdout + run.stderr).not.toContain("s3cr3t");
  expect(proxy.asked.length).toBeGreaterThan(0);
});

test("a proxy that is no address is told by its variable alone", async () => {
  const run = await kvsync({ HTTPS_PROXY: "socks5://me:s3cr3t@proxy" }, "namespace", "list", "tls");
  expect([run.code, run.stderr]).toEqual([7, expect.stringContaining("HTTPS_PROXY is no address of an HTTP proxy")]);
  expect(run.stderr).not.toContain("s3cr3t");
});
