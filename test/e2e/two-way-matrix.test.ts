// The change matrix of two-way sync, through the command line, over real files and real HTTP: what was on both sides, what
// happened to each since, and how both end. One key a case; all cases of a policy are one run of `kvsync sync`.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConflictPolicy } from "../../src/core/reconcile-two-way.ts";
import { runCli } from "../support/cli.ts";
import { type Case, type Held, type Sides, type Synced, TwoWayPlay } from "../support/two-way-play.ts";

const DAY = 86_400;
const soon = Math.floor(Date.now() / 1000) + 10 * DAY;
const later = soon + DAY;
const tagged = (tag: string): Held => ({ value: "1", metadata: { tag } });
const until = (expiration: number): Held => ({ value: "1", expiration });

/** How a case ends on both sides; what is kept of what it destroyed. */
interface End {
  readonly both: Held | undefined;
  readonly trash?: readonly Held[];
  readonly copies?: readonly Held[];
}

type Row = [title: string, before: Sides, then: Sides, end: End | "conflict"];

const gone = undefined;
const both = (held: Held): Sides => ({ file: held, there: held });

const matrix: readonly Row[] = [
  ["unchanged", both("1"), {}, { both: "1" }],
  // One side alone.
  ["new file", {}, { file: "1" }, { both: "1" }],
  ["new key", {}, { there: "1" }, { both: "1" }],
  ["changed file", both("1"), { file: "2" }, { both: "2" }],
  ["changed key", both("1"), { there: "2" }, { both: "2", trash: ["1"] }],
  ["deleted file", both("1"), { file: null }, { both: gone, trash: ["1"] }],
  ["deleted key", both("1"), { there: null }, { both: gone, trash: ["1"] }],
  // Both sides.
  ["new on both sides, the same", {}, both("1"), { both: "1" }],
  ["new on both sides, different", {}, { file: "mine", there: "theirs" }, "conflict"],
  ["changed on both sides to the same", both("1"), both("2"), { both: "2" }],
  ["changed on both sides, differently", both("1"), { file: "mine", there: "theirs" }, "conflict"],
  ["deleted on both sides", both("1"), { file: null, there: null }, { both: gone }],
  ["edit of the file against deletion of the key", both("1"), { file: "2", there: null }, { both: "2" }],
  ["edit of the key against deletion of the file", both("1"), { file: null, there: "2" }, { both: "2" }],
  // Metadata and expiration are part of a version.
  ["metadata of the file", both("1"), { file: tagged("a") }, { both: tagged("a") }],
  ["metadata of the key", both("1"), { there: tagged("a") }, { both: tagged("a"), trash: ["1"] }],
  ["metadata of the key taken away", both(tagged("a")), { there: "1" }, { both: "1", trash: [tagged("a")] }],
  ["metadata of both, the same", both("1"), both(tagged("a")), { both: tagged("a") }],
  ["metadata of both, different", both("1"), { file: tagged("mine"), there: tagged("theirs") }, "conflict"],
  ["metadata of the file, value of the key", both("1"), { file: tagged("mine"), there: "theirs" }, "conflict"],
  ["expiration of the file", both("1"), { file: until(soon) }, { both: until(soon) }],
  ["expiration of the key", both("1"), { there: until(soon) }, { both: until(soon), trash: ["1"] }],
  ["expiration of both, different", both("1"), { file: until(soon), there: until(later) }, "conflict"],
  // First contact: nothing says who was first.
  ["first contact with the file alone", { file: "1" }, {}, { both: "1" }],
  ["first contact with the key alone", { there: "1" }, {}, { both: "1" }],
  ["first contact, the same", both("1"), {}, { both: "1" }],
  ["first contact, different", { file: "mine", there: "theirs" }, {}, "conflict"],
];

