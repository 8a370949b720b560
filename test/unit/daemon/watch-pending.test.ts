// Pending changes: when they are due, and what is left of them.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PendingChanges } from "../../../src/daemon/watch/pending-changes.ts";

const limits = { quietMs: 100, maxQuietMs: 1000, goneMs: 1000, dirtyMax: 3 };

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
    pending.takeAll();
    expect(pending.dueAt).toBe(Number.POSITIVE_INFINITY);
  });

  it("are a rescan if there are too many, or if there is anything to be rescanned", () => {
    const pending = new PendingChanges(limits);
    for (const path of ["a", "b", "c", "c"]) pending.addPath(path, 0);
    expect(pending.takeAll()).toEqual({ kind: "paths", paths: ["a", "b", "c"] });
    for (const path of ["a", "b", "c", "d", "e"]) pending.addPath(path, 0);
    expect(pending.takeAll()).toEqual({ kind: "rescan", reason: "more than 3 paths changed at once", reopen: false });
    pending.addPath("a", 0);
    pending.addRescan({ reason: "first", reopen: true }, 0);
    pending.addRescan({ reason: "second", reopen: false }, 0);
    expect(pending.takeAll()).toEqual({ kind: "rescan", reason: "first", reopen: true });
    expect(pending.takeAll()).toEqual({ kind: "paths", paths: [] });
  });

  it("name nothing that lies below another one of them, and leave out nothing else", () => {
    const names = fc.array(fc.constantFrom("a", "b", "a-"), { minLength: 1, maxLength: 4 });
    const path = fc.tuple(names, fc.constantFrom("", "/")).map(([parts, end]) => parts.join("/") + end);
    fc.assert(
      fc.property(fc.array(path, { maxLength: 20 }), (paths) => {
        const pending = new PendingChanges({ ...limits, dirtyMax: 100 });
        for (const each of paths) pending.addPath(each, 0);
        const changes = pending.takeAll();
        const kept = new Set(changes.kind === "paths" ? changes.paths : []);
        const isBelow = (each: string): boolean =>
          paths.some((other) => other !== each && other.endsWith("/") && each.startsWith(other));
        expect(kept).toEqual(new Set(paths.filter((each) => !isBelow(each))));
      }),
    );
  });

  describe("of names that are gone", () => {
    const there = new Set<string>();
    const take = (pending: PendingChanges, now: number) => {
      const changes = pending.takeDue(now, (path) => there.has(path));
      return changes.kind === "paths" ? changes.paths : changes.kind;
    };

    it("wait until the name has been gone for a while, and nothing else waits for them", () => {
      const pending = new PendingChanges(limits);
      there.add("new");
      pending.addPath("gone", 0);
      pending.addPath("folder/", 10);
      pending.addPath("new", 50);
      expect(pending.dueAt).toBe(150);
      expect(take(pending, 150)).toEqual(["folder/", "new"]);
      expect(pending.dueAt).toBe(1000);
      pending.addPath("new", 700);
      expect(take(pending, 800)).toEqual(["new"]);
      expect(pending.dueAt).toBe(1000);
      expect(take(pending, 1000)).toEqual(["gone"]);
      expect(pending.dueAt).toBe(Number.POSITIVE_INFINITY);
    });

    it("are about a change and no removal where the name came back, however often it went", () => {
      const pending = new PendingChanges(limits);
      there.clear();
      pending.addPath("a", 0);
      expect(take(pending, 100)).toEqual([]);
      there.add("a");
      pending.addPath("a", 900);
      expect(take(pending, 1000)).toEqual(["a"]);
      there.clear();
      pending.addPath("a", 1100);
      expect(take(pending, 1200)).toEqual([]);
      expect(pending.dueAt).toBe(2100);
    });

    it("wait no longer for what happens to the name without bringing it back", () => {
      const pending = new PendingChanges(limits);
      there.clear();
      for (const now of [0, 400, 800]) {
        pending.addPath("a", now);
        expect(take(pending, now + 100)).toEqual([]);
      }
      expect(take(pending, 1000)).toEqual(["a"]);
    });

    it("are a rescan, as all others, if there are too many, or if there is anything to be rescanned", () => {
      const pending = new PendingChanges(limits);
      there.clear();
      for (const path of ["a", "b"]) pending.addPath(path, 0);
      expect(take(pending, 100)).toEqual([]);
      for (const path of ["c", "d"]) pending.addPath(path, 200);
      expect(take(pending, 300)).toBe("rescan");
      expect(pending.dueAt).toBe(Number.POSITIVE_INFINITY);
      pending.addPath("a", 1000);
      expect(take(pending, 1100)).toEqual([]);
      expect(pending.takeAll()).toEqual({ kind: "paths", paths: ["a"] });
      expect(pending.dueAt).toBe(Number.POSITIVE_INFINITY);
    });
  });
});
