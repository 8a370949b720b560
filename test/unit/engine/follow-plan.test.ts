// A saved plan held against what both sides show: the table of when an action is due, done, or no longer fits.

import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import type { BaseRow, Entry } from "../../../src/core/entry.ts";
import type { Key } from "../../../src/core/key.ts";
import type { Lag, Triple } from "../../../src/engine/merge.ts";
import { otherSide, type Target } from "../../../src/engine/plan/action.ts";
import {
  type Followed,
  followAction,
  openFollower,
  type SavedAction,
  type SavedActions,
} from "../../../src/engine/plan/follow-plan.ts";
import { type Attributes, entryOf, keyOf } from "../../support/values.ts";

const KEY = keyOf("k");
const old = entryOf("k", "old");
const fresh = entryOf("k", "new");
const foreign = entryOf("k", "foreign");
const EXPIRATION = 1_900_000_000;

const of = (content: string, attributes: Attributes): Entry => entryOf("k", content, attributes);
const unread: Entry = { ...fresh, fingerprint: undefined };

interface Row {
  readonly name: string;
  readonly kind: "write" | "remove";
  readonly from?: Entry;
  readonly replaces?: Entry;
  readonly giver?: Entry;
  readonly taker?: Entry;
  /** "G" stands for the side that gives, and "T" for the one that takes. */
  readonly told: "due" | "done" | `${string} at the ${"G" | "T"}`;
}

// prettier-ignore
const ROWS: readonly Row[] = [
  { name: "creates", kind: "write", from: fresh, giver: fresh, told: "due" },
  { name: "replaces", kind: "write", from: fresh, replaces: old, giver: fresh, taker: old, told: "due" },
  { name: "created already", kind: "write", from: fresh, giver: fresh, taker: fresh, told: "done" },
  { name: "replaced already", kind: "write", from: fresh, replaces: old, giver: fresh, taker: fresh, told: "done" },
  { name: "a giver that is gone", kind: "write", from: fresh, replaces: old, taker: old, told: "is gone at the G" },
  { name: "a giver that is gone, with what it gave at the taker", kind: "write", from: fresh, taker: fresh, told: "is gone at the G" },
  { name: "both gone", kind: "write", from: fresh, replaces: old, told: "is gone at the G" },
  { name: "another value at the giver", kind: "write", from: fresh, giver: foreign, told: "was changed at the G" },
  { name: "another value at both", kind: "write", from: fresh, replaces: old, giver: foreign, taker: foreign, told: "was changed at the G" },
  { name: "a value at the giver that was not read", kind: "write", from: fresh, giver: unread, told: "was changed at the G" },
  { name: "a taker that has appeared", kind: "write", from: fresh, giver: fresh, taker: foreign, told: "has appeared at the T" },
  { name: "a taker that is gone", kind: "write", from: fresh, replaces: old, giver: fresh, told: "is gone at the T" },
  { name: "another value at the taker", kind: "write", from: fresh, replaces: old, giver: fresh, taker: foreign, told: "was changed at the T" },
  { name: "other metadata at the giver", kind: "write", from: fresh, giver: of("new", { metadata: '{"a":1}' }), told: "was changed at the G" },
  { name: "other metadata at the taker", kind: "write", from: fresh, replaces: old, giver: fresh, taker: of("old", { metadata: '{"a":1}' }), told: "was changed at the T" },
  { name: "only metadata are written, already", kind: "write", from: of("new", { metadata: "1" }), replaces: fresh, giver: of("new", { metadata: "1" }), taker: of("new", { metadata: "1" }), told: "done" },
  { name: "only metadata are written", kind: "write", from: of("new", { metadata: "1" }), replaces: fresh, giver: of("new", { metadata: "1" }), taker: fresh, told: "due" },
  { name: "another expiration at the giver", kind: "write", from: of("new", { expiration: EXPIRATION }), giver: of("new", { expiration: EXPIRATION + 60 }), told: "was changed at the G" },
  { name: "an expiration that KV has rounded", kind: "write", from: fresh, replaces: of("old", { expiration: EXPIRATION }), giver: fresh, taker: of("old", { expiration: EXPIRATION + 1 }), told: "due" },
  { name: "no expiration any more at the taker", kind: "write", from: fresh, replaces: of("old", { expiration: EXPIRATION }), giver: fresh, taker: old, told: "was changed at the T" },
  { name: "a rule that gives another time to live", kind: "write", from: of("new", { ttlSeconds: 600 }), giver: of("new", { ttlSeconds: 3600 }), told: "was given another time to live at the G" },
  { name: "a rule that gives a time to live in place of an expiration", kind: "write", from: of("new", { expiration: EXPIRATION }), giver: of("new", { ttlSeconds: 3600 }), told: "was given another time to live at the G" },
  { name: "a rule's time to live", kind: "write", from: of("new", { ttlSeconds: 600 }), giver: of("new", { ttlSeconds: 600 }), told: "due" },
  { name: "a rule's time to live that runs already", kind: "write", from: of("new", { ttlSeconds: 600 }), giver: of("new", { ttlSeconds: 600 }), taker: of("new", { expiration: EXPIRATION }), told: "done" },
  { name: "removes", kind: "remove", replaces: old, taker: old, told: "due" },
  { name: "removed already", kind: "remove", replaces: old, told: "done" },
  { name: "what came back", kind: "remove", replaces: old, giver: fresh, taker: old, told: "has come back at the G" },
  { name: "what came back as it was", kind: "remove", replaces: old, giver: old, taker: old, told: "has come back at the G" },
  { name: "what came back, and is gone where it was to be removed", kind: "remove", replaces: old, giver: fresh, told: "has come back at the G" },
  { name: "a removal of what was changed", kind: "remove", replaces: old, taker: foreign, told: "was changed at the T" },
  { name: "a removal of what has other metadata", kind: "remove", replaces: old, taker: of("old", { metadata: "1" }), told: "was changed at the T" },
];

