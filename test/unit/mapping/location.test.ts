import { describe, expect, test } from "vitest";
import { parseLocation, parseNamespaceLocation } from "../../../src/mapping/location.ts";

const repositories = new Set(["./repo", "/srv/repo", "~/repo", "s3://bucket/a", "nightly"]);
const context = { cwd: "/work", home: "/home/ann", isRepository: (text: string) => repositories.has(text) };
const namespace = (account: string | undefined, namespace: string, prefix = "") => ({
  kind: "namespace",
  account,
  namespace,
  prefix,
});
const folder = (path: string) => ({ kind: "folder", path });
const snapshot = (repository: string, which: string, source?: string) => ({
  kind: "snapshot",
  repository,
  which,
  source,
});
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
    ["./repo@latest", snapshot("./repo", "latest")],
    ["/srv/repo@2026-11-01", snapshot("/srv/repo", "2026-11-01")],
    ["~/repo@2026-11-01T12:00", snapshot("~/repo", "2026-11-01T12:00")],
    ["./repo@2026-11-01T12:00:app", snapshot("./repo", "2026-11-01T12:00", "app")],
    ["./repo@2026-11-01T12:00:30.5+01:00:app", snapshot("./repo", "2026-11-01T12:00:30.5+01:00", "app")],
    ["s3://bucket/a@3f2a9c41", snapshot("s3://bucket/a", "3f2a9c41")],
    ["nightly@latest:prod:app@home", snapshot("nightly", "latest", "prod:app@home")],
    ["./repo", folder("/work/repo")],
    ["./repo@home", folder("/work/repo@home")],
    ["./other@latest", folder("/work/other@latest")],
    ["./other@latest/x.ndjson", archive("/work/other@latest/x.ndjson", "ndjson")],
    ["other@latest:app", namespace("other@latest", "app")],
    ["prod:app@latest", namespace("prod", "app@latest")],
  ])("%s", (text, expected) => expect(parseLocation(text, context)).toEqual(expected));

  test.each([
    ["app-config", /"app-config" is no location/],
    ["dir/app-config", /is no location/],
    ["backups@latest", /there is no repository "backups" in the config/],
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
