// What is held against the repositories after each round of kills: which snapshots are there, whether every byte of every pack is as it was
// written, and whether each snapshot holds what its namespace held: all are read here, and some, and now and then all, restored by a process.

import { checkRepository } from "../../src/backup/check/check-repository.ts";
import { decodePage } from "../../src/backup/page/page-lines.ts";
import { loadIndex } from "../../src/backup/repository/load-index.ts";
import { openItemReader } from "../../src/backup/repository/open-item-reader.ts";
import type { ItemReader, Repository } from "../../src/backup/repository/repository.ts";
import { listSnapshots, readSnapshot } from "../../src/backup/repository/snapshots.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { copyOf, forgetIn, pruneOf } from "./backup-commands.ts";
import type { KeptSnapshot } from "./kept-snapshots.ts";
import { type Content, differences } from "./kv-contents.ts";
import { isThere, type KilledWorld, RESTORES_AT_ONCE, runIn } from "./killed-world.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A copy into a new repository packs all of it anew, and 5 % of a pack may be unused. */
const SPACE_SHARE_MAX = 1.1;
const SPACE_SLACK_BYTES = 50_000;
const DIFFERENCES_SHOWN = 5;

/** Counts the snapshots of a repository. `keptByForget`: the least that a forget was to keep of each source since the last look. */
export async function account(world: KilledWorld, name: string, keptByForget: number | undefined): Promise<void> {
  if (!isThere(world, name)) return;
  const { report, kept, kv } = world;
  const { snapshots, problems } = await listSnapshots(await world.repository(name));
  report.failures.push(...problems.map((problem) => `${name}: ${problem}`));
  const looked = kept.get(name)!.look(snapshots, { keptByForget, content: (title) => kv.content(title) });
  report.snapshots.untold += looked.untold;
  report.snapshots.forgotten += looked.forgotten;
  report.failures.push(...looked.lost);
}

/** `isAll`: every snapshot is restored by a process; else one. */
export async function look(world: KilledWorld, isAll: boolean): Promise<void> {
  const { chance, kept, report } = world;
  const names = ["main", "copy"].filter((name) => isThere(world, name));
  for (const name of names) await readAll(world, name);
  const all = names.flatMap((name) =>
    kept
      .get(name)!
      .all()
      .map((snapshot) => ({ name, snapshot })),
  );
  const newest = names.flatMap((name) =>
    kept
      .get(name)!
      .newest()
      .map((snapshot) => ({ name, snapshot })),
  );
  const pool = chance() < 0.5 ? newest : all;
  const queue = (isAll ? all : [pool[Math.floor(chance() * pool.length)]!]).values();
  await Promise.all([
    ...Array.from({ length: RESTORES_AT_ONCE }, async (_, slot) => {
      for (const { name, snapshot } of queue) await restore(world, name, { snapshot, slot });
    }),
    ...(isAll ? names.map((name) => check(world, name)) : []),
  ]);
  report.looks++;
}

/** Every byte of every pack, and every key of every snapshot. */
async function readAll(world: KilledWorld, name: string): Promise<void> {
  const { report, kept } = world;
  const repository = await world.repository(name);
  const { faults } = await checkRepository(repository, { clock: systemClock, readShare: 1 });
  report.failures.push(...faults.map(({ message }) => `${name}: ${message}`));
  const index = await loadIndex(repository, { clock: systemClock });
  const reader = openItemReader(repository, index);
  const read = new Set<string>();
  try {
    for (const { id, title, content } of kept.get(name)!.all()) {
      const what = `${name}: snapshot ${id} of ${title}`;
      try {
        tellDifferences(world, what, differences(content, await readContent(repository, reader, { id, read })));
        report.read++;
      } catch (error) {
        report.failures.push(`${what} cannot be read: ${String(error)}`);
      }
    }
  } finally {
    index.close();
  }
}

