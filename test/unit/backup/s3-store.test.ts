import { afterEach, describe, expect, it } from "vitest";
import { readS3Keys } from "../../../src/backup/store/s3-keys.ts";
import { openS3Store } from "../../../src/backup/store/s3-store.ts";
import type { Store } from "../../../src/backup/store/store.ts";
import { AppError } from "../../../src/core/errors.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { S3_ACCOUNT, type S3Server, type S3ServerOptions, startS3Server } from "../../support/s3-server.ts";

let server: S3Server;
let store: Store;
let clock: HurriedClock;

interface Wrong {
  readonly env?: Record<string, string>;
  readonly bucket?: string;
  readonly region?: string;
  readonly path?: string;
  readonly aheadMs?: number;
}

async function open(options: S3ServerOptions = {}, wrong: Wrong = {}): Promise<void> {
  server = await startS3Server(options);
  clock = new HurriedClock({ now: Date.now() + (wrong.aheadMs ?? 0) });
  const env = { ...server.env, ...wrong.env };
  store = openS3Store({
    clock,
    config: {
      kind: "s3",
      bucket: wrong.bucket ?? server.bucket,
      prefix: "",
      endpoint: server.url + (wrong.path ?? ""),
      region: wrong.region ?? "auto",
      credentials: { kind: "environment" },
    },
    keys: readS3Keys({ kind: "environment" }, { label: "s3", env, readFile: () => undefined }),
    proxies: undefined,
    label: "s3://backups",
  });
}

afterEach(async () => {
  await store.close();
  await server.close();
});

const listOnce = async (prefix: string): Promise<unknown> => store.list(prefix)[Symbol.asyncIterator]().next();

const bytes = Buffer.from("some bytes");

async function failureOf(call: Promise<unknown>): Promise<AppError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AppError) return error;
  throw new Error(`expected an AppError, and not ${String(error)}`);
}

