// The names in folders of any size: in order, and as they are.

import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readNames, streamNames } from "../../../src/replica/tree/scan/folder-names.ts";
import { SortedNames } from "../../../src/replica/tree/scan/sorted-names.ts";
import { TreeFixture } from "../../support/tree-fixture.ts";

function drain(names: SortedNames): string[] {
  const all: string[] = [];
  for (let name = names.current; name !== undefined; name = names.current) {
    all.push(name);
    names.advance();
  }
  return all;
}

describe("sorted names", () => {
  it.each([0, 1, 100, 4095, 4096, 4097, 8192, 50_000])("come in order: %d of them", (count) => {
    const names = Array.from({ length: count }, (_, i) => `\u00e9${(i * 7919) % 1_000_003}-${i}`);
    const sorted = new SortedNames();
    for (const name of names) sorted.add(name);
    sorted.sort();
    expect(drain(sorted)).toEqual(names.toSorted());
    expect(sorted.current).toBeUndefined();
  });
});

describe("the names in a folder", () => {
  let fixture: TreeFixture;
  beforeEach(() => {
    fixture = new TreeFixture();
  });
  afterEach(() => fixture.close());

  it("are the same one by one as all at once, also if some are not UTF-8", () => {
    for (const name of ["a", "b\ufffd", "\u{1f600}"]) fixture.file(name);
    const streamed: string[] = [];
    streamNames(fixture.root, (name) => streamed.push(name), fail);
    expect(streamed.toSorted()).toEqual(readNames(fixture.root, fail).toSorted());
    writeFileSync(Buffer.from([...Buffer.from(`${fixture.root}/bad`), 0xff]), "");
    const bad: string[] = [];
    const again: string[] = [];
    const onBadName = (name: string): void => void bad.push(name);
    streamNames(fixture.root, (name) => again.push(name), onBadName);
    expect(readNames(fixture.root, onBadName).toSorted()).toEqual(again.toSorted());
    expect([again.toSorted(), bad]).toEqual([
      ["a", "b\ufffd", "\u{1f600}"],
      ["bad\ufffd", "bad\ufffd"],
    ]);
  });
});

function fail(name: string): never {
  throw new Error(`${name} is UTF-8`);
}
