// Files that a program takes away for a moment, to save them: a round that looks just then removes nothing.

import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type MemoryReplica, openMemoryReplica } from "../../../src/replica/memory.ts";
import { openPair, type Pair, round } from "../../support/round.ts";
import { TreeFixture } from "../../support/tree-fixture.ts";
import { keyOf } from "../../support/values.ts";

let fixture: TreeFixture;
let remote: MemoryReplica;
let pair: Pair;

beforeEach(async () => {
  fixture = new TreeFixture({ quietMs: 2000 });
  remote = openMemoryReplica({ clock: fixture.clock, label: "remote" });
  for (const name of ["a/1", "a/2", "b"]) fixture.file(name);
  pair = openPair(fixture.clock, fixture.tree, remote);
  await round(pair);
});
afterEach(() => fixture.close());

interface Options {
  readonly only?: readonly ReturnType<typeof keyOf>[];
}

/** A round, and what happens while it waits. */
async function roundBeside(options: Options, act: () => Promise<void>) {
  const running = round(pair, { ...options, force: true });
  while (fixture.clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
  await act();
  return await running;
}

const looks: readonly (readonly [string, Options])[] = [
  ["at everything", {}],
  ["at some keys", { only: ["a/1", "a/2"].map(keyOf) }],
];

it.each(looks)("a look %s waits for a file that was taken away just now", async (_, options) => {
  rmSync(fixture.path("a/1"));
  const result = await roundBeside(options, async () => {
    fixture.file("a/1", "saved");
    await fixture.clock.advance(20);
  });
  expect(result).toMatchObject({ removed: 0, written: 1, problems: [] });
  expect(remote.keys()).toEqual(["a/1", "a/2", "b"]);
});

it.each(looks)("a look %s believes what stays gone for a second", async (_, options) => {
  rmSync(fixture.path("a/1"));
  const result = await roundBeside(options, async () => {
    for (let at = 0; at < 900; at += 100) await fixture.clock.advance(100);
    expect(remote.keys()).toContain("a/1");
    await fixture.clock.advance(100);
  });
  expect(result).toMatchObject({ removed: 1, written: 0 });
  expect(remote.keys()).toEqual(["a/2", "b"]);
});

it("a look does not wait for what has been gone for longer", async () => {
  rmSync(fixture.path("a"), { recursive: true });
  fixture.clock.jump(1500);
  expect(await round(pair, { force: true })).toMatchObject({ removed: 2 });
});

it("a look goes by the folder that is there where the file's own is gone too", async () => {
  rmSync(fixture.path("a"), { recursive: true });
  const result = await roundBeside({}, async () => {
    fixture.file("a/1");
    fixture.file("a/2");
    await fixture.clock.advance(20);
  });
  expect(result).toMatchObject({ removed: 0, unchanged: 3 });
});
