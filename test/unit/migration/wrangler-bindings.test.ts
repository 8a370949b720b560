import { describe, expect, test } from "vitest";
import { parse as parseJsonc, type ParseError } from "jsonc-parser";
import { parse } from "smol-toml";
import { nameBindings, renderBindings } from "../../../src/migration/wrangler-bindings.ts";

describe("the name of a binding", () => {
  test.each([
    ["app-config", "APP_CONFIG"],
    ["appConfig", "APP_CONFIG"],
    ["my-worker-CACHE", "MY_WORKER_CACHE"],
    ["My Title / v2.0", "MY_TITLE_V2_0"],
    ["2fa", "KV_2FA"],
    ["_private_", "PRIVATE"],
    ["größe", "GRO_E"],
    ["café", "CAFE"],
    ["キャッシュ", "KV"],
    ["🎉", "KV"],
    ['a"b\\c', "A_B_C"],
    ["a\nb\r\u2028c", "A_B_C"],
    ["class", "CLASS"],
    ["---", "KV"],
  ])("of %j is %s", (title, name) => expect(nameBindings([title])).toEqual([name]));

  test.each([
    [
      ["a-b", "a_b", "a.b"],
      ["A_B", "A_B_2", "A_B_3"],
    ],
    [
      ["a", "A", "a-2"],
      ["A", "A_3", "A_2"],
    ],
    [
      ["a-2", "a", "A"],
      ["A_2", "A", "A_3"],
    ],
    [
      ["鍵", "錠", "kv", "KV 2"],
      ["KV", "KV_3", "KV_4", "KV_2"],
    ],
  ])("of %j are %j: no two the same", (titles, names) => expect(nameBindings(titles)).toEqual(names));
});

const OLD = "0f2ac74b498b48028cb68387c421e279";
const NEW = "06779da6940b431db6e566b4846d64db";

describe("the snippets", () => {
  test("name each binding, its new id, and what it was", () => {
    const { jsonc, toml } = renderBindings([
      { title: "app-config", from: OLD, to: NEW, toTitle: "app-config" },
      { title: "flags", from: NEW, to: OLD, toTitle: "flags-eu" },
    ]);
    expect(jsonc).toBe(`{
  "kv_namespaces": [
    // "app-config"; its id was ${OLD}
    { "binding": "APP_CONFIG", "id": "${NEW}" },
    // "flags", now "flags-eu"; its id was ${NEW}
    { "binding": "FLAGS", "id": "${OLD}" },
  ],
}
`);
    expect(toml).toBe(`# "app-config"; its id was ${OLD}
[[kv_namespaces]]
binding = "APP_CONFIG"
id = "${NEW}"

# "flags", now "flags-eu"; its id was ${NEW}
[[kv_namespaces]]
binding = "FLAGS"
id = "${OLD}"
`);
  });

  test.each([
    'say "hi"',
    "a\nb = 1",
    "*/ \\",
    "# [x]",
    "a\r\n{",
    "tab\there",
    "\u007f\u0085\u2028\u202e",
    "größe 🎉",
    "\u0000",
  ])("are read as they are meant whatever the title: %j", (title) => {
    const { jsonc, toml } = renderBindings([{ title, from: OLD, to: NEW, toTitle: `${title}2` }]);
    expect(parse(toml)).toEqual({ kv_namespaces: [{ binding: expect.stringMatching(/^[A-Z_0-9]+$/), id: NEW }] });
    const lines = jsonc.split("\n");
    expect(lines).toHaveLength(7);
    expect(lines[2]).toMatch(/^ {4}\/\/ /);
    const faults: ParseError[] = [];
    expect(parseJsonc(jsonc, faults, { allowTrailingComma: true })).toEqual(parse(toml));
    expect(faults).toEqual([]);
  });
});