const TARGETS: readonly Target[] = ["source", "destination"];

function savedOf({ kind, from, replaces }: Row, to: Target): SavedAction {
  return { kind, to, key: KEY, from, replaces, save: true, conflict: undefined };
}

function tripleOf({ giver, taker }: Row, to: Target): Triple {
  const sides = to === "destination" ? { source: giver, destination: taker } : { source: taker, destination: giver };
  return { key: KEY, ...sides, base: undefined, previous: undefined };
}

function expected(row: Row, to: Target): Partial<Followed> {
  if (row.told === "done") return { kind: "done" };
  if (row.told === "due") {
    const action = { kind: row.kind, to, key: KEY, replaces: row.taker, save: true };
    return {
      kind: "due",
      action: expect.objectContaining(row.kind === "write" ? { ...action, from: row.giver } : action),
    };
  }
  const other = to === "source" ? "destination" : "source";
  const message = row.told.replace(/G$/, other).replace(/T$/, to);
  return { kind: "outdated", message: `${message} since the plan was made` };
}

describe.each(TARGETS)("a saved action whose target is the %s", (to) => {
  it.each(ROWS)("$kind, $name: $told", (row) => {
    expect(followAction(savedOf(row, to), tripleOf(row, to))).toEqual(expected(row, to));
  });
});

const LAGS = ["absent", "older", "listing"] as const;
const gone = "is gone at the";
const older = "is again what it was before at the";

interface LagRow {
  readonly name: string;
  /** The side that lags. */
  readonly at: "G" | "T";
  readonly told: Readonly<Record<Lag, "due" | "done" | `${string} at the`>>;
}

