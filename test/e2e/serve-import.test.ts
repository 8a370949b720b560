// `kvsync serve --import`: a server that begins with what archives hold, and all of it copied to another server.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { askNamespaces, beginServer, writeAccounts, writeOddPairs } from "../support/begun-servers.ts";
import { type CliRun, records, runCli } from "../support/cli.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-serve-import-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });

it("archives are there before the server listens, and stay as they are found; all of it can be copied to another server", async () => {
  mkdirSync(join(dir, "seed"));
  const keys = writeOddPairs(join(dir, "seed", "app.json"), 3000);
  writeFileSync(join(dir, "seed", "a%2Fb.json"), '[{"key":"k","value":"v"}]');
  const seed = ["--data", "a", "--import", "seed/", "--import", "twice=seed/a%2Fb.json"];
  const [a, b] = await Promise.all([beginServer(dir, seed), beginServer(dir, ["--data", "b"])]);
  expect(a.events).toMatchObject([
    { type: "imported", namespace: "a/b", keys: 1 },
    { type: "imported", namespace: "app", file: "seed/app.json", keys, expired: 0 },
    { type: "imported", namespace: "twice", keys: 1 },
  ]);
  writeAccounts(dir, { a, b });
  expect(await askNamespaces(a, { title: "europe", jurisdiction: "eu" })).toMatchObject({ title: "europe" });
  expect(await kvsync("key", "put", "k", "changed", "-n", "a:twice")).toMatchObject({ code: 0 });
  expect(await kvsync("copy", "a:*", "b:*")).toMatchObject({ code: 0 });
  expect(await askNamespaces(b)).toMatchObject([
    { title: "a/b" },
    { title: "app" },
    { title: "europe", jurisdiction: "eu" },
    { title: "twice" },
  ]);
  const equal = await kvsync("check", "seed/app.json", "b:app", "--values", "--json");
  expect(equal).toMatchObject({ code: 0 });
  expect(records(equal.stdout).at(-1)).toMatchObject({ unchanged: keys, written: 0, removed: 0, failed: 0 });

  await Promise.all([a.stop(), b.stop()]);
  const again = await beginServer(dir, seed);
  expect(again.events.map(({ type, namespace }) => [type, namespace])).toEqual([
    ["left-alone", "a/b"],
    ["left-alone", "app"],
    ["left-alone", "twice"],
  ]);
  writeAccounts(dir, { a: again });
  expect(await kvsync("key", "get", "k", "-n", "a:twice")).toMatchObject({ stdout: "changed" });
  await again.stop();
}, 240_000);

it("a server does not start with an archive that is damaged, is missing, or has what is no key", async () => {
  writeAccounts(dir, {});
  writeFileSync(join(dir, "good.json"), '[{"key":"k","value":"v"}]');
  writeFileSync(join(dir, "odd.json"), `[{"key":"k","value":"v"},{"key":"${"x".repeat(513)}","value":"v"}]`);
  const started = (...args: readonly string[]): Promise<CliRun> =>
    kvsync("serve", "--port", "0", "--data", "refusing", "--import", "good.json", ...args);
  expect(await kvsync("export", "good.json", "cut.ndjson")).toMatchObject({ code: 0 });
  const lines = readFileSync(join(dir, "cut.ndjson"), "utf8").split("\n");
  writeFileSync(join(dir, "cut.ndjson"), lines.slice(0, 2).join("\n"));
  const cut = await started("--import", "cut.ndjson");
  expect(cut).toMatchObject({ code: 1, stdout: "" });
  expect(cut.stderr).toContain("cut.ndjson ends in the middle");
  expect(cut.stderr).toContain("kvsync import cut.ndjson ACCOUNT:cut --salvage");
  const missing = await started("--import", "none.json");
  expect(missing).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("none.json") });
  const odd = await started("--import", "odd.json");
  expect(odd).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("it has more than 512 bytes") });
  // All of them were looked at before anything was made.
  const server = await beginServer(dir, ["--data", "refusing", "--import", "good.json"]);
  expect(server.events).toMatchObject([{ type: "imported", namespace: "good" }]);
  await server.stop();
}, 240_000);
