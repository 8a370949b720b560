// Whatever values and pages are put into a repository, in whatever order, however often and with whatever pauses, each is read as it was put;
// and no pack or block is larger than it may be.

import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { BLOCK_BYTES_MAX, PACK_BYTES_MAX } from "../../src/backup/format/pack-builder.ts";
import { sha256Of } from "../../src/core/fingerprint.ts";
import { makeRepository, openRun } from "../support/repository-fixture.ts";

const around = (size: number) => fc.integer({ min: -2, max: 2 }).map((offset) => size + offset);
const sizes = (large: number) =>
  fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 0, max: 300 }) },
    { weight: 10, arbitrary: fc.integer({ min: 0, max: BLOCK_BYTES_MAX }) },
    { weight: 5, arbitrary: around(BLOCK_BYTES_MAX) },
    { weight: 5, arbitrary: around(262_144) },
    { weight: large, arbitrary: around(PACK_BYTES_MAX) },
    { weight: large, arbitrary: fc.constant(26_214_400) },
  );

const step = (large: number) =>
  fc.record({
    size: sizes(large),
    isRandom: fc.boolean(),
    seed: fc.integer({ min: 0, max: 20 }),
    pauseMs: fc.constantFrom(0, 0, 0, 1000, 61_000, 301_000),
  });

function bytesOf({ size, isRandom, seed }: { size: number; isRandom: boolean; seed: number }): Uint8Array {
  if (isRandom) return randomBytes(size);
  return Buffer.alloc(size, `text ${seed} that repeats, `);
}

it.each([
  { numRuns: 60, large: 0, length: 60, passphrase: undefined },
  { numRuns: 8, large: 2, length: 12, passphrase: undefined },
  { numRuns: 10, large: 1, length: 30, passphrase: "a passphrase" },
])(
  "values are read as they were put ($numRuns runs of $length, passphrase $passphrase)",
  { timeout: 120_000 },
  async (options) => {
    const { numRuns, large, length, passphrase } = options;
    const runs = fc.array(fc.array(step(large), { maxLength: length }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(runs, async (all) => {
        const fixture = await makeRepository({ passphrase });
        const put = new Map<string, number>();
        for (const steps of all) {
          const run = await openRun(fixture);
          for (const one of steps) {
            const bytes = bytesOf(one);
            const sha256 = sha256Of(bytes);
            await run.writer.putValue(bytes, sha256);
            put.set(sha256, bytes.byteLength);
            await fixture.clock.advance(one.pauseMs);
          }
          await run.writer.finish();
          await run.close();
        }
        const run = await openRun(fixture);
        expect(run.index.problems).toEqual([]);
        for (const [sha256, size] of put) expect(sha256Of(await run.reader.value(sha256, size))).toBe(sha256);
        let items = 0;
        for (const { pack, size, isIndexed } of run.index.packs()) {
          expect(isIndexed).toBe(true);
          const places = [...run.index.itemsOf(pack)].map(({ place }) => place);
          items += places.length;
          if (size > PACK_BYTES_MAX) expect(places).toHaveLength(1);
          for (const { plain, size: itemSize } of places) if (plain > BLOCK_BYTES_MAX) expect(plain).toBe(itemSize);
        }
        // Each once, though some were put several times, and in several runs.
        expect(items).toBe(put.size);
        await run.close();
      }),
      { numRuns },
    );
  },
);
