// Pending changes: when they are due, and what is left of them.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PendingChanges } from "../../../src/daemon/watch/pending-changes.ts";

const limits = { quietMs: 100, maxQuietMs: 1000, dirtyMax: 3 };

describe("pending changes", () => {
  it("are due after a quiet period, and after a second at most", () => {
    const pending = new PendingChanges(limits);
    expect(pending.dueAt).toBe(Number.POSITIVE_INFINITY);
    pending.addPath("a", 5000);
    expect(pending.dueAt).toBe(5100);
    pending.addRescan({ reason: "r", reopen: false }, 5090);
    expect(pending.dueAt).toBe(5190);
    pending.addPath("a", 5990);
    expect(pending.dueAt).toBe(6000);
    pending.take();
    expect(pending.dueAt).toBe(Number.POSITIVE_INFINITY);
  });

  it("are a rescan if there are too many, or if there is anything to be rescanned", () => {
    const pending = new PendingChanges(limits);
    for (const path of ["a", "b", "c", "c"]) pending.addPath(path, 0);
    expect(pending.take()).toEqual({ kind: "paths", paths: ["a", "b", "c"] });
    for (const path of ["a", "b", "c", "d", "e"]) pending.addPath(path, 0);
    expect(pending.take()).toEqual({ kind: "rescan", reason: "more than 3 paths changed at once", reopen: false });
    pending.addPath("a", 0);
    pending.addRescan({ reason: "first", reopen: true }, 0);
    pending.addRescan({ reason: "second", reopen: false }, 0);
    expect(pending.take()).toEqual({ kind: "rescan", reason: "first", reopen: true });
    expect(pending.take()).toEqual({ kind: "paths", paths: [] });
  });

  it("name nothing that lies below another one of them, and leave out nothing else", () => {
    const names = fc.array(fc.constantFrom("a", "b", "a-"), { minLength: 1, maxLength: 4 });
    const path = fc.tuple(names, fc.constantFrom("", "/")).map(([parts, end]) => parts.join("/") + end);
    fc.assert(
      fc.property(fc.array(path, { maxLength: 20 }), (paths) => {
        const pending = new PendingChanges({ ...limits, dirtyMax: 100 });
        for (const each of paths) pending.addPath(each, 0);
        const changes = pending.take();
        const kept = new Set(changes.kind === "paths" ? changes.paths : []);
        const isBelow = (each: string): boolean =>
          paths.some((other) => other !== each && other.endsWith("/") && each.startsWith(other));
        expect(kept).toEqual(new Set(paths.filter((each) => !isBelow(each))));
      }),
    );
  });
});
