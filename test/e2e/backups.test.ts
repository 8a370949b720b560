// `kvsync backup` and what belongs to it, from the command line: what a backup reads, what it stores, and that all of it comes back.

import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliRun, ended, records, runCli, startCli } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let dir = "";
const kvsync = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliRun> =>
  runCli(args, { cwd: dir, env });
async function done(...args: readonly string[]): Promise<CliRun> {
  const run = await kvsync(args);
  expect(run).toMatchObject({ code: 0 });
  return run;
}
type Record_ = Record<string, unknown>;
const summaryOf = (run: CliRun): Record_ => records(run.stdout).at(-1)!;
const summary = async (...args: readonly string[]): Promise<Record_> => summaryOf(await done(...args, "--json"));
const file = (name: string): string => join(dir, name);
const lines = (pairs: readonly object[]): string => pairs.map((pair) => `${JSON.stringify(pair)}\n`).join("");
const put = async (title: string, pairs: readonly object[], ...more: readonly string[]): Promise<void> => {
  writeFileSync(file("pairs.lines"), lines(pairs));
  await done("bulk", "put", "pairs.lines", "-n", `local:${title}`, ...more);
};
/** Every file below `path`. */
const filesBelow = (path: string): readonly string[] =>
  existsSync(file(path))
    ? readdirSync(file(path), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    : [];

const KEYS = 500;
const later = Math.floor(Date.now() / 1000) + 86_400;
const pairOf = (i: number, round: number): object => ({
  key: `${i % 3 === 0 ? "flags" : "pages"}/${i}`,
  value: `value ${i} of round ${round}`,
  ...(i % 5 === 0 && { metadata: { i } }),
  ...(i % 7 === 0 && { expiration: later + i }),
});
const binaryOf = (key: string): object => ({ key, value: randomBytes(100).toString("base64"), base64: true });
const PACKED_MS = 60_000;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-backups-"));
  server = await startTestServer({ validate: false });
  const account = `endpoint: "${server.url}", account_id: ${server.accountId}, api_token: ${server.token}`;
  writeFileSync(
    file("kvsync.yaml"),
    `state_dir: ./state
accounts:
  local: { ${account} }
  tight: { ${account}, budget: { requests: 12, per: 5m, share: 100% } }
repositories: { nightly: { store: ./nightly } }
`,
  );
  for (const title of ["app", "other", "small", "empty"]) await server.createNamespace(title);
  await put("app", [...Array.from({ length: KEYS }, (_, i) => pairOf(i, 0)), binaryOf("bin/1"), binaryOf("bin/2")]);
  await put("small", [
    { key: "a", value: "1" },
    { key: "b", value: "2" },
  ]);
}, PACKED_MS);
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

