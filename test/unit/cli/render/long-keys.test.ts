// Keys with their sizes, expirations and metadata, in columns.

import { describe, expect, it } from "vitest";
import type { EpochMs, EpochSeconds } from "../../../../src/core/clock.ts";
import { fingerprintOf } from "../../../../src/core/fingerprint.ts";
import { parseJson } from "../../../../src/core/json.ts";
import { stampMetadata } from "../../../../src/core/stamp.ts";
import type { ListedKey } from "../../../../src/kv/kv-api.ts";
import { openLongKeys } from "../../../../src/cli/render/long-keys.ts";
import { keyOf } from "../../../support/values.ts";

const NOW = Date.UTC(2026, 10, 29, 6) as EpochMs;
const plain = (text: string): string => text;
const style = { isTerminal: false, bold: plain, dim: plain, red: plain, green: plain, yellow: plain };

function listed(name: string, size?: number, metadata?: string, expiresInMs?: number): ListedKey {
  const stamp = size === undefined ? undefined : { fingerprint: fingerprintOf(Buffer.from(name)), size, binary: false };
  const text = stamp === undefined ? metadata : stampMetadata(metadata, stamp);
  return {
    name: keyOf(name),
    ...(expiresInMs !== undefined && { expiration: ((NOW + expiresInMs) / 1000) as EpochSeconds }),
    ...(text !== undefined && { metadata: parseJson(text) }),
  };
}

const lines = (keys: readonly ListedKey[], columns?: number): readonly string[] =>
  openLongKeys(style, columns).render(keys, NOW).split("\n").slice(0, -1);

describe("a long list of keys", () => {
  it("is aligned, and tells of no stamp but the size", () => {
    expect(
      lines([listed("a", 5, '{"x":1}'), listed("longer", 2048, undefined, 7_200_000), listed("c", undefined, "[1]")]),
    ).toEqual([
      '  5 B  -                             a       {"x":1}',
      "2 KiB  2026-11-29 08:00:00Z (in 2h)  longer",
      "    -  -                             c       [1]",
    ]);
  });

  it("cuts metadata on a terminal, by what is seen of it, and never a name", () => {
    const [wide, long] = lines([listed("a", 5, '{"x":"日本語日本語"}'), listed("k".repeat(60), 5, '{"x":1}')], 24);
    expect(wide).toBe('5 B  -  a  {"x":"日本語…');
    expect(long).toBe(`5 B  -  ${"k".repeat(60)}`);
  });

  it("shows control characters, and that an expiration is over", () => {
    expect(lines([listed("a\u001b[31m\n", 5, undefined, -1000)])).toEqual([
      "5 B  2026-11-29 05:59:59Z (over)  a\\x1b[31m\\x0a",
    ]);
  });
});