/** Without a journal nothing is known to have been deleted or edited: a union. */
const withoutJournal: readonly Row[] = [
  ["unchanged", both("1"), {}, { both: "1" }],
  ["deleted file", both("1"), { file: null }, { both: "1" }],
  ["deleted key", both("1"), { there: null }, { both: "1" }],
  ["new file", {}, { file: "1" }, { both: "1" }],
  ["new key", {}, { there: "1" }, { both: "1" }],
  ["changed file", both("theirs"), { file: "mine" }, "conflict"],
  ["changed key", both("mine"), { there: "theirs" }, "conflict"],
  ["changed on both sides to the same", both("1"), both("2"), { both: "2" }],
  ["deleted on both sides", both("1"), { file: null, there: null }, { both: gone }],
];

function caseOf([title, before, then]: Row): Case {
  return { key: `case/${title.replaceAll(/[ ,:]+/g, "-")}`, before, after: then };
}

/** What the sides hold when they are about to meet in a conflict. */
function contenders([, before, then]: Row): { readonly mine: Held; readonly theirs: Held } {
  return { mine: (then.file ?? before.file)!, theirs: (then.there ?? before.there)! };
}

interface Outcome {
  readonly file: Held | undefined;
  readonly there: Held | undefined;
  readonly trash: readonly Held[];
  readonly copies: readonly Held[];
}

function outcomeOf(row: Row, policy: ConflictPolicy): Outcome {
  const end = row[3];
  if (end !== "conflict") return { file: end.both, there: end.both, trash: end.trash ?? [], copies: end.copies ?? [] };
  const { mine, theirs } = contenders(row);
  switch (policy) {
    case "keep-both":
      return { file: theirs, there: theirs, trash: [mine], copies: [mine] };
    case "remote":
      return { file: theirs, there: theirs, trash: [mine], copies: [] };
    case "local":
      return { file: mine, there: mine, trash: [theirs], copies: [] };
    case "hold":
      return { file: mine, there: theirs, trash: [], copies: [] };
  }
}

interface Play {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly policy: ConflictPolicy;
  readonly losesJournal: boolean;
}

const policies: readonly ConflictPolicy[] = ["keep-both", "local", "remote", "hold"];
const plays: readonly Play[] = [
  ...policies.map((policy) => ({ title: `with conflict: ${policy}`, rows: matrix, policy, losesJournal: false })),
  { title: "that lost its journal", rows: withoutJournal, policy: "keep-both", losesJournal: true },
];

describe.each(plays)("two-way sync $title", ({ rows, policy, losesJournal }) => {
  const play = new TwoWayPlay();
  let synced: Synced;
  let again: Synced;

  beforeAll(async () => {
    await play.open(policy);
    for (const { key, before = {} } of rows.map(caseOf)) await play.apply(key, before);
    await play.sync();
    if (losesJournal) play.loseState();
    for (const { key, after = {} } of rows.map(caseOf)) await play.apply(key, after);
    synced = await play.sync();
    again = await play.sync();
  });
  afterAll(() => play.close());

  it.each(rows)("%s", async (...row) => {
    const { key } = caseOf(row);
    const found: Outcome = {
      file: play.file(key),
      there: await play.there(key),
      trash: play.trash(key),
      copies: play.copies(key),
    };
    expect(found).toEqual(outcomeOf(row, policy));
  });

  it("ends with the exit code that says whether conflicts wait", () => {
    expect([synced.run.code, synced.run.stderr]).toEqual([policy === "hold" ? 6 : 0, expect.any(String)]);
  });

  it("has nothing left to do", () => {
    const { code } = again.run;
    const { written, removed, failed, requests } = again.summary;
    const { bulkWrite, bulkDelete, write, delete: deletes } = requests;
    expect({ code, written, removed, failed }).toEqual({ code: synced.run.code, written: 0, removed: 0, failed: 0 });
    expect({ bulkWrite, bulkDelete, write, deletes }).toEqual({ bulkWrite: 0, bulkDelete: 0, write: 0, deletes: 0 });
  });
});

/** Keys of which one is a folder to the other: on disk the value of `a` is the file `a`, or `a%value` beside a folder `a`. */
type Nested = [
  title: string,
  before: Readonly<Record<string, Sides>>,
  then: Readonly<Record<string, Sides>>,
  ends: Readonly<Record<string, Held | undefined>>,
  paths: readonly string[],
];

