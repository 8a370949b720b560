// A value of any size arrives whole, however slow its reader is: sizes around every bound of a buffer between the socket
// and the reader, in and out through every command that carries values, on both kinds of account.

import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { records, startCli } from "../support/cli.ts";
import { type ServeProcess, startServe } from "../support/serve-process.ts";
import { type Pace, readOutput } from "../support/slow-reader.ts";

const KIB = 1024;
const around = (bytes: number): number[] => [bytes - 1, bytes, bytes + 1];
/** A pipe and a Node stream hold 16 and 64 KiB; 256 KiB, 1 MiB; 25 MiB is the largest value. */
const SIZES = [
  0,
  1,
  ...[16, 64, 256, 1024].flatMap((kib) => around(kib * KIB)),
  290_617,
  300_000,
  777_777,
  25 * 1024 * KIB - 1,
  25 * 1024 * KIB,
];
const ACCOUNTS = ["embedded", "http"] as const;
const SLOW: Pace = { beforeMs: 150, restMs: 1 };
/** What one value may take. */
const VALUE_MS_MAX = 5000;

let cwd: string;
let serve: ServeProcess;
const hashes = new Map<string, string>();

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const nameOf = (size: number): string => `v${size}`;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-sizes-"));
  mkdirSync(join(cwd, "values"));
  for (const size of SIZES) {
    const bytes = randomBytes(size);
    hashes.set(nameOf(size), hashOf(bytes));
    writeFileSync(join(cwd, "values", nameOf(size)), bytes);
  }
  serve = await startServe(cwd, "right");
  const endpoints = {
    embedded: "endpoint: embedded",
    http: `endpoint: "${serve.url}", account_id: acct, api_token: right`,
  };
  for (const account of ACCOUNTS) {
    const config = [
      `state_dir: ./state-${account}`,
      `accounts: { ${account}: { ${endpoints[account]} } }`,
      `mappings: { all: { account: ${account}, folder: ./pulled-${account}, mode: pull } }`,
      "",
    ];
    writeFileSync(join(cwd, `${account}.yaml`), config.join("\n"));
  }
});

afterAll(async () => {
  await serve.stop();
  rmSync(cwd, { recursive: true });
});

/** What `kvsync` writes to stdout, read at this pace, when it ends well. */
async function kvsync(account: string, args: readonly string[], pace?: Pace): Promise<Buffer> {
  const child = startCli([...args, "-c", `${account}.yaml`], { cwd });
  child.stdin?.end();
  const { code, stdout, stderr } = await readOutput(child, pace);
  expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}

/** Does `work` within the time that a value may take. Where a start of the program alone is slow, the machine is: then it has twenty
 * starts more. */
async function inTime<T>(what: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  const tookMs = performance.now() - began;
  if (tookMs < VALUE_MS_MAX) return result;
  const asked = performance.now();
  await readOutput(startCli(["--version"], { cwd }));
  const startMs = performance.now() - asked;
  if (tookMs < VALUE_MS_MAX + 20 * startMs) return result;
  throw new Error(`${what} took ${Math.round(tookMs)} ms, and a start ${Math.round(startMs)} ms`);
}

async function putEach(account: string): Promise<void> {
  const one = `${account}:one`;
  await kvsync(account, ["namespace", "create", one]);
  for (const name of hashes.keys()) {
    const put = ["key", "put", name, "-n", one, "--path", join("values", name)];
    await inTime(`put ${name}`, () => kvsync(account, put));
  }
}

async function getEach(account: string, from: string): Promise<void> {
  for (const [name, hash] of hashes) {
    const get = ["key", "get", name, "-n", `${account}:${from}`];
    const out = `got-${account}-${name}`;
    await inTime(`get ${name} to a file`, () => kvsync(account, [...get, "-o", out]));
    const fast = await inTime(`get ${name}`, () => kvsync(account, get));
    const slow = await inTime(`get ${name} slowly`, () => kvsync(account, get, SLOW));
    const got = [readFileSync(join(cwd, out)), fast, slow].map(hashOf);
    expect({ name, got }).toEqual({ name, got: [hash, hash, hash] });
    rmSync(join(cwd, out));
  }
}

async function carryAll(account: string): Promise<void> {
  const all = `${account}:all`;
  await kvsync(account, ["namespace", "create", all]);
  await kvsync(account, ["copy", "./values", all]);
  await kvsync(account, ["copy", all, `./copied-${account}`]);
  expect(folderHashes(`copied-${account}`)).toEqual(hashes);
  mkdirSync(join(cwd, `pulled-${account}`));
  await kvsync(account, ["pull"]);
  expect(folderHashes(`pulled-${account}`)).toEqual(hashes);
  for (const pace of [undefined, SLOW]) {
    const lines = await kvsync(account, ["bulk", "get", ...hashes.keys(), "-n", all], pace);
    expect(printedHashes(lines)).toEqual(hashes);
  }
}

function folderHashes(folder: string): Map<string, string> {
  // Not the sidecars.
  const names = readdirSync(join(cwd, folder)).filter((name) => !name.includes("%"));
  return new Map(names.map((name) => [name, hashOf(readFileSync(join(cwd, folder, name)))]));
}

function printedHashes(lines: Buffer): Map<string, string> {
  return new Map(
    records(lines.toString()).map(({ key, value, base64 }) => [
      String(key),
      hashOf(Buffer.from(String(value), base64 === true ? "base64" : "utf8")),
    ]),
  );
}

// One process at a time for each account, and both accounts at once: most machines have two cores.
test.concurrent("over HTTP, every value is put and got whole, to files and pipes", { timeout: 240_000 }, async () => {
  await putEach("http");
  await getEach("http", "one");
  await carryAll("http");
});

test.concurrent("the embedded account gives every value whole, to files and pipes", { timeout: 240_000 }, async () => {
  await carryAll("embedded");
  await getEach("embedded", "all");
});
