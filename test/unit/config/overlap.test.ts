// Mappings of one config that would fight over files or keys.

import { describe, expect, test } from "vitest";
import { faults, load } from "./config-fixture.ts";

describe("mappings that would fight", () => {
  const clash = (a: string, b: string, more = ""): string =>
    faults(`${more}accounts: { a: { account_id: abc, api_token: t }, twin: { account_id: abc, api_token: u }, far: { account_id: def, api_token: t } }
defaults: { account: a, mode: push }
mappings:
  one: ${a}
  two: ${b}
`);

  test.each<[string, string, string, RegExp]>([
    ["one folder", "{ folder: x }", "{ folder: ./x/ }", /its folder \/site\/x overlaps that of mapping "one"/],
    [
      "a folder in the other",
      "{ folder: x/y }",
      "{ folder: x }",
      /its folder \/site\/x overlaps that of mapping "one", \/site\/x\/y/,
    ],
    ["one namespace", "{ namespace: n }", "{ namespace: n }", /its keys overlap those of mapping "one"/],
    ["a prefix in the other", "{ namespace: n, prefix: a }", "{ namespace: n, prefix: a/b }", /its keys overlap/],
    [
      "a start of keys in a folder",
      "{ namespace: n, prefix: app* }",
      "{ namespace: n, prefix: appendix }",
      /its keys overlap/,
    ],
    ["one namespace under two tokens", "{ namespace: n }", "{ namespace: n, account: twin }", /its keys overlap/],
  ])("%s is refused", (_, a, b, message) => expect(clash(a, b)).toMatch(message));

  test("one namespace of one server, which this machine has under two names, is refused", () => {
    const text = `accounts:
  a: { account_id: abc, api_token: t, endpoint: "http://127.0.0.1:8787/client/v4" }
  b: { account_id: abc, api_token: t, endpoint: "HTTP://LocalHost:8787/client/v4/" }
mappings:
  one: { account: a, mode: push, namespace: n }
  two: { account: b, mode: pull, namespace: n }
`;
    expect(faults(text)).toMatch(/its keys overlap those of mapping "one"/);
    expect(() => load(text.replace("LocalHost:8787", "localhost:8788"))).not.toThrow();
  });

  test("the state folder inside a mapping's folder is refused", () => {
    expect(clash("{ folder: data }", "{ folder: y }", "state_dir: data/.kvsync\n")).toMatch(
      /the state folder \/site\/data\/\.kvsync overlap/,
    );
  });

  test("the config file inside a mapping's folder is refused", () => {
    expect(clash("{ folder: . }", "{ folder: /y }")).toMatch(/holds this config file/);
  });

  test("siblings, other prefixes and other accounts do not fight", () => {
    const config = load(`accounts: { a: { account_id: abc, api_token: t }, far: { account_id: def, api_token: t } }
defaults: { account: a, mode: push, namespace: n }
mappings:
  one: { folder: x, prefix: a/ }
  two: { folder: x-y, prefix: b/ }
  three: { folder: ..z, account: far }
  four: { folder: a, prefix: app }
  five: { folder: b, prefix: appendix }
  six: { folder: c, prefix: c* }
`);
    expect([...config.mappings.values()].map(({ prefix }) => prefix)).toEqual([
      "a/",
      "b/",
      "",
      "app/",
      "appendix/",
      "c",
    ]);
  });
});
