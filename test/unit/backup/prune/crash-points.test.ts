// A backup and a prune, killed at each of their calls to the store in turn, before and after it took effect: no snapshot loses
// anything, and what is left over is freed by the prunes that follow.

import { describe, expect, it } from "vitest";
import { prune } from "../../../../src/backup/prune/prune.ts";
import { createRepository } from "../../../../src/backup/repository/create-repository.ts";
import type { Repository, StoredSnapshot } from "../../../../src/backup/repository/repository.ts";
import {
  backUp,
  forgetSnapshot,
  readAllSnapshots,
  throughStore,
  type Values,
} from "../../../support/backup-fixture.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { type MemoryStore, openMemoryStore } from "../../../support/memory-store.ts";
import { Killed, withKillPoint } from "../../../support/store-turns.ts";

const GRACE = 24 * 3_600_000;
/** What is left over is freed after every so many of the calls: that takes four more prunes each. SIMULATE_ALL=1 does it after each. */
const FREED_EACH = process.env["SIMULATE_ALL"] === undefined ? 9 : 1;

interface World {
  readonly clock: FakeClock;
  readonly store: MemoryStore;
  readonly repository: Repository;
  readonly kept: StoredSnapshot;
}

const one = numbered(60, "one");
const few: Values = { ...Object.fromEntries(Object.entries(one).slice(0, 8)), more: "x" };
const next: Values = { ...few, more: "y" };

function numbered(count: number, round: string): Values {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`key ${i}`, `value ${i} of ${round}`]));
}

const pruneIn = (world: World, repository = world.repository) =>
  prune(repository, { clock: world.clock, grace: GRACE, maxUnused: 0.05, dryRun: false });

/** A snapshot that was forgotten, and one that needs a little of its packs, older than the grace. */
async function forgottenWorld(): Promise<World> {
  const clock = new FakeClock();
  const store = openMemoryStore(clock);
  const repository = await createRepository(store, { passphrase: undefined, clock });
  const first = await backUp(repository, { clock, values: one });
  // Enough index objects to be merged.
  for (let i = 0; i < 7; i++)
    await forgetSnapshot(repository, (await backUp(repository, { clock, values: { k: `${i}` } })).id);
  const kept = await backUp(repository, { clock, values: few, parent: first });
  await forgetSnapshot(repository, first.id);
  await clock.advance(GRACE);
  return { clock, store, repository, kept };
}

async function markedWorld(): Promise<World> {
  const world = await forgottenWorld();
  await pruneIn(world);
  await world.clock.advance(GRACE);
  return world;
}

async function removedWorld(): Promise<World> {
  const world = await markedWorld();
  await pruneIn(world);
  await world.clock.advance(GRACE);
  return world;
}

/** Packs that a snapshot needs are marked, by whomever. */
async function wronglyMarkedWorld(): Promise<World> {
  const world = await forgottenWorld();
  for (const name of [...world.store.objects.keys()].filter((each) => each.startsWith("packs/")))
    await world.store.putNew(`marks/${name.slice(-64)}`, new Uint8Array());
  await world.clock.advance(GRACE);
  return world;
}

async function backUpNext(world: World, repository: Repository): Promise<StoredSnapshot> {
  return backUp(repository, { clock: world.clock, values: next, parent: world.kept });
}

const worlds = { forgottenWorld, markedWorld, removedWorld, wronglyMarkedWorld };
const programs = { prune: pruneIn, backup: backUpNext };
const WORLDS = Object.keys(worlds) as (keyof typeof worlds)[];
const PROGRAMS = Object.keys(programs) as (keyof typeof programs)[];

/** `world` once more, so that it can be spoilt. */
function copyOf({ store, repository, kept, clock }: World): World {
  const now = new FakeClock({ now: clock.now() });
  const copied = openMemoryStore(now);
  for (const [name, object] of store.objects) copied.objects.set(name, object);
  return { clock: now, store: copied, repository: throughStore(repository, copied), kept };
}

async function killedAt(
  world: World,
  program: keyof typeof programs,
  kill: { call: number; when: "before" | "after" },
) {
  const store = withKillPoint(world.store, { kill });
  try {
    await programs[program](world, throughStore(world.repository, store));
    return { isKilled: false, calls: store.calls };
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return { isKilled: true, calls: store.calls };
  }
}

/** Says where it went wrong. */
function at(where: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

async function checkWorld(world: World, where: string): Promise<void> {
  const found = await readAllSnapshots(world.repository, world.clock);
  at(where, () => expect(found.get(world.kept.id)).toEqual(few));
  // The backup's own snapshot may be there, if it was killed as it wrote it.
  for (const [id, values] of found) if (id !== world.kept.id) at(where, () => expect(values).toEqual(next));
}

async function checkFreed(world: World, where: string): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await pruneIn(world);
    await world.clock.advance(GRACE);
    await checkWorld(world, where);
  }
  const report = await pruneIn(world);
  const none = { packs: 0, bytes: 0 };
  const all = { marked: none, rewritten: none, removed: none, young: none, marksRemoved: 0 };
  const marks = [...world.store.objects.keys()].filter((name) => name.startsWith("marks/"));
  at(where, () => expect({ ...report, marks }).toMatchObject({ ...all, marks: [] }));
}

describe.each(WORLDS)("in a %s", (name) => {
  it.each(PROGRAMS)("a %s may be killed at each of its calls", { timeout: 120_000 }, async (program) => {
    const base = await worlds[name]();
    for (const when of ["before", "after"] as const) {
      for (let call = 0; ; call++) {
        const world = copyOf(base);
        const { isKilled, calls } = await killedAt(world, program, { call, when });
        const where = `killed ${when} call ${call}: ${calls.at(-1)}`;
        await checkWorld(world, where);
        if (call % FREED_EACH === 0 || !isKilled) await checkFreed(world, where);
        if (!isKilled) break;
      }
    }
  });
});
