// `ACCOUNT:*` as a source: every namespace of an account, into another account, into folders, into archives.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let dir = "";
let source: TestServer;
let destination: TestServer;

beforeAll(async () => {
  [source, destination] = await Promise.all([startTestServer(), startTestServer()]);
  dir = mkdtempSync(join(tmpdir(), "kvsync-account-"));
  const account = ({ url, accountId }: TestServer): string =>
    `{ endpoint: "${url}", account_id: ${accountId}, api_token: test-token }`;
  writeFileSync(
    join(dir, "kvsync.yaml"),
    `state_dir: ./state\naccounts:\n  old: ${account(source)}\n  new: ${account(destination)}\n  same: ${account(source)}\n`,
  );
  await create("app", { greeting: "hello", "a/b": "deep" }, { jurisdiction: "eu" });
  await create("data.json/%", { key: "value" });
  await create("empty", {});
});

afterAll(async () => {
  await Promise.all([source.close(), destination.close()]);
  rmSync(dir, { recursive: true, force: true });
});

const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });

async function call<T>({ namespacesUrl, token }: TestServer, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${namespacesUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return ((await response.json()) as { result: T }).result;
}

async function create(title: string, values: Readonly<Record<string, string>>, kind: object = {}): Promise<void> {
  const { id } = await call<{ id: string }>(source, "POST", "", { title, ...kind });
  const pairs = Object.entries(values).map(([key, value]) => ({ key, value }));
  if (pairs.length > 0) await call(source, "PUT", `/${id}/bulk`, pairs);
}

interface Listed {
  readonly id: string;
  readonly title: string;
  readonly jurisdiction?: string;
}

const namespacesOf = (server: TestServer): Promise<readonly Listed[]> =>
  call(server, "GET", "?per_page=100&order=title");
const readOf = (...path: readonly string[]): string => readFileSync(join(dir, ...path), "utf8");

it("a copy to another account creates what is missing as it is at the source, and copies each by its title", async () => {
  const dry = await kvsync("copy", "old:*", "new:*", "--dry-run", "--json");
  expect(dry).toMatchObject({ code: 0 });
  expect(records(dry.stdout).filter(({ type }) => type === "summary")).toMatchObject([
    { namespace: "app", written: 2, creates: { kind: "namespace", name: "app" } },
    { namespace: "data.json/%", written: 1, creates: { kind: "namespace", name: "data.json/%" } },
    { namespace: "empty", written: 0 },
  ]);
  expect(await namespacesOf(destination)).toEqual([]);

  const run = await kvsync("copy", "old:*", "new:*");
  expect(run).toMatchObject({ code: 0 });
  const made = await namespacesOf(destination);
  expect(made.map(({ title, jurisdiction }) => [title, jurisdiction])).toEqual([
    ["app", "eu"],
    ["data.json/%", undefined],
    ["empty", undefined],
  ]);
  const keys = await call<{ name: string }[]>(destination, "GET", `/${made[0]!.id}/keys`);
  expect(keys.map(({ name }) => name)).toEqual(["a/b", "greeting"]);
  const again = await kvsync("copy", "old:*", "new:*", "--json");
  expect(records(again.stdout)).toMatchObject([{ unchanged: 2 }, { unchanged: 1 }, { unchanged: 0 }]);
});

it("a copy to a folder makes a folder for each namespace, whatever its title", async () => {
  expect(await kvsync("copy", "old:*", "./kv")).toMatchObject({ code: 0 });
  expect(readdirSync(join(dir, "kv")).toSorted()).toEqual(["app", "data.json%2F%25", "empty"]);
  expect(readOf("kv", "app", "a", "b")).toBe("deep");
  expect(readOf("kv", "data.json%2F%25", "key")).toBe("value");
});

it("an export writes an archive for each namespace, and one that cannot be written does not stop the others", async () => {
  expect(await kvsync("export", "old:*", "./archives/")).toMatchObject({ code: 0 });
  expect(readdirSync(join(dir, "archives")).toSorted()).toEqual([
    "app.ndjson.zst",
    "data.json%2F%25.ndjson.zst",
    "empty.ndjson.zst",
  ]);
  expect(await kvsync("check", "./archives/app.ndjson.zst", "old:app")).toMatchObject({ code: 0 });
  expect(await kvsync("copy", "old:*", "./pairs/*.json")).toMatchObject({ code: 0 });
  expect(JSON.parse(readOf("pairs", "app.json"))).toHaveLength(2);
  // A title that is no name of a file.
  await create("x".repeat(300), { key: "value" });
  await create("zz", { key: "value" });
  const run = await kvsync("export", "old:*", "./more/*.ndjson");
  expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining("1 of 5 namespaces did not end well") });
  expect(run.stderr).toContain("cannot be the name of a file");
  expect(existsSync(join(dir, "more", "zz.ndjson"))).toBe(true);
});

it("where the disk takes two titles for one name, the second does not take the place of the first", async () => {
  await create("App", { greeting: "another" });
  for (const name of ["folders", "files"]) mkdirSync(join(dir, name));
  // As on a disk that knows no upper and lower case.
  symlinkSync("App", join(dir, "folders", "app"));
  symlinkSync("App.ndjson", join(dir, "files", "app.ndjson"));
  const copied = await kvsync("copy", "old:*", "./folders");
  expect(copied).toMatchObject({ code: 2, stderr: expect.stringContaining("the disk takes its name, app, for App") });
  expect(readOf("folders", "App", "greeting")).toBe("another");
  const exported = await kvsync("export", "old:*", "./files/*.ndjson");
  expect(exported.stderr).toContain("the disk takes its name, app.ndjson, for App.ndjson");
  expect(readOf("files", "App.ndjson")).toContain("another");
});

it("all namespaces go to one place only if it has room for each: what has not is refused before anything is done", async () => {
  const runs = [
    await kvsync("copy", "old:*", "new:app"),
    await kvsync("copy", "old:*", "same:*"),
    await kvsync("export", "old:*", "./all.ndjson"),
  ];
  expect(runs.map(({ code }) => code)).toEqual([2, 2, 2]);
  expect(runs[0]!.stderr).toContain("new:app is one place, and all namespaces of old are meant");
  expect(runs[1]!.stderr).toContain("are the same account");
  expect(runs[2]!.stderr).toContain("./all.ndjson is one file");
});
