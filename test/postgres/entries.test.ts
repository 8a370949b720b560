// What is written to a store over PostgreSQL is what is read.

import { expect, it } from "vitest";
import type { EpochSeconds } from "../../src/core/clock.ts";
import type { LongValue, Store } from "../../src/server/store/store.ts";
import { describePostgres, openStore } from "../support/postgres-fixture.ts";

const NOW = 1_800_000_000 as EpochSeconds;

async function withNamespace(store: Store): Promise<string> {
  return (await store.namespaces.create("dev", "one"))?.id ?? "";
}

async function collect(value: Uint8Array | LongValue | undefined): Promise<Buffer> {
  if (value === undefined) throw new Error("no value");
  if (value instanceof Uint8Array) return Buffer.from(value);
  const parts: Uint8Array[] = [];
  for await (const part of value.parts()) parts.push(part);
  return Buffer.concat(parts);
}

async function* chunks(bytes: Buffer, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

const bytesOf = (length: number) => Buffer.from(Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

describePostgres("a value", () => {
  it.each([0, 1, 32_768, 32_769, 524_288, 524_289, 1_300_000])(
    "of %i bytes is read as it was written",
    async (length) => {
      const store = await openStore();
      const id = await withNamespace(store);
      const bytes = bytesOf(length);
      const entry = { metadata: '{"a":"\\u0000"}', expiration: NOW + 100 };
      await store.entries.write(id, [{ key: "whole", value: bytes, ...entry }], NOW);
      const staged = await store.stage(chunks(bytes, 70_001));
      expect(staged.byteLength).toBe(length);
      await store.entries.write(id, [{ key: "staged", value: staged, ...entry }], NOW);
      for (const key of ["whole", "staged"]) {
        const read = await store.entries.read(id, key, NOW);
        expect(read?.value.byteLength).toBe(length);
        expect((await collect(read?.value)).equals(bytes)).toBe(true);
        expect(read).toMatchObject(entry);
        expect(await store.entries.readMetadata(id, key, NOW)).toEqual({ metadata: entry.metadata });
      }
      expect(await store.entries.list(id, { after: "", prefix: "", limit: 10 }, NOW)).toEqual(
        ["staged", "whole"].map((key) => [key, entry.metadata, entry.expiration]),
      );
    },
  );
});
