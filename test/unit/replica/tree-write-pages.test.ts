// Groups of writes that are under way together, and those that must not be.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Write, WriteOutcome } from "../../../src/replica/replica.ts";
import { areApart, foldersOf } from "../../../src/replica/tree/write/grouping.ts";
import { codeOf, TreeFixture } from "../../support/tree-fixture.ts";

let fixture: TreeFixture;
beforeEach(() => {
  fixture = new TreeFixture();
});
afterEach(() => fixture.close());

const writeOf = (key: string, content = key): Write => ({ value: fixture.value(key, content), expected: undefined });

describe("two groups are apart", () => {
  it.each<[boolean, string, readonly string[], readonly string[]]>([
    [true, "in other folders", ["a/1", "a/2"], ["b/1"]],
    [true, "in folders whose names begin alike", ["a/1"], ["ab/1"]],
    [false, "in the same folder", ["a/1"], ["a/2"]],
    [false, "in a folder below", ["a/1"], ["b/1", "a/b/c/2"]],
    [false, "in a folder above", ["b/1", "a/b/c/2"], ["a/1"]],
    [false, "in the root, which is above all", ["1"], ["a/1"]],
    [false, "in the root, the other way round", ["a/1"], ["1"]],
  ])("%s: %s", (apart, _, one, other) => {
    expect(areApart(foldersOf(one.map((key) => writeOf(key))), foldersOf(other.map((key) => writeOf(key))))).toBe(
      apart,
    );
  });
});

/** Writes these pages. `events`: which page was asked for, and which outcomes came, in that order. */
async function watch(pages: readonly (readonly Write[])[], signal?: AbortSignal): Promise<string[]> {
  const events: string[] = [];
  async function* source() {
    for (const [i, page] of pages.entries()) {
      events.push(`page ${i}`);
      yield page;
    }
  }
  const written = fixture.tree.write(source(), signal === undefined ? {} : { signal });
  try {
    for await (const outcomes of written) events.push(...outcomes.map((outcome) => describeOutcome(outcome)));
  } catch (error) {
    events.push(`failed: ${(error as Error).message}`);
  }
  return events;
}

function describeOutcome(outcome: WriteOutcome): string {
  return `${codeOf(outcome)} ${outcome.key}`;
}

describe("pages", () => {
  it("are asked for while the one before is under way, if they are apart; outcomes keep their order", async () => {
    expect(await watch([[writeOf("a/1")], [writeOf("b/1")], [writeOf("c/1")]])).toEqual([
      "page 0",
      "page 1",
      "written a/1",
      "page 2",
      "written b/1",
      "written c/1",
    ]);
  });

  it("are written one after the other where they are not", async () => {
    expect(await watch([[writeOf("a/1")], [writeOf("a/b/1"), writeOf("a")], [writeOf("a/2")]])).toEqual([
      "page 0",
      "page 1",
      "written a/1",
      "page 2",
      "written a/b/1",
      "written a",
      "written a/2",
    ]);
    expect((await fixture.list()).keys).toEqual(["a", "a/1", "a/2", "a/b/1"]);
  });

  it("are not held together when they are large", async () => {
    const large = "x".repeat(3_000_000);
    const started = await watch([[writeOf("a/1", large)], [writeOf("b/1", large)], [writeOf("c/1")]]);
    expect(started.slice(0, 4)).toEqual(["page 0", "page 1", "written a/1", "page 2"]);
  });

  it("that were begun have their outcomes before the run is stopped", async () => {
    const stop = new AbortController();
    async function* source() {
      yield [writeOf("a/1")];
      stop.abort(new Error("stopped"));
      yield [writeOf("b/1")];
    }
    const written: string[] = [];
    const run = async (): Promise<void> => {
      for await (const outcomes of fixture.tree.write(source(), { signal: stop.signal }))
        written.push(...outcomes.map(describeOutcome));
    };
    await expect(run()).rejects.toThrow("stopped");
    expect(written).toEqual(["written a/1"]);
    expect((await fixture.list()).keys).toEqual(["a/1"]);
  });

  it("end with what ends the source, and leave nothing running", async () => {
    async function* source() {
      yield [writeOf("a/1")];
      throw new Error("no more");
    }
    const run = async (): Promise<void> => {
      for await (const _ of fixture.tree.write(source()));
    };
    await expect(run()).rejects.toThrow("no more");
    // It was begun, and is whole.
    expect((await fixture.list()).keys).toEqual(["a/1"]);
  });

  it("are put together once a second thread writes them, and what was read is written whatever ends the source", async () => {
    async function* source() {
      for (let i = 0; i < 100; i++) {
        // The thread takes a moment to start.
        if (i > 15) await new Promise((resolve) => setTimeout(resolve, 5));
        yield Array.from({ length: 30 }, (_, k) => writeOf(`f${String(i).padStart(2, "0")}/${k}`));
      }
      throw new Error("no more");
    }
    const sizes: number[] = [];
    const run = async (): Promise<void> => {
      for await (const outcomes of fixture.tree.write(source())) {
        sizes.push(outcomes.length);
        expect(new Set(outcomes.map(codeOf))).toEqual(new Set(["written"]));
      }
    };
    await expect(run()).rejects.toThrow("no more");
    expect(Math.min(...sizes)).toBe(30);
    expect(Math.max(...sizes)).toBeGreaterThanOrEqual(400);
    expect((await fixture.list()).keys).toHaveLength(3000);
  });
});
