// Values that somebody else wrote at the remote under circumstances that hide them: whichever command comes upon one, the
// value is afterwards on a side, in a conflict copy, or in the trash.

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliRun, ended, records, runCli, startCli } from "../support/cli.ts";
import { pause } from "../support/daemon-process.ts";
import { type LaggingProxy, startLaggingProxy } from "../support/lagging-proxy.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let cwd: string;
let namespace: string;

beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-kept-"));
  server = await startTestServer();
  namespace = await server.createNamespace("app");
  mkdirSync(join(cwd, "app"));
});

afterEach(async () => {
  await server.close();
  rmSync(cwd, { recursive: true });
});

function configure(mode: string, ...more: readonly string[]): void {
  configureAt(server.url, mode, ...more);
}

function configureAt(endpoint: string, mode: string, ...more: readonly string[]): void {
  const mapping = ["account: dev", "folder: ./app", `mode: ${mode}`, "max_delete: 100%", ...more].join(", ");
  const account = `endpoint: "${endpoint}", account_id: ${server.accountId}, api_token: ${server.token}`;
  const lines = ["state_dir: ./state", `accounts: { dev: { ${account} } }`, `mappings: { app: { ${mapping} } }`];
  writeFileSync(join(cwd, "kvsync.yaml"), lines.join("\n"));
}

/** How a change of the folder gets to the namespace. */
interface Way {
  readonly name: string;
  readonly mode: string;
  readonly carry: (...options: readonly string[]) => Promise<CliRun>;
}

const run = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd });

interface StartedDaemon {
  /** It has looked at everything once. */
  readonly ready: Promise<void>;
  stop(): Promise<CliRun>;
}

function startDaemon(): StartedDaemon {
  const daemon = startCli(["run"], { cwd });
  const end = ended(daemon);
  const ready = new Promise<void>((resolve) => {
    let text = "";
    daemon.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (/Ctrl-C|not in step:/.test(text)) resolve();
    });
  });
  return {
    ready: Promise.race([ready, end.then(() => undefined)]),
    async stop() {
      daemon.kill("SIGTERM");
      const result = await end;
      // A stop by a signal that was sent is the end it should have.
      return { ...result, code: result.code === 143 ? 0 : result.code };
    },
  };
}

async function runDaemon(): Promise<CliRun> {
  const daemon = startDaemon();
  await daemon.ready;
  return daemon.stop();
}

/** The daemon is another process, with a clock of its own. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 15_000;
  while (!(await isTrue())) {
    if (Date.now() > end) throw new Error(`it did not come true: ${isTrue.toString()}`);
    await pause(20);
  }
}

const push: Way = { name: "push", mode: "push", carry: (...options) => run("push", "--json", ...options) };
const sync: Way = { name: "sync", mode: "two-way", carry: (...options) => run("sync", "--json", ...options) };
const pushSync: Way = { ...sync, name: "sync of a push mapping", mode: "push" };
const daemon: Way = { name: "the daemon's start", mode: "two-way", carry: runDaemon };
const pushDaemon: Way = { ...daemon, name: "the daemon's start of a push mapping", mode: "push" };
const copy: Way = {
  name: "copy",
  mode: "push",
  carry: (...options) => run("copy", "./app", "dev:app", "--json", ...options),
};
const mirror: Way = { ...copy, name: "copy --delete", carry: () => run("copy", "./app", "dev:app", "--delete") };

const url = (key: string): string => `${server.namespacesUrl}/${namespace}/values/${key}`;
const auth = (): Record<string, string> => ({ authorization: `Bearer ${server.token}` });

async function metadataOf(key: string): Promise<string> {
  const response = await fetch(`${server.namespacesUrl}/${namespace}/metadata/${key}`, { headers: auth() });
  return JSON.stringify(((await response.json()) as { readonly result: unknown }).result);
}

async function put(key: string, value: string | Uint8Array<ArrayBuffer>, metadata: string): Promise<void> {
  const body = new FormData();
  body.set("value", typeof value === "string" ? value : new Blob([value]));
  body.set("metadata", metadata);
  const response = await fetch(url(key), { method: "PUT", headers: auth(), body });
  expect(response.status).toBe(200);
}

/** Writes `value` as a program does that keeps the metadata it has read. */
async function writeBack(key: string, value: string | Uint8Array<ArrayBuffer>): Promise<void> {
  const metadata = await metadataOf(key);
  expect(metadata).toContain("kvsync");
  await put(key, value, metadata);
}

function edit(files: Readonly<Record<string, string | Uint8Array>>): void {
  const past = new Date(Date.now() - 60_000);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(cwd, "app", name), content);
    // As an edit some time ago: a file of this moment would have to be read again anyway.
    utimesSync(join(cwd, "app", name), past, past);
  }
}