describe("backups of a namespace", () => {
  let first = "";
  let second = "";

  it("read a listing and what is new, and nothing else", async () => {
    const made = await done("backup", "local:app", "./repo", "--no-encryption", "--tag", "one", "--json");
    expect(records(made.stdout)[0]).toMatchObject({ type: "created", repository: "./repo", encrypted: false });
    expect(summaryOf(made)).toMatchObject({ written: KEYS + 2, valuesRead: KEYS + 2, complete: true, failed: 0 });
    first = String(summaryOf(made)["snapshot"]);
    const unchanged = await summary("backup", "local:app", "./repo", "--skip-if-unchanged");
    expect(unchanged).toMatchObject({ snapshot: null, valuesRead: 0, bytesStored: 0 });
    expect(unchanged["requests"]).toMatchObject({ list: 1, total: 1 });
    await put("app", [...Array.from({ length: 150 }, (_, i) => pairOf(i, 1)), binaryOf("bin/1")]);
    await done("key", "delete", "pages/499", "-n", "local:app");
    const changed = await summary("backup", "local:app", "./repo", "--tag", "two");
    second = String(changed["snapshot"]);
    expect(changed).toMatchObject({ written: KEYS + 1, valuesRead: 151 });
    expect(changed["requests"]).toMatchObject({ list: 1, bulkGet: 2, read: 1, total: 4 });
    const shown = records((await done("snapshots", "./repo", "--json")).stdout);
    expect(shown.slice(0, -1)).toMatchObject([
      { id: first, tags: ["one"], entries: KEYS + 2 },
      { id: second, tags: ["two"], entries: KEYS + 1, parent: first },
    ]);
  });

  it("are listed, found, printed and compared", async () => {
    const listed = await done("ls", "./repo@latest", "flags/1", "--json");
    expect(records(listed.stdout).filter(({ type }) => type === "key")).toHaveLength(
      Array.from({ length: KEYS }, (_, i) => i).filter((i) => i % 3 === 0 && `${i}`.startsWith("1")).length,
    );
    expect((await done("cat", `./repo@${first.slice(0, 8)}`, "flags/3")).stdout).toBe("value 3 of round 0");
    expect((await done("cat", "./repo@latest", "flags/3")).stdout).toBe("value 3 of round 1");
    const found = records((await done("find", "./repo", "flags/3", "--json")).stdout);
    expect(found.slice(0, -1)).toMatchObject([
      { type: "version", key: "flags/3", snapshot: first },
      { type: "version", key: "flags/3", snapshot: second },
    ]);
    const gone = records((await done("find", "./repo", "*/499", "--json")).stdout);
    expect(gone.slice(0, -1)).toMatchObject([
      { type: "version", key: "pages/499" },
      { type: "gone", key: "pages/499", snapshot: second },
    ]);
    expect(await kvsync(["find", "./repo", "nothing"])).toMatchObject({ code: 1 });
    const diff = await kvsync(["diff", `./repo@${first}`, "./repo@latest", "--json"]);
    expect(diff).toMatchObject({ code: 4 });
    expect(summaryOf(diff)).toMatchObject({ written: 152, removed: 0, unchanged: KEYS - 150 });
    await done("export", "./repo@latest", "repo.ndjson");
    await done("check", "repo.ndjson", "./repo@latest");
  });

  it("come back: only what differs is written, and removed only on request", async () => {
    await put("app", [
      { key: "flags/3", value: "broken" },
      { key: "stray", value: "x" },
    ]);
    await done("key", "delete", "pages/1", "-n", "local:app");
    const dry = await summary("restore", "./repo@latest", "local:app", "--dry-run");
    expect(dry).toMatchObject({ command: "restore", written: 2, removed: 0, dryRun: true });
    expect(await summary("restore", "./repo@latest", "local:app", "--only-missing")).toMatchObject({ written: 1 });
    expect((await done("key", "get", "flags/3", "-n", "local:app")).stdout).toBe("broken");
    expect(await summary("restore", "./repo@latest", "local:app", "--prefix", "flags/")).toMatchObject({ written: 1 });
    expect(await summary("restore", "./repo@latest", "local:app", "--delete")).toMatchObject({
      written: 0,
      removed: 1,
    });
    await done("check", "./repo@latest", "local:app", "--values");
    await done("restore", `./repo@${first}`, "./folder");
    await done("check", `./repo@${first}`, "./folder");
    expect(await kvsync(["copy", "local:app", "./repo@latest"])).toMatchObject({ code: 2 });
    expect(await kvsync(["restore", "./repo", "local:app"])).toMatchObject({ code: 2 });
  });

  it("of a part remove nothing but that part", async () => {
    await server.createNamespace("part");
    const pairs = ["flags/a", "flags/b", "pages/a"].map((key) => ({ key, value: key }));
    await put("part", pairs);
    await done("backup", "local:part", "./part", "--prefix", "flags/", "--no-encryption");
    await done("key", "delete", "flags/a", "-n", "local:part");
    await put("part", [{ key: "flags/new", value: "x" }]);
    const restored = await summary("restore", "./part@latest", "local:part", "--delete");
    expect(restored).toMatchObject({ written: 1, removed: 1 });
    expect((await done("key", "list", "local:part")).stdout).toBe(pairs.map(({ key }) => `${key}\n`).join(""));
  });
});

