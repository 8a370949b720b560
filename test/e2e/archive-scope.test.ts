// An archive that was made of some keys only says nothing of the others: they are neither removed nor told to differ.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