/** All bytes that are anywhere: files, conflict copies and trash below the folder of the test, and `keys` at the remote. */
async function everything(...keys: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of readdirSync(cwd, { recursive: true, encoding: "utf8" })) {
    const isValue = name.startsWith("app/") || name.startsWith("state/trash/");
    if (isValue && statSync(join(cwd, name)).isFile()) found.push(readFileSync(join(cwd, name), "latin1"));
  }
  for (const key of keys) {
    const response = await fetch(url(key), { headers: auth() });
    if (response.ok) found.push(Buffer.from(await response.arrayBuffer()).toString("latin1"));
  }
  return found;
}

const TEXT = "theirs";
const BINARY = new Uint8Array([0xff, 0x00, 0xfe, 0x01]);

describe("a value written back with the metadata of the one before", () => {
  const edited = [push, sync, pushSync, daemon, pushDaemon, copy].map((way) => [way.name, way] as const);
  for (const [kind, theirs] of [
    ["text", TEXT],
    ["binary", BINARY],
  ] as const) {
    it.each(edited)(`(${kind}) outlives %s after an edit`, async (_, way) => {
      configure(way.mode);
      edit({ a: kind === "text" ? "first" : Buffer.from([0xff, 0xff]), b: "untouched", c: "c first" });
      expect((await way.carry()).code).toBe(0);
      await writeBack("a", theirs);
      edit({ a: "mine", c: "c mine" });
      const { code } = await way.carry();
      const all = await everything("a", "c");
      expect(all).toContain(Buffer.from(theirs).toString("latin1"));
      expect(all).toContain("mine");
      expect(all).toContain("c mine");
      // A binary value tells nothing of its metadata: in two-way sync that is waited for.
      if (kind === "text" || way.mode === "push") expect(code).toBe(0);
    });
  }

  const removed = [push, sync, pushSync, daemon, pushDaemon, mirror].map((way) => [way.name, way] as const);
  it.each(removed)("outlives %s after its file was removed", async (_, way) => {
    configure(way.mode);
    edit({ a: "first", b: "untouched" });
    expect((await way.carry()).code).toBe(0);
    await writeBack("a", TEXT);
    rmSync(join(cwd, "app", "a"));
    const { code, stderr } = await way.carry();
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(await everything("a")).toContain(TEXT);
    // One way the key goes; two-way a change beats a removal.
    expect((await fetch(url("a"), { headers: auth() })).ok).toBe(way.mode === "two-way");
  });

  it("is carried to a folder by copy and by pull, once", async () => {
    configure("push");
    edit({ a: "first", b: "untouched", c: "third" });
    expect((await push.carry()).code).toBe(0);
    await writeBack("a", TEXT);
    await writeBack("c", "first");
    const out = await run("copy", "dev:app", "./out", "--json");
    expect(out).toMatchObject({ code: 0 });
    const texts = ["a", "b", "c"].map((name) => readFileSync(join(cwd, "out", name), "utf8"));
    expect(texts).toEqual([TEXT, "untouched", "first"]);
    expect(records((await run("copy", "dev:app", "./out", "--json")).stdout).at(-1)).toMatchObject({ written: 0 });
    rmSync(join(cwd, "app", "a"));
    configure("pull", "settle_window: 1s");
    // One key is read by itself, which tells no metadata: such a value is believed once it has stayed for the settle window.
    expect(await run("pull")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("another program kept the stamp"),
    });
    await pause(1100);
    expect(await run("pull")).toMatchObject({ code: 0 });
    expect(readFileSync(join(cwd, "app", "a"), "utf8")).toBe(TEXT);
    expect(records((await run("pull", "--json")).stdout).at(-1)).toMatchObject({ written: 0 });
  });

  it("is a conflict for sync, which keeps both", async () => {
    configure("two-way");
    edit({ a: "first", b: "untouched" });
    await sync.carry();
    await writeBack("a", TEXT);
    edit({ a: "mine" });
    const { code, stdout } = await sync.carry();
    expect([code, records(stdout).at(-1)]).toMatchObject([0, { conflicts: 1, failed: 0 }]);
    expect(readFileSync(join(cwd, "app", "a"), "utf8")).toBe(TEXT);
    // It is one for good: the next round has nothing to do.
    const again = await sync.carry();
    expect([again.code, records(again.stdout).at(-1)]).toMatchObject([0, { conflicts: 0, written: 0, failed: 0 }]);
  });

  it("is overwritten unread where stamps are trusted", async () => {
    configure("push", "trust_stamps: true");
    edit({ a: "first" });
    await push.carry();
    await writeBack("a", TEXT);
    edit({ a: "mine" });
    const { stdout } = await push.carry();
    expect(records(stdout).at(-1)).toMatchObject({ requests: { list: 1, bulkGet: 0, read: 0, bulkWrite: 1 } });
    edit({ a: "mine again" });
    await copy.carry();
    edit({ a: "mine once more" });
    const copied = await copy.carry("--trust-stamps");
    expect(records(copied.stdout).at(-1)).toMatchObject({ requests: { bulkGet: 0, read: 0, bulkWrite: 1 } });
  });
});

