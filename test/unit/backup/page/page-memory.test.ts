// Whoever goes through the pages of a million keys keeps a key of each page, and not the page with it.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { decodePage, encodePageEntry } from "../../../../src/backup/page/page-lines.ts";
import { sha256Of } from "../../../../src/core/fingerprint.ts";
import type { Key } from "../../../../src/core/key.ts";

const PAGES = 100;
const PAGE_ENTRIES = 1000;

test("a key that is kept does not keep its page in memory", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const sha256 = sha256Of(new Uint8Array());
  const lines = Array.from({ length: PAGE_ENTRIES }, (_, i) =>
    encodePageEntry({
      key: `a key of some length/${String(i).padStart(6, "0")}` as Key,
      sha256,
      size: 0,
      binary: false,
      expiration: undefined,
      metadata: undefined,
    }),
  );
  const page = Buffer.from(lines.join(""));
  collect();
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: PAGES }, () => decodePage(page)[0]!.key);
  collect();
  const grown = process.memoryUsage().heapUsed - before;
  expect(kept).toHaveLength(PAGES);
  expect(grown).toBeLessThan((PAGES * page.byteLength) / 4);
});
