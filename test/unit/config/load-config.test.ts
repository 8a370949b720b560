import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import type { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import type { Secret } from "../../../src/config/secret.ts";
import { AppError } from "../../../src/core/errors.ts";

const home = "/home/ann";
const accounts = "accounts: { a: { account_id: abc, api_token: t } }\n";

function load(text: string, env: Record<string, string> = {}): Config {
  return loadConfig({
    cwd: "/site",
    env: { HOME: home, ...env },
    readFile: (path) => (path === "/site/kvsync.yaml" ? text : undefined),
  });
}

function failure(run: () => unknown): AppError {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("did not fail");
}

const faults = (text: string, env: Record<string, string> = {}): string => failure(() => load(text, env)).message;

describe("a complete file", () => {
  const config = load(
    `
state_dir: ./state
root: ./kv
accounts:
  local: { endpoint: embedded }
  prod:
    account_id: \${CLOUDFLARE_ACCOUNT_ID}
    api_token_file: run/token
    budget: { requests: 600, per: 1m, share: 50%, polling: 25% }
    concurrency: 8
  old: { account_id: "1", email: me@example.com, api_key: k }
mappings:
  app-config:
    account: prod
    namespace: My Config
    prefix: app/
    create: true
    mode: two-way
    conflict: hold
    exclude: ["*.tmp", .git/]
    rules:
      - { match: "sessions/**", expiration_ttl: 1h }
      - { match: "*.json", metadata: { z: 1.0, a: [null, "x"] } }
    on_change: { run: [systemctl, reload, nginx], debounce: 2s }
    settle_window: 90s
    max_delete: 100
    max_overwrite: 50%
    trash: { keep: 7d }
  pages: { account: local, folder: /srv/pages }
  home: { account: local, folder: ~/kv }
defaults: { mode: push, max_delete: 10%, trash: { keep: 30d, max_size: 2GiB } }
auto: { account: prod, mode: pull }
`,
    { CLOUDFLARE_ACCOUNT_ID: "00112233445566778899001122334455" },
  );

  test("has its paths resolved against its folder and its root", () => {
    expect(config).toMatchObject({ file: "/site/kvsync.yaml", stateDir: "/site/state", root: "/site/kv" });
    expect([...config.mappings.values()].map((mapping) => mapping.folder)).toEqual([
      "/site/kv/app-config",
      "/srv/pages",
      "/home/ann/kv",
    ]);
  });

  test("has its accounts complete", () => {
    expect(config.accounts.get("local")).toEqual({
      name: "local",
      endpoint: { kind: "embedded" },
      accountId: "local",
      credentials: { kind: "none" },
      budget: { requests: Number.POSITIVE_INFINITY, windowMs: 300_000, share: 1, pollShare: 0.5 },
      concurrency: undefined,
    });
    expect(config.accounts.get("prod")).toEqual({
      name: "prod",
      endpoint: { kind: "remote", baseUrl: "https://api.cloudflare.com/client/v4" },
      accountId: "00112233445566778899001122334455",
      credentials: { kind: "token", token: { kind: "file", path: "/site/run/token" } },
      budget: { requests: 600, windowMs: 60_000, share: 0.5, pollShare: 0.25 },
      concurrency: 8,
    });
    expect(config.accounts.get("old")).toMatchObject({
      accountId: "1",
      credentials: { kind: "key", email: "me@example.com" },
      budget: { requests: 1200, windowMs: 300_000, share: 0.8, pollShare: 0.5 },
    });
  });

  test("has its mappings complete, with units parsed", () => {
    expect(config.mappings.get("app-config")).toEqual({
      name: "app-config",
      account: "prod",
      folder: "/site/kv/app-config",
      namespace: "My Config",
      prefix: "app/",
      mode: "two-way",
      delete: "owned",
      conflict: "hold",
      create: true,
      names: "posix",
      stamp: true,
      trustStamps: false,
      include: [],
      exclude: ["*.tmp", ".git/"],
      excludeDefaults: true,
      rules: [
        { match: "sessions/**", ttlSeconds: 3600, metadata: undefined },
        { match: "*.json", ttlSeconds: undefined, metadata: '{"a":[null,"x"],"z":1}' },
      ],
      maxDelete: { count: 100 },
      maxOverwrite: { share: 0.5 },
      trash: { keepMs: 7 * 86_400_000, maxBytes: 2 ** 31 },
      settleWindowMs: 90_000,
      quietMs: 2000,
      pollIntervalMs: 60_000,
      rescanIntervalMs: 3_600_000,
      onChange: { run: ["systemctl", "reload", "nginx"], debounceMs: 2000, timeoutMs: 60_000 },
      onHold: undefined,
      onConflict: undefined,
    });
  });

  test("has the defaults of the file under each mapping and auto", () => {
    expect(config.mappings.get("pages")).toMatchObject({
      mode: "push",
      maxDelete: { share: 0.1 },
      maxOverwrite: "not-all",
      namespace: "pages",
      prefix: "",
    });
    expect(config.auto).toMatchObject({ account: "prod", mode: "pull", root: "/site/kv", maxDelete: { share: 0.1 } });
  });
});

describe("small files", () => {
  test("a mapping of which nothing is said takes everything from its name, the defaults and the only account", () => {
    const config = load(`${accounts}defaults: { mode: pull }\nmappings:\n  pages:\n`);
    expect(config.mappings.get("pages")).toMatchObject({
      account: "a",
      folder: "/site/pages",
      namespace: "pages",
      mode: "pull",
    });
    expect(config.stateDir).toBe("/site/.kvsync");
  });

  test("groups whose lines are all commented out are empty", () => {
    expect(load(`${accounts}mappings:\n  # none\ndefaults:\n`).mappings.size).toBe(0);
  });

  test("anchors and merge keys are resolved", () => {
    const config = load(
      `${accounts}mappings:\n  a: &base { mode: push, delete: all }\n  b: { <<: *base, mode: pull }\n`,
    );
    expect(config.mappings.get("b")).toMatchObject({ mode: "pull", delete: "all" });
  });

  test("a file without accounts takes the one of the environment", () => {
    const env = { CLOUDFLARE_ACCOUNT_ID: "abc", CLOUDFLARE_API_TOKEN: "t" };
    expect(load("mappings: { m: { mode: push } }\n", env).mappings.get("m")).toMatchObject({ account: "cloudflare" });
  });

  test.each([
    "00112233445566778899001122334455",
    "12345678901234567890123456789012",
    "1234e567890",
    "007",
    "0x1f",
    "12",
  ])("the unquoted account id %s keeps its digits", (id) =>
    expect(load(`accounts: { a: { account_id: ${id}, api_token: t } }\n`).accounts.get("a")?.accountId).toBe(id),
  );
});

describe("the environment in a file", () => {
  test("fills in values, and $${ is a plain ${", () => {
    const config = load(
      `${accounts}mappings:\n  m: { mode: \${MODE}, folder: "x-\${A}\${B}", on_change: { run: [sh, -c, "echo $\${HOME}"] } }\n`,
      {
        MODE: "push",
        A: "1",
        B: "2",
      },
    );
    expect(config.mappings.get("m")).toMatchObject({
      mode: "push",
      folder: "/site/x-12",
      onChange: { run: ["sh", "-c", "echo ${HOME}"] },
    });
  });

  test("gives numbers where numbers are wanted", () => {
    const config = load("accounts: { a: { account_id: ${ID}, api_token: ${ID}, concurrency: ${N} } }\n", {
      ID: "123",
      N: "4",
    });
    expect(config.accounts.get("a")).toMatchObject({ accountId: "123", concurrency: 4 });
  });

  test("a missing variable is an error that names the line", () => {
    expect(faults("accounts:\n  a:\n    account_id: abc\n    api_token: ${NOPE}\n")).toBe(
      [
        "the config file has one fault",
        "kvsync.yaml:4:16: the environment variable NOPE is not set",
        "   4 |     api_token: ${NOPE}",
        "     |                ^^^^^^^",
      ].join("\n"),
    );
  });

  test("is not looked for in comments and keys", () => {
    expect(load(`${accounts}# \${NOPE}\nmappings: {}\n`).mappings.size).toBe(0);
  });

  test.each(["${}", "${a-b}", "${A", "x${ A}"])("%s is refused", (text) => {
    expect(faults(`${accounts}root: "${text}"\n`)).toMatch(/names no environment variable/);
  });
});

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
      `${accounts}mappings: { m: { mode: push, exclude: "*.tmp" } }`,
      /:2:39: exclude must be a list, not "\*\.tmp"/,
    ],
    [
      "a list where a group is wanted",
      `${accounts}mappings: [a, b]`,
      /:2:1: mappings must be a group of names, not a list/,
    ],
    [
      "an item of the wrong kind",
      `${accounts}mappings: { m: { mode: push, exclude: [a, [b]] } }`,
      /exclude 2 must be text, not a list/,
    ],
    [
      "yes for true",
      `${accounts}mappings: { m: { mode: push, create: yes } }`,
      /create must be true or false, not "yes"/,
    ],
    [
      "a percentage over 100",
      `${accounts}mappings: { m: { mode: push, max_delete: 120% } }`,
      /must be a percentage, as in 25%, or a number of keys: "120%" is over 100%/,
    ],
    [
      "half a key to overwrite",
      `${accounts}mappings: { m: { mode: push, max_overwrite: 1.5 } }`,
      /max_overwrite must be/,
    ],
    ["half a key", `${accounts}mappings: { m: { mode: push, max_delete: 1.5 } }`, /max_delete must be/],
    [
      "a size without a unit",
      `${accounts}defaults: { trash: { max_size: 100 } }`,
      /max_size "100" needs a unit: write 100B, 100MB or 100MiB/,
    ],
    [
      "a budget of nothing",
      "accounts: { a: { account_id: abc, api_token: t, budget: { share: 0% } } }",
      /share must be over 0%/,
    ],
    ["a name that cannot be typed", `${accounts}mappings: { "a:b": { mode: push } }`, /"a:b" is no name/],
    [
      "a name with a meaning in JavaScript",
      `${accounts}mappings: { constructor: { mode: push } }`,
      /:2:13: "constructor" can be no key here/,
    ],
    [
      "a folder that no file system has",
      `${accounts}mappings: { m: { mode: push, folder: "a\\0b" } }`,
      /folder must hold no NUL character/,
    ],
    ["an unknown section", `${accounts}mapings: {}`, /unknown key "mapings"; did you mean "mappings"\?/],
    ["nothing at all", "\n# only a comment\n", /is empty: run kvsync init/],
    ["a list for a file", "- a\n", /the file must be a group of keys, not a list/],
    [
      "two mappings of one name",
      `${accounts}mappings:\n  m: { mode: push }\n  m: { mode: pull }\n`,
      /:4:3: is not valid YAML: Map keys must be unique/,
    ],
    ["text that is no YAML", "accounts: {\n", /is not valid YAML/],
    ["an alias without an anchor", "accounts: *x\n", /there is no anchor &x before it/],
    ["a mapping without a mode", `${accounts}mappings: { m: {} }`, /:2:13: mapping "m" has no mode: add mode: push/],
    [
      "a hook without a program",
      `${accounts}mappings: { m: { mode: push, on_change: { debounce: 1s } } }`,
      /run is missing/,
    ],
    [
      "a hook of no words",
      `${accounts}mappings: { m: { mode: push, on_change: { run: [] } } }`,
      /run must name a program/,
    ],
    [
      "a rule without effect",
      `${accounts}mappings: { m: { mode: push, rules: [{ match: x }] } }`,
      /match has no effect|has no effect: add/,
    ],
    [
      "a rule for what is not in a list",
      `${accounts}mappings: { m: { mode: push, rules: [{ match: "!x", expiration_ttl: 1h }] } }`,
      /:2:47: the pattern "!x" begins with "!".*: write \\! for a plain !/,
    ],
    [
      "an include that lets nothing pass",
      `${accounts}mappings: { m: { mode: push } }\ndefaults: { include: ["!a", "!b"] }`,
      /:3:13: all patterns of "include" begin with "!"/,
    ],
    [
      "metadata over 1,024 bytes",
      `${accounts}mappings: { m: { mode: push, rules: [{ match: x, metadata: "${"x".repeat(1100)}" }] } }`,
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

describe("accounts", () => {
  const account = (text: string): string => faults(`accounts:\n  a: { ${text} }\n`);

  test.each<[string, RegExp]>([
    ["api_token: t", /account "a" has no account_id: add account_id: \$\{CLOUDFLARE_ACCOUNT_ID\}/],
    ["account_id: a/b, api_token: t", /is no account id/],
    ["account_id: abc, api_token: t, api_token_file: f", /stands beside api_token: keep one/],
    ["account_id: abc, api_token: t, email: e", /stands beside an API token/],
    ["account_id: abc, api_key: k", /has an api_key but no email/],
    ["account_id: abc, email: e", /has an email but no api_key/],
    ["account_id: abc, api_token: ''", /api_token must not be empty/],
    ["endpoint: embedded, api_token: t", /an embedded account needs no credentials/],
    ["account_id: abc, api_token: t, endpoint: api.cloudflare.com", /is no endpoint: write embedded, or a URL/],
    ["account_id: abc, api_token: t, endpoint: 'https://u:p@x/'", /no user name or password/],
    ["account_id: abc, api_token: t, endpoint: 'https://x/?a=1'", /no query/],
    [
      "account_id: abc, api_token: t, endpoint: 'http://kv.example.com/v4'",
      /readable over plain http: use https, or set insecure: true/,
    ],
  ])("%s is refused", (text, message) => expect(account(text)).toMatch(message));

  test.each(["http://127.0.0.1:8787/client/v4/", "http://localhost:8787/client/v4", "http://[::1]:8787/client/v4"])(
    "plain http to %s on this machine is fine",
    (endpoint) => {
      const config = load(`accounts: { a: { account_id: abc, api_token: t, endpoint: "${endpoint}" } }`);
      expect(config.accounts.get("a")?.endpoint).toEqual({ kind: "remote", baseUrl: endpoint.replace(/\/$/, "") });
    },
  );

  test("plain http to another machine is possible if asked for", () => {
    const config = load(
      "accounts: { a: { account_id: abc, api_token: t, endpoint: 'http://10.0.0.1/v4', insecure: true } }",
    );
    expect(config.accounts.get("a")?.endpoint).toEqual({ kind: "remote", baseUrl: "http://10.0.0.1/v4" });
  });
});

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

describe("secrets", () => {
  test("do not print, and reveal themselves only when asked", () => {
    const config = load("accounts: { a: { account_id: abc, api_token: ${T} } }", { T: "hunter2" });
    const account = config.accounts.get("a")!;
    expect(
      inspect(account, { depth: 9, showHidden: true }) +
        JSON.stringify(account) +
        String((account.credentials as { token: { secret: Secret } }).token.secret),
    ).not.toContain("hunter2");
    expect(account.credentials).toMatchObject({ token: { kind: "value" } });
    if (account.credentials.kind !== "token" || account.credentials.token.kind !== "value") throw new Error("no token");
    expect(account.credentials.token.secret.reveal()).toBe("hunter2");
  });

  test.each([
    "accounts: { a: { account_id: abc, api_token: hunter2, oops: 1 } }",
    'accounts: { a: { oops: 1, "api_key": "hunter2 hunter2" } }',
    "accounts:\n  a: { oops: 1, api_token: 'hunter2",
    "accounts:\n  a:\n    api_token: hunter2: x",
    "accounts:\n  a:\n    api_token: @hunter2",
    'accounts:\n  a:\n    api_token: "x" hunter2',
  ])("do not show in a message about their line: %j", (text) => expect(faults(text)).not.toContain("hunter2"));
});

describe("what YAML has and JSON has not", () => {
  const metadata = (text: string): string =>
    faults(`${accounts}mappings:\n  m:\n    mode: push\n    rules:\n      - match: a\n        metadata: ${text}\n`);

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
