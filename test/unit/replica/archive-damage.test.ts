// What became of an archive after it was written: cut, flipped, edited, joined to another, out of order. Each is refused with the
// place named, and what is taken of it on request is only what was written.

import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AppError } from "../../../src/core/errors.ts";
import type { Problem } from "../../../src/core/problem.ts";
import { openPairs } from "../../../src/replica/archive/pairs/pairs-replica.ts";
import { openArchive } from "../../../src/replica/archive/archive-replica.ts";
import { type ArchiveAllowances, NO_ALLOWANCES } from "../../../src/replica/archive/check-archive.ts";
import { archiveOf, type ArchiveFolder, memoryOf, openArchiveFolder } from "../../support/archive-fixture.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { collect, pagesOf, valueOf } from "../../support/values.ts";

const clock = new FakeClock({ now: Date.now() });
/** How many cuts and flipped bits of each format are tried: `DAMAGE=200` for more. */
const DAMAGE = Number(process.env["DAMAGE"] ?? 100);
const FORMATS = ["ndjson", "ndjson.zst", "ndjson.gz"] as const;
const texts = new Map(
  Array.from({ length: 200 }, (_, i) => [
    `key/${String(i).padStart(3, "0")}`,
    `${(i * 2654435761) % 2 ** 32} `.repeat(9),
  ]),
);
const whole = new Map<string, Buffer>();
let folder: ArchiveFolder;
let path = "";

beforeAll(async () => {
  folder = openArchiveFolder();
  const memory = await memoryOf(
    clock,
    [...texts].map(([key, text]) => valueOf(clock, key, text, { metadata: `{"of":"${key}"}` })),
  );
  for (const format of [...FORMATS, "json"] as const) {
    path = join(folder.path, `whole.${format}`);
    await archiveOf(memory, path, format);
    whole.set(format, readFileSync(path));
  }
  path = join(folder.path, "damaged");
});
afterAll(() => folder.remove());

/** The same damage each time. */
function placesIn(length: number, count: number, seed: number): readonly number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * length);
  });
}

const open = (allowed: Partial<ArchiveAllowances> = {}) =>
  openArchive({ clock, path, label: "a.ndjson", allowed: { ...NO_ALLOWANCES, ...allowed } });

async function refusalOf(bytes: Uint8Array, allowed: Partial<ArchiveAllowances> = {}): Promise<string> {
  writeFileSync(path, bytes);
  const error: unknown = await open(allowed).then(
    () => undefined,
    (failure: unknown) => failure,
  );
  if (error === undefined) return "taken";
  expect((error as AppError).code).toBe("archive-refused");
  return (error as AppError).message;
}

/** What is taken of it. */
async function taken(allowed: Partial<ArchiveAllowances>): Promise<{ texts: Map<string, string>; told: Problem[] }> {
  const { replica } = await open(allowed);
  const told: Problem[] = [];
  const entries = await collect(replica.list({ onProblem: (problem) => told.push(problem) }));
  const outcomes = await collect(
    replica.read(
      (async function* () {
        yield entries;
      })(),
    ),
  );
  return {
    texts: new Map(
      outcomes.map((outcome) => {
        if (outcome.kind !== "value") throw new Error(`${outcome.key}: ${outcome.kind}`);
        return [outcome.key, Buffer.from(outcome.value.bytes).toString()];
      }),
    ),
    told,
  };
}

describe.each(FORMATS)("an archive (.%s)", (format) => {
  const bytes = () => whole.get(format)!;

  it("is taken as it was written", async () => {
    expect(await refusalOf(bytes())).toBe("taken");
    expect(await taken({})).toEqual({ texts, told: [] });
  });

  it("that was cut off is refused wherever that was, and what is whole of it can be salvaged", async () => {
    let salvaged = 0;
    for (const length of [...placesIn(bytes().byteLength, DAMAGE, 7), bytes().byteLength - 1]) {
      const cut = bytes().subarray(0, length);
      expect(await refusalOf(cut)).toMatch(
        /is empty|is cut off after|ends in the middle of |no archive|damaged at its beginning/,
      );
      if (/is empty|no archive|beginning/.test(await refusalOf(cut, { salvage: true }))) continue;
      const found = await taken({ salvage: true });
      expect([...found.texts]).toEqual([...texts].slice(0, found.texts.size));
      // If something of it is missing, that is told. Behind the end line, only a checksum may be.
      expect(found.told.length > 0).toBe(!(await refusalOf(cut)).includes("compressed form"));
      salvaged += found.texts.size;
    }
    if (format === "ndjson") expect(salvaged).toBeGreaterThan(50 * DAMAGE);
  });

  it("with a flipped bit is refused wherever that is, and no changed value is salvaged", async () => {
    for (const at of placesIn(bytes().byteLength, DAMAGE, 11)) {
      const flipped = Buffer.from(bytes());
      flipped[at]! ^= 1 << (at % 8);
      // A header of gzip holds a time and a system that mean nothing.
      if (format === "ndjson.gz" && at < 10) continue;
      expect(await refusalOf(flipped)).not.toBe("taken");
      if ((await refusalOf(flipped, { salvage: true })) !== "taken") continue;
      for (const [key, text] of (await taken({ salvage: true })).texts)
        if (texts.has(key)) expect(text).toBe(texts.get(key));
    }
  });

  it("that is joined to another is refused, and tells where the other begins", async () => {
    const joined = Buffer.concat([bytes(), bytes()]);
    expect(await refusalOf(joined)).toBe("a.ndjson goes on behind its end, in line 203");
    expect(await refusalOf(Buffer.concat([bytes(), Buffer.from("\n")]))).not.toBe("taken");
    expect(await refusalOf(Buffer.concat([bytes(), Buffer.alloc(512)]))).not.toBe("taken");
    expect(await refusalOf(joined, { salvage: true })).toBe("taken");
    expect((await taken({ salvage: true })).texts).toEqual(texts);
  });
});

