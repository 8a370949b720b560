// Accounts in a config file: what each must say, where it may be, and that its secrets do not show.

import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import type { Secret } from "../../../src/config/secret.ts";
import { faults, load } from "./config-fixture.ts";

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
