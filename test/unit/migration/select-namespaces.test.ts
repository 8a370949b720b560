import { describe, expect, it } from "vitest";
import type { Namespace, NamespaceId } from "../../../src/kv/kv-api.ts";
import { selectNamespaces } from "../../../src/migration/select-namespaces.ts";

const namespace = (title: string, digit: string): Namespace => ({ id: digit.repeat(32) as NamespaceId, title });
const source = [namespace("web", "1"), namespace("app-b", "2"), namespace("app-a", "3"), namespace("app.a", "4")];
const destination = [namespace("app-a", "a")];
const titles = (namespaces: readonly string[] | null): readonly string[] =>
  selectNamespaces({ namespaces, as: null }, source, destination).map((pair) => pair.title);

describe("selectNamespaces", () => {
  it.each([
    [null, ["app-a", "app-b", "app.a", "web"]],
    [["web"], ["web"]],
    [["2".repeat(32)], ["app-b"]],
    [["app-*"], ["app-a", "app-b"]],
    [["app?a"], ["app-a", "app.a"]],
    [["w*", "web"], ["web"]],
  ])("%j are %j", (asked, found) => {
    expect(titles(asked)).toEqual(found);
  });

  it("finds those that the destination has, by title", () => {
    const [pair] = selectNamespaces({ namespaces: ["app-a"], as: null }, source, destination);
    expect(pair?.destination?.id).toBe("a".repeat(32));
  });

  it("gives the only one another title, or the namespace of an id", () => {
    expect(selectNamespaces({ namespaces: ["web"], as: "www" }, source, destination)[0]).toMatchObject({
      title: "www",
    });
    const byId = selectNamespaces({ namespaces: ["web"], as: "a".repeat(32) }, source, destination)[0];
    expect(byId).toMatchObject({ title: "app-a", destination: { id: "a".repeat(32) } });
  });

  it("refuses what names none, and one title for several", () => {
    expect(() => titles(["wob"])).toThrow('the source has no namespace "wob"');
    expect(() => selectNamespaces({ namespaces: ["app-*"], as: "x" }, source, destination)).toThrow("2 namespaces");
  });
});
