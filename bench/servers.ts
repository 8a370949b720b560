// How much a server carries, over SQLite, over PostgreSQL, and beside them miniflare's KV: writes one by one and in bulk, reads, and pages of
// listings, with 100,000 and with 1,000,000 keys of one namespace. All of them take turns, so that what else the machine does meets all of them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres, type TestPostgres } from "../test/support/postgres.ts";
import { jsonLikeText, seededRandom } from "./make-tree.ts";
import { median } from "./measure.ts";
import {
  CONNECTIONS,
  kvsyncServer,
  miniflareServer,
  NAMESPACES,
  type Pair,
  type ServerUnderTest,
} from "./server-contenders.ts";

/** `KEYS=100000` in the environment measures with these only. */
const SIZES = (process.env["KEYS"] ?? "100000,1000000").split(",").map(Number);
const VALUE_BYTES_MIN = 500;
const VALUE_BYTES_MAX = 2000;
const KEYS_A_PAGE = 1000;
/** How long each is measured in each run. */
const WINDOW_MS = 1500;
/** Who has not written all keys by then is left out. */
const FILL_MS_MAX = 180_000;

const random = seededRandom(15);
const material = jsonLikeText(random);

/** Prints a table for each size. There are no targets: what is asked of a server depends on who asks. Returns 0, or 1 where a listing looks at more than it lists. */
export async function benchServers({ runs }: { runs: number }): Promise<number> {
  const data = mkdtempSync(join(tmpdir(), "kvsync-bench-sqlite-"));
  const postgres = await startPostgres({ durable: true });
  const servers: ServerUnderTest[] = [];
  try {
    const url = await postgres.freshDatabase();
    servers.push(
      await kvsyncServer("SQLite", ["--data", data]),
      await kvsyncServer("PostgreSQL", ["--store", url]),
      await kvsyncServer("PostgreSQL, `synchronous_commit=off`", [
        "--store",
        `${url}&options=-c%20synchronous_commit%3Doff`,
      ]),
      await miniflareServer(),
    );
    let missed = 0;
    let filled = 0;
    // The third has the database of the second.
    let filling = servers.filter((_, index) => index !== 2);
    for (const size of SIZES) {
      const rates = new Map<ServerUnderTest, number | undefined>();
      for (const server of filling) rates.set(server, await fill(server, filled, size));
      filled = size;
      filling = filling.filter((server) => rates.get(server) !== undefined);
      const measured = servers.filter((server, index) => index === 2 || filling.includes(server));
      await postgres.ask("VACUUM ANALYZE", url);
      missed += await measureWith(size, { servers: measured, runs, rates, postgres, url });
    }
    return missed;
  } finally {
    await Promise.allSettled(servers.map((server) => server.stop()));
    await postgres.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

/** Writes the keys from `from` on until there are `to`. How many a second, or undefined where it takes too long. */
async function fill(server: ServerUnderTest, from: number, to: number): Promise<number | undefined> {
  const startedAt = performance.now();
  let next = from;
  await atOnce(async () => {
    while (next < to && performance.now() - startedAt < FILL_MS_MAX) {
      const first = next;
      next = Math.min(to, first + server.bulkPairs);
      await server.writeBulk(0, pairsFrom(first, next - first));
    }
  });
  const rate = (next - from) / ((performance.now() - startedAt) / 1000);
  if (next < to)
    process.stdout.write(`\n${server.name} is left out: ${to} keys take it too long (${whole(rate)} a second)\n`);
  return next < to ? undefined : rate;
}

interface Circumstances {
  readonly servers: readonly ServerUnderTest[];
  readonly runs: number;
  readonly rates: ReadonlyMap<ServerUnderTest, number | undefined>;
  readonly postgres: TestPostgres;
  readonly url: string;
}

/** Does it once, and says how many of what is counted were done. */
type Work = () => Promise<number>;

interface Measure {
  readonly what: string;
  readonly prepare: (server: ServerUnderTest, size: number) => Work | Promise<Work>;
}

const MEASURES: readonly Measure[] = [
  {
    what: "single writes a second, one namespace",
    prepare: (server, size) => async () => {
      await server.write(0, anyPair(size));
      return 1;
    },
  },
  {
    what: `single writes a second, ${NAMESPACES} namespaces`,
    prepare(server, size) {
      let turn = 0;
      return async () => {
        await server.write(turn++ % NAMESPACES, anyPair(size));
        return 1;
      };
    },
  },
  {
    what: "keys a second by bulk writes",
    prepare: (server, size) => async () => {
      await server.writeBulk(0, pairsFrom(Math.floor(random() * (size - server.bulkPairs)), server.bulkPairs));
      return server.bulkPairs;
    },
  },
  {
    what: "reads a second",
    prepare: (server, size) => async () => {
      await server.read(0, keyOf(anyIndex(size)));
      return 1;
    },
  },
  { what: "first pages a second", prepare: (server) => () => fullPage(server, {}) },
  {
    what: "pages from the middle a second, by a cursor",
    async prepare(server, size) {
      const cursor = await cursorOf(server, size / KEYS_A_PAGE / 2);
      return () => fullPage(server, { cursor });
    },
  },
  {
    what: "pages of a prefix a second",
    // 10,000 keys begin with each.
    prepare: (server, size) => () => fullPage(server, { prefix: keyOf(anyIndex(size)).slice(0, -4) }),
  },
];

async function measureWith(size: number, { servers, runs, rates, postgres, url }: Circumstances): Promise<number> {
  const results = new Map<string, number[]>();
  const resultsOf = (server: ServerUnderTest, { what }: Measure): number[] => {
    const name = `${server.name}: ${what}`;
    if (!results.has(name)) results.set(name, []);
    return results.get(name)!;
  };
  const works = new Map<string, Work>();
  const scannedBefore = await wholeScans(postgres, url);
  for (let run = 0; run < runs; run++) {
    for (const measure of MEASURES) {
      for (const server of run % 2 === 0 ? servers : servers.toReversed()) {
        const name = `${server.name}: ${measure.what}`;
        const work = works.get(name) ?? (await measure.prepare(server, size));
        works.set(name, work);
        resultsOf(server, measure).push(await rateOf(work));
      }
    }
  }
  const scanned = (await wholeScans(postgres, url)) - scannedBefore;
  const row = (name: string, cells: readonly string[]): string => `| ${name} | ${cells.join(" | ")} |\n`;
  process.stdout.write(
    `\n**Servers with ${size.toLocaleString("en")} keys of ${VALUE_BYTES_MIN} to ${VALUE_BYTES_MAX} bytes, ${CONNECTIONS} connections** (median of ${runs}, in turns)\n\n` +
      row(
        "",
        servers.map(({ name }) => name),
      ) +
      row(
        "---",
        servers.map(() => "---:"),
      ) +
      MEASURES.map((measure) =>
        row(
          measure.what,
          servers.map((server) => whole(median(resultsOf(server, measure)))),
        ),
      ).join("") +
      row(
        "keys a second while it was filled",
        servers.map((server) => whole(rates.get(server) ?? Number.NaN)),
      ) +
      row(
        "peak memory of the server",
        servers.map((server) => mebibytes(server.peakBytes())),
      ) +
      `\nPostgreSQL went through all of the table ${scanned} times: ${scanned === 0 ? "met" : "MISSED"}\n`,
  );
  return scanned === 0 ? 0 : 1;
}

/** So many of what is counted a second, with as many at work as there are connections. */
async function rateOf(work: Work): Promise<number> {
  const startedAt = performance.now();
  let done = 0;
  await atOnce(async () => {
    while (performance.now() - startedAt < WINDOW_MS) done += await work();
  });
  return done / ((performance.now() - startedAt) / 1000);
}

async function atOnce(work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
}

async function fullPage(
  server: ServerUnderTest,
  options: { readonly prefix?: string; readonly cursor?: string },
): Promise<number> {
  const { keys } = await server.list(0, options);
  if (keys !== KEYS_A_PAGE) throw new Error(`${server.name} lists ${keys} keys, not ${KEYS_A_PAGE}`);
  return 1;
}

async function cursorOf(server: ServerUnderTest, pages: number): Promise<string> {
  let cursor = "";
  for (let page = 0; page < pages; page++) ({ cursor } = await server.list(0, cursor === "" ? {} : { cursor }));
  return cursor;
}

/** How often PostgreSQL went through all entries instead of by the index. */
async function wholeScans(postgres: TestPostgres, url: string): Promise<number> {
  const [row] = await postgres.ask("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'kv_entry'", url);
  return Number(row?.[0]);
}

function anyIndex(size: number): number {
  return Math.floor(random() * size);
}

function anyPair(size: number): Pair {
  return pairOf(anyIndex(size));
}

function pairsFrom(first: number, count: number): Pair[] {
  return Array.from({ length: count }, (_, index) => pairOf(first + index));
}

function pairOf(index: number): Pair {
  const bytes = VALUE_BYTES_MIN + Math.floor(random() * (VALUE_BYTES_MAX - VALUE_BYTES_MIN + 1));
  const from = Math.floor(random() * (material.length - bytes));
  return { key: keyOf(index), value: material.slice(from, from + bytes) };
}

/** Of 20 bytes. */
function keyOf(index: number): string {
  return `site/pages/${String(index).padStart(9, "0")}`;
}

function whole(number: number): string {
  return Number.isNaN(number) ? "" : Math.round(number).toLocaleString("en");
}

function mebibytes(bytes: number): string {
  return Number.isNaN(bytes) ? "" : `${Math.round(bytes / 1024 / 1024)} MB`;
}