describe("the last copy of a value", () => {
  it.each([push, sync, pushSync, daemon, pushDaemon, mirror].map((way) => [way.name, way] as const))(
    "is in the trash after its file was removed, and %s removed its key",
    async (_, way) => {
      configure(way.mode);
      edit({ a: "first", b: "untouched" });
      expect((await way.carry()).code).toBe(0);
      rmSync(join(cwd, "app", "a"));
      expect((await way.carry()).code).toBe(0);
      expect((await fetch(url("a"), { headers: auth() })).ok).toBe(false);
      expect(await everything("a")).toContain("first");
    },
  );
});

describe("to look before it overwrites or removes takes a push", () => {
  it("one request for a hundred keys of text, one for each binary value, and none for new keys", async () => {
    configure("push", "max_overwrite: 100%");
    const names = Array.from({ length: 250 }, (_, index) => `k${String(index).padStart(3, "0")}`);
    edit(Object.fromEntries(names.map((name) => [name, `first ${name}`])));
    edit({ x: Buffer.from([0xff, 1]), y: Buffer.from([0xff, 2]) });
    const requestsOf = async (): Promise<unknown> => records((await push.carry()).stdout).at(-1)?.["requests"];
    expect(await requestsOf()).toMatchObject({ list: 1, bulkGet: 0, read: 0, bulkWrite: 1 });
    edit(Object.fromEntries(names.slice(0, 201).map((name) => [name, `second ${name}`])));
    edit({ x: Buffer.from([0xff, 3]), new: "new" });
    for (const name of names.slice(240)) rmSync(join(cwd, "app", name));
    expect(await requestsOf()).toMatchObject({ list: 1, bulkGet: 4, read: 1, bulkWrite: 1, bulkDelete: 1 });
    expect(await requestsOf()).toMatchObject({ list: 1, bulkGet: 0, read: 0, bulkWrite: 0, bulkDelete: 0 });
  });
});

describe("while the remote lags, and nobody else writes", () => {
  let proxy: LaggingProxy;

  beforeEach(async () => {
    proxy = await startLaggingProxy(server.url, `${server.namespacesUrl}/${namespace}/keys`, server.token);
  });
  afterEach(() => proxy.close());

  const copies = (): readonly string[] => readdirSync(join(cwd, "app")).filter((name) => name.includes("%conflict-"));
  const file = (name: string): string => readFileSync(join(cwd, "app", name), "latin1");
  const there = async (key: string): Promise<string | undefined> => {
    const response = await fetch(url(key), { headers: auth() });
    return response.ok ? Buffer.from(await response.arrayBuffer()).toString("latin1") : undefined;
  };

  it("a new binary file that the daemon sees edited keeps its edit and its metadata", async () => {
    configureAt(proxy.url, "two-way");
    edit({ other: "1" });
    const started = startDaemon();
    await started.ready;
    await proxy.freezeListings();
    edit({ "a.png%meta": '{"metadata":{"by":"me"}}', "a.png": Buffer.from([0xff, 1]) });
    await until(async () => (await there("a.png")) === "\u{ff}\u{1}");
    edit({ "a.png": Buffer.from([0xff, 2]) });
    await until(async () => (await there("a.png")) === "\u{ff}\u{2}");
    await started.stop();
    expect([file("a.png"), file("a.png%meta"), copies()]).toEqual(["\u{ff}\u{2}", expect.stringContaining("me"), []]);
    expect(await metadataOf("a.png")).toContain("me");
  });

  it("a file that is edited often is not taken back to an early version by sync", async () => {
    configureAt(proxy.url, "two-way");
    edit({ other: "1", "k%meta": JSON.stringify({ metadata: { note: "x".repeat(900) } }) });
    for (let version = 1; version <= 8; version++) {
      edit({ k: `version ${version}` });
      expect((await sync.carry()).code).toBe(0);
      if (version === 2) await proxy.freezeListings();
    }
    const { code, stdout } = await sync.carry();
    expect([code, records(stdout).at(-1)]).toMatchObject([0, { conflicts: 0, written: 0 }]);
    expect([file("k"), await there("k"), copies()]).toEqual(["version 8", "version 8", []]);
  });

  it("a file whose write took longer than the settle window is not removed by the next sync", async () => {
    configureAt(proxy.url, "two-way", "settle_window: 4s");
    edit({ other: "1" });
    await sync.carry();
    await proxy.freezeListings();
    proxy.slowWrites(5000);
    edit({ k: "new" });
    expect((await sync.carry()).code).toBe(0);
    proxy.hideValues();
    const { code, stdout } = await sync.carry();
    expect([code, records(stdout).at(-1)]).toMatchObject([0, { removed: 0, lagging: 1 }]);
    expect([file("k"), await there("k")]).toEqual(["new", "new"]);
  });
});
