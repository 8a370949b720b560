// Pages of writes: one group after the other, each with its outcomes whatever ends the run.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Write, WriteOutcome } from "../../../src/replica/replica.ts";
import { codeOf, TreeFixture } from "../../support/tree-fixture.ts";

let fixture: TreeFixture;
beforeEach(() => {
  fixture = new TreeFixture();
});
afterEach(() => fixture.close());

const writeOf = (key: string, content = key): Write => ({ value: fixture.value(key, content), expected: undefined });

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
  it("are asked for when the one before is written; outcomes keep their order", async () => {
    expect(await watch([[writeOf("a/1")], [writeOf("a/b/1"), writeOf("a")], [writeOf("a/2")]])).toEqual([
      "page 0",
      "written a/1",
      "page 1",
      "written a/b/1",
      "written a",
      "page 2",
      "written a/2",
    ]);
    expect((await fixture.list()).keys).toEqual(["a", "a/1", "a/2", "a/b/1"]);
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
});
