import { describe, expect, it } from "vitest";
import { formerNames, parseRename, renameKey } from "../../../src/migration/rename-keys.ts";

const rules = [parseRename("old/=new/"), parseRename("old=older"), parseRename("=all/")];

describe("renameKey", () => {
  it.each([
    ["old/a", "new/a"],
    ["oldest", "olderest"],
    ["x", "all/x"],
  ])("%s becomes %s: the first rule that fits", (key, name) => {
    expect(renameKey(key, rules)).toBe(name);
  });

  it("leaves a key alone that no rule fits", () => {
    expect(renameKey("x", [parseRename("old/=new/")])).toBe("x");
  });
});

describe("formerNames", () => {
  it.each([
    ["new/a", ["old/a"]],
    ["all/x", ["x"]],
    ["x", []],
  ])("%s was %j", (name, former) => {
    expect(formerNames(name, rules)).toEqual(former);
  });

  it("gives all that a key may have been", () => {
    expect(formerNames("new/a", [parseRename("old/=new/")])).toEqual(["old/a", "new/a"]);
  });
});

it.each(["old/", "a=b=c"])("%s is no rule", (text) => {
  expect(() => parseRename(text)).toThrow("is not OLD=NEW");
});
