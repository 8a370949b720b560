import { describe, expect, test } from "vitest";
import type { AccountConfig } from "../../../src/config/config.ts";
import { parseNamespaceLocation } from "../../../src/mapping/location.ts";
import { resolveWranglerLocation } from "../../../src/mapping/wrangler-location.ts";

const [A, B, C] = ["a", "b", "c"].map((digit) => digit.repeat(32)) as [string, string, string];
const CONFIG = JSON.stringify({
  account_id: "one",
  kv_namespaces: [
    { binding: "APP", id: A },
    { binding: "MADE" },
    { binding: "PREVIEW", preview_id: B },
    { binding: "LOCAL", id: "my-local-kv" },
  ],
  env: {
    staging: { kv_namespaces: [{ binding: "APP", id: B }] },
    other: { account_id: "two", kv_namespaces: [{ binding: "ONLY", id: C }] },
    empty: {},
  },
});

/** Of names and ids; one that is called dev is on this machine. */
function accounts(ids: Readonly<Record<string, string>>): ReadonlyMap<string, AccountConfig> {
  return new Map(
    Object.entries(ids).map(([name, accountId]) => {
      const host = name === "dev" ? "http://127.0.0.1:8787" : "https://api.cloudflare.com";
      return [name, { name, accountId, endpoint: { kind: "remote", baseUrl: `${host}/client/v4` } } as AccountConfig];
    }),
  );
}

interface Place {
  readonly files?: Readonly<Record<string, string>>;
  readonly ids?: Readonly<Record<string, string>>;
}

const resolve = (
  text: string,
  { files = { "/p/wrangler.json": CONFIG }, ids = { prod: "one", next: "two" } }: Place = {},
) =>
  resolveWranglerLocation(
    { config: { accounts: accounts(ids) }, cwd: "/p/q/r", readFile: (path) => files[path] },
    parseNamespaceLocation(text),
  );
const location = (account: string | undefined, namespace: string, prefix = "") => ({
  kind: "namespace",
  account,
  namespace,
  prefix,
});

test.each([
  ["wrangler:APP", location("prod", A)],
  ["wrangler:APP/eu/", location("prod", A, "eu/")],
  ["wrangler:APP/eu*", location("prod", A, "eu")],
  ["wrangler:staging:APP", location("prod", B)],
  ["wrangler:other:ONLY/x", location("next", C, "x/")],
  ["prod:APP", location("prod", "APP")],
  ["APP", location(undefined, "APP")],
])("%s", async (text, expected) => expect(await resolve(text)).toEqual(expected));

describe("the config", () => {
  const of = (id: string): string => JSON.stringify({ kv_namespaces: [{ binding: "APP", id }] });
  test.each([
    [
      "the nearest folder's, whatever its kind",
      { "/p/q/wrangler.toml": `kv_namespaces = [{ binding = "APP", id = "${A}" }]`, "/wrangler.json": of(B) },
      A,
    ],
    ["the root's, too", { "/wrangler.jsonc": of(C) }, C],
    [
      "of one folder that which wrangler reads",
      { "/p/wrangler.json": of(A), "/p/wrangler.jsonc": of(B), "/p/wrangler.toml": "" },
      A,
    ],
  ])("is %s", async (_, files, id) =>
    expect(await resolve("wrangler:APP", { files, ids: { only: "one" } })).toEqual(location("only", id)),
  );

  test("without account_id is of the only account, whichever that is, or of none", async () => {
    const files = { "/p/wrangler.json": of(A) };
    expect(await resolve("wrangler:APP", { files, ids: { only: "x" } })).toEqual(location("only", A));
    expect(await resolve("wrangler:APP", { files, ids: {} })).toEqual(location(undefined, A));
  });

  test("without account_id is of the only account that is not on this machine", async () => {
    const files = { "/p/wrangler.json": of(A) };
    expect(await resolve("wrangler:APP", { files, ids: { dev: "d", prod: "x" } })).toEqual(location("prod", A));
    expect(await resolve("wrangler:APP", { files, ids: { dev: "d" } })).toEqual(location("dev", A));
  });
});

test("an account that is called wrangler is meant itself", async () => {
  expect(await resolve("wrangler:APP", { ids: { wrangler: "one" } })).toEqual(location("wrangler", "APP"));
});

const noId = { "/p/wrangler.json": JSON.stringify({ kv_namespaces: [{ binding: "APP", id: A }] }) };
test.each<[string, Place, string, RegExp, RegExp]>([
  [
    "wrangler:APP",
    { files: {} },
    "config-missing",
    /no wrangler\.jsonc, wrangler\.json or wrangler\.toml in \/p\/q\/r/,
    /folder of your Worker/,
  ],
  ["wrangler:AP", {}, "location-invalid", /^\.\.\/\.\.\/wrangler\.json has no binding "AP"/, /did you mean "APP"\?/],
  ["wrangler:ZZZZZZ", {}, "location-invalid", /no binding "ZZZZZZ"/, /the bindings are: APP, MADE, PREVIEW, LOCAL/],
  ["wrangler:ONLY", {}, "location-invalid", /no binding "ONLY"/, /an environment has it: wrangler:other:ONLY/],
  [
    "wrangler:staging:MADE",
    {},
    "location-invalid",
    /environment "staging" of .* has no binding "MADE"/,
    /do not inherit it: wrangler:MADE/,
  ],
  [
    "wrangler:empty:APP",
    {},
    "location-invalid",
    /has no binding "APP"/,
    /there are no bindings; the default environment has it/,
  ],
  [
    "wrangler:prod:APP",
    {},
    "location-invalid",
    /has no environment "prod"/,
    /its environments are: staging, other, empty/,
  ],
  [
    "wrangler:x:APP",
    { files: noId },
    "location-invalid",
    /has no environment "x"/,
    /it has none: write wrangler:BINDING/,
  ],
  [
    "wrangler:MADE",
    {},
    "location-invalid",
    /"MADE" in .* has no id: wrangler makes such a namespace itself/,
    /kvsync namespace list/,
  ],
  ["wrangler:PREVIEW", {}, "location-invalid", /has no id: its preview_id is not used/, new RegExp(`ACCOUNT:${B}`)],
  ["wrangler:LOCAL", {}, "location-invalid", /is "my-local-kv", which is no namespace id/, /32 hexadecimal digits/],
  [
    "wrangler:APP",
    { ids: { mine: "three" } },
    "config-missing",
    /is of the account one, and kvsync knows no account of that id/,
    /add it under accounts: .*mine/,
  ],
  [
    "wrangler:APP",
    { ids: { a: "one", b: "one" } },
    "usage",
    /several accounts have the id one/,
    new RegExp(`say which: a:${A}`),
  ],
  [
    "wrangler:APP",
    { files: noId },
    "usage",
    /has no account_id, and there are several accounts: prod, next/,
    new RegExp(`prod:${A}; or write account_id`),
  ],
  [
    "wrangler:APP",
    { files: { "/p/wrangler.toml": "x" } },
    "config-invalid",
    /\.\.\/\.\.\/wrangler\.toml:1:/,
    /mend it there/,
  ],
])("%s with %j: %s", async (text, place, code, message, hint) => {
  await expect(resolve(text, place)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
  });
});
