// What a config file comes to: a complete one, small ones, and the environment in them.

import { describe, expect, test } from "vitest";
import { ACCOUNTS, faults, load } from "./config-fixture.ts";

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
      rootSwaps: "hold",
      removeAfterMs: 0,
      symlinks: "skip",
      trash: { keepMs: 7 * 86_400_000, maxBytes: 2 ** 31 },
      settleWindowMs: 90_000,
      quietMs: 2000,
      stableAfterMs: 200,
      stableMaxMs: 60_000,
      pollIntervalMs: 60_000,
      rescanIntervalMs: 3_600_000,
      watch: "auto",
      watchIntervalMs: 10_000,
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
      rootSwaps: "hold",
      removeAfterMs: 0,
      symlinks: "skip",
      namespace: "pages",
      prefix: "",
    });
    expect(config.auto).toMatchObject({ account: "prod", mode: "pull", root: "/site/kv", maxDelete: { share: 0.1 } });
  });
});

describe("small files", () => {
  test("a mapping of which nothing is said takes everything from its name, the defaults and the only account", () => {
    const config = load(`${ACCOUNTS}defaults: { mode: pull }\nmappings:\n  pages:\n`);
    expect(config.mappings.get("pages")).toMatchObject({
      account: "a",
      folder: "/site/pages",
      namespace: "pages",
      mode: "pull",
    });
    expect(config.stateDir).toBe("/site/.kvsync");
  });

  test("groups whose lines are all commented out are empty", () => {
    expect(load(`${ACCOUNTS}mappings:\n  # none\ndefaults:\n`).mappings.size).toBe(0);
  });

  test("a file that a pull replaces has rested for as long as one that a push carries, and for two seconds at least", () => {
    const config = load(
      `${ACCOUNTS}defaults: { mode: two-way, stable_after: 5s }\nmappings:\n  a: { stable_max: 10m }\n  b: { stable_after: 0s }\n`,
    );
    expect(config.mappings.get("a")).toMatchObject({ stableAfterMs: 5000, stableMaxMs: 600_000, quietMs: 5000 });
    expect(config.mappings.get("b")).toMatchObject({ stableAfterMs: 0, stableMaxMs: 60_000, quietMs: 2000 });
  });

  test("anchors and merge keys are resolved", () => {
    const config = load(
      `${ACCOUNTS}mappings:\n  a: &base { mode: push, delete: all }\n  b: { <<: *base, mode: pull }\n`,
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
      `${ACCOUNTS}mappings:\n  m: { mode: \${MODE}, folder: "x-\${A}\${B}", on_change: { run: [sh, -c, "echo $\${HOME}"] } }\n`,
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
    expect(load(`${ACCOUNTS}# \${NOPE}\nmappings: {}\n`).mappings.size).toBe(0);
  });

  test.each(["${}", "${a-b}", "${A", "x${ A}"])("%s is refused", (text) => {
    expect(faults(`${ACCOUNTS}root: "${text}"\n`)).toMatch(/names no environment variable/);
  });
});