describe("a backup", () => {
  it("of many places goes on when one fails, and its exit code is the worst", async () => {
    const run = await kvsync([
      "backup",
      "local:small",
      "local:nope",
      "./folder",
      "local:empty",
      "nightly",
      "--no-encryption",
      "--json",
    ]);
    expect(run).toMatchObject({ code: 1 });
    const told = records(run.stdout);
    expect(told.filter(({ type }) => type === "summary").map(({ written }) => written)).toEqual([2, KEYS + 2]);
    expect(told.filter(({ type }) => type === "error").map(({ code }) => code)).toEqual([
      "namespace-not-found",
      "source-empty",
    ]);
    const ambiguous = await kvsync(["ls", "nightly@latest"]);
    expect(ambiguous).toMatchObject({ code: 1 });
    expect(ambiguous.stderr).toContain("2 sources");
    expect((await done("cat", "nightly@latest:small", "a")).stdout).toBe("1");
    const all = await done("backup", "local:*", "nightly", "--no-fail-empty", "--json");
    const titles = records(all.stdout).map(({ namespace }) => namespace);
    expect(titles).toEqual(expect.arrayContaining(["app", "other", "small", "empty"]));
  });

  it("makes no repository of a dry run, of a mistyped source, or without being told how", async () => {
    const dry = await summary("backup", "local:small", "local:app", "./none", "--dry-run");
    expect(dry).toMatchObject({ written: KEYS + 1, valuesRead: KEYS + 1, dryRun: true, estimatedRequests: 5 + 2 });
    expect(await kvsync(["backup", "local:nope", "./none", "--no-encryption"])).toMatchObject({ code: 1 });
    const untold = await kvsync(["backup", "local:small", "./none"]);
    expect(untold).toMatchObject({ code: 2 });
    expect(untold.stderr).toContain("--no-encryption");
    expect(existsSync(file("none"))).toBe(false);
    expect(await kvsync(["backup", "./none"])).toMatchObject({ code: 2 });
    const inside = await kvsync(["backup", "./folder", "./folder/repo", "--no-encryption"]);
    expect(inside).toMatchObject({ code: 2 });
    expect(inside.stderr).toContain("lies in the folder");
    expect(existsSync(file("folder/repo"))).toBe(false);
    // It would remove the repository.
    expect(await kvsync(["restore", "./repo@latest", ".", "--delete", "--dry-run"])).toMatchObject({ code: 2 });
    expect(await kvsync(["snapshots", "./folder"])).toMatchObject({ code: 1 });
  });

  it("of values without a stamp says first what they cost", async () => {
    await server.createNamespace("foreign");
    const pairs = Array.from({ length: 2050 }, (_, i) => ({ key: `k${i}`, value: `${i}` }));
    await put("foreign", pairs, "--no-stamp");
    const run = await done("backup", "local:foreign", "./foreign", "--no-encryption");
    expect(run.stderr).toContain("2,050 values to read take 21 requests");
    const again = await done("backup", "local:foreign", "./foreign", "--json");
    expect(again.stderr).toBe("");
    expect(summaryOf(again)).toMatchObject({ valuesRead: 2050, bytesStored: 0, requests: { list: 3, bulkGet: 21 } });
  });

  it("that breaks off stores what it has read, and the next one reads the rest", async () => {
    await server.createNamespace("broken");
    await put(
      "broken",
      Array.from({ length: 1500 }, (_, i) => ({ key: `k${i}`, value: `${i}` })),
    );
    const run = await kvsync(["backup", "tight:broken", "./broken", "--no-encryption", "--no-wait", "--json"]);
    expect(run).toMatchObject({ code: 9 });
    const { valuesRead, written, complete, snapshot } = summaryOf(run);
    expect([complete, written]).toEqual([false, valuesRead]);
    expect(records(run.stderr).at(-1)).toMatchObject({ type: "error", code: "budget-exhausted" });
    expect(valuesRead).toBeGreaterThan(0);
    expect(records((await done("snapshots", "./broken", "--json")).stdout)[0]).toMatchObject({
      id: snapshot,
      complete,
    });
    const again = await summary("backup", "local:broken", "./broken");
    expect(again).toMatchObject({ written: 1500, valuesRead: 1500 - Number(valuesRead), complete: true });
    await done("check", "./broken@latest", "local:broken", "--values");
  });

  it("is opened by its passphrase alone", async () => {
    const right = { KVSYNC_PASSPHRASE: "correct horse" };
    const made = await kvsync(["backup", "local:small", "./secret"], right);
    expect(made).toMatchObject({ code: 0 });
    expect(made.stderr).toContain("encrypted");
    const wrong = await kvsync(["cat", "./secret@latest", "a"], { KVSYNC_PASSPHRASE: "wrong" });
    expect(wrong).toMatchObject({ code: 1, stdout: "" });
    expect(wrong.stderr).toContain("the passphrase does not open ./secret");
    // Nor is the account of the source to blame.
    writeFileSync(file("empty"), "");
    const empty = await kvsync(["backup", "local:app", "./secret"], { KVSYNC_PASSPHRASE_FILE: "./empty" });
    expect(empty.stderr).toMatch(/^kvsync: \S*empty is empty$/m);
    expect((await kvsync(["cat", "./secret@latest", "a"], right)).stdout).toBe("1");
    expect(await kvsync(["backup", "local:small", "./secret"])).toMatchObject({ code: 1 });
  });

  it("that lacks keys is kept, is not complete, and never tells what to remove", async () => {
    const id = await server.createNamespace("lacking");
    await put("lacking", [{ key: "good", value: "1" }]);
    const form = new FormData();
    form.set("value", "2");
    form.set("metadata", '{"n":123456789012345678901234567890}');
    const url = `${server.namespacesUrl}/${id}/values/odd`;
    await fetch(url, { method: "PUT", headers: { authorization: `Bearer ${server.token}` }, body: form });
    const run = await kvsync(["backup", "local:lacking", "./lacking", "--no-encryption", "--json"]);
    expect(run).toMatchObject({ code: 3 });
    const { snapshot, complete } = summaryOf(run);
    expect(complete).toBe(false);
    expect(await kvsync(["restore", "./lacking@latest", "local:other"])).toMatchObject({ code: 1 });
    expect(await kvsync(["restore", `./lacking@${String(snapshot)}`, "local:other", "--delete"])).toMatchObject({
      code: 2,
    });
    await done("restore", `./lacking@${String(snapshot)}`, "local:other");
    expect((await done("key", "get", "good", "-n", "local:other")).stdout).toBe("1");
  });
});

