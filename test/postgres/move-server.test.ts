// All of a server over SQLite moved to one over PostgreSQL, and back, by the engine itself, with a proof; and servers that begin over one database
// with the same archive.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  askNamespaces,
  type BegunServer,
  beginServer,
  writeAccounts,
  writeOddPairs,
} from "../support/begun-servers.ts";
import { type CliRun, records, runCli } from "../support/cli.ts";
import { databases, describePostgres } from "../support/postgres-fixture.ts";

let dir = "";
let keys = 0;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-move-server-"));
  keys = writeOddPairs(join(dir, "app.json"), 10_000);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });
const overDatabase = (url: string, ...args: readonly string[]): Promise<BegunServer> =>
  beginServer(dir, args, { KVSYNC_SERVE_STORE: url });

describePostgres("a server", () => {
  it("moves from SQLite to PostgreSQL with a report that says so, and comes back the same", async () => {
    const [old, next, back] = await Promise.all([
      beginServer(dir, ["--data", "old", "--import", "app.json"]),
      overDatabase(await databases.freshSchema()),
      beginServer(dir, ["--data", "back"]),
    ]);
    writeAccounts(dir, { old, next, back });
    expect(await askNamespaces(old, { title: "europe", jurisdiction: "eu" })).toMatchObject({ title: "europe" });
    const settled = ["--settle-window", "200ms"];
    const moved = await kvsync(
      "migrate",
      "old",
      "next",
      "--all-namespaces",
      "--verify",
      "values",
      ...settled,
      "--json",
    );
    expect(moved).toMatchObject({ code: 0 });
    expect(records(moved.stdout)).toContainEqual(expect.objectContaining({ type: "report", verdict: "equal" }));
    expect(await askNamespaces(next)).toMatchObject([{ title: "app" }, { title: "europe", jurisdiction: "eu" }]);
    expect(await kvsync("copy", "next:*", "back:*")).toMatchObject({ code: 0 });
    const equal = await kvsync("check", "app.json", "back:app", "--values", "--json");
    expect(equal).toMatchObject({ code: 0 });
    expect(records(equal.stdout).at(-1)).toMatchObject({ unchanged: keys, written: 0, removed: 0, failed: 0 });
    await Promise.all([old.stop(), next.stop(), back.stop()]);
  }, 240_000);

  it("begins with an archive that another one brings in at the same moment: one does it, and both have it", async () => {
    const url = await databases.freshSchema();
    const both = await Promise.all([1, 2].map(() => overDatabase(url, "--import", "app.json")));
    const types = both.flatMap(({ events }) => events.map(({ type }) => type));
    expect(types.toSorted()).toEqual(["imported", "left-alone"]);
    const [one, other] = await Promise.all(both.map((server) => askNamespaces(server)));
    expect(one).toMatchObject([{ title: "app" }]);
    expect(other).toEqual(one);
    await Promise.all(both.map((server) => server.stop()));
  }, 120_000);
});
