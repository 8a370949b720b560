import { describe, expect, test } from "vitest";
import { parseLocation, parseNamespaceLocation } from "../../../src/mapping/location.ts";

const context = { cwd: "/work", home: "/home/ann" };
const namespace = (account: string | undefined, namespace: string, prefix = "") => ({
  kind: "namespace",
  account,
  namespace,
  prefix,
});
const folder = (path: string) => ({ kind: "folder", path });
const archive = (path: string, format: string) => ({ kind: "archive", path, format });

describe("a location", () => {
  test.each([
    ["prod:app-config", namespace("prod", "app-config")],
    ["prod:app-config/", namespace("prod", "app-config")],
    ["prod:app-config/pages/", namespace("prod", "app-config", "pages/")],
    ["prod:app-config//x", namespace("prod", "app-config", "/x/")],
    ["prod:app-config/eu", namespace("prod", "app-config", "eu/")],
    ["prod:app-config/eu*", namespace("prod", "app-config", "eu")],
    ["prod:app-config/eu/*", namespace("prod", "app-config", "eu/")],
    ["prod:app-config/*", namespace("prod", "app-config", "")],
    ["prod:app*", namespace("prod", "app*")],
    ["prod:My Title", namespace("prod", "My Title")],
    ["prod:a:b", namespace("prod", "a:b")],
    ["prod:x.json", namespace("prod", "x.json")],
    ["./app-config", folder("/work/app-config")],
    ["../x", folder("/x")],
    [".", folder("/work")],
    ["..", folder("/")],
    ["/", folder("/")],
    ["/srv/kv", folder("/srv/kv")],
    ["~/kv", folder("/home/ann/kv")],
    ["~", folder("/home/ann")],
    ["./a:b", folder("/work/a:b")],
    ["/a:b/c", folder("/a:b/c")],
    ["backup.ndjson", archive("/work/backup.ndjson", "ndjson")],
    ["backup.ndjson.zst", archive("/work/backup.ndjson.zst", "ndjson.zst")],
    ["./x/backup.ndjson.gz", archive("/work/x/backup.ndjson.gz", "ndjson.gz")],
    ["/tmp/pairs.json", archive("/tmp/pairs.json", "json")],
    ["./folder.json/", folder("/work/folder.json")],
    ["dir/backup.json", archive("/work/dir/backup.json", "json")],
  ])("%s", (text, expected) => expect(parseLocation(text, context)).toEqual(expected));

  test.each([
    ["app-config", /"app-config" is no location/],
    ["dir/app-config", /is no location/],
    ["", /a location is empty/],
    [":app", /":app" names no account/],
    ["prod:", /"prod:" names no namespace/],
    ["prod:/x", /names no namespace/],
    ["~user/x", /is no location/],
    ["a\u001b[2J", /"a\\x1b\[2J" is no location/],
  ])("%j is refused", (text, message) => expect(() => parseLocation(text, context)).toThrow(message));
});

test("a name alone is enough where only a namespace is meant", () => {
  expect(parseNamespaceLocation("app-config/eu/")).toEqual(namespace(undefined, "app-config", "eu/"));
});
