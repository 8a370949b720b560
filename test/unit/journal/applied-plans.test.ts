// Which plans were applied is remembered, in each journal, also in one that a kvsync began which knew no plans.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import { openAppliedPlans } from "../../../src/journal/applied-plans.ts";
import { openBase } from "../../../src/journal/base.ts";
import { JOURNAL_FILE, openJournal } from "../../../src/journal/journal.ts";
import { MIGRATIONS } from "../../../src/journal/schema.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { collect, entryOf } from "../../support/values.ts";

const clock = new FakeClock();
const NOW = clock.now();
const LATER = (NOW + 1000.5) as EpochMs;

let stateDir = "";
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "kvsync-applied-"));
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

describe("applied plans", () => {
  it("are told apart by their digest and by their round, over a restart", () => {
    const first = openJournal({ stateDir, clock });
    const plans = openAppliedPlans(first);
    expect(plans.get("one", 0)).toBeUndefined();
    plans.put("one", 0, NOW);
    plans.put("one", 2, LATER);
    first.close();
    const again = openJournal({ stateDir, clock });
    const found = openAppliedPlans(again);
    expect([0, 1, 2].map((round) => found.get("one", round))).toEqual([NOW, undefined, LATER]);
    expect(found.get("two", 0)).toBeUndefined();
    again.close();
  });

  it("may be noted once more", () => {
    const journal = openJournal({ stateDir, clock });
    const plans = openAppliedPlans(journal);
    plans.put("one", 0, NOW);
    plans.put("one", 0, LATER);
    expect(plans.get("one", 0)).toBe(LATER);
    journal.close();
  });

  it("are kept in a journal that an older kvsync has written, which keeps what was in it", async () => {
    const before = MIGRATIONS.findIndex((step) => step.includes("CREATE TABLE applied_plan"));
    expect(before).toBeGreaterThan(0);
    const { fingerprint } = entryOf("kept", "value");
    const file = new DatabaseSync(join(stateDir, JOURNAL_FILE));
    for (const step of MIGRATIONS.slice(0, before)) file.exec(step);
    file.exec(`PRAGMA user_version = ${before}`);
    file.exec("INSERT INTO pair (id, identity) VALUES (1, 'pair')");
    file
      .prepare(
        "INSERT INTO base (pair, key, fingerprint, size, hashed_at_ms) VALUES (1, CAST('kept' AS BLOB), ?, 5, 1)",
      )
      .run(fingerprint!);
    file.close();
    const journal = openJournal({ stateDir, clock });
    expect(journal.replaced).toBeUndefined();
    expect(journal.database.prepare("PRAGMA user_version").get()).toEqual({ user_version: MIGRATIONS.length });
    expect(await collect(openBase(journal, "pair").scan())).toMatchObject([{ key: "kept", fingerprint, size: 5 }]);
    const plans = openAppliedPlans(journal);
    expect(plans.get("one", 0)).toBeUndefined();
    plans.put("one", 0, NOW);
    expect(plans.get("one", 0)).toBe(NOW);
    journal.close();
  });
});
