// Faults in a config file: all of them are told at once, each with its place.

import { describe, expect, test } from "vitest";
import { ACCOUNTS, faults } from "./config-fixture.ts";

describe("faults", () => {
  test("are all told at once, each with its line and a caret", () => {
    const message = faults(`accounts:
  a: { account_id: abc, api_tokn: x }
mappings:
  pages:
    foldr: x
    mode: pusj
    poll_interval: 60
    max_delete: 25
    rules:
      - { match: "a", expiration_ttl: 5s }
  other: { account: b, mode: push }
`);
    expect(message).toBe(`the config file has 6 faults
kvsync.yaml:2:25: unknown key "api_tokn"; did you mean "api_token"?
   2 |   a: { account_id: abc, api_tokn: **}
     |                         ^^^^^^^^
kvsync.yaml:5:5: unknown key "foldr"; did you mean "folder"?
   5 |     foldr: x
     |     ^^^^^
kvsync.yaml:6:11: mode must be push or pull or two-way, not "pusj"; did you mean "push"?
   6 |     mode: pusj
     |           ^^^^
kvsync.yaml:7:20: poll_interval "60" needs a unit: write 60s, 60m, 60h or 60d
   7 |     poll_interval: 60
     |                    ^^
kvsync.yaml:10:39: expiration_ttl is too little
  10 |       - { match: "a", expiration_ttl: 5s }
     |                                       ^^
kvsync.yaml:11:21: there is no account "b"; accounts are a
  11 |   other: { account: b, mode: push }
     |                     ^`);
  });

  test.each<[string, string, RegExp]>([
    [
      "text where a list is wanted",
      `${ACCOUNTS}mappings: { m: { mode: push, exclude: "*.tmp" } }`,
      /:2:39: exclude must be a list, not "\*\.tmp"/,
    ],
    [
      "a list where a group is wanted",
      `${ACCOUNTS}mappings: [a, b]`,
      /:2:1: mappings must be a group of names, not a list/,
    ],
    [
      "an item of the wrong kind",
      `${ACCOUNTS}mappings: { m: { mode: push, exclude: [a, [b]] } }`,
      /exclude 2 must be text, not a list/,
    ],
    [
      "yes for true",
      `${ACCOUNTS}mappings: { m: { mode: push, create: yes } }`,
      /create must be true or false, not "yes"/,
    ],
    [
      "a percentage over 100",
      `${ACCOUNTS}mappings: { m: { mode: push, max_delete: 120% } }`,
      /must be a percentage, as in 25%, or a number of keys: "120%" is over 100%/,
    ],
    [
      "half a key to overwrite",
      `${ACCOUNTS}mappings: { m: { mode: push, max_overwrite: 1.5 } }`,
      /max_overwrite must be/,
    ],
    ["half a key", `${ACCOUNTS}mappings: { m: { mode: push, max_delete: 1.5 } }`, /max_delete must be/],
    [
      "a size without a unit",
      `${ACCOUNTS}defaults: { trash: { max_size: 100 } }`,
      /max_size "100" needs a unit: write 100B, 100MB or 100MiB/,
    ],
    [
      "a budget of nothing",
      "accounts: { a: { account_id: abc, api_token: t, budget: { share: 0% } } }",
      /share must be over 0%/,
    ],
    ["a name that cannot be typed", `${ACCOUNTS}mappings: { "a:b": { mode: push } }`, /"a:b" is no name/],
    [
      "a name with a meaning in JavaScript",
      `${ACCOUNTS}mappings: { constructor: { mode: push } }`,
      /:2:13: "constructor" can be no key here/,
    ],
    [
      "a folder that no file system has",
      `${ACCOUNTS}mappings: { m: { mode: push, folder: "a\\0b" } }`,
      /folder must hold no NUL character/,
    ],
    ["an unknown section", `${ACCOUNTS}mapings: {}`, /unknown key "mapings"; did you mean "mappings"\?/],
    ["nothing at all", "\n# only a comment\n", /is empty: run kvsync init/],
    ["a list for a file", "- a\n", /the file must be a group of keys, not a list/],
    [
      "two mappings of one name",
      `${ACCOUNTS}mappings:\n  m: { mode: push }\n  m: { mode: pull }\n`,
      /:4:3: is not valid YAML: Map keys must be unique/,
    ],
    ["text that is no YAML", "accounts: {\n", /is not valid YAML/],
    ["an alias without an anchor", "accounts: *x\n", /there is no anchor &x before it/],
    ["a mapping without a mode", `${ACCOUNTS}mappings: { m: {} }`, /:2:13: mapping "m" has no mode: add mode: push/],
    [
      "a hook without a program",
      `${ACCOUNTS}mappings: { m: { mode: push, on_change: { debounce: 1s } } }`,
      /run is missing/,
    ],
    [
      "a hook of no words",
      `${ACCOUNTS}mappings: { m: { mode: push, on_change: { run: [] } } }`,
      /run must name a program/,
    ],
    [
      "a rule without effect",
      `${ACCOUNTS}mappings: { m: { mode: push, rules: [{ match: x }] } }`,
      /match has no effect|has no effect: add/,
    ],
    [
      "a rule for what is not in a list",
      `${ACCOUNTS}mappings: { m: { mode: push, rules: [{ match: "!x", expiration_ttl: 1h }] } }`,
      /:2:47: the pattern "!x" begins with "!".*: write \\! for a plain !/,
    ],
    [
      "an include that lets nothing pass",
      `${ACCOUNTS}mappings: { m: { mode: push } }\ndefaults: { include: ["!a", "!b"] }`,
      /:3:13: all patterns of "include" begin with "!"/,
    ],
    [
      "metadata over 1,024 bytes",
      `${ACCOUNTS}mappings: { m: { mode: push, rules: [{ match: x, metadata: "${"x".repeat(1100)}" }] } }`,
      /is 1102 bytes of JSON/,
    ],
    [
      "two accounts to choose from",
      "accounts: { a: { endpoint: embedded }, b: { endpoint: embedded } }\nmappings: { m: { mode: push } }",
      /mapping "m" does not say which account it is in: .*accounts are a, b/,
    ],
  ])("%s", (_, text, message) => expect(faults(text)).toMatch(message));

  test("a faulty account is told once, not again by each mapping in it", () => {
    expect(
      faults("accounts: { a: { account_id: abc } }\nmappings: { m: { mode: push }, n: { mode: push, account: a } }\n"),
    ).toMatch(/^the config file has one fault\n.*has no credentials/);
  });
});

