// Backups, prunes and people who forget snapshots, all at once on one store, one call at a time in an order that chance decides; hours
// pass between two calls, listings lag, and programs die. In the end every snapshot that was reported as written, and that nobody
// forgot, is there byte for byte.

import { prune } from "../../src/backup/prune/prune.ts";
import { createRepository } from "../../src/backup/repository/create-repository.ts";
import type { Repository, StoredSnapshot } from "../../src/backup/repository/repository.ts";
import { AppError } from "../../src/core/errors.ts";
import { backUp, readAllSnapshots, throughStore, type Values } from "../support/backup-fixture.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { withLaggingLists } from "../support/lagging-store.ts";
import { openMemoryStore } from "../support/memory-store.ts";
import { Killed, Turns, withKillPoint } from "../support/store-turns.ts";
import { chanceOf } from "./sim-clock.ts";

export interface AtOnceReport {
  readonly seed: number;
  readonly written: number;
  readonly forgotten: number;
  readonly killed: number;
  /** Runs that gave up, and said that they are to be started again. */
  readonly gaveUp: number;
  readonly packsRemoved: number;
  readonly copied: number;
  /** What must not be: snapshots that cannot be read, or hold something else. */
  readonly lost: readonly string[];
  readonly failures: readonly string[];
}

const HOUR = 3_600_000;
const GRACE = 24 * HOUR;
const LAG_MS_MAX = 2 * HOUR;
const KEYS = 12;
const ROUNDS = 10;

export async function liveAtOnce(seed: number): Promise<AtOnceReport> {
  const chance = chanceOf(seed);
  const below = (count: number): number => Math.floor(chance() * count);
  const clock = new FakeClock({ seed });
  const inner = openMemoryStore(clock);
  const isLagging = chance() < 0.7;
  const store = isLagging ? withLaggingLists(inner, clock, () => chance() * LAG_MS_MAX) : inner;
  const plain = await createRepository(store, { passphrase: undefined, clock });
  const expected = new Map<string, { readonly values: Values; readonly snapshot: StoredSnapshot }>();
  const counts = { written: 0, forgotten: 0, killed: 0, gaveUp: 0, packsRemoved: 0, copied: 0 };
  const failures: string[] = [];
  const turns = new Turns();
  let number = 0;

  /** One program: what it does through a store of its own, which may be the death of it. */
  const program = (work: (repository: Repository) => Promise<void>) => async (): Promise<void> => {
    const kill =
      chance() < 0.3 ? { call: below(40), when: chance() < 0.5 ? ("before" as const) : ("after" as const) } : undefined;
    try {
      await work(throughStore(plain, withKillPoint(store, { turn: turns.turn, kill })));
    } catch (error) {
      if (error instanceof Killed) counts.killed++;
      else if (error instanceof AppError && isHarmless(error)) counts.gaveUp++;
      else throw error;
    }
  };
  const valuesOf = (): Values => {
    // Few distinct values, so that snapshots share them, and what was forgotten comes back.
    const entries = Array.from({ length: 1 + below(KEYS) }, () => [`k${below(KEYS)}`, `value ${below(30)}`] as const);
    return Object.fromEntries([...entries, ["number", `${number++}`]]);
  };
  const backup = program(async (repository) => {
    const values = valuesOf();
    const known = [...expected.values()];
    const snapshot = await backUp(repository, { clock, values, parent: known[below(known.length + 1)]?.snapshot });
    expected.set(snapshot.id, { values, snapshot });
    counts.written++;
  });
  const forget = program(async (repository) => {
    const [id] = [...expected.keys()].toSorted(() => chance() - 0.5);
    if (id === undefined) return;
    expected.delete(id);
    counts.forgotten++;
    await repository.store.remove(`snapshots/${id}`);
  });
  const pruned = program(async (repository) => {
    const report = await prune(repository, { clock, grace: GRACE, maxUnused: chance() * 0.3, dryRun: false });
    counts.packsRemoved += report.removed.packs;
    counts.copied += report.copied.packs;
  });

  for (let round = 0; round < ROUNDS; round++) {
    // Some rounds take minutes, and some take days: then writers give up.
    const pace = chance() < 0.3 ? 2 * HOUR : HOUR / 30;
    const programs = [backup, backup, forget, forget, pruned, pruned, pruned].slice(below(3));
    const thrown = await turns.run(programs, {
      pick: below,
      onTurn: () => clock.advance(Math.floor(chance() * pace)),
    });
    failures.push(...thrown.map((error) => (error instanceof Error ? (error.stack ?? error.message) : String(error))));
    await clock.advance(Math.floor(chance() * 30 * HOUR));
  }
  const lost = await judge(throughStore(plain, inner), clock, expected);
  return { seed, ...counts, lost, failures };
}

/** It took too long, listings did not show it what was written lately, or what it was about to copy for a snapshot that was forgotten meanwhile
 * was removed by another prune. */
function isHarmless(error: AppError): boolean {
  return (error.code === "repository-refused" && error.retryable) || error.message.startsWith("prune removes nothing");
}

async function judge(
  repository: Repository,
  clock: FakeClock,
  expected: ReadonlyMap<string, { readonly values: Values }>,
): Promise<readonly string[]> {
  let found: ReadonlyMap<string, Values>;
  try {
    found = await readAllSnapshots(repository, clock);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [`a snapshot cannot be read: ${error.message}`];
  }
  return [...expected].flatMap(([id, { values }]) => {
    const held = found.get(id);
    if (held === undefined) return [`${id} is gone`];
    const isSame =
      JSON.stringify(Object.entries(held).toSorted()) === JSON.stringify(Object.entries(values).toSorted());
    return isSame ? [] : [`${id} holds something else`];
  });
}
