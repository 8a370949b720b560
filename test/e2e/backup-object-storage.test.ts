// A whole backup and its restore by way of object storage that does all that it may do to a client, from the command line.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";
import { S3_ACCOUNT, type S3Fault, type S3Server, startS3Server } from "../support/s3-server.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const FAULTS: readonly S3Fault[] = ["500", "lost-answer", "cut-body", "reset", "slow-down", "corrupted"];
const REPOSITORY = "s3://backups/kv";
let kv: TestServer;
let s3: S3Server;
let dir = "";
let isFaulty = true;
let told = "";

async function kvsync(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliRun> {
  const run = await runCli(args, { cwd: dir, env: { ...s3.env, KVSYNC_PASSPHRASE: "correct horse", ...env } });
  told += run.stdout + run.stderr;
  return run;
}
async function summary(...args: readonly string[]): Promise<Record<string, unknown>> {
  const run = await kvsync([...args, "--json"]);
  expect(run).toMatchObject({ code: 0 });
  return records(run.stdout).at(-1)!;
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-s3-"));
  kv = await startTestServer({ validate: false });
  s3 = await startS3Server({
    pageMax: 3,
    fault: (count) => (isFaulty && count % 9 === 0 ? FAULTS[(count / 9) % FAULTS.length] : undefined),
  });
  const account = `{ endpoint: "${kv.url}", account_id: ${kv.accountId}, api_token: ${kv.token} }`;
  writeFileSync(join(dir, "kvsync.yaml"), `state_dir: ./state\naccounts: { local: ${account} }\n`);
  for (const title of ["app", "copy"]) await kv.createNamespace(title);
  const pairs = Array.from({ length: 400 }, (_, i) => ({
    key: `page/${i}`,
    value: `value ${i} `.repeat(i),
    metadata: { i },
  }));
  writeFileSync(join(dir, "pairs.json"), JSON.stringify(pairs));
  expect(await kvsync(["bulk", "put", "pairs.json", "-n", "local:app"])).toMatchObject({ code: 0 });
});

afterAll(async () => {
  await kv.close();
  await s3.close();
  rmSync(dir, { recursive: true });
});

it("backups that object storage made hard are whole, and come back byte for byte", async () => {
  const first = await summary("backup", "local:app", REPOSITORY);
  // What is tried again is told, and each request counts.
  expect(first["storeRequests"]).toBeGreaterThan(10);
  expect(told).toMatch(/; trying again in /);
  writeFileSync(join(dir, "one.json"), JSON.stringify([{ key: "page/7", value: "changed" }]));
  await kvsync(["bulk", "put", "one.json", "-n", "local:app"]);
  await summary("backup", "local:app", REPOSITORY);
  const snapshots = records((await kvsync(["snapshots", REPOSITORY, "--json"])).stdout).filter(
    ({ type }) => type === "snapshot",
  );
  expect(snapshots).toHaveLength(2);
  await summary("restore", `${REPOSITORY}@latest`, "local:copy");
  expect(await kvsync(["check", "local:app", "local:copy", "--values"])).toMatchObject({ code: 0 });
  expect((await kvsync(["cat", `${REPOSITORY}@latest`, "page/7"])).stdout).toBe("changed");
  expect([...s3.objects().keys()].every((key) => /^kv\/(config\.json$|(keys|packs|index|snapshots)\/)/.test(key))).toBe(
    true,
  );
  expect([...s3.objects().values()].some((bytes) => bytes.includes("value 7"))).toBe(false);
}, 240_000);

it("what keeps object storage from being used is one line and a hint", async () => {
  isFaulty = false;
  const lineOf = async (env: Record<string, string>): Promise<string> => {
    const run = await kvsync(["snapshots", REPOSITORY], env);
    expect(run.code).not.toBe(0);
    return run.stderr;
  };
  expect(await lineOf({ AWS_SECRET_ACCESS_KEY: "wrong" })).toMatch(
    /^kvsync: could not read config\.json in s3:\/\/backups\/kv: the secret access key does not belong to/,
  );
  expect(await lineOf({ AWS_ACCESS_KEY_ID: "" })).toMatch(
    /^kvsync: there are no keys for s3:\/\/backups\/kv: AWS_ACCESS_KEY_ID is not set/,
  );
  expect(await lineOf({ AWS_ENDPOINT_URL_S3: "" })).toMatch(/^kvsync: s3:\/\/backups\/kv has no endpoint/);
  expect(await lineOf({ KVSYNC_PASSPHRASE: "wrong horse" })).toMatch(/passphrase/);
  s3.advance(3_600_000);
  expect(await lineOf({})).toMatch(
    /^kvsync: could not read config\.json in s3:\/\/backups\/kv: the clock of this machine is wrong: it says 20/,
  );
}, 240_000);

it("no key and no passphrase is ever told", () => {
  expect(told).not.toMatch(/correct horse|wrong horse/);
  expect(told).not.toContain(S3_ACCOUNT.secretAccessKey);
  expect(told).not.toContain(S3_ACCOUNT.accessKeyId);
});
