// Files saved by editors beside a running daemon: each save is one change of one key, and no other name becomes a key. Some
// names are gone, or are there, only while a program saves (4913, sedXXXXXX); those come to nothing since the daemon looks after
// a quiet moment.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { CliRun } from "../support/cli.ts";
import { DaemonFixture, pause } from "../support/daemon-process.ts";
import { type RecordedChanges, recordChanges } from "../support/recorded-changes.ts";
import { SAVE_SCRIPTS } from "../support/save-scripts.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let fixture: DaemonFixture;
let server: TestServer;
let changes: RecordedChanges;
let namespaceId: string;

beforeEach(async () => {
  fixture = new DaemonFixture();
  changes = recordChanges();
  server = await startTestServer({ onAnswer: changes.onAnswer });
  namespaceId = await server.createNamespace("app");
});

afterEach(async () => {
  await fixture.close();
  await server.close();
});

const PATTERNS = Object.keys(SAVE_SCRIPTS);
/** Each pattern has a file of its own, with a name as files have. */
const fileOf = (pattern: string): string => `${pattern.replaceAll(/[^a-z]+/gi, "-").toLowerCase()}.json`;
const FILES = PATTERNS.map(fileOf).toSorted();
const STEADY = ["steady/a", "steady/b"] as const;

const POLLED = "push, watch: polling, watch_interval: 100ms";

async function start(mode: "push" | "two-way" | typeof POLLED): Promise<void> {
  const { url, accountId, token } = server;
  fixture.write(
    "kvsync.yaml",
    `state_dir: ./state
accounts: { far: { endpoint: "${url}", account_id: ${accountId}, api_token: ${token}, budget: { requests: 100000 } } }
root: ./kv
mappings: { app: { account: far, mode: ${mode}, poll_interval: 1s, settle_window: 1s } }
`,
  );
  // A plan that overwrites everything would be held.
  for (const file of [...FILES, ...STEADY]) fixture.write(`kv/app/${file}`, "version 0\n");
  await fixture.start();
  changes.forget();
}

async function put(key: string, value: string): Promise<void> {
  await fetch(`${server.namespacesUrl}/${namespaceId}/values/${encodeURIComponent(key)}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${server.token}` },
    body: value,
  });
}

const save = (pattern: string, version: number, gapMs: number): Promise<void> =>
  SAVE_SCRIPTS[pattern]!({
    folder: join(fixture.dir, "kv/app"),
    name: fileOf(pattern),
    text: `version ${version}\n`,
    between: () => pause(gapMs),
  });

const isVisible = (pattern: string, version: number): boolean =>
  changes.byKey.get(fileOf(pattern))?.at(-1) === `version ${version}\n`;

const deletedOf = (keys: readonly string[]): readonly string[] =>
  keys.filter((key) => changes.byKey.get(key)?.includes(undefined));

/** What a key was given that nobody saved: a part of a version. */
const partsOf = (keys: readonly string[]): readonly (string | undefined)[] =>
  keys.flatMap((key) => changes.byKey.get(key) ?? []).filter((value) => !/^version \d+\n$/.test(value ?? ""));

/** Which of the files were deleted, other than those that were saved, and what the log complains of. */
function faults(): object {
  const complaints = fixture.err.split("\n").filter((line) => /"level":"(?:warn|error)"/.test(line));
  const deleted = deletedOf([...changes.byKey.keys()]);
  const others = [...changes.byKey.keys()].filter((key) => !FILES.includes(key));
  return { complaints, deleted, others };
}
const NONE = { complaints: [], deleted: [], others: [] };

it.each([
  ["push", 50],
  ["two-way", 20],
  [POLLED, 20],
] as const)(
  "of mode %s, %d saves are as many changes or fewer",
  async (mode, saves) => {
    await start(mode);
    // All programs at once. Somebody who saves again and again, and somebody who looks at what came of it.
    const saving = PATTERNS.map(async (pattern, i) => {
      for (let version = 1; version <= saves / 2; version++) {
        await save(pattern, version, 2);
        await pause(60 + ((version * 37 + i * 11) % 90));
      }
      for (let version = saves / 2 + 1; version <= saves; version++) {
        await save(pattern, version, 2);
        await fixture.until(() => isVisible(pattern, version));
      }
    });
    await Promise.all(saving);
    expect(faults()).toEqual(NONE);
    expect([...changes.byKey.keys()].toSorted()).toEqual(FILES);
    expect(partsOf(FILES)).toEqual([]);
    const most = Math.max(...[...changes.byKey.values()].map((values) => values.length));
    expect(most).toBeLessThanOrEqual(saves);
    expect(await fixture.run("status", "--wait")).toMatchObject({ code: 0 });
    expect(await fixture.keys()).toEqual([...FILES, ...STEADY].toSorted());
    expect((await fixture.run("history", "app")).stdout).not.toContain("conflict");
    expect((await fixture.run("check", "./kv/app", "far:app", "--values")).code).toBe(0);
  },
  240_000,
);

it.each([200, 500])(
  "a program that takes %d ms between its steps has no key deleted",
  async (gapMs) => {
    await start("push");
    for (let version = 1; version <= 3; version++) {
      await Promise.all(PATTERNS.map((pattern) => save(pattern, version, gapMs)));
      await fixture.until(() => PATTERNS.every((pattern) => isVisible(pattern, version)));
    }
    expect(deletedOf(FILES)).toEqual([]);
    expect(partsOf(FILES)).toEqual([]);
  },
  240_000,
);

/** Of these the file is gone, or empty, for a moment. */
const UNSTEADY = ["vim, backupcopy=no", "vim, backupcopy=yes", "Emacs, the first save", "VS Code", "JetBrains"];

it.each(UNSTEADY)(
  "%s: what somebody else writes in the middle of a save is a conflict",
  async (pattern) => {
    await start("two-way");
    const [key, other] = [fileOf(pattern), STEADY[0]];
    const [folder, theirs] = [join(fixture.dir, "kv/app"), "what they wrote\n"];
    const isThere = (): boolean => (statSync(join(folder, key), { throwIfNoEntry: false })?.size ?? 0) > 0;
    let asked: Promise<CliRun> | undefined;
    await SAVE_SCRIPTS[pattern]!({
      folder,
      name: key,
      text: "version 1\n",
      between: async () => {
        if (asked !== undefined || isThere()) return;
        for (const each of [key, other]) await put(each, theirs);
        asked = fixture.run("sync", "--now", "app");
        await pause(500);
      },
    });
    expect((await asked)?.code).toBe(0);
    await fixture.until(async () => (await fixture.stateOf()) === "in-step");
    const copies = readdirSync(folder).filter((name) => name.startsWith(`${key}%conflict-`));
    const values = [key, ...copies].map((name) => readFileSync(join(folder, name), "utf8"));
    expect(values.toSorted()).toEqual(["version 1\n", theirs]);
    expect((await fixture.run("key", "get", key, "-n", "app")).stdout).toBe(values[0]);
    // What is no matter of the save arrives.
    expect(fixture.read(`kv/app/${other}`)).toBe(theirs);
    expect(deletedOf([...changes.byKey.keys()])).toEqual([]);
  },
  240_000,
);

it("a file that is removed for good is removed, a second later", async () => {
  await start("push");
  const [first] = FILES;
  fixture.remove(`kv/app/${first}`);
  const removedAt = performance.now();
  await fixture.until(() => changes.byKey.get(first!)?.at(-1) === undefined && changes.byKey.has(first!));
  expect(performance.now() - removedAt).toBeGreaterThan(900);
  expect(performance.now() - removedAt).toBeLessThan(5000);
});
