// What the guards measure a plan by, key by key, as a table; and the trip that follows from it.

import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import type { BaseRow, Entry } from "../../../src/core/entry.ts";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import type { Key } from "../../../src/core/key.ts";
import type { Triple } from "../../../src/engine/merge.ts";
import type { Action, Target } from "../../../src/engine/plan/action.ts";
import { assumeRest, checkPlan, type Measure, measureTriple, openMeasure } from "../../../src/engine/plan/measure.ts";
import { Plan } from "../../../src/engine/plan/plan.ts";
import { openScratchJournal } from "../../../src/journal/journal.ts";
import { openSpool } from "../../../src/journal/spool.ts";
import { openMemoryReplica } from "../../../src/replica/memory.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const NOW = 1_000_000 as EpochMs;

const key = (name: string): Key => name as Key;
const entry = (name: string): Entry => ({
  key: key(name),
  fingerprint: fingerprintOf(Buffer.from(name)),
  metadata: undefined,
  expiration: undefined,
  ttlSeconds: undefined,
  size: 1,
  signature: undefined,
  binary: false,
});
const row = (name: string): BaseRow => ({
  ...entry(name),
  fingerprint: fingerprintOf(Buffer.from(name)),
  size: 1,
  signature: undefined,
  hashedAt: 0 as EpochMs,
  agreedAt: 0 as EpochMs,
  previous: undefined,
});
const triple = (sides: string, name = "k"): Triple => ({
  key: key(name),
  source: sides.includes("s") ? entry(name) : undefined,
  destination: sides.includes("d") ? entry(name) : undefined,
  base: sides.includes("b") ? row(name) : undefined,
  previous: undefined,
});
const remove = (to: Target, name = "k"): Action => ({
  kind: "remove",
  to,
  key: key(name),
  replaces: entry(name),
  save: true,
});
const write = (to: Target, name = "k"): Action => ({
  kind: "write",
  to,
  key: key(name),
  from: entry(name),
  replaces: undefined,
  save: false,
  ifDifferent: false,
  conflict: undefined,
  isKnown: true,
});

/** What of a measure is not zero. */
function told({ keys, overwrites, restored, known, knownRemoves, kept, based }: Measure): object {
  const flat = {
    "keys.source": keys.source,
    "keys.destination": keys.destination,
    "overwrites.source": overwrites.source,
    "overwrites.destination": overwrites.destination,
    "restored.source": restored.source,
    "restored.destination": restored.destination,
    "known.source": known.source,
    "known.destination": known.destination,
    "knownRemoves.source": knownRemoves.source,
    "knownRemoves.destination": knownRemoves.destination,
    kept,
    based,
  };
  return Object.fromEntries(Object.entries(flat).filter(([, count]) => count > 0));
}

describe("a key counts as", () => {
  it.each<[string, sides: string, action: Action | undefined, counts: object]>([
    ["one of its side, if nobody agreed on it", "s", write("destination"), { "keys.source": 1 }],
    [
      "kept, if both have it and nothing is done",
      "sdb",
      undefined,
      { "keys.source": 1, "keys.destination": 1, "known.source": 1, "known.destination": 1, kept: 1, based: 1 },
    ],
    [
      "overwritten, if both have it",
      "sdb",
      write("destination"),
      {
        "keys.source": 1,
        "keys.destination": 1,
        "known.source": 1,
        "known.destination": 1,
        "overwrites.destination": 1,
        based: 1,
      },
    ],
    [
      "a known removal, if it was agreed on",
      "db",
      remove("destination"),
      { "keys.destination": 1, "known.destination": 1, "knownRemoves.destination": 1, based: 1 },
    ],
    ["no known removal, if it was not", "d", remove("destination"), { "keys.destination": 1 }],
    [
      "a known removal of the source",
      "sb",
      remove("source"),
      { "keys.source": 1, "known.source": 1, "knownRemoves.source": 1, based: 1 },
    ],
    [
      "restored, if a side is without what was agreed on",
      "sb",
      write("destination"),
      { "keys.source": 1, "known.source": 1, "restored.destination": 1, based: 1 },
    ],
  ])("%s", (_, sides, action, counts) => {
    const measure = openMeasure();
    measureTriple(measure, triple(sides), action, NOW);
    expect(told(measure)).toEqual(counts);
  });
});

it("keys that a round over some does not see stay as they are", () => {
  const measure = openMeasure();
  measureTriple(measure, triple("db"), remove("destination"), NOW);
  assumeRest(measure, 10);
  expect(told(measure)).toMatchObject({
    "keys.source": 10,
    "keys.destination": 10,
    kept: 9,
    "known.destination": 10,
    "knownRemoves.destination": 1,
  });
});

describe("a plan trips", () => {
  async function trip(names: {
    readonly agreed: number;
    readonly foreign: number;
    readonly gone: number;
  }): Promise<unknown> {
    const journal = openScratchJournal();
    const clock = new FakeClock();
    const plan = new Plan(openSpool(journal, 1));
    const measure = openMeasure();
    const add = (name: string, sides: string, action: Action | undefined): void => {
      measureTriple(measure, triple(sides, name), action, NOW);
      if (action !== undefined) plan.add(action);
    };
    for (let i = 0; i < names.agreed; i++) {
      if (i < names.gone) add(`a${i}`, "db", remove("destination", `a${i}`));
      else add(`a${i}`, "sdb", undefined);
    }
    for (let i = 0; i < names.foreign; i++) add(`f${i}`, "d", undefined);
    add("new", "s", write("destination", "new"));
    const found = await checkPlan(plan, measure, {
      source: openMemoryReplica({ clock, label: "source" }),
      guards: { maxDelete: { share: 0.25 }, maxOverwrite: "not-all" },
    });
    journal.close();
    return found;
  }

  it("if all that was agreed on would go, however much else is there", async () => {
    expect(await trip({ agreed: 3, foreign: 100, gone: 3 })).toMatchObject({
      guard: "source-empty",
      to: "destination",
      removes: 3,
    });
  });

  it("not, if some of it stays", async () => {
    expect(await trip({ agreed: 3, foreign: 100, gone: 2 })).toBeUndefined();
  });

  it("if more than the share of the side would go", async () => {
    expect(await trip({ agreed: 60, foreign: 0, gone: 20 })).toMatchObject({
      guard: "max-delete",
      removes: 20,
      allowed: 15,
    });
  });
});
