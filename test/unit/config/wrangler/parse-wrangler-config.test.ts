import { describe, expect, test } from "vitest";
import { parseWranglerConfig } from "../../../../src/config/wrangler/parse-wrangler-config.ts";

const ID = "0f2ac74b498b48028cb68387c421e279";
const OTHER = "06779da6940b431db6e566b4846d64db";

const JSONC = `\uFEFF{
  // a comment
  "name": "worker", /* another */
  "account_id": "acc",
  "kv_namespaces": [
    { "binding": "APP", "id": "${ID}", "preview_id": "${OTHER}" },
    { "binding": "MADE" },
  ],
  "env": { "staging": { "kv_namespaces": [{ "binding": "APP", "id": "${OTHER}" }] }, "bare": { "account_id": "acc2" } },
}
`;
const TOML = `# a comment
name = "worker"
account_id = "acc"
kv_namespaces = [ { binding = "APP", id = "${ID}", preview_id = "${OTHER}" }, { binding = "MADE" } ]

[[env.staging.kv_namespaces]]
binding = "APP"
id = "${OTHER}"

[env.bare]
account_id = "acc2"
`;

test.each([
  ["wrangler.jsonc", JSONC],
  ["wrangler.toml", TOML],
  ["wrangler.toml", TOML.replaceAll("\n", "\r\n")],
])("%s tells bindings and accounts, of environments too: these inherit the account and no binding", (file, text) => {
  expect(parseWranglerConfig(text, file)).toEqual({
    file,
    accountId: "acc",
    bindings: [
      { binding: "APP", id: ID, previewId: OTHER },
      { binding: "MADE", id: undefined, previewId: undefined },
    ],
    environments: new Map([
      ["staging", { accountId: "acc", bindings: [{ binding: "APP", id: OTHER, previewId: undefined }] }],
      ["bare", { accountId: "acc2", bindings: [] }],
    ]),
  });
});

test("a config without bindings has none", () => {
  expect(parseWranglerConfig("{}", "wrangler.json")).toMatchObject({ bindings: [], environments: new Map() });
  expect(parseWranglerConfig("", "wrangler.toml")).toMatchObject({ accountId: undefined, bindings: [] });
});

describe("what cannot be read is told with its line and column", () => {
  test.each([
    ["wrangler.jsonc", '{\n  "a": 1\n  "b": 2\n}', "wrangler.jsonc:3:3: is not valid JSON: comma expected"],
    ["wrangler.jsonc", '{\n  "a": ', "wrangler.jsonc:2:8: is not valid JSON: value expected"],
    ["wrangler.json", "", "wrangler.json:1:1: is not valid JSON: value expected"],
    ["wrangler.jsonc", '{ "a": tru }', "wrangler.jsonc:1:8: is not valid JSON: invalid symbol"],
    ["wrangler.toml", 'name = "worker"\nid = \n', "wrangler.toml:2:6: is not valid TOML"],
    ["wrangler.toml", "[a]\r\nx = 1\r\nx = 2\r\n", "wrangler.toml:3:1: is not valid TOML"],
    ["wrangler.toml", "a\n", "wrangler.toml:1:"],
  ])("%s %j", (file, text, message) => {
    expect(() => parseWranglerConfig(text, file)).toThrow(message);
  });

  test("and a token on that line is not shown", () => {
    const secret = "v1.0-0123456789abcdef0123456789abcdef01234567";
    expect(() => parseWranglerConfig(`{ "api_token": "${secret}" "b": 1 }`, "wrangler.json")).toThrow(/\*{10}/);
  });
});

test.each([
  ["[]", "wrangler.json: holds no object"],
  ['{ "kv_namespaces": {} }', "wrangler.json: kv_namespaces is no list"],
  ['{ "kv_namespaces": ["APP"] }', "wrangler.json: kv_namespaces[0] is no object"],
  ['{ "kv_namespaces": [{ "id": "x" }] }', "wrangler.json: kv_namespaces[0] has no binding"],
  ['{ "kv_namespaces": [{ "binding": "A", "id": 5 }] }', "wrangler.json: kv_namespaces[0].id is no text"],
  ['{ "env": { "x": { "kv_namespaces": [{ "binding": 5 }] } } }', "env.x.kv_namespaces[0].binding is no text"],
  ['{ "env": [] }', "env is no object"],
  ['{ "env": { "x": null } }', "env.x is no object"],
  ['{ "account_id": 5 }', "account_id is no text"],
])("what is not as wrangler has it is told: %s", (text, message) => {
  expect(() => parseWranglerConfig(text, "wrangler.json")).toThrow(message);
});