const nested: readonly Nested[] = [
  ["a key below a file", { a: both("1") }, { "a/b": { there: "2" } }, { a: "1", "a/b": "2" }, ["a%value", "a/b"]],
  ["a key above a file", { "a/b": both("2") }, { a: { there: "1" } }, { a: "1", "a/b": "2" }, ["a%value", "a/b"]],
  [
    "a key above a file that goes",
    { a: { there: "1" }, "a/b": both("2") },
    { a: { there: null } },
    { "a/b": "2" },
    ["a/b"],
  ],
  [
    "a file that becomes a folder",
    { a: both("1") },
    { a: { file: null }, "a/b": { file: "2" } },
    { "a/b": "2" },
    ["a/b"],
  ],
  [
    "a folder that becomes a file",
    { "a/b": both("2") },
    { "a/b": { file: null }, a: { file: "1" } },
    { a: "1" },
    ["a"],
  ],
  [
    "a file that becomes a folder while its key is edited",
    { a: both("1") },
    { a: { file: null, there: "3" }, "a/b": { file: "2" } },
    { a: "3", "a/b": "2" },
    ["a%value", "a/b"],
  ],
  [
    "a folder that becomes a file while the key below is edited",
    { "a/b": both("2") },
    { "a/b": { file: null, there: "3" }, a: { file: "1" } },
    { a: "1", "a/b": "3" },
    ["a%value", "a/b"],
  ],
  [
    "a file and a folder of one name, at first contact",
    { a: { file: "1" }, "a/b": { there: "2" } },
    {},
    { a: "1", "a/b": "2" },
    ["a%value", "a/b"],
  ],
];

describe("two-way sync of a file against a folder", () => {
  const play = new TwoWayPlay();
  const folderOf = (title: string): string => title.replaceAll(/[ ,]+/g, "-");
  let last: Synced;

  beforeAll(async () => {
    const apply = async (title: string, changes: Nested[1]): Promise<void> => {
      for (const [key, sides] of Object.entries(changes)) await play.apply(`${folderOf(title)}/${key}`, sides);
    };
    await play.open("keep-both");
    for (const [title, before] of nested) await apply(title, before);
    await play.sync();
    for (const [title, , then] of nested) await apply(title, then);
    await play.sync();
    last = await play.sync();
  });
  afterAll(() => play.close());

  it.each(nested)("%s", async (title, _before, _then, ends, paths) => {
    for (const key of ["a", "a/b"]) {
      const full = `${folderOf(title)}/${key}`;
      expect([key, play.file(full), await play.there(full)]).toEqual([key, ends[key], ends[key]]);
    }
    expect(play.paths(folderOf(title))).toEqual(paths);
  });

  it("has nothing left to do", () => {
    expect(last.run.code).toBe(0);
    expect(last.summary).toMatchObject({ written: 0, removed: 0, failed: 0, conflicts: 0 });
  });
});

describe("kvsync diff of a two-way mapping", () => {
  const play = new TwoWayPlay();
  afterAll(() => play.close());

  it("shows which way each key would go, and changes nothing", async () => {
    await play.open("keep-both");
    const keys = ["edited-here", "edited-there", "gone-here", "gone-there", "same"];
    for (const key of keys) await play.apply(key, { file: "1" });
    await play.sync();
    await play.apply("edited-here", { file: "2" });
    await play.apply("edited-there", { there: "2" });
    await play.apply("gone-here", { file: null });
    await play.apply("gone-there", { there: null });
    await play.apply("new-here", { file: "1" });
    await play.apply("new-there", { there: "1" });
    const { code, stdout, stderr } = await runCli(["diff", "app"], { cwd: play.dir });
    expect(stdout.split("\n").filter((line) => line.startsWith("  "))).toEqual([
      "  -> - gone-here",
      "  <- - gone-there",
      "  -> ~ edited-here",
      "  <- ~ edited-there",
      "  -> + new-here",
      "  <- + new-there",
    ]);
    expect([code, stderr]).toEqual([4, expect.stringContaining("app <-> net:app")]);
    expect((await play.sync()).summary).toMatchObject({ written: 4, removed: 2 });
  });
});