describe("pairs in wrangler's form (.json)", () => {
  const openJson = (salvage = false) =>
    openPairs({ clock, path, label: "a.json", allowed: { ...NO_ALLOWANCES, salvage } });
  /** Undefined: refused. */
  async function pairsOf(bytes: Uint8Array, salvage = false): Promise<Map<string, string> | undefined> {
    writeFileSync(path, bytes);
    const opened = await openJson(salvage).catch((error: unknown) => {
      expect((error as AppError).code).toBe("archive-refused");
      return undefined;
    });
    if (opened === undefined) return undefined;
    const entries = await collect(opened.replica.list({ onProblem: () => {} }));
    const outcomes = await collect(opened.replica.read(pagesOf(entries)));
    await opened.replica.close();
    return new Map(
      outcomes.map((outcome) => {
        if (outcome.kind !== "value") throw new Error(outcome.kind);
        const { entry, bytes: value } = outcome.value;
        return [outcome.key, `${entry.metadata} ${Buffer.from(value).toString()}`];
      }),
    );
  }
  const all = (): Map<string, string> => new Map([...texts].map(([key, text]) => [key, `{"of":"${key}"} ${text}`]));

  it("that were cut off are refused wherever that was, and what is whole of them can be salvaged", async () => {
    const bytes = whole.get("json")!;
    expect(await pairsOf(bytes)).toEqual(all());
    // The last byte is a line break, which nobody misses.
    for (const length of placesIn(bytes.byteLength - 2, DAMAGE, 7)) {
      const cut = bytes.subarray(0, length);
      expect(await pairsOf(cut)).toBeUndefined();
      const salvaged = await pairsOf(cut, true);
      expect([...(salvaged ?? [])]).toEqual([...all()].slice(0, salvaged?.size ?? 0));
    }
  });

  it("with a flipped bit are refused, or one of them is another one, which nothing can tell", async () => {
    const bytes = whole.get("json")!;
    let refusals = 0;
    for (const at of placesIn(bytes.byteLength, DAMAGE, 11)) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at % 8);
      const found = await pairsOf(flipped);
      if (found === undefined) refusals++;
      else expect([...all()].filter(([key, text]) => found.get(key) !== text).length).toBeLessThanOrEqual(1);
    }
    expect(refusals).toBeGreaterThan(0);
    expect(refusals).toBeLessThan(DAMAGE);
  });
});

const lines = (): string[] => whole.get("ndjson")!.toString().trimEnd().split("\n");
const joined = (parts: readonly string[]): Buffer => Buffer.from(`${parts.join("\n")}\n`);