/** `read`: the values that were read already, which is enough. */
async function readContent(
  repository: Repository,
  reader: ItemReader,
  { id, read }: { readonly id: string; readonly read: Set<string> },
): Promise<Content> {
  const content = new Map<string, { sha256: string; metadata: string | undefined; expiration: number | undefined }>();
  const { pages } = await readSnapshot(repository, id);
  for (const page of pages) {
    for (const { key, sha256, size, metadata, expiration } of decodePage(await reader.page(page.id))) {
      // It is held against its hash.
      if (!read.has(sha256)) await reader.value(sha256, size);
      read.add(sha256);
      content.set(key, { sha256, metadata, expiration });
    }
  }
  return content;
}

function tellDifferences({ report }: KilledWorld, what: string, wrong: readonly string[]): void {
  if (wrong.length === 0) return;
  const shown = wrong.slice(0, DIFFERENCES_SHOWN).join("; ");
  report.failures.push(`${what} has ${wrong.length} differences: ${shown}`);
}

async function check(world: KilledWorld, name: string): Promise<void> {
  const { code, records, text } = await runIn(world, ["check", name, "--read-data", "--json"]);
  const summary = records.find(({ type }) => type === "summary");
  if (code !== 0 || summary?.["faults"] !== 0)
    world.report.failures.push(`check of ${name} ended with ${code}: ${text}`);
}

async function restore(
  world: KilledWorld,
  name: string,
  { snapshot, slot }: { readonly snapshot: KeptSnapshot; readonly slot: number },
): Promise<void> {
  const { report, kv } = world;
  const title = `restored-${report.restores++}`;
  const what = `${name}: snapshot ${snapshot.id} of ${snapshot.title}`;
  const found = await kv.filled(title, async () => {
    const args = ["restore", `${name}@${snapshot.id}`, `dev:${title}`, "-c", `restore-${slot}.yaml`, "--json"];
    const { code, text } = await runIn(world, args);
    const last = text.split("\n").filter((line) => !line.startsWith('{"type":"done"'));
    if (code !== 0) report.failures.push(`${what} does not restore (${code}): ${last.join("\n")}`);
  });
  tellDifferences(world, `${what}, restored,`, differences(snapshot.content, found));
}

/** Forgets all but the newest of each namespace, and prunes until nothing is to be freed: what is left takes about as much as in a new
 * repository. */
export async function makeRoom(world: KilledWorld): Promise<void> {
  const { stores, report } = world;
  for (const name of ["main", "copy"]) {
    if (!isThere(world, name)) continue;
    const before = stores.measure(name).bytes;
    await expectDone(world, forgetIn(name, 1).args);
    await account(world, name, 1);
    // The first marks, the second removes, the third removes the marks; what the first wrote anew is then old enough, too.
    for (let prunes = 0; prunes < 5; prunes++) {
      stores.age(DAY_MS + HOUR_MS, { isAtRest: true });
      await expectDone(world, pruneOf(name).args);
    }
    const { bytes: after, temps, objects } = stores.measure(name);
    await expectDone(world, copyOf(name, `fresh-${name}`).args);
    const { bytes: fresh } = stores.measure(`fresh-${name}`);
    report.space[name] = { before, after, fresh };
    if (after > fresh * SPACE_SHARE_MAX + SPACE_SLACK_BYTES)
      report.failures.push(`${name} takes ${after} bytes, and ${fresh} are enough: ${JSON.stringify(objects)}`);
    if (temps > 0) report.failures.push(`${name} has ${temps} temporary files`);
    if (objects["marks"] !== undefined) report.failures.push(`${name} has ${objects["marks"]} marks`);
  }
  await look(world, true);
}

async function expectDone(world: KilledWorld, args: readonly string[]): Promise<void> {
  const { code, text } = await runIn(world, args);
  if (code !== 0) world.report.failures.push(`${args.join(" ")} ended with ${code}: ${text}`);
}