describe("a tampered pack", () => {
  it("costs the values that lie there, each of which is named", async () => {
    await server.createNamespace("tampered");
    // Two packs: one of many small values, one of a large one.
    const large = { key: "large", value: randomBytes(200_000).toString("base64"), base64: true };
    await put("tampered", [large]);
    await done("backup", "local:tampered", "./tampered", "--no-encryption");
    const pack = filesBelow("tampered/packs").find((path) => readFileSync(path).byteLength > 200_000)!;
    await put("tampered", [
      { key: "a", value: "small" },
      { key: "z", value: "small too" },
    ]);
    await done("backup", "local:tampered", "./tampered");
    const bytes = readFileSync(pack);
    bytes[100_000]! ^= 1;
    rmSync(pack);
    writeFileSync(pack, bytes);
    await server.createNamespace("untampered");
    const run = await kvsync(["restore", "./tampered@latest", "local:untampered", "--json"]);
    expect(run).toMatchObject({ code: 3 });
    expect(records(run.stdout).filter(({ type }) => type === "problem")).toMatchObject([
      { code: "unreadable", subject: "large" },
    ]);
    expect(summaryOf(run)).toMatchObject({ written: 2, failed: 1 });
  });
});

describe("a backup that is stopped", () => {
  const COUNT = 22;
  beforeAll(async () => {
    await server.createNamespace("large");
    const pairs = Array.from({ length: COUNT }, (_, i) => ({
      key: `large/${i}`,
      value: randomBytes(1_000_000).toString("base64"),
      base64: true,
    }));
    await put("large", pairs);
  }, PACKED_MS);

  /** Runs a backup until it has stored its first pack, and the last values do not come. */
  async function stopped(repository: string, signal: NodeJS.Signals): Promise<CliRun> {
    mkdirSync(file(repository));
    server.setFaults({ rules: [{ kind: "slow", operations: ["read"], after: COUNT - 2, delayMs: 600_000 }] });
    const child = startCli(["backup", "local:large", repository, "--no-encryption"], { cwd: dir });
    const run = ended(child);
    const isStored = (path: string): boolean => /packs\/..\/[0-9a-f]{64}$/.test(path);
    for await (const _ of watch(file(repository), { recursive: true })) {
      if (filesBelow(repository).some(isStored)) break;
    }
    child.kill(signal);
    const result = await run;
    server.setFaults({});
    expect(records((await done("snapshots", repository, "--json")).stdout)).toMatchObject([{ snapshots: 0 }]);
    return result;
  }

  it(
    "by Ctrl-C goes on with what it has stored",
    async () => {
      expect(await stopped("./stopped", "SIGINT")).toMatchObject({ code: 130 });
      const again = await summary("backup", "local:large", "./stopped");
      expect(again).toMatchObject({ written: COUNT, complete: true });
      expect(again["valuesRead"]).toBeLessThan(COUNT / 2);
    },
    PACKED_MS,
  );

  it(
    "by being killed leaves a repository that is whole",
    async () => {
      expect(await stopped("./killed", "SIGKILL")).toMatchObject({ signal: "SIGKILL" });
      await done("backup", "local:large", "./killed");
      await done("check", "./killed@latest", "local:large", "--values");
    },
    PACKED_MS,
  );
});

it("a folder whose name ends as a snapshot's does is still a folder", async () => {
  cpSync(file("folder"), file("repo@latest"), { recursive: true });
  expect(summaryOf(await kvsync(["check", "./repo@latest", "./folder", "--json"]))).toMatchObject({
    unchanged: KEYS + 2,
  });
});
