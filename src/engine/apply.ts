// Apply: carries out a plan that the guards let pass, and moves the base for what was confirmed, and for nothing else [I4].
// What would be lost is in the trash before it is replaced or removed [I6]. Writes go before removals: the successor is
// safe before anything goes.

import { sameAttributes, type BaseRow, type Entry } from "../core/entry.ts";
import type { ByteCount, Clock } from "../core/clock.ts";
import { assert } from "../core/errors.ts";
import type { Key } from "../core/key.ts";
import { type Problem, problem } from "../core/problem.ts";
import type { Pages, ReadOutcome, Replica, Value, Write, WriteOutcome } from "../replica/replica.ts";
import { onePage } from "./observe.ts";
import type { Plan, RecordAction, RemoveAction, WriteAction } from "./plan.ts";
import type { BaseStore, Trash, TrashReason } from "../journal/ports.ts";

export interface ApplyDeps {
  readonly clock: Clock;
  readonly source: Replica;
  readonly destination: Replica;
  readonly base: BaseStore;
  readonly trash: Trash;
  readonly signal: AbortSignal | undefined;
  readonly onProblem: (problem: Problem) => void;
  readonly onDone: (done: Done) => void;
}

/** One action has been carried out and confirmed. */
export interface Done {
  readonly kind: "written" | "removed" | "unchanged";
  readonly key: Key;
  readonly replaced: boolean;
  readonly bytes: ByteCount;
}

export async function applyPlan(plan: Plan, deps: ApplyDeps): Promise<void> {
  commitRecords(plan, deps);
  await applyWrites(plan, deps);
  await applyRemoves(plan, deps);
}

function commitRecords(plan: Plan, deps: ApplyDeps): void {
  for (const page of plan.pages("record"))
    deps.base.commit({ record: page.map((action) => recordedRow(action, deps)), forget: [] });
  for (const page of plan.pages("forget")) deps.base.commit({ record: [], forget: page.map((action) => action.key) });
}

function recordedRow({ key, source, destination }: RecordAction, deps: ApplyDeps): BaseRow {
  const fingerprint = source.fingerprint ?? destination.fingerprint;
  const size = source.size ?? destination.size;
  assert(fingerprint !== undefined && size !== undefined, "what is recorded as equal has been compared");
  return {
    key,
    fingerprint,
    metadata: source.metadata,
    expiration: source.expiration ?? destination.expiration,
    size,
    signature: source.signature ?? destination.signature,
    hashedAt: deps.clock.now(),
  };
}

async function applyWrites(plan: Plan, deps: ApplyDeps): Promise<void> {
  if (plan.counts.write === 0) return;
  // Actions whose value has been read and whose write is not yet confirmed: as many as the destination buffers.
  const inFlight = new Map<Key, { readonly action: WriteAction; readonly value: Value }>();
  const writes = pendingWrites(plan, inFlight, deps);
  for await (const outcomes of deps.destination.write(writes, transferOptions(deps))) {
    const record: BaseRow[] = [];
    for (const outcome of outcomes) {
      const pending = inFlight.get(outcome.key);
      assert(pending !== undefined, "a write outcome belongs to a write that was asked for");
      inFlight.delete(outcome.key);
      if (outcome.kind === "problem") {
        deps.onProblem(outcome.problem);
        continue;
      }
      record.push(writtenRow(pending.value, outcome));
      const replaced = pending.action.destination !== undefined;
      deps.onDone({ kind: "written", key: outcome.key, replaced, bytes: pending.value.bytes.byteLength });
    }
    if (record.length > 0) deps.base.commit({ record, forget: [] });
  }
  assert(inFlight.size === 0, "every write has an outcome");
}

function writtenRow(value: Value, outcome: Extract<WriteOutcome, { kind: "written" }>): BaseRow {
  const { entry } = value;
  const written = outcome.entry;
  const fingerprint = entry.fingerprint ?? written.fingerprint;
  assert(fingerprint !== undefined, "a value that was read has a fingerprint");
  return {
    key: outcome.key,
    fingerprint,
    metadata: entry.metadata,
    expiration: written.expiration ?? entry.expiration,
    size: value.bytes.byteLength,
    signature: entry.signature ?? written.signature,
    hashedAt: entry.signature === undefined ? outcome.confirmedAt : value.readAt,
  };
}