// prettier-ignore
const LAG_ROWS: readonly LagRow[] = [
  { name: "replaces", at: "T", told: { absent: gone, older, listing: "due" } },
  { name: "replaces", at: "G", told: { absent: gone, older, listing: "due" } },
  { name: "creates", at: "G", told: { absent: gone, older, listing: "due" } },
  { name: "replaced already", at: "T", told: { absent: "done", older: "done", listing: "done" } },
  { name: "removes", at: "T", told: { absent: "due", older, listing: "due" } },
  { name: "removes", at: "G", told: { absent: gone, older, listing: "due" } },
  { name: "removed already", at: "T", told: { absent: "done", older: "done", listing: "done" } },
];

describe.each(TARGETS)("a saved action of a key that lags, whose target is the %s", (to) => {
  const cases = LAG_ROWS.flatMap((row) => LAGS.map((lag) => ({ ...row, lag, told: row.told[lag] })));

  it.each(cases)("$name, with the listing of $at $lag: $told", ({ name, at, lag, told }) => {
    const row = ROWS.find((other) => other.name === name)!;
    const side = at === "T" ? to : otherSide(to);
    const followed = followAction(savedOf(row, to), { ...tripleOf(row, to), lags: { [side]: lag } });
    if (told === "due" || told === "done") return expect(followed.kind).toBe(told);
    const message = `${told} ${side}, or the ${side} lags behind itself: only the end of the settle window tells`;
    expect(followed).toEqual({ kind: "unsettled", message });
  });
});

describe.each(TARGETS)("what an action replaces or removes at the %s is saved", (to) => {
  const at = 0 as EpochMs;
  const baseOf = ({ fingerprint, size, ...entry }: Entry): BaseRow => {
    return { ...entry, fingerprint: fingerprint!, size: size!, hashedAt: at, agreedAt: at, previous: undefined };
  };
  const rows = ROWS.filter(({ told, replaces }) => told === "due" && replaces !== undefined);

  it.each(rows)("as the plan says, or where the base does not know it: $kind, $name", (row) => {
    const savedWith = (save: boolean, base: BaseRow | undefined): boolean | undefined => {
      const followed = followAction({ ...savedOf(row, to), save }, { ...tripleOf(row, to), base });
      return followed.kind === "due" && "save" in followed.action ? followed.action.save : undefined;
    };
    const known = baseOf(row.taker!);
    expect([savedWith(false, known), savedWith(true, known)]).toEqual([false, true]);
    expect([savedWith(false, undefined), savedWith(false, baseOf(foreign))]).toEqual([true, true]);
  });
});

describe("the follower of a plan", () => {
  const actionOf = (key: string): SavedAction => ({ ...savedOf(ROWS[0]!, "destination"), key: keyOf(key) });

  async function* pages(...all: readonly (readonly string[])[]): SavedActions {
    for (const page of all) yield page.map(actionOf);
  }

  it("gives each action once, with the page of the listing that reaches it, in byte order", async () => {
    const follower = openFollower(pages(["a", "b"], [], ["c", "\uE000"], ["\u{1F600}", "\u{1F601}"]));
    const upTo = async (last: string | undefined): Promise<readonly Key[]> => [
      ...(await follower.upTo(last === undefined ? undefined : keyOf(last))).keys(),
    ];
    expect(await upTo("a0")).toEqual(["a"]);
    expect(await upTo("c")).toEqual(["b", "c"]);
    expect(await upTo("c")).toEqual([]);
    expect(await upTo("\u{1F600}")).toEqual(["\uE000", "\u{1F600}"]);
    expect(await upTo(undefined)).toEqual(["\u{1F601}"]);
    expect(await upTo(undefined)).toEqual([]);
  });

  it("lets go of its file when it is closed early", async () => {
    let isClosed = false;
    async function* opened(): SavedActions {
      try {
        yield [actionOf("a"), actionOf("b")];
        yield [actionOf("c")];
      } finally {
        isClosed = true;
      }
    }
    const follower = openFollower(opened());
    await follower.upTo(keyOf("a"));
    await follower.close();
    expect(isClosed).toBe(true);
  });
});
