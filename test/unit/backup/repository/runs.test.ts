import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { openIndexWriter } from "../../../../src/backup/repository/index-writer.ts";
import { loadIndex } from "../../../../src/backup/repository/load-index.ts";
import { writeSnapshot } from "../../../../src/backup/repository/snapshots.ts";
import type { Store } from "../../../../src/backup/store/store.ts";
import { AppError } from "../../../../src/core/errors.ts";
import { fingerprintOf, sha256Of } from "../../../../src/core/fingerprint.ts";
import type { MemoryStore } from "../../../support/memory-store.ts";
import {
  makeRepository,
  openRun,
  putValues,
  readValues,
  SNAPSHOT,
  type OpenRun,
} from "../../../support/repository-fixture.ts";

const valueOf = (i: number) => Buffer.from(`${sha256Of(Buffer.from(`value ${i}`))} ${i}`);
const put = (run: OpenRun, value: Uint8Array) => run.writer.putValue(value, sha256Of(value));
const countOf = (store: MemoryStore, folder: string) =>
  [...store.objects.keys()].filter((name) => name.startsWith(folder)).length;

describe("a run that breaks off", () => {
  it("has not stored in vain what it stored: five minutes are lost at most, and the next run puts the rest", async () => {
    const fixture = await makeRepository();
    const run = await openRun(fixture);
    for (let i = 0; i < 100; i++) {
      await put(run, valueOf(i));
      await fixture.clock.advance(60_000);
    }
    await run.close();
    const next = await openRun(fixture);
    const lost = Array.from({ length: 100 }, (_, i) => i).filter((i) => !next.writer.rely(fingerprintOf(valueOf(i))));
    expect(lost.length).toBeLessThanOrEqual(10);
    expect(Math.min(...lost)).toBeGreaterThanOrEqual(90);
    for (let i = 0; i < 100; i++) await put(next, valueOf(i));
    await next.writer.finish();
    expect(next.writer.stored.values).toBe(lost.length);
    await next.close();
  });

  it("since the store failed says so at its next step, and goes no further", async () => {
    const broken = new Error("the disk is gone");
    const fixture = await makeRepository({
      wrap: (store): Store => ({
        ...store,
        putNew: async (name, bytes) => (name.startsWith("packs/") ? Promise.reject(broken) : store.putNew(name, bytes)),
      }),
    });
    const run = await openRun(fixture);
    await put(run, valueOf(1));
    await expect(run.writer.finish()).rejects.toBe(broken);
    await run.close();
    expect(countOf(fixture.store, "index/")).toBe(0);
  });

  it("since its packs could not be put into the index writes no snapshot, whoever goes on with it", async () => {
    const broken = new AppError("network", "the connection is gone");
    let failures = 0;
    const fixture = await makeRepository({
      wrap: (store): Store => ({
        ...store,
        putNew: async (name, bytes) =>
          name.startsWith("index/") && failures++ === 0 ? Promise.reject(broken) : store.putNew(name, bytes),
      }),
    });
    const run = await openRun(fixture);
    await put(run, valueOf(1));
    await expect(run.writer.finish()).rejects.toBe(broken);
    expect(countOf(fixture.store, "packs/")).toBe(1);
    await expect(put(run, valueOf(1))).rejects.toBe(broken);
    await expect(run.writer.finish()).rejects.toBe(broken);
    await expect(writeSnapshot(fixture.repository, run.writer, SNAPSHOT)).rejects.toBe(broken);
    expect(run.writer.failure).toEqual({ error: broken });
    await run.close();
    expect([failures, countOf(fixture.store, "snapshots/")]).toEqual([1, 0]);
    await putValues(fixture, [valueOf(1)]);
    expect(await readValues(fixture, [valueOf(1)])).toEqual([sha256Of(valueOf(1))]);
  });
});

