// Whoever is to be told of trouble: what a config may say of it, its defaults, and what is refused, with its place.

import { describe, expect, it } from "vitest";
import { configSecrets } from "../../../src/config/config-secrets.ts";
import { redact } from "../../../src/core/redact.ts";
import { ACCOUNTS, faults, load } from "./config-fixture.ts";

const notify = (...entries: readonly string[]): string =>
  `${ACCOUNTS}notify:\n${entries.map((entry) => `  - ${entry}\n`).join("")}`;

describe("a config says who is told", () => {
  it("with nothing but a webhook, by defaults", () => {
    const [target] = load(notify("{ webhook: https://chat.example.com/hooks/abc }")).notify;
    expect(target).toMatchObject({
      name: "chat.example.com",
      to: { kind: "webhook", host: "chat.example.com", secret: undefined, timeoutMs: 10_000 },
      failingAfterMs: 600_000,
      backupAgeMs: undefined,
      gatherMs: 30_000,
    });
    expect([...target!.on]).toEqual(["held", "failing", "conflict", "recovered", "backup-old"]);
  });

  it("with a program, and with all that may be said", () => {
    const { notify: targets } = load(
      notify(
        "{ run: [/usr/local/bin/page-me, now], on: [held, failing], failing_after: 1h, gather: 0s, timeout: 5s }",
        "{ name: chat, webhook: https://c.example/x, secret_file: ./hook-secret, headers: { X-Team: kv }, backup_age: 26h }",
      ),
    );
    expect(targets).toMatchObject([
      {
        name: "page-me",
        to: { kind: "program", run: ["/usr/local/bin/page-me", "now"], timeoutMs: 5000 },
        failingAfterMs: 3_600_000,
        gatherMs: 0,
      },
      { name: "chat", to: { secret: { kind: "file", path: "/site/hook-secret" } }, backupAgeMs: 93_600_000 },
    ]);
    expect([...targets[0]!.on]).toEqual(["held", "failing"]);
  });

  it("with an address, headers and a secret that no program and no message is to see", () => {
    const config = load(
      notify(
        '{ webhook: "${HOOK_URL}", secret: "${HOOK_SECRET}", headers: { Authorization: "Bearer ${CHAT_TOKEN}" } }',
      ),
      {
        HOOK_URL: "https://hooks.example/T0/very-private",
        HOOK_SECRET: "signing-secret-1",
        CHAT_TOKEN: "chat-token-1",
      },
    );
    const known = configSecrets(config).map((secret) => secret.reveal());
    expect(known).toEqual(
      expect.arrayContaining(["https://hooks.example/T0/very-private", "signing-secret-1", "Bearer chat-token-1"]),
    );
    expect(JSON.stringify(config.notify)).not.toContain("private");
    expect(redact("to https://hooks.example/T0/very-private with signing-secret-1")).toBe("to [secret] with [secret]");
  });

  it("or nobody", () => {
    expect(load(ACCOUNTS).notify).toEqual([]);
    expect(load(`${ACCOUNTS}notify:\n`).notify).toEqual([]);
  });
});

describe("a config is refused, with the place, for", () => {
  it.each([
    ["{ on: [held] }", "3:5: has neither webhook nor run"],
    ["{ webhook: nowhere }", "3:16: is no URL"],
    ["{ webhook: ftp://a.example/x }", "3:16: is no URL"],
    ["{ webhook: https://ann:secret@a.example/x }", "3:16: must hold no user name or password"],
    ["{ webhook: http://a.example/x }", "3:16: would tell of your mappings over plain http"],
    ["{ webhook: https://a.example, run: [x] }", "3:35: stands beside webhook"],
    ["{ webhook: https://a.example, secret: abc, secret_file: x }", "3:48: stands beside secret"],
    ["{ run: [page-me], secret: abc }", "3:23: has no use: it is a program"],
    ["{ run: [] }", "3:7: run must name a program"],
    [
      "{ run: [x], on: [helt] }",
      '3:22: on 1 must be held or failing or conflict or recovered or backup-old, not "helt"; did you mean "held"?',
    ],
    ["{ run: [x], on: [] }", "3:17: on must name what it is told of"],
    ["{ run: [x], failing_after: 10 }", '3:32: failing_after "10" needs a unit'],
    ["{ webhook: https://a.example, headers: { Host: b } }", "3:46: Host is set by kvsync itself"],
    ['{ webhook: https://a.example, headers: { X-A: "b\\nc" } }', "3:51: holds what no header may hold"],
    ["{ webhook: https://a.example, headers: { 'X A': b } }", "is no name of a header"],
    ["{ webhok: https://a.example }", '3:7: unknown key "webhok"; did you mean "webhook"?'],
  ])("%s", (entry, message) => {
    expect(faults(notify(entry))).toContain(message);
  });

  it("two of one name", () => {
    expect(faults(notify("{ webhook: https://a.example/x }", "{ webhook: https://a.example/y }"))).toContain(
      '4:7: is called "a.example", as one before it is: give it a name of its own with name:',
    );
    expect(
      load(notify("{ webhook: https://a.example/x }", "{ name: b, webhook: https://a.example/y }")).notify,
    ).toHaveLength(2);
  });

  it("each of several that are wrong, and not what stands beside them", () => {
    const message = faults(notify("{ run: [x], on: [nothing] }", "{ run: [y] }", "{ webhook: nowhere }"));
    expect(message).toContain("the config file has 2 faults");
    expect(message).toContain("kvsync.yaml:3:");
    expect(message).toContain("kvsync.yaml:5:");
  });
});
