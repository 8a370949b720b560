// An archive that was made of some keys only says nothing of the others: they are neither removed nor told to differ.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliRun, runCli } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let dir = "";
const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });
const keysOf = async (title: string): Promise<string> => (await kvsync("key", "list", `local:${title}`)).stdout;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-archive-scope-"));
  server = await startTestServer();
  const account = `{ endpoint: "${server.url}", account_id: ${server.accountId}, api_token: ${server.token} }`;
  writeFileSync(join(dir, "kvsync.yaml"), `state_dir: ./state\naccounts: { local: ${account} }\n`);
  await server.createNamespace("whole");
  for (const key of ["app/a", "app/b", "web/c"]) await kvsync("key", "put", key, "v", "-n", "local:whole");
});

afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true });
});

describe("an archive of keys with a prefix", () => {
  it("removes on import what it would hold, and leaves other keys", async () => {
    expect(await kvsync("export", "local:whole", "app.ndjson", "--prefix", "app/")).toMatchObject({ code: 0 });
    await kvsync("key", "put", "app/new", "v", "-n", "local:whole");
    expect(await kvsync("diff", "local:whole", "app.ndjson")).toMatchObject({ code: 4 });
    expect(await kvsync("import", "app.ndjson", "local:whole", "--delete")).toMatchObject({ code: 0 });
    expect(await keysOf("whole")).toBe("app/a\napp/b\nweb/c\n");
    expect(await kvsync("check", "local:whole", "app.ndjson", "--values")).toMatchObject({ code: 0 });
  });
});

describe("an archive of a folder without .env and the like", () => {
  it("leaves a key of such a name at the destination", async () => {
    mkdirSync(join(dir, "site"));
    for (const name of ["index.html", ".env"]) writeFileSync(join(dir, "site", name), "x");
    expect(await kvsync("export", "./site", "site.ndjson.zst")).toMatchObject({ code: 0 });
    await server.createNamespace("site");
    for (const key of [".env", "old"]) await kvsync("key", "put", key, "v", "-n", "local:site");
    expect(await kvsync("import", "site.ndjson.zst", "local:site", "--delete", "--force")).toMatchObject({ code: 0 });
    expect(await keysOf("site")).toBe(".env\nindex.html\n");
  });
});

describe("what is made of a snapshot or an archive of some keys", () => {
  const header = (file: string): unknown => JSON.parse(readFileSync(join(dir, file), "utf8").split("\n", 1)[0]!);
  const source = (name: string, keys: readonly string[]): void => {
    mkdirSync(join(dir, name));
    for (const key of keys) writeFileSync(join(dir, name, key), "x");
  };
  beforeAll(async () => {
    source("ab", ["a1", "a2", "b1"]);
    expect(await kvsync("backup", "./ab", "./repo", "--prefix", "a", "--no-encryption")).toMatchObject({ code: 0 });
    expect(await kvsync("export", "./repo@latest", "a.ndjson")).toMatchObject({ code: 0 });
  });

  it("is about no more keys than that, as an archive and as a snapshot", async () => {
    expect(header("a.ndjson")).toMatchObject({ filter: { prefix: "a", excludeDefaults: true } });
    expect(await kvsync("backup", "a.ndjson", "./repo-2", "--no-encryption")).toMatchObject({ code: 0 });
    for (const [command, from] of [
      ["import", "a.ndjson"],
      ["restore", "./repo-2@latest"],
    ] as const) {
      const to = `dst-${command}`;
      source(to, ["a9", "b1", ".env"]);
      expect(await kvsync(command, from, `./${to}`, "--delete", "--force", "--no-exclude-defaults")).toMatchObject({
        code: 0,
      });
      expect(readdirSync(join(dir, to)).filter((name) => !name.startsWith(".kvsync"))).toEqual([
        ".env",
        "a1",
        "a2",
        "b1",
      ]);
    }
  });

  it("says both its filter and that of the request, or is refused", async () => {
    const options = ["--prefix", "a1", "--exclude", "*.tmp"];
    expect(await kvsync("export", "a.ndjson", "a1.ndjson", ...options)).toMatchObject({ code: 0 });
    expect(header("a1.ndjson")).toMatchObject({ filter: { prefix: "a1", include: [], exclude: ["*.tmp"] } });
    expect(await kvsync("export", "a.ndjson", "b.ndjson", "--prefix", "b")).toMatchObject({ code: 2 });
  });
});

