// A firewall before the API that answers some keys' paths with a page: those keys take another way or are told of, and all
// others are none the worse, through every command that reads, writes or deletes.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";
import { looksLikeTraversal, type PageFront, startPageFront } from "../support/page-front.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const TEXT = "img/pic...png";
const BINARY = "raw/pic...png";
const BYTES = Buffer.from([0, 255, 1, 254]);

let dir: string;
let server: TestServer;
let front: PageFront;
let id: string;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-refused-"));
  server = await startTestServer();
  id = await server.createNamespace("app");
  front = await startPageFront(server.url, looksLikeTraversal);
});

afterEach(async () => {
  await front[Symbol.asyncDispose]();
  await server.close();
  rmSync(dir, { recursive: true });
});

function kvsync(...args: readonly string[]): Promise<CliRun> {
  const env = {
    CLOUDFLARE_ACCOUNT_ID: server.accountId,
    CLOUDFLARE_API_TOKEN: server.token,
    CLOUDFLARE_API_BASE_URL: front.url,
    KVSYNC_STATE_DIR: join(dir, "state"),
  };
  return runCli(args, { cwd: dir, env });
}

/** Past the front. */
async function stored(key: string): Promise<Buffer | undefined> {
  const answer = await direct("GET", key);
  return answer.status === 404 ? undefined : Buffer.from(await answer.arrayBuffer());
}

function direct(method: string, key: string, body?: string | Uint8Array<ArrayBuffer>): Promise<Response> {
  const headers = { authorization: `Bearer ${server.token}`, "content-type": "application/octet-stream" };
  const url = `${server.namespacesUrl}/${id}/values/${encodeURIComponent(key)}`;
  return fetch(url, { method, headers, ...(body !== undefined && { body }) });
}

async function fill(): Promise<void> {
  for (let i = 0; i < 5; i++) await direct("PUT", `k${i}`, `value ${i}`);
  await direct("PUT", TEXT, "text");
  await direct("PUT", BINARY, new Uint8Array(BYTES));
}

function configure(mode: string): void {
  writeFileSync(
    join(dir, "kvsync.yaml"),
    `accounts:\n  cloudflare: { account_id: ${server.accountId}, endpoint: "${front.url}", api_token: ${server.token} }\n` +
      `mappings:\n  app: { account: cloudflare, namespace: app, folder: ./kv, mode: ${mode}, delete: all }\n`,
  );
}

const summary = ({ stdout }: CliRun): Record<string, unknown> => records(stdout).at(-1) ?? {};

it("key put, get, metadata and delete go round a refused path, and count each request", async () => {
  const put = await kvsync("key", "put", "-n", "app", TEXT, "hello", "--metadata", '{"a":1}', "--json");
  expect(put).toMatchObject({ code: 0, stderr: "" });
  expect(summary(put)).toMatchObject({ requests: { write: 1, bulkWrite: 1 } });
  expect(await stored(TEXT)).toEqual(Buffer.from("hello"));
  expect(await kvsync("key", "get", "-n", "app", TEXT)).toMatchObject({ code: 0, stdout: "hello", stderr: "" });
  expect(await kvsync("key", "metadata", "-n", "app", TEXT)).toMatchObject({ code: 0, stdout: '{"a":1}\n' });
  const deleted = await kvsync("key", "delete", "-n", "app", TEXT, "--json");
  expect(summary(deleted)).toMatchObject({ requests: { delete: 1, bulkDelete: 1 } });
  expect(await stored(TEXT)).toBeUndefined();
  expect((await kvsync("key", "get", "-n", "app", TEXT)).stderr).toContain("there is no key");
  expect(new Set(front.refused)).toEqual(new Set(["PUT", "GET", "DELETE"]));
});

it("a binary value is written and deleted; to get it there is no way, and the message says who refused it", async () => {
  writeFileSync(join(dir, "in"), BYTES);
  expect(await kvsync("key", "put", "-n", "app", BINARY, "--path", "in")).toMatchObject({ code: 0 });
  expect(await stored(BINARY)).toEqual(BYTES);
  const { code, stdout, stderr } = await kvsync("key", "get", "-n", "app", BINARY);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(
    "it was refused by something before the API, with status 403 and a body that is an HTML page",
  );
  expect(stderr).toContain("takes no value that is not text");
  expect(stderr).not.toContain("token");
  expect(await kvsync("key", "metadata", "-n", "app", BINARY)).toMatchObject({ code: 0, stdout: "null\n" });
  expect(await kvsync("key", "delete", "-n", "app", BINARY)).toMatchObject({ code: 0 });
  expect(await stored(BINARY)).toBeUndefined();
});

it.each([
  ["pull", ["pull", "--json"]],
  ["copy", ["copy", "cloudflare:app", "./kv", "--json"]],
])("%s writes every other file, and tells of the one key", async (command, args) => {
  await fill();
  if (command === "pull") configure("pull");
  const run = await kvsync(...args);
  expect(run.code).toBe(3);
  const problems = records(run.stdout).filter(({ type }) => type === "problem");
  expect(problems).toEqual([expect.objectContaining({ code: "rejected", subject: BINARY })]);
  expect(run.stdout).toContain("was refused by something before the API");
  expect(readdirSync(join(dir, "kv")).filter((name) => !name.startsWith("."))).toHaveLength(6);
  expect(readFileSync(join(dir, "kv", TEXT), "utf8")).toBe("text");
  expect(existsSync(join(dir, "kv", BINARY))).toBe(false);
});

it("bulk get prints every other value, and tells of the one key", async () => {
  await fill();
  writeFileSync(join(dir, "keys.json"), JSON.stringify([TEXT, BINARY, "k0"]));
  const run = await kvsync("bulk", "get", "-n", "app", "keys.json");
  expect(run.code).toBe(3);
  expect(run.stdout).toContain('"text"');
  expect(run.stdout).toContain('"value 0"');
  expect(run.stderr).toContain("something before the API");
});

it.each(["push", "two-way"])("sync of mode %s carries such keys to the API and removes them there", async (mode) => {
  configure(mode);
  mkdirSync(join(dir, "kv", "raw"), { recursive: true });
  mkdirSync(join(dir, "kv", "img"));
  writeFileSync(join(dir, "kv", BINARY), BYTES);
  writeFileSync(join(dir, "kv", TEXT), "text");
  for (let i = 0; i < 5; i++) writeFileSync(join(dir, "kv", `k${i}`), `value ${i}`);
  expect(await kvsync("sync")).toMatchObject({ code: 0 });
  expect(await stored(BINARY)).toEqual(BYTES);
  rmSync(join(dir, "kv", TEXT));
  expect(await kvsync("sync")).toMatchObject({ code: 0 });
  expect(await stored(TEXT)).toBeUndefined();
  expect(await stored("k0")).toBeDefined();
});
