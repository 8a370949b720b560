// What of an import stays when it goes wrong: nothing under the title.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openContext } from "../../../../src/cli/context.ts";
import { openOutput } from "../../../../src/cli/render/output.ts";
import { importArchives } from "../../../../src/cli/serve/import-archives.ts";
import { systemClock } from "../../../../src/core/system-clock.ts";
import { keyTooLong } from "../../../../src/server/refusal.ts";
import { openSqliteStore } from "../../../../src/server/store/sqlite/sqlite-store.ts";
import type { EntryStore, Store, WritableStore } from "../../../../src/server/store/store.ts";

let dir = "";
let store: Store;
let told: string[] = [];
let stop = new AbortController();

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-imports-"));
  store = await openSqliteStore(":memory:", systemClock);
  told = [];
  stop = new AbortController();
  const pairs = Array.from({ length: 3000 }, (_, i) => ({ key: `k${i}`, value: "v" }));
  writeFileSync(join(dir, "app.json"), JSON.stringify(pairs));
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

function imported(over: Store): Promise<void> {
  const stream = { write: (chunk: string | Uint8Array) => told.push(String(chunk)) > 0, on: () => undefined };
  const options = { json: false, quiet: false, verbose: false, progress: false };
  const output = openOutput({ stdout: stream, stderr: stream, env: {}, ...options, onClosed: () => undefined });
  const { signal } = stop;
  const context = openContext({
    clock: systemClock,
    cwd: dir,
    env: {},
    stdin: process.stdin,
    output,
    signal,
    options: { progress: false, wait: true },
  });
  return importArchives(context, { store: over, account: "dev", given: ["app.json"] });
}

const titles = async (): Promise<readonly string[]> =>
  (await store.namespaces.list("dev", { order: "title", direction: "asc", offset: 0, count: 10 })).map(
    ({ title }) => title,
  );
const scratch = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("kvsync-import-"));

/** `store`, which does `before` in the transaction in which something is to be written. */
function watched(before: (keys: readonly string[], unit: WritableStore) => void | Promise<void>): Store {
  return {
    ...store,
    transaction: (body) =>
      store.transaction((unit) => {
        const entries: EntryStore = {
          ...unit.entries,
          async write(namespace, writes, now) {
            await before(
              writes.map(({ key }) => key),
              unit,
            );
            return unit.entries.write(namespace, writes, now);
          },
        };
        return body({ ...unit, entries });
      }),
  };
}

test("a key that cannot be written is named, and nothing of its archive is kept", async () => {
  const refusing = watched((keys) => {
    if (keys.includes("k7")) throw keyTooLong(600);
  });
  await expect(imported(refusing)).rejects.toMatchObject({
    code: "incomplete",
    message: expect.stringMatching(/^\d+ keys? of app\.json could not be written, and nothing of it was kept$/),
    hint: "to take the others, start the server without it, and type: kvsync import app.json ACCOUNT:app",
  });
  expect(told.join("")).toContain("k7");
  expect(await titles()).toEqual([]);
});

test("what was stopped on the way is gone on with", async () => {
  const before = scratch();
  let calls = 0;
  const stopping = watched(() => {
    if (++calls === 3) stop.abort(new Error("stopped"));
  });
  await expect(imported(stopping)).rejects.toThrow("stopped");
  expect(await titles()).toEqual([expect.stringMatching(/^%import-/)]);
  stop = new AbortController();
  const written: string[] = [];
  await imported(watched((keys) => void written.push(...keys)));
  expect(await titles()).toEqual(["app"]);
  expect(written.length).toBeGreaterThan(0);
  expect(written.length).toBeLessThan(2000);
  expect(scratch()).toEqual(before);
});

test("a namespace of the title that comes meanwhile stays as it is", async () => {
  let made: string | undefined;
  const meanwhile = watched(async (_, unit) => {
    made ??= (await unit.namespaces.create("dev", "app"))?.id;
  });
  await imported(meanwhile);
  expect(await titles()).toEqual(["app"]);
  const [left] = await store.namespaces.list("dev", { order: "title", direction: "asc", offset: 0, count: 1 });
  expect(left?.id).toBe(made);
  expect(told.join("")).toContain('the namespace "app" is there already: app.json was not imported');
});
