import { describe, expect, it } from "vitest";
import { findLinkedPaths } from "../../../src/mapping/linked-paths.ts";

const file = { path: "app.json", target: "v/1/app.json", through: ["app.json", "current"] };
const folder = { path: "site", target: "v/1", through: ["site", "current"] };
const dangling = { path: "soon", target: "later/x", through: ["soon"] };
const outside = { path: "out", target: "/etc/x", through: ["out"] };
const links = [file, folder, dangling, outside];

describe("a change where links are followed", () => {
  it.each<[what: string, changed: string[], found: string[] | undefined]>([
    ["of what no link leads to is one of itself", ["a", "b/c", "d/"], ["a", "b/c", "d/"]],
    ["of the file that a link leads to is one of the link's key", ["later/x"], ["later/x", "soon"]],
    ["below a folder that a link leads to is one below the link", ["v/1/d/e"], ["v/1/d/e", "site/d/e"]],
    ["that concerns two links is one of both", ["v/1/app.json"], ["v/1/app.json", "app.json", "site/app.json"]],
    ["of a name that only begins alike is one of itself", ["v/12", "later/xy"], ["v/12", "later/xy"]],
    ["of a link may be one of anything", ["app.json"], undefined],
    ["of a link on the way may be one of anything", ["a", "current"], undefined],
    ["of a folder on the way may be one of anything", ["v/"], undefined],
    ["of a name on the way, which may be a folder, may be one of anything", ["v"], undefined],
    ["of a folder that a link leads to may be one of anything", ["v/1/"], undefined],
    ["of a folder in that may be one of anything", ["v/1/d/"], undefined],
    ["of a folder that a link would lead to may be one of anything", ["later/"], undefined],
    ["of what is held for links may be one of anything", ["..data"], undefined],
    ["in what is held for links may be one of anything", ["d/..v1/x"], undefined],
  ])("%s", (_, changed, found) => expect(findLinkedPaths(changed, links)).toEqual(found));

  it("may be one of anything if not all links are known, or if they are too many to compare", () => {
    expect(findLinkedPaths(["a"], undefined)).toBeUndefined();
    const many = Array.from({ length: 10_000 }, (_, i) => ({ ...file, path: `l${i}` }));
    expect(
      findLinkedPaths(
        Array.from({ length: 201 }, (_, i) => `p${i}`),
        many,
      ),
    ).toBeUndefined();
  });
});
