// Changes that come too late: a key that expires within a minute, or has expired, cannot be written to KV. That is told, and
// nothing is said to be in step.

import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { configure, kvsync, write } from "../support/one-mapping.ts";
import { startTestServer } from "../support/server.ts";

const expire = (name: string, inSeconds: number): void =>
  write(`${name}%meta`, JSON.stringify({ expiration: Math.floor(Date.now() / 1000) + inSeconds }));

describe.each([
  ["push", "push"],
  ["two-way", "sync"],
] as const)("of mode %s", (mode, command) => {
  it("an edit of a key that expires within a minute is named, and fails", async () => {
    configure(mode);
    write("a", "first");
    expect(await kvsync(command)).toMatchObject({ code: 0 });
    write("a", "edited");
    expire("a", 30);
    for (const args of [[command], ["diff"], ["plan"]]) {
      const run = await kvsync(...args);
      expect([args[0], run.code, run.stderr]).toEqual([
        args[0],
        3,
        expect.stringContaining("! a: has expired, or does within"),
      ]);
    }
    expect((await kvsync("key", "get", "a")).stdout).toBe("first");
    // Whatever may be written: it differs.
    for (const values of [[], ["--values"]]) {
      const check = await kvsync("check", "./kv", "local:app", ...values);
      expect([check.code, check.stdout]).toEqual([4, expect.stringContaining("~ a\n")]);
    }
  });

  it("a new key that has expired already is named, and fails", async () => {
    configure(mode);
    write("a", "first");
    write("a%meta", JSON.stringify({ expiration: 100 }));
    expect(await kvsync(command)).toMatchObject({ code: 3, stderr: expect.stringContaining("(expired)") });
  });
});

it("a key that is about to expire is not pulled; that is said, and a check tells that the folder lacks it", async () => {
  // The server's clock is behind: what it keeps for a minute expires in twenty seconds by ours.
  const now = (): EpochMs => (systemClock.now() - 40_000) as EpochMs;
  const server = await startTestServer({ clock: { ...systemClock, now } });
  try {
    const { url, accountId, token } = server;
    await server.createNamespace("app");
    configure("pull", "", `endpoint: "${url}", account_id: ${accountId}, api_token: ${token}`);
    await kvsync("key", "put", "soon", "1", "--ttl", "60");
    await kvsync("key", "put", "stays", "1");
    expect(await kvsync("pull")).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("skipped: 1 about to expire"),
    });
    expect((await kvsync("pull", "-v")).stderr).toContain("soon: has expired, or does within 60 seconds");
    for (const values of [[], ["--values"]]) {
      const check = await kvsync("check", "local:app", "./kv", ...values);
      expect([check.code, check.stdout]).toEqual([4, expect.stringContaining("+ soon\n")]);
    }
  } finally {
    await server.close();
  }
});
