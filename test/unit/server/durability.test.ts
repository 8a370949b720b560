// What was answered stays: over a restart, over kill -9, and with two servers on one file.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/core/system-clock.ts";
import type { EpochSeconds } from "../../../src/core/clock.ts";
import { openServer } from "../../../src/server/server.ts";
import { openSqliteStore } from "../../../src/server/store/sqlite/sqlite-store.ts";
import type { Store } from "../../../src/server/store/store.ts";
import { startTestServer } from "../../support/server.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { openKv, withNamespace } from "./kv-fixture.ts";

let folder: string;
let database: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kvsync-server-"));
  database = join(folder, "kv.sqlite");
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function spawnServer(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("./serve-until-killed.ts", import.meta.url)), database],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  children.push(child);
  const [url] = (await once(createInterface(child.stdout), "line")) as [string];
  return { child, url };
}

const headers = { authorization: "Bearer x", "content-type": "application/json" };

describe("a restart", () => {
  it("keeps namespaces, values, metadata and expirations", async () => {
    const first = await openKv({ database });
    await first.json("PUT", "/bulk", [
      { key: "a", value: "AP8=", base64: true, metadata: { m: 1 }, expiration: 4_000_000_000 },
      { key: "b", value: "text" },
    ]);
    await first.close();
    const second = await startTestServer({ database });
    const kv = withNamespace(second, first.id);
    expect((await kv.json("GET", "/keys")).result).toEqual([
      { name: "a", expiration: 4_000_000_000, metadata: { m: 1 } },
      { name: "b" },
    ]);
    expect((await kv.call("GET", `/${kv.id}/values/a`)).bytes).toEqual(Buffer.from([0, 255]));
    await kv.close();
  });
});

describe("a copy of the file that is put back", () => {
  it("does not tell who followed the changes that nothing was missed", async () => {
    const first = await openSqliteStore(database, systemClock);
    const { id } = (await first.namespaces.create("a", "t"))!;
    const write = (store: Store, key: string) =>
      store.entries.write(id, [{ key, value: "v", metadata: null, expiration: null }], 0 as EpochSeconds);
    await first.changes.last(id);
    await write(first, "a");
    await first.close();
    copyFileSync(database, `${database}.copy`);

    const second = await openSqliteStore(database, systemClock);
    await write(second, "gone");
    const told = (await second.changes.last(id))!;
    await second.close();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(database + suffix, { force: true });
    copyFileSync(`${database}.copy`, database);

    const third = await openSqliteStore(database, systemClock);
    expect(await third.changes.read(id, told, 10)).toBe("forgotten");
    await write(third, "b");
    await write(third, "c");
    expect(await third.changes.read(id, told, 10)).toBe("forgotten");
    await third.close();
  });
});

describe("kill -9 right after an answer", () => {
  it("loses nothing that was answered", async () => {
    const { child, url } = await spawnServer();
    const base = `${url}/accounts/a/storage/kv/namespaces`;
    const post = async (method: string, path: string, body: unknown) =>
      (await fetch(`${base}${path}`, { method, headers, body: JSON.stringify(body) })).json() as Promise<{
        result: { id: string };
      }>;
    const { id } = (await post("POST", "", { title: "t" })).result;
    await fetch(`${base}/${id}/values/single`, { method: "PUT", headers, body: "single" });
    const pairs = Array.from({ length: 5000 }, (_, i) => ({ key: `k${i}`, value: `value ${i}` }));
    await post("PUT", `/${id}/bulk`, pairs);
    child.kill("SIGKILL");
    await once(child, "exit");

    const server = await startTestServer({ database });
    const answer = await fetch(`${server.url}/accounts/a/storage/kv/namespaces/${id}/values/k4999`, { headers });
    expect(await answer.text()).toBe("value 4999");
    let count = 0;
    for (let cursor = ""; ;) {
      const page = await fetch(`${server.url}/accounts/a/storage/kv/namespaces/${id}/keys?cursor=${cursor}`, {
        headers,
      });
      const { result, result_info } = (await page.json()) as { result: unknown[]; result_info: { cursor: string } };
      count += result.length;
      cursor = result_info.cursor;
      if (cursor === "") break;
    }
    expect(count).toBe(5001);
    await server.close();
  });
});

describe("two processes on one file", () => {
  it("see and keep what the other wrote", async () => {
    const [one, two] = await Promise.all([spawnServer(), spawnServer()]);
    const base = (url: string) => `${url}/accounts/a/storage/kv/namespaces`;
    const created = await fetch(base(one.url), { method: "POST", headers, body: '{"title":"t"}' });
    const { result } = (await created.json()) as { result: { id: string } };
    const write = async (url: string, name: string) => {
      for (let round = 0; round < 10; round++) {
        const pairs = Array.from({ length: 200 }, (_, i) => ({ key: `${name}/${round}/${i}`, value: name }));
        const answer = await fetch(`${base(url)}/${result.id}/bulk`, {
          method: "PUT",
          headers,
          body: JSON.stringify(pairs),
        });
        expect(answer.status).toBe(200);
      }
    };
    await Promise.all([write(one.url, "one"), write(two.url, "two")]);
    for (const [url, name] of [
      [one.url, "two"],
      [two.url, "one"],
    ] as const) {
      const answer = await fetch(`${base(url)}/${result.id}/keys?prefix=${name}&limit=1000`, { headers });
      expect(((await answer.json()) as { result: unknown[] }).result).toHaveLength(1000);
      const value = await fetch(`${base(url)}/${result.id}/values/${name}%2F9%2F199`, { headers });
      expect(await value.text()).toBe(name);
    }
  });
});

describe("a file that cannot be used", () => {
  const open = () => openServer({ clock: systemClock, database });

  it("because its folder is missing", async () => {
    database = join(folder, "missing", "kv.sqlite");
    await expect(open()).rejects.toMatchObject({ code: "io", hint: expect.stringContaining("folder exists") });
  });

  it("because it is no database", async () => {
    writeFileSync(database, "this is a text file, and longer than the header of a database ".repeat(10));
    await expect(open()).rejects.toMatchObject({ code: "state-damaged", hint: expect.any(String) });
  });

  it("because a newer version wrote it", async () => {
    await (await open()).close();
    const newer = new DatabaseSync(database);
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    await expect(open()).rejects.toMatchObject({
      code: "state-damaged",
      message: expect.stringContaining("newer kvsync"),
    });
  });
});

describe("the file", () => {
  it("gives room back for what expired and for deleted namespaces, little by little", async () => {
    const clock = new FakeClock();
    const kv = await openKv({ database, clock });
    const other = withNamespace(kv.server, await kv.server.createNamespace("other"));
    const pairs = Array.from({ length: 500 }, (_, i) => ({ key: `k${i}`, value: "v".repeat(1000) }));
    await kv.json(
      "PUT",
      "/bulk",
      pairs.map((pair) => ({ ...pair, expiration_ttl: 60 })),
    );
    await other.json("PUT", "/bulk", pairs);
    await kv.put("stays", "v");
    await kv.call("DELETE", `/${other.id}`);
    await clock.advance(60_000);
    for (let i = 0; i < 10; i++) await kv.names();
    await kv.close();
    const file = new DatabaseSync(database);
    const count = (table: string) => file.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"];
    expect([count("entry"), count("value"), count("dropped"), count("namespace")]).toEqual([1, 1, 0, 1]);
    file.close();
  });
});
