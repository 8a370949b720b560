// Apply: carries out a plan that the guards let pass, and moves the base for what was confirmed, and for nothing else [I4].
// What would be lost is in the trash before it is replaced or removed [I6]. Writes go before removals, on both sides: the
// successor is safe before anything goes.

import { assert } from "../../core/errors.ts";
import type { Entry } from "../../core/entry.ts";
import type { Key } from "../../core/key.ts";
import type { Pages } from "../../replica/replica.ts";
import { saveLosses } from "../losses.ts";
import type { Done, Target } from "../plan/action.ts";
import type { Plan } from "../plan/plan.ts";
import { type ApplyDeps, changeOptions, type Direction, failed, lossDeps, sides } from "./direction.ts";
import { pendingWrites } from "./pending-writes.ts";
import { equalRow, type InFlight, openRecorder, writtenRow } from "./rows.ts";

export async function applyPlan(plan: Plan, deps: ApplyDeps): Promise<void> {
  commitRecords(plan, deps);
  for (const to of TARGETS)
    if (plan.counts[`write:${to}`] > 0) await applyWrites(plan, { ...deps, ...sides(deps, to) });
  for (const to of TARGETS)
    if (plan.counts[`remove:${to}`] > 0) await applyRemoves(plan, { ...deps, ...sides(deps, to) });
}

const TARGETS: readonly Target[] = ["source", "destination"];

function commitRecords(plan: Plan, deps: ApplyDeps): void {
  for (const page of plan.pages("record")) {
    const record = page.map((action) => equalRow(action.source, action.destination, deps));
    deps.base.commit({ record, forget: [], now: deps.clock.now() });
  }
  for (const page of plan.pages("forget")) {
    deps.base.commit({ record: [], forget: page.map((action) => action.key), now: deps.clock.now() });
  }
}

async function applyWrites(plan: Plan, direction: Direction): Promise<void> {
  // Actions whose value has been read and whose write is not yet confirmed: as many as the side buffers.
  const inFlight = new Map<Key, InFlight>();
  const writes = pendingWrites(plan, inFlight, direction);
  const record = openRecorder(direction);
  try {
    for await (const outcomes of direction.into.write(writes, changeOptions(direction))) {
      for (const outcome of outcomes) {
        const pending = inFlight.get(outcome.key);
        assert(pending !== undefined, "a write outcome belongs to a write that was asked for");
        inFlight.delete(outcome.key);
        const { replaces: replaced, size: bytes, isConflict, copy } = pending;
        const { key } = outcome;
        const kept = outcome.kind === "written" ? (outcome.keptAside ?? copy) : copy;
        const done: Done = { kind: "written", to: direction.to, key, replaced, bytes, isConflict, copy: kept };
        if (outcome.kind === "problem") {
          failed(done, outcome.problem, isConflict, direction);
          continue;
        }
        record.add(writtenRow(pending, outcome));
        direction.onDone(done);
      }
      record.commitMany();
    }
  } finally {
    // Also when the side fails, or the round is stopped: what was confirmed until then is known.
    record.commit();
  }
  assert(inFlight.size === 0, "every write has an outcome");
}

async function applyRemoves(plan: Plan, direction: Direction): Promise<void> {
  for await (const outcomes of direction.into.remove(savedRemoves(plan, direction), changeOptions(direction))) {
    const forget: Key[] = [];
    for (const outcome of outcomes) {
      const done: Done = { kind: "removed", to: direction.to, key: outcome.key, replaced: false, bytes: 0 };
      if (outcome.kind === "problem") {
        failed(done, outcome.problem, false, direction);
        continue;
      }
      forget.push(outcome.key);
      direction.onDone(done);
    }
    const overwrites = direction.to === "destination";
    if (forget.length > 0) direction.base.commit({ record: [], forget, now: direction.clock.now(), overwrites });
  }
}

async function* savedRemoves(plan: Plan, direction: Direction): Pages<Entry> {
  for (const page of plan.pages(`remove:${direction.to}`)) {
    const unsaved = await saveLosses(page, "removed", lossDeps(direction));
    yield page.filter((action) => !unsaved.has(action.key)).map((action) => action.replaces);
  }
}