describe("an archive", () => {
  it.each([
    ["zstd", zstdCompressSync],
    ["gzip", gzipSync],
  ] as const)("in two parts of %s is read to its end", async (_, compress) => {
    const bytes = whole.get("ndjson")!;
    const parts = [bytes.subarray(0, 5000), bytes.subarray(5000)].map((part) => compress(part));
    expect(await refusalOf(Buffer.concat(parts))).toBe("taken");
    expect(await refusalOf(parts[0]!)).toContain("ends in the middle of line");
  });

  it("that was edited names the lines, and is taken on request as it is now", async () => {
    const edited = lines();
    edited[3] = edited[3]!.replace(/"value":"[^"]*"/, '"value":"by hand"');
    expect(await refusalOf(joined(edited))).toBe(
      'a.ndjson is not as it was written: its digest differs. Values that do not fit their sha256: line 4 ("key/002")',
    );
    expect(await refusalOf(joined(edited), { edited: true })).toBe("taken");
    const found = await taken({ edited: true });
    expect(found.texts).toEqual(new Map([...texts, ["key/002", "by hand"]]));
    expect(found.told).toEqual([]);
  });

  it("whose metadata was edited is refused too, though every value fits", async () => {
    const edited = lines().with(9, lines()[9]!.replace("key/008", "key/009"));
    expect(await refusalOf(joined(edited.with(9, lines()[9]!.replace('"of":"', '"to":"'))))).toContain(
      "Every value fits its sha256",
    );
  });

  it.each([
    ["without one of its lines", lines, (all: string[]) => all.toSpliced(7, 1), "its digest differs"],
    [
      "out of order",
      lines,
      (all: string[]) => all.with(5, all[6]!).with(6, all[5]!),
      'line 7 ("key/004") of a.ndjson is not in the order of keys',
    ],
    [
      "with a key twice",
      lines,
      (all: string[]) => all.toSpliced(5, 0, all[5]!),
      'line 7 ("key/004") of a.ndjson has the key of the line before again',
    ],
    ["with a line that is no JSON", lines, (all: string[]) => all.with(4, "{"), "line 5 of a.ndjson is not JSON"],
    [
      "without its end line",
      lines,
      (all: string[]) => all.slice(0, -1),
      "is cut off after 200 entries: it has no end line",
    ],
    [
      "of another version",
      lines,
      (all: string[]) => all.with(0, all[0]!.replace('"version":1', '"version":2')),
      "another version",
    ],
    [
      "that lacks keys",
      lines,
      (all: string[]) =>
        all.with(201, all[201]!.replace('"complete":true,"problems":0', '"complete":false,"problems":3')),
      "lacks 3 keys",
    ],
    [
      "of a wrong count",
      lines,
      (all: string[]) => all.with(201, all[201]!.replace('"entries":200', '"entries":199')),
      "has an end line that is not of its entries",
    ],
    ["that is wrangler's", () => [], () => ['[{"key":"a","value":"b"}]'], "is no archive"],
    ["of an empty line", () => [], () => [], "is no archive"],
    [
      "with Windows' line ends",
      lines,
      (all: string[]) => all.map((line) => `${line}\r`),
      "Its lines end as on Windows",
    ],
    ["with a byte order mark", lines, ([first, ...rest]: string[]) => [`\uFEFF${first}`, ...rest], "byte order mark"],
    ["with an empty line at its end", lines, (all: string[]) => [...all, ""], "an empty line behind its end, line 203"],
  ])("%s is refused", async (_, from, change, message) => {
    expect(await refusalOf(joined(change(from())))).toContain(message);
  });

  it("that is an empty file is called that: what was to write it has failed", async () => {
    expect(await refusalOf(new Uint8Array())).toBe("a.ndjson is empty");
  });

  it("that lacks keys is taken on request", async () => {
    const all = lines();
    const partial = all.with(201, all[201]!.replace('"complete":true,"problems":0', '"complete":false,"problems":3'));
    expect(await refusalOf(joined(partial), { partial: true })).toBe("taken");
    expect((await taken({ partial: true })).texts).toEqual(texts);
  });

  it("with lines that are damaged gives the others on request, and names each", async () => {
    const damaged = lines();
    damaged[4] = damaged[4]!.slice(0, 40);
    damaged[8] = damaged[8]!.replace(/"value":"./, '"value":"?');
    expect(await refusalOf(joined(damaged), { salvage: true })).toContain("its digest differs");
    expect(await refusalOf(joined(damaged), { salvage: true, edited: true })).toBe("taken");
    const cut = joined(damaged.slice(0, 100));
    expect(await refusalOf(cut, { salvage: true })).toBe("taken");
    const found = await taken({ salvage: true });
    expect(found.texts).toEqual(
      new Map([...texts].slice(0, 99).filter(([key]) => key !== "key/003" && key !== "key/007")),
    );
    expect(found.told.map(({ subject }) => subject)).toEqual(["line 5", "key/007", "a.ndjson"]);
  });

  it("that changes between its check and its listing is not believed", async () => {
    writeFileSync(path, whole.get("ndjson")!);
    const { replica } = await open();
    const changed = lines().with(3, lines()[3]!.replace(/"value":"[^"]*"/, '"value":"by hand"'));
    writeFileSync(path, joined(changed));
    await expect(collect(replica.list({ onProblem: () => {} }))).rejects.toThrow("changed while it was read");
    writeFileSync(path, whole.get("ndjson")!);
    appendFileSync(path, "x");
    await expect(collect(replica.list({ onProblem: () => {} }))).rejects.toThrow("changed while it was read");
  });
});
