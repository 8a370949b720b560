// Pushes and pulls between a real folder and a replica in memory, against a model: maps of what each side holds. Between the
// rounds people write and remove keys on both sides, and what the rounds leave has to be what the model says.

import { unlinkSync } from "node:fs";
import { compareUtf8, type Key, parseKey } from "../../src/core/key.ts";
import { encodeKey, valueSuffixedPath } from "../../src/core/names/path-codec.ts";
import { openMemoryReplica } from "../../src/replica/memory.ts";
import type { Replica } from "../../src/replica/replica.ts";
import { openPair, round } from "../support/round.ts";
import { TreeFixture } from "../support/tree-fixture.ts";
import { collect, pagesOf, valueOf } from "../support/values.ts";
import { type FuzzOptions, hostileText, type Random, runCases } from "./random.ts";

export const name = "tree";

const KEYS = 12;
const ROUNDS = 4;

/** Value and metadata, by key. */
type Held = Map<Key, string>;

export function run(options: FuzzOptions): Promise<number> {
  return runCases(name, options, playRounds);
}

async function playRounds(random: Random): Promise<void> {
  const names = random.pick(["posix", "portable"] as const);
  const fixture = new TreeFixture({ names });
  try {
    const memory = openMemoryReplica({ clock: fixture.clock, label: "memory" });
    const model = { tree: new Map() as Held, memory: new Map() as Held };
    const keys = keysOf(random);
    for (let i = 0; i < ROUNDS; i++) {
      for (let edits = random.below(6); edits > 0; edits--) {
        const key = random.pick(keys);
        const side = random.pick(["tree", "memory"] as const);
        await edit(fixture, side === "tree" ? fixture.tree : memory, model[side], key, random);
      }
      const isPush = random.oneIn(2);
      const mirror = random.oneIn(2) ? "all" : "none";
      const [source, destination] = isPush ? [fixture.tree, memory] : [memory, fixture.tree];
      const pair = openPair(fixture.clock, source, destination);
      const { problems } = await round(pair, { delete: mirror, force: true });
      pair.journal.close();
      // A sidecar whose value a person removed is told of, and is no failure.
      const failures = problems.filter(({ failure }) => failure);
      if (failures.length > 0) throw new Error(`problems: ${JSON.stringify(failures)}`);
      const [from, to] = isPush ? [model.tree, model.memory] : [model.memory, model.tree];
      if (mirror === "all") to.clear();
      for (const [key, held] of from) to.set(key, held);
      await expectHeld(fixture.tree, model.tree, "the tree");
      await expectHeld(memory, model.memory, "the memory");
    }
    await collect(fixture.tree.remove(pagesOf(await collect(fixture.tree.list({ onProblem: () => {} })))));
    const left = Object.keys(fixture.files()).filter((path) => !path.endsWith("%meta"));
    if (left.length > 0) throw new Error(`left over: ${JSON.stringify(left)}`);
  } finally {
    fixture.close();
  }
}

/** Keys that come into each other's way: one is often the folder of another. */
function keysOf(random: Random): readonly Key[] {
  const keys: Key[] = [];
  while (keys.length < KEYS) {
    const text =
      random.oneIn(3) && keys.length > 0 ? `${random.pick(keys)}/${hostileText(random, 3)}` : hostileText(random, 6);
    const key = parseKey(text);
    if (key !== undefined) keys.push(key);
  }
  return keys;
}

async function edit(fixture: TreeFixture, side: Replica, held: Held, key: Key, random: Random): Promise<void> {
  const listed = (await collect(side.list({ onProblem: () => {} }))).find((entry) => entry.key === key);
  if (listed !== undefined && random.oneIn(3)) {
    const removed = await collect(side.remove(pagesOf([listed])));
    if (removed[0]?.kind !== "removed") throw new Error(`not removed: ${JSON.stringify(removed)}`);
    held.delete(key);
    return;
  }
  const text = hostileText(random, 20);
  const metadata = random.oneIn(3) ? JSON.stringify(hostileText(random, 5)) : undefined;
  const value = valueOf(fixture.clock, key, text, metadata === undefined ? {} : { metadata });
  const written = await collect(side.write(pagesOf([{ value, expected: listed }])));
  if (written[0]?.kind !== "written") throw new Error(`not written: ${JSON.stringify(written)}`);
  held.set(key, JSON.stringify([text, metadata ?? null]));
  // A person may as well remove the file alone: a sidecar without a value counts for nothing.
  if (side === fixture.tree && random.oneIn(8)) {
    removeFile(fixture, key);
    held.delete(key);
  }
}

function removeFile(fixture: TreeFixture, key: Key): void {
  const paths = (["posix", "portable"] as const).flatMap((scheme) => [
    encodeKey(key, scheme),
    valueSuffixedPath(key, scheme),
  ]);
  for (const path of paths) {
    try {
      unlinkSync(fixture.path(path));
      return;
    } catch (error) {
      if (
        !["ENOENT", "ENOTDIR", "EISDIR", "EPERM", "ENAMETOOLONG"].includes((error as NodeJS.ErrnoException).code ?? "")
      )
        throw error;
    }
  }
  throw new Error(`no file of ${JSON.stringify(key)}`);
}

async function expectHeld(side: Replica, held: Held, what: string): Promise<void> {
  const entries = await collect(side.list({ onProblem: () => {} }));
  const outcomes = await collect(side.read(pagesOf(entries)));
  const found = outcomes.map((outcome) => {
    if (outcome.kind !== "value") throw new Error(`${what}: ${JSON.stringify(outcome)}`);
    const { entry, bytes } = outcome.value;
    return [entry.key, JSON.stringify([Buffer.from(bytes).toString(), entry.metadata ?? null])] as const;
  });
  const sort = (items: Iterable<readonly [Key, string]>): string =>
    JSON.stringify([...items].sort(([a], [b]) => compareUtf8(a, b)));
  if (sort(found) !== sort(held)) throw new Error(`${what} has ${sort(found)} rather than ${sort(held)}`);
}