it("what could not be written of an index is written the next time", async () => {
  let isBroken = true;
  const fixture = await makeRepository({
    wrap: (store): Store => ({
      ...store,
      putNew: async (name, bytes) =>
        name.startsWith("index/") && isBroken ? Promise.reject(new Error("no")) : store.putNew(name, bytes),
    }),
  });
  const writer = openIndexWriter(fixture.repository);
  writer.add({ pack: sha256Of(Buffer.from("a pack")), size: 100, blocks: [] });
  const { waiting } = writer;
  const failing = writer.write();
  writer.add({ pack: sha256Of(Buffer.from("one that came meanwhile")), size: 100, blocks: [] });
  await expect(failing).rejects.toThrow("no");
  expect(writer.waiting).toBe(2 * waiting);
  isBroken = false;
  const written = writer.write();
  writer.add({ pack: sha256Of(Buffer.from("the last one")), size: 100, blocks: [] });
  await written;
  expect(writer.waiting).toBe(waiting);
  await writer.write();
  const index = await loadIndex(fixture.repository, { clock: fixture.clock });
  expect(index.objects.map(({ packs }) => packs.length).toSorted()).toEqual([1, 2]);
  index.close();
});

it("at most three packs are on their way at once, and of large ones not more than 48 MiB", async () => {
  let [underWay, bytesUnderWay] = [0, 0];
  const three = Promise.withResolvers<void>();
  const most = { packs: 0, bytes: 0 };
  const fixture = await makeRepository({
    wrap: (store): Store => ({
      ...store,
      async putNew(name, bytes, options) {
        underWay++;
        bytesUnderWay += bytes.byteLength;
        most.packs = Math.max(most.packs, underWay);
        most.bytes = Math.max(most.bytes, bytesUnderWay);
        if (underWay === 3) three.resolve();
        if (name.startsWith("packs/")) await three.promise;
        underWay--;
        bytesUnderWay -= bytes.byteLength;
        return store.putNew(name, bytes, options);
      },
    }),
  });
  const run = await openRun(fixture);
  const values = Array.from({ length: 8 }, (_, i) => randomBytes(15_000_000 + i));
  for (const value of values) await put(run, value);
  await run.writer.finish();
  await run.close();
  expect(most.packs).toBe(3);
  expect(most.bytes).toBeLessThanOrEqual(50_331_648);
  expect(await readValues(fixture, values)).toEqual(values.map(sha256Of));
});

it("puts that nobody waits for are stored one after another, each once", async () => {
  const fixture = await makeRepository();
  const run = await openRun(fixture);
  const values = Array.from({ length: 200 }, (_, i) => Buffer.alloc((i % 10) * 20_000, valueOf(i)));
  await Promise.all([...values, ...values].map(async (value) => put(run, value)));
  await run.writer.finish();
  expect(run.writer.stored.values).toBe(new Set(values.map(sha256Of)).size);
  await run.close();
  expect(await readValues(fixture, values)).toEqual(values.map(sha256Of));
});

it("values that are read in the order in which they were stored take few requests, whatever their number", async () => {
  let gets = 0;
  const fixture = await makeRepository({
    wrap: (store): Store => ({
      ...store,
      async get(name, range, options) {
        if (name.startsWith("packs/")) gets++;
        return store.get(name, range, options);
      },
    }),
  });
  const values = Array.from({ length: 30_000 }, (_, i) => valueOf(i));
  await putValues(fixture, values);
  const run = await openRun(fixture);
  const blocks = new Set(
    [...run.index.packs()].flatMap(({ pack }) => [...run.index.itemsOf(pack)].map(({ place }) => place.at)),
  );
  for (const value of values) await run.reader.value(sha256Of(value), value.byteLength);
  expect(blocks.size).toBeGreaterThan(30);
  expect(gets).toBeLessThan(12);
  gets = 0;
  await Promise.all(values.slice(0, 10_000).map(async (value) => run.reader.value(sha256Of(value), value.byteLength)));
  expect(gets).toBeLessThan(12);
  await run.close();
});

it("a listing of packs that lags behind hides no pack that an index names", async () => {
  const fixture = await makeRepository({
    wrap: (store): Store => ({
      ...store,
      async *list(prefix, options) {
        if (prefix !== "packs/") yield* store.list(prefix, options);
      },
    }),
  });
  const values = [valueOf(1), valueOf(2)];
  await putValues(fixture, values);
  expect(await readValues(fixture, values)).toEqual(values.map(sha256Of));
});
