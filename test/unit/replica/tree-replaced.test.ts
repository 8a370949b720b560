// Files that lose their place while a program still has them open and writes to them: nothing that it writes is lost.

import fs, { appendFileSync, closeSync, openSync, writeSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, describe, expect, it } from "vitest";
import type { Clock } from "../../../src/core/clock.ts";
import { systemClock } from "../../../src/core/system-clock.ts";
import { codeOf, TreeFixture } from "../../support/tree-fixture.ts";

let fixture: TreeFixture;
afterEach(() => fixture.close());

describe("a file that changed a moment ago", () => {
  /** The program goes on writing when it is waited for. */
  const writingOn = (write: () => void): Clock => ({
    ...systemClock,
    now: () => systemClock.now(),
    sleep: async () => write(),
  });

  it("is not replaced if the program goes on writing", async () => {
    let waits = 0;
    const clock = writingOn(() => {
      waits++;
      appendFileSync(fixture.path("a"), " and more");
    });
    fixture = new TreeFixture({ quietMs: 60_000, clock });
    fixture.file("a", "begun");
    const expected = await fixture.entry("a");
    const outcome = await fixture.write("a", "new", { expected });
    expect([codeOf(outcome), waits]).toEqual(["changed-on-disk", 1]);
    expect(fixture.files()).toEqual({ a: "begun and more" });
  });

  it("is not removed if the program goes on writing", async () => {
    fixture = new TreeFixture({
      quietMs: 60_000,
      clock: writingOn(() => appendFileSync(fixture.path("a"), " and more")),
    });
    fixture.file("a", "begun");
    expect((await fixture.remove(await fixture.entry("a"))).map(codeOf)).toEqual(["changed-on-disk"]);
    expect(fixture.files()).toEqual({ a: "begun and more" });
  });

  it("is replaced, and removed, once it has been quiet", async () => {
    fixture = new TreeFixture({ quietMs: 30, clock: systemClock });
    fixture.file("a", "old");
    fixture.file("b", "old");
    const expected = await fixture.entry("a");
    expect(codeOf(await fixture.write("a", "new", { expected }))).toBe("written");
    expect((await fixture.remove(await fixture.entry("b"))).map(codeOf)).toEqual(["removed"]);
    expect(fixture.files()).toEqual({ a: "new" });
  });

  it("is left alone if the run ends while it is waited for, and so is not what is new", async () => {
    const stop = new AbortController();
    const clock = writingOn(() => {
      stop.abort(new Error("stopped"));
      throw new Error("stopped");
    });
    fixture = new TreeFixture({ quietMs: 60_000, clock });
    fixture.file("a", "old");
    const expected = await fixture.entry("a");
    const outcomes: unknown[] = [];
    const writes = (async function* () {
      yield [
        { value: fixture.value("a", "new"), expected },
        { value: fixture.value("b", "new"), expected: undefined },
      ];
    })();
    for await (const page of fixture.tree.write(writes, { signal: stop.signal })) outcomes.push(...page.map(codeOf));
    expect(outcomes).toEqual(["changed-on-disk", "written"]);
    expect(fixture.files()).toEqual({ a: "old", b: "new" });
  });
});

it("what a program writes to the file after that has lost its place is kept as a conflict copy", async () => {
  let late: number | undefined;
  // The moment of a write is asked for right after it has taken its place.
  const clock: Clock = {
    ...systemClock,
    now: () => {
      if (late !== undefined) writeSync(late, " and the end");
      return systemClock.now();
    },
  };
  fixture = new TreeFixture({ clock });
  fixture.file("folder/a", "the beginning");
  const expected = await fixture.entry("folder/a");
  const fd = openSync(fixture.path("folder/a"), "a");
  const value = fixture.value("folder/a", "new");
  const writes = (async function* () {
    late = fd;
    yield [{ value, expected }];
  })();
  const outcomes: { kind: string }[] = [];
  for await (const page of fixture.tree.write(writes)) {
    late = undefined;
    outcomes.push(...page);
  }
  closeSync(fd);
  expect(outcomes.map(codeOf)).toEqual(["changed-on-disk"]);
  const files = Object.entries(fixture.files());
  expect(files.find(([path]) => path === "folder/a")?.[1]).toBe("new");
  expect(files.find(([path]) => path.startsWith("folder/a%conflict-"))?.[1]).toMatch(/^the beginning and the end/);
});

it("a file that somebody removes first takes its sidecar along all the same", async () => {
  fixture = new TreeFixture();
  fixture.file("folder/a", "value");
  fixture.file("folder/a%meta", '{"metadata":1}');
  const entry = await fixture.entry("folder/a");
  const { unlinkSync } = fs;
  fs.unlinkSync = (path) => {
    fs.unlinkSync = unlinkSync;
    syncBuiltinESMExports();
    // Theirs, and then ours.
    unlinkSync(path);
    unlinkSync(path);
  };
  syncBuiltinESMExports();
  expect((await fixture.remove(entry)).map(codeOf)).toEqual(["removed"]);
  expect(fixture.files()).toEqual({});
});
