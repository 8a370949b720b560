// Bodies of bulk writes, which are encoded straight into buffers, against a parser of JSON: what a server reads of them is what
// was to be written, and their length is the one that was announced. JSON.parse reads them too, but where the name of a
// property is escaped, of which it makes another name now and then.

import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { EpochSeconds } from "../../src/core/clock.ts";
import { canonicalJson, parseJson } from "../../src/core/json.ts";
import { type Json } from "../../src/core/json-value.ts";
import { parseKey } from "../../src/core/key.ts";
import { openPairArena, pairsBody } from "../../src/kv/pair-arena.ts";
import type { FuzzRun } from "./fuzzer.ts";

export const name = "bodies of bulk writes, and what a parser reads of them";

/** Around the bounds of what is copied, escaped or encoded in one piece. */
const SIZES = [0, 1, 2, 3, 4, 1023, 1024, 1025, 16_383, 65_535, 65_536, 65_537, 262_145, 1_048_575, 1_048_577];
const RARE_SIZES = [5_000_001, 24_999_999, 26_214_400];
const FILLS = ["a", '"', "\\", "\n", "\u0000", "é", "\u{1f600}", "\u2028", "\u007f"];

const bytes = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  { weight: 6, arbitrary: fc.string({ unit: "binary", maxLength: 200 }).map((text) => Buffer.from(text)) },
  {
    weight: 4,
    arbitrary: fc.array(fc.constantFrom(...FILLS), { maxLength: 200 }).map((parts) => Buffer.from(parts.join(""))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...SIZES, ...RARE_SIZES), fc.constantFrom(...FILLS, "\xff"))
      .map(([size, fill]) =>
        fill === "\xff"
          ? Buffer.alloc(size, 0xff)
          : Buffer.from(fill.repeat(Math.ceil(size / Buffer.byteLength(fill)))),
      ),
  },
);
const pairs = fc.array(
  fc.record({
    key: fc.string({ unit: "binary", minLength: 1, maxLength: 60 }).filter((text) => parseKey(text) !== undefined),
    bytes,
    metadata: fc.option(fc.json(), { nil: undefined }),
    expiration: fc.option(fc.integer({ min: 1, max: 4_000_000_000 }), { nil: undefined }),
    ttlSeconds: fc.option(fc.integer({ min: 60, max: 100_000_000 }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 12 },
);

export async function run({ seed, deadlineMs }: FuzzRun): Promise<number> {
  let cases = 0;
  for (let batch = 0; Date.now() < deadlineMs; batch++) {
    for (const items of fc.sample(pairs, { seed: seed + batch, numRuns: 10 })) {
      const arena = openPairArena();
      const slices = items.map((item) =>
        arena.add({ ...item, key: parseKey(item.key)!, expiration: item.expiration as EpochSeconds | undefined }),
      );
      const body = pairsBody(slices);
      // It can be sent again, and is the same then.
      for (let time = 0; time < 2; time++) {
        const sent = Buffer.concat([...(body.chunks() as Iterable<Uint8Array>)]);
        const told = `seed ${seed}, batch ${batch}: ${sent.toString("latin1").slice(0, 2000)}`;
        assert.equal(sent.byteLength, body.byteLength, told);
        const read = parseJson(sent.toString()) as readonly Record<string, unknown>[];
        assert.equal(read.length, items.length, told);
        items.forEach((item, i) => check(item, read[i]!, told));
        if (items.some(({ metadata }) => metadata?.includes("\\") === true)) continue;
        assert.deepEqual(JSON.parse(sent.toString()), JSON.parse(JSON.stringify(read)), told);
      }
      cases++;
    }
  }
  return cases;
}

function check(
  item: {
    key: string;
    bytes: Uint8Array;
    metadata: string | undefined;
    expiration: number | undefined;
    ttlSeconds: number | undefined;
  },
  read: Record<string, unknown>,
  told: string,
): void {
  assert.equal(read["key"], item.key, told);
  const value = Buffer.from(read["value"] as string, read["base64"] === true ? "base64" : "utf8");
  assert.ok(value.equals(item.bytes), told);
  const [sent, meant] = [read["metadata"] as Json | undefined, item.metadata];
  assert.equal(
    sent === undefined ? undefined : canonicalJson(sent),
    meant === undefined ? undefined : canonicalJson(parseJson(meant)),
    told,
  );
  assert.equal(read["expiration_ttl"], item.ttlSeconds, told);
  assert.equal(read["expiration"], item.ttlSeconds === undefined ? item.expiration : undefined, told);
}