describe("object storage", () => {
  it.each<[string, S3ServerOptions, Wrong, string, RegExp, RegExp]>([
    [
      "a wrong clock",
      {},
      { aheadMs: 3_600_000 },
      "unauthorized",
      /the clock of this machine is wrong: it says 20.*Z, and 127\.0\.0\.1:\d+ says 20.*Z/,
      /set the clock/,
    ],
    [
      "a wrong secret key",
      {},
      { env: { AWS_SECRET_ACCESS_KEY: "wrong" } },
      "unauthorized",
      /secret access key does not belong to the access key id/,
      /AWS_SECRET_ACCESS_KEY/,
    ],
    [
      "a wrong key id",
      {},
      { env: { AWS_ACCESS_KEY_ID: "wrong" } },
      "unauthorized",
      /does not know the access key id/,
      /AWS_ACCESS_KEY_ID/,
    ],
    [
      "an old session",
      { account: { ...S3_ACCOUNT, sessionToken: "new" } },
      { env: { AWS_SESSION_TOKEN: "old" } },
      "unauthorized",
      /does not take the session token any more/,
      /AWS_SESSION_TOKEN/,
    ],
    [
      "another region",
      { account: { ...S3_ACCOUNT, region: "eu-west-1" } },
      {},
      "store-failed",
      /bucket backups is in the region eu-west-1, and not in auto/,
      /set region: eu-west-1/,
    ],
    [
      "no such bucket",
      {},
      { bucket: "backup" },
      "store-failed",
      /there is no bucket backup at 127/,
      /create the bucket/,
    ],
    [
      "another path",
      {},
      { path: "/v1" },
      "store-failed",
      /there is no bucket backups/,
      /check the store and the endpoint/,
    ],
    [
      "a login page",
      { fault: () => "login-page" },
      {},
      "store-failed",
      /127.* does not answer as object storage/,
      /proxies/,
    ],
  ])("says what is wrong: %s", async (_, options, wrong, code, message, hint) => {
    await open(options, wrong);
    const calls = [() => store.putNew("a", bytes), () => store.get("a"), () => listOnce(""), () => store.head("a")];
    for (const [i, call] of calls.entries()) {
      const failure = await failureOf(call());
      expect(failure.code).toBe(code);
      // The answers to HEAD have no body: it is only told that they are refused, or what a GET says after it.
      if (i < 3) expect(failure.message).toMatch(message);
      if (i < 3) expect(failure.hint).toMatch(hint);
      expect(failure.message + (failure.hint ?? "")).not.toMatch(/wJalr|Signature=/);
    }
    expect(server.objects().size).toBe(0);
  });

  it("says so when nobody answers, after all attempts", async () => {
    await open({ fault: () => "reset" });
    const failure = await failureOf(store.get("a"));
    expect(failure).toMatchObject({
      code: "network",
      message: expect.stringMatching(/could not read a in s3:\/\/backups: the connection was/),
    });
    expect(server.requests).toHaveLength(8);
    expect(clock.slept).toHaveLength(7);
  });

  it("is asked for ten minutes when it asks for patience", async () => {
    await open({ fault: () => "slow-down" });
    const failure = await failureOf(store.get("a"));
    expect(failure).toMatchObject({
      code: "store-failed",
      retryable: true,
      message: expect.stringMatching(/asks for fewer requests \(HTTP 503, SlowDown/),
    });
    expect(clock.slept.reduce((sum, each) => sum + each)).toBeGreaterThan(500_000);
  });

  it("takes a 404 without a body for no absence: it asks again, and then fails", async () => {
    await open({ fault: (count) => (count <= 2 ? "empty-404" : undefined) });
    server.place("snapshots/a", bytes);
    expect(await store.get("snapshots/a")).toEqual(bytes);
    await store.close();
    await server.close();
    await open({ fault: () => "empty-404" });
    const whole = await failureOf(store.get("snapshots/a"));
    expect(whole).toMatchObject({ code: "store-failed", retryable: true });
    expect(whole.message).toMatch(/could not read snapshots\/a in s3:.*HTTP 404/);
    expect(await failureOf(store.get("packs/a", { at: 0, length: 1 }))).toMatchObject({ code: "store-failed" });
    expect(await failureOf(store.head("packs/a"))).toMatchObject({ code: "store-failed" });
    expect(await failureOf(store.remove("packs/a"))).toMatchObject({ code: "store-failed" });
  });

  it("keeps what another has written while an answer was lost", async () => {
    await open({ fault: (count) => (count === 1 ? "reset" : undefined) });
    server.place("config.json", Buffer.from("another's"));
    expect(await store.putNew("config.json", bytes)).toBe("exists");
    expect(server.objects().get("config.json")?.toString()).toBe("another's");
  });

  it("is told to be written to when only the answer was lost", async () => {
    await open({ fault: (count) => (count === 1 ? "lost-answer" : undefined) });
    expect(await store.putNew("config.json", bytes)).toBe("written");
    expect(server.requests.map((each) => each.split(" ")[0])).toEqual(["PUT", "PUT", "GET"]);
  });

  it("is asked before it is written to where it knows no conditions", async () => {
    await open({ conditions: "501" });
    expect(await store.putNew("a", bytes)).toBe("written");
    expect(await store.putNew("a", bytes)).toBe("exists");
    expect(await store.putNew("b", bytes)).toBe("written");
    expect(server.requests.filter((each) => each.startsWith("PUT"))).toHaveLength(3);
  });

  it("takes its time from the server", async () => {
    await open();
    server.advance(600_000);
    expect(Math.abs((await store.now()) - Date.now() - 600_000)).toBeLessThan(2000);
  });

  it("costs one request for each call", async () => {
    await open();
    await store.putNew("packs/a", bytes);
    await store.get("packs/a");
    await store.get("packs/a", { at: 1, length: 3 });
    await store.head("packs/a");
    await store.now();
    await listOnce("packs/");
    await store.remove("packs/a");
    expect(server.requests.map((each) => each.replace(/\?.*/, ""))).toEqual([
      "PUT /backups/packs/a",
      "GET /backups/packs/a",
      "GET /backups/packs/a",
      "HEAD /backups/packs/a",
      "HEAD /backups/config.json",
      "GET /backups",
      "DELETE /backups/packs/a",
    ]);
  });
});