describe("what YAML has and JSON has not", () => {
  const metadata = (text: string): string =>
    faults(`${ACCOUNTS}mappings:\n  m:\n    mode: push\n    rules:\n      - match: a\n        metadata: ${text}\n`);

  test.each([
    ["an alias inside itself", "&m [*m]", /kvsync\.yaml:7:23: the alias \*m stands inside what it stands for/],
    ["an alias deep inside itself", "&m { a: [1, { b: *m }] }", /:7:\d+: the alias \*m stands inside/],
    ["an alias without its anchor", "*m", /:7:19: there is no anchor &m before it/],
    ["an ordered map", "!!omap [ a: 1 ]", /:7:\d+: has the tag tag:yaml.org,2002:omap/],
    ["a set", "!!set { a, b }", /:7:\d+: has the tag tag:yaml.org,2002:set/],
    [
      "aliases that multiply",
      `[&a [x,x,x,x,x,x,x,x,x], &b [*a,*a,*a,*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b,*b,*b,*b], &d [*c,*c,*c,*c,*c,*c,*c,*c], [*d,*d,*d,*d,*d,*d,*d,*d]]`,
      /:7:\d{3}: is not valid YAML: Excessive alias count/,
    ],
  ])("%s is a fault with its place", (_, text, expected) => {
    expect(metadata(text)).toMatch(expected);
  });
});
