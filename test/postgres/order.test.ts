// Listings are in the order of UTF-8 bytes, in whatever language the database sorts.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EpochSeconds } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { openPostgresStore } from "../../src/server/store/postgres/open-postgres-store.ts";
import type { Store } from "../../src/server/store/store.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { describePostgres } from "../support/postgres-fixture.ts";

const NOW = 1_800_000_000 as EpochSeconds;
const COUNT = 100_000;
const SEED = 15;

/** A language would put them in another order, as would UTF-16; a NUL ends a text of C. */
const NASTY: readonly string[] = [
  "\u0000",
  "\u0000a",
  "%",
  "A",
  "Z",
  "a",
  "a\u0000",
  "a b",
  "ab",
  "ä",
  "é",
  "ß",
  "\uff46", // above the next one in UTF-16
  "\u{1f600}",
];

describePostgres("keys", () => {
  const keys = inByteOrder([...NASTY, ...randomKeys()]);
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres({ locales: ["en_US", "de_DE"] });
  }, 120_000);
  afterAll(async () => postgres?.stop());

  describe.each(["C", "en_US", "de_DE"])("in a database that sorts as %s.UTF-8", (locale) => {
    let url: string;
    let store: Store;
    let id: string;
    beforeAll(async () => {
      url = await postgres.freshDatabase(`TEMPLATE template0 LOCALE '${locale}.UTF-8'`);
      store = await openPostgresStore({ url, clock: systemClock, log: () => undefined });
      id = (await store.namespaces.create("dev", "order"))?.id ?? "";
      for (let at = 0; at < keys.length; at += 10_000) {
        const writes = keys.slice(at, at + 10_000);
        await store.entries.write(
          id,
          writes.map((key) => ({ key, value: "", metadata: null, expiration: null })),
          NOW,
        );
      }
    }, 120_000);
    afterAll(async () => store?.close());

    const list = async (prefix: string, after: string, limit = 1000) =>
      (await store.entries.list(id, { prefix, after, limit }, NOW)).map(([key]) => key);

    it("sort as bytes, though texts do not", async () => {
      const [row] = await postgres.ask("SELECT string_agg(t, '' ORDER BY t) FROM unnest(ARRAY['a', 'B', 'ä']) t", url);
      expect(row).toEqual([locale === "C" ? "Baä" : "aäB"]);
      const listed: string[] = [];
      for (;;) {
        const page = await list("", listed.at(-1) ?? "");
        listed.push(...page);
        if (page.length < 1000) break;
      }
      expect(listed).toEqual(keys);
    });

    it("are found from every cursor on, below every prefix", async () => {
      const clock = new FakeClock({ seed: SEED });
      const some = Array.from({ length: 100 }, () => keys[Math.floor(clock.random() * keys.length)] ?? "");
      const starts = ["", ...NASTY, "\u{10ffff}"];
      const asked = [
        ...starts.flatMap((prefix) => starts.map((after) => ({ prefix, after }))),
        ...some.map((key, i) => ({
          prefix: Array.from(key)
            .slice(0, i % 3)
            .join(""),
          after: some[(i * 7) % some.length] ?? "",
        })),
      ];
      for (const { prefix, after } of asked) {
        const expected = firstOf(keys, prefix, after, 50);
        expect({ prefix, after, keys: await list(prefix, after, 50) }).toEqual({ prefix, after, keys: expected });
      }
    });
  });
});

/** Of `keys`, which are in order, the first `count` after `after` that begin with `prefix`. */
function firstOf(keys: readonly string[], prefix: string, after: string, count: number): readonly string[] {
  const isBefore = (key: string) => compare(key, prefix) < 0 || (after !== "" && compare(key, after) <= 0);
  let [from, to] = [0, keys.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isBefore(keys[middle] ?? "")) from = middle + 1;
    else to = middle;
  }
  return keys.slice(from, from + count).filter((key) => key.startsWith(prefix));
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function inByteOrder(keys: readonly string[]): readonly string[] {
  const bytes = [...new Set(keys)].map((key) => Buffer.from(key));
  return bytes.sort((a, b) => Buffer.compare(a, b)).map((each) => each.toString());
}

/** Of few different characters each, so that many begin alike. */
function randomKeys(): readonly string[] {
  const clock = new FakeClock({ seed: SEED });
  const below = (count: number) => Math.floor(clock.random() * count);
  const alphabet = [
    ...NASTY.flatMap((key) => Array.from(key)),
    "/",
    "0",
    "\u07ff",
    "\u0800",
    "\ud7ff",
    "\ue000",
    "\uffff",
  ];
  return Array.from({ length: COUNT }, () =>
    Array.from({ length: 1 + below(8) }, () => alphabet[below(alphabet.length)]).join(""),
  );
}