/** Reads what the plan wants written, drops what turns out equal, and saves what would be lost. */
async function* pendingWrites(
  plan: Plan,
  inFlight: Map<Key, { readonly action: WriteAction; readonly value: Value }>,
  deps: ApplyDeps,
): Pages<Write> {
  const wanted = new Map<Key, WriteAction>();
  for await (const outcomes of deps.source.read(wantedEntries(plan, wanted), transferOptions(deps))) {
    const writes: { action: WriteAction; value: Value }[] = [];
    for (const outcome of outcomes) {
      const action = wanted.get(outcome.key);
      assert(action !== undefined, "a read outcome belongs to a read that was asked for");
      wanted.delete(outcome.key);
      const value = readValue(outcome, deps);
      if (value === undefined) continue;
      if (action.ifDifferent && isEqual(value.entry, action.destination)) {
        deps.base.commit({
          record: [
            recordedRow(
              { kind: "record", key: action.key, source: value.entry, destination: action.destination! },
              deps,
            ),
          ],
          forget: [],
        });
        deps.onDone({ kind: "unchanged", key: action.key, replaced: false, bytes: 0 });
        continue;
      }
      writes.push({ action, value });
    }
    const unsaved = await saveAll(
      writes.map(({ action }) => action),
      "replaced",
      deps,
    );
    const page: Write[] = [];
    for (const write of writes) {
      if (unsaved.has(write.action.key)) continue;
      inFlight.set(write.action.key, write);
      page.push({ value: write.value, expected: write.action.destination });
    }
    if (page.length > 0) yield page;
  }
}

async function* wantedEntries(plan: Plan, wanted: Map<Key, WriteAction>): Pages<Entry> {
  for (const page of plan.pages("write")) {
    for (const action of page) wanted.set(action.key, action);
    yield page.map((action) => action.source);
  }
}

function readValue(outcome: ReadOutcome, deps: ApplyDeps): Value | undefined {
  switch (outcome.kind) {
    case "value":
      return outcome.value;
    case "problem":
      deps.onProblem(outcome.problem);
      return undefined;
    case "absent":
      deps.onProblem(
        problem("vanished", outcome.key, "was there when listed and is gone now; the next round sees to it"),
      );
      return undefined;
  }
}

function isEqual(source: Entry, destination: Entry | undefined): boolean {
  return (
    destination !== undefined && source.fingerprint === destination.fingerprint && sameAttributes(source, destination)
  );
}

async function applyRemoves(plan: Plan, deps: ApplyDeps): Promise<void> {
  if (plan.counts.remove === 0) return;
  for await (const outcomes of deps.destination.remove(savedRemoves(plan, deps), transferOptions(deps))) {
    const forget: Key[] = [];
    for (const outcome of outcomes) {
      if (outcome.kind === "problem") {
        deps.onProblem(outcome.problem);
        continue;
      }
      forget.push(outcome.key);
      deps.onDone({ kind: "removed", key: outcome.key, replaced: false, bytes: 0 });
    }
    if (forget.length > 0) deps.base.commit({ record: [], forget });
  }
}

async function* savedRemoves(plan: Plan, deps: ApplyDeps): Pages<Entry> {
  for (const page of plan.pages("remove")) {
    const unsaved = await saveAll(page, "removed", deps);
    yield page.filter((action) => !unsaved.has(action.key)).map((action) => action.destination);
  }
}

/** Puts what the destination holds for these actions into the trash, where they ask for it. Returns the keys for which
 * that failed: they must not be touched. A key that is gone already needs no saving. */
async function saveAll(
  actions: readonly (WriteAction | RemoveAction)[],
  reason: TrashReason,
  deps: ApplyDeps,
): Promise<ReadonlySet<Key>> {
  const unsaved = new Set<Key>();
  const entries = actions.flatMap((action) =>
    action.save && action.destination !== undefined ? [action.destination] : [],
  );
  if (entries.length === 0) return unsaved;
  for await (const outcomes of deps.destination.read(onePage(entries), transferOptions(deps))) {
    const values: Value[] = [];
    for (const outcome of outcomes) {
      if (outcome.kind === "value") values.push(outcome.value);
      if (outcome.kind !== "problem") continue;
      deps.onProblem(outcome.problem);
      unsaved.add(outcome.key);
    }
    if (values.length > 0) await deps.trash.save(values, reason);
  }
  return unsaved;
}

function transferOptions(deps: ApplyDeps): { readonly signal?: AbortSignal } {
  return deps.signal === undefined ? {} : { signal: deps.signal };
}
