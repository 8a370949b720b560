// Which new folders are held back, and how they are let go.

import { describe, expect, it } from "vitest";
import { HeldFolders } from "../../../src/daemon/watch/held-folders.ts";

/** Takes parts of at most three names, of folders that hold one file each. */
function take(held: HeldFolders): readonly string[] {
  return held.take(3, (path) => (path.startsWith("gone") ? undefined : 1));
}

function admitAll(held: HeldFolders, paths: readonly string[]): readonly string[] {
  return paths.map((path) => held.admit(path));
}

describe("new folders", () => {
  it("are read as they come while they are few, and whoever asks again gets the same answer", () => {
    const held = new HeldFolders(2);
    expect(admitAll(held, ["a", "b", "a", "b"])).toEqual(["admitted", "admitted", "admitted", "admitted"]);
    expect(held.isEmpty).toBe(true);
    expect(admitAll(held, ["c", "c", "a"])).toEqual(["held-now", "held", "admitted"]);
    expect([held.isEmpty, held.has("c"), held.has("a")]).toEqual([false, true, false]);
  });

  it("are few again once what came before was reported, but not while any is held back", () => {
    const held = new HeldFolders(1);
    held.admit("a");
    held.startAnew();
    expect(admitAll(held, ["b", "c"])).toEqual(["admitted", "held-now"]);
    held.startAnew();
    expect(held.admit("d")).toBe("held-now");
  });

  it("are let go in parts, in the order in which they came, without those that are gone", () => {
    const held = new HeldFolders(0);
    admitAll(held, ["a", "gone", "b", "c", "gone-too"]);
    expect(take(held)).toEqual(["a", "b"]);
    expect(admitAll(held, ["a", "b", "c", "a/in"])).toEqual(["admitted", "admitted", "held", "held-now"]);
    expect(take(held)).toEqual(["c", "a/in"]);
    expect(held.isEmpty).toBe(true);
    expect(take(held)).toEqual([]);
  });

  it("are read once they were let go, and may be held back again once they were watched or are gone", () => {
    const held = new HeldFolders(0);
    admitAll(held, ["a", "b"]);
    held.letGo("a");
    expect(admitAll(held, ["a", "b"])).toEqual(["admitted", "held"]);
    held.forget("a");
    held.forget("b");
    expect(admitAll(held, ["a", "b"])).toEqual(["held-now", "held-now"]);
    held.clear();
    expect(held.isEmpty).toBe(true);
  });
});