describe("what is made of an incomplete snapshot", () => {
  it("is not complete either", async () => {
    const id = await server.createNamespace("lacking");
    await kvsync("key", "put", "good", "1", "-n", "local:lacking");
    const form = new FormData();
    form.set("value", "2");
    form.set("metadata", '{"n":123456789012345678901234567890}');
    const headers = { authorization: `Bearer ${server.token}` };
    await fetch(`${server.namespacesUrl}/${id}/values/odd`, { method: "PUT", headers, body: form });
    const summary = ({ stdout }: CliRun): { readonly snapshot: string; readonly complete: boolean } =>
      JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
    const first = await kvsync("backup", "local:lacking", "./lacking", "--no-encryption", "--json");
    const from = `./lacking@${summary(first).snapshot}`;
    const exported = await kvsync("export", from, "lacking.ndjson", "--json");
    expect(exported).toMatchObject({ code: 3 });
    expect(summary(exported)).toMatchObject({ complete: false, written: 1 });
    expect(await kvsync("import", "lacking.ndjson", "local:lacking", "--delete")).toMatchObject({ code: 1 });
    const second = await kvsync("backup", from, "./lacking-2", "--no-encryption", "--json");
    expect(second).toMatchObject({ code: 3 });
    expect(summary(second)).toMatchObject({ complete: false, written: 1 });
    const copy = `./lacking-2@${summary(second).snapshot}`;
    expect(await kvsync("restore", copy, "local:lacking", "--delete", "--force")).toMatchObject({ code: 2 });
    expect(await keysOf("lacking")).toBe("good\nodd\n");
  });
});

describe("a .json, which does not say which keys it was made of", () => {
  const file = "app.json";
  beforeAll(async () => {
    await server.createNamespace("json");
    for (const key of ["app/old", "web/c"]) await kvsync("key", "put", key, "v", "-n", "local:json");
    expect(await kvsync("export", "local:whole", file, "--prefix", "app/")).toMatchObject({ code: 0 });
  });

  it.each(["import", "copy"])("removes nothing on %s, unless its keys are named", async (command) => {
    const run = await kvsync(command, file, "local:json", "--delete", "--force");
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining("or add --whole") as string });
    expect(await keysOf("json")).toContain("app/old\nweb/c\n");
    const named = await kvsync(command, file, "local:json", "--delete", "--force", "--prefix", "app/");
    expect(named).toMatchObject({ code: 0 });
    expect(await keysOf("json")).toBe("app/a\napp/b\nweb/c\n");
    await kvsync("key", "put", "app/old", "v", "-n", "local:json");
  });

  it.each(["import", "copy"])("removes on %s --whole what it has not", async (command) => {
    await kvsync("key", "put", "web/c", "v", "-n", "local:json");
    expect(await kvsync(command, file, "local:json", "--delete", "--force", "--whole")).toMatchObject({ code: 0 });
    expect(await keysOf("json")).toBe("app/a\napp/b\n");
  });

  it("makes nothing that would remove more than itself: no archive, no snapshot, no plan", async () => {
    expect(await kvsync("copy", file, "of-json.ndjson", "--prefix", "app/")).toMatchObject({ code: 0 });
    expect(await kvsync("backup", "of-json.ndjson", "./repo-json", "--no-encryption")).toMatchObject({ code: 0 });
    const before = await keysOf("json");
    const runs = [
      ["import", "of-json.ndjson"],
      ["restore", "./repo-json@latest"],
      ["plan", file],
    ].map(([command, from]) => kvsync(command!, from!, "local:json", "--delete"));
    for (const run of await Promise.all(runs))
      expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining("add --whole") as string });
    expect(await keysOf("json")).toBe(before);
    await kvsync("key", "put", "app/new", "v", "-n", "local:json");
    const plan = await kvsync("plan", "./repo-json@latest", "local:json", "--delete", "--whole");
    expect(plan).toMatchObject({ code: 4, stdout: expect.stringContaining("- app/new") as string });
  });

  it("leaves a key alone that wrangler printed as null", async () => {
    await server.createNamespace("null");
    for (const key of ["gone", "other"]) await kvsync("key", "put", key, "v", "-n", "local:null");
    writeFileSync(join(dir, "got.json"), JSON.stringify({ a: "1", gone: null }));
    const run = await kvsync("import", "got.json", "local:null", "--delete", "--force", "--whole");
    expect(run).toMatchObject({ code: 0 });
    expect(await keysOf("null")).toBe("a\ngone\n");
  });
});
