// Keys, one and many, through the real program against the embedded server, which checks every exchange against
// Cloudflare's OpenAPI document.

import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CliRun, records, runCli } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let namespaceId: string;
let cwd: string;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-cli-"));
  server = await startTestServer();
  namespaceId = await server.createNamespace("app");
});

afterAll(async () => {
  await server.close();
  rmSync(cwd, { recursive: true });
});

function kvsync(args: readonly string[], input?: string | Uint8Array): Promise<CliRun> {
  const env = {
    CLOUDFLARE_ACCOUNT_ID: server.accountId,
    CLOUDFLARE_API_TOKEN: server.token,
    CLOUDFLARE_API_BASE_URL: server.url,
  };
  return runCli(args, { cwd, env, ...(input === undefined ? {} : { input }) });
}

/** The listing as the API gives it. */
async function listed(prefix: string): Promise<readonly { readonly name: string }[]> {
  const answer = await fetch(`${server.namespacesUrl}/${namespaceId}/keys?prefix=${prefix}`, {
    headers: { authorization: `Bearer ${server.token}` },
  });
  return ((await answer.json()) as { readonly result: readonly { readonly name: string }[] }).result;
}

const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(cwd, name), content);
  return name;
};

describe("one key", () => {
  test("a value goes there and comes back, and a listing tells of it without its stamp", async () => {
    const put = await kvsync([
      "key",
      "put",
      "-n",
      "app",
      "greet/a b",
      "hello",
      "--metadata",
      '{"lang":"en"}',
      "--ttl",
      "1h",
    ]);
    expect(put).toMatchObject({ code: 0, stdout: 'wrote "greet/a b" (5 B) to cloudflare:app\n', stderr: "" });
    expect(await kvsync(["key", "get", "-n", "cloudflare:app", "greet/a b"])).toMatchObject({
      code: 0,
      stdout: "hello",
      stderr: "",
    });
    const list = await kvsync(["key", "list", "cloudflare:app/greet/", "--json"]);
    expect(records(list.stdout)).toEqual([
      { name: "greet/a b", expiration: expect.any(Number) as number, metadata: { lang: "en" } },
    ]);
    expect((await kvsync(["key", "metadata", "-n", "app", "greet/a b"])).stdout).toBe('{"lang":"en"}\n');
    expect(await kvsync(["key", "delete", "-n", "app", "greet/a b"])).toMatchObject({
      code: 0,
      stdout: 'deleted "greet/a b" from cloudflare:app\n',
    });
    expect(await kvsync(["key", "get", "-n", "app", "greet/a b"])).toMatchObject({
      code: 1,
      stdout: "",
      stderr:
        'kvsync: there is no key "greet/a b" in cloudflare:app\n  hint: see what there is: kvsync key list -n cloudflare:app\n',
    });
  });

  test("bytes stay bytes, from a file, from stdin, and to a file", async () => {
    const bytes = Buffer.from([0, 255, 13, 10, 0x80]);
    await kvsync(["key", "put", "-n", "app", "bin", "--path", file("in.bin", bytes)]);
    expect((await kvsync(["key", "get", "-n", "app", "bin"])).bytes).toEqual(bytes);
    await kvsync(["key", "put", "-n", "app", "bin2", "--path", "-"], bytes);
    expect(await kvsync(["key", "get", "-n", "app", "bin2", "-o", "out.bin"])).toMatchObject({
      code: 0,
      stdout: "",
      stderr: 'wrote 5 bytes of "bin2" in cloudflare:app to out.bin\n',
    });
    expect(readFileSync(join(cwd, "out.bin"))).toEqual(bytes);
    await kvsync(["key", "delete", "-n", "app", "bin", "bin2"]);
  });

  test("goes to stdout with -o -, into a pipe that stays one, and through a symbolic link", async () => {
    await kvsync(["key", "put", "-n", "app", "out", "bytes"]);
    expect(await kvsync(["key", "get", "-n", "app", "out", "-o", "-"])).toMatchObject({
      code: 0,
      stdout: "bytes",
      stderr: "",
    });
    expect(existsSync(join(cwd, "-"))).toBe(false);
    execFileSync("bash", ["-c", "mkfifo fifo"], { cwd });
    const reader = readFile(join(cwd, "fifo"), "utf8");
    expect(await kvsync(["key", "get", "-n", "app", "out", "-o", "fifo"])).toMatchObject({ code: 0 });
    expect([await reader, lstatSync(join(cwd, "fifo")).isFIFO()]).toEqual(["bytes", true]);
    writeFileSync(join(cwd, "target"), "old");
    symlinkSync("target", join(cwd, "link"));
    expect(await kvsync(["key", "get", "-n", "app", "out", "-o", "link"])).toMatchObject({ code: 0 });
    expect([readFileSync(join(cwd, "target"), "utf8"), lstatSync(join(cwd, "link")).isSymbolicLink()]).toEqual([
      "bytes",
      true,
    ]);
    await kvsync(["key", "delete", "-n", "app", "out"]);
  });

  test("that is not there is said by delete, unless forced", async () => {
    const gone = await kvsync(["key", "delete", "-n", "app", "nope"]);
    expect(gone).toMatchObject({ code: 1, stdout: "" });
    expect(gone.stderr).toContain('there was no key "nope" in cloudflare:app');
    await kvsync(["key", "put", "-n", "app", "there", "v"]);
    expect(await kvsync(["key", "delete", "-n", "app", "nope", "there"])).toMatchObject({
      code: 3,
      stdout: "deleted 1 key from cloudflare:app\n",
      stderr: "absent nope\n",
    });
    expect(await listed("there")).toEqual([]);
    const forced = await kvsync(["key", "delete", "-n", "app", "nope", "--force", "--json"]);
    expect(forced).toMatchObject({ code: 0 });
    const plain = await kvsync(["key", "delete", "-n", "app", "nope", "--force"]);
    expect(plain.stdout).toBe('asked cloudflare:app to delete "nope"\n');
    expect(records(forced.stdout).at(-1)).toMatchObject({ requests: { delete: 1, metadata: 0, total: 2 } });
  });

  test("what is written is stamped as sync stamps it, unless that is not wanted", async () => {
    await kvsync(["key", "put", "-n", "app", "stamp/a", "v", "--metadata", '{"a":1}']);
    await kvsync(["key", "put", "-n", "app", "stamp/b", "v", "--no-stamp"]);
    await kvsync(["bulk", "put", "-n", "app", file("one.ndjson", '{"key":"stamp/c","value":"v"}')]);
    await kvsync(["bulk", "put", "-n", "app", "--no-stamp", file("two.ndjson", '{"key":"stamp/d","value":"v"}')]);
    const keys = await listed("stamp/");
    const stamp = { kvsync: expect.stringMatching(/^t[\w-]{22}1$/) as string };
    expect(keys).toEqual([
      { name: "stamp/a", metadata: { a: 1, ...stamp } },
      { name: "stamp/b" },
      { name: "stamp/c", metadata: stamp },
      { name: "stamp/d" },
    ]);
    await kvsync(["key", "delete", "-n", "app", ...keys.map(({ name }) => name)]);
  });

  test("with --json the last line says what it cost", async () => {
    const { stdout } = await kvsync(["key", "put", "-n", "app", "k", "v", "--json"]);
    expect(records(stdout)).toEqual([
      expect.objectContaining({
        type: "summary",
        command: "key put",
        account: "cloudflare",
        namespace: "app",
        written: 1,
        requests: expect.objectContaining({ write: 1, namespace: 1, total: 2 }) as object,
      }),
    ]);
    await kvsync(["key", "delete", "-n", "app", "k"]);
  });

  test.each<[string, readonly string[], RegExp]>([
    ["no value", ["k"], /there is no value for "k"/],
    ["two values", ["k", "v", "--path", "x"], /the value is given twice/],
    ["both kinds of expiration", ["k", "v", "--ttl", "1h", "--expiration", "2100-01-01"], /cannot both hold/],
    ["a key that is none", ["..", "v"], /"\.\." is no key/],
    ["metadata that is no JSON", ["k", "v", "--metadata", "{a}"], /--metadata is not JSON/],
  ])("%s is a mistake of usage", async (_, args, message) => {
    const run = await kvsync(["key", "put", "-n", "app", ...args]);
    expect([run.code, run.stdout]).toEqual([2, ""]);
    expect(run.stderr).toMatch(message);
  });

  test("a file that is not there is said to be so", async () => {
    expect(await kvsync(["key", "put", "-n", "app", "k", "--path", "nope"])).toMatchObject({
      code: 1,
      stderr: "kvsync: could not read nope: there is no such file\n",
    });
  });
});

describe("many keys", () => {
  const pairs = [
    { key: "b/1", value: "one", metadata: { n: 1 } },
    { key: "b/2", value: Buffer.from([255, 0]).toString("base64"), base64: true, expiration: 4_000_000_000 },
    { key: "b/3", value: "" },
  ];

  test("what bulk get prints is what bulk put took, whether an array or lines", async () => {
    const put = await kvsync(["bulk", "put", "-n", "app", file("pairs.json", JSON.stringify(pairs, undefined, 2))]);
    expect(put).toMatchObject({ code: 0, stdout: "wrote 3 keys to cloudflare:app\n", stderr: "" });
    const get = await kvsync(["bulk", "get", "-n", "app", "b/1", "b/2", "b/3"]);
    expect(get.stderr).toBe("read 3 keys from cloudflare:app\n");
    expect(records(get.stdout).sort((a, b) => (String(a["key"]) < String(b["key"]) ? -1 : 1))).toEqual(pairs);

    const listed = await kvsync(["key", "list", "-n", "app", "--prefix", "b/", "--json"]);
    const deleted = await kvsync(["bulk", "delete", "-n", "app", "-", "--json"], listed.stdout);
    expect(records(deleted.stdout).at(-1)).toMatchObject({
      command: "bulk delete",
      removed: 3,
      failed: 0,
      requests: { bulkDelete: 1 },
    });
    expect((await kvsync(["key", "list", "-n", "app"])).stdout).toBe("");

    expect(await kvsync(["bulk", "put", "-n", "app", "-"], get.stdout)).toMatchObject({ code: 0 });
    expect((await kvsync(["key", "list", "-n", "app", "--limit", "2"])).stdout).toBe("b/1\nb/2\n");
    expect((await kvsync(["key", "list", "-n", "app", "-0", "--prefix", "b/"])).stdout).toBe("b/1\0b/2\0b/3\0");
    await kvsync(["bulk", "delete", "-n", "app", file("keys.txt", "b/1\nb/2\nb/3\n")]);
  });

  test("a key that is named twice counts once, and one that is not there is not said to be deleted", async () => {
    const twice = file("twice.ndjson", '{"key":"d","value":"1"}\n{"key":"d","value":"2"}\n');
    const put = await kvsync(["bulk", "put", "-n", "app", twice]);
    expect(put.stdout).toBe("wrote 1 key to cloudflare:app\n");
    expect((await kvsync(["key", "get", "-n", "app", "d"])).stdout).toBe("2");
    const deleted = await kvsync(["bulk", "delete", "-n", "app", "-"], "d\nd\nnope\nd\n");
    expect(deleted).toMatchObject({ code: 0, stdout: "asked cloudflare:app to delete 2 keys\n" });
    const told = await kvsync(["bulk", "delete", "-n", "app", "-", "--json"], "d\nd\n");
    expect(records(told.stdout)).toMatchObject([{ removed: 1, failed: 0 }]);
  });

  test("a mistake anywhere in a file is found before anything is written", async () => {
    const run = await kvsync([
      "bulk",
      "put",
      "-n",
      "app",
      file("bad.ndjson", '{"key":"x","value":"1"}\n{"key":"y","value":2}\n'),
    ]);
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(
      /^kvsync: line 2 \("y"\) of bad\.ndjson has a value that is no string but the number 2\n {2}hint: /,
    );
    expect((await kvsync(["key", "list", "-n", "app"])).stdout).toBe("");
  });

  test("a property that means nothing is told once with its count, from a file or a pipe", async () => {
    const consul = [1, 2].map((n) => ({ key: `c/${n}`, flags: 0, value: "v" }));
    const name = file("consul.json", JSON.stringify(consul));
    const told = 'the property "flags" of 2 pairs means nothing to KV and is not written\n';
    const [put, piped] = [
      await kvsync(["bulk", "put", "-n", "app", name]),
      await kvsync(["bulk", "put", "-n", "app", "-"], JSON.stringify(consul)),
    ];
    expect(put).toMatchObject({ code: 0, stderr: `warning consul.json: ${told}` });
    expect(piped).toMatchObject({ code: 0, stderr: `warning stdin: ${told}` });
    await kvsync(["bulk", "delete", "-n", "app", "c/1", "c/2"]);
  });

  test.each([undefined, 2])("what wrangler kv bulk get prints is read as pairs (indent %s)", async (indent) => {
    const values = {
      "w/a": "text",
      "w/{": { value: "}{", metadata: { n: 1 } },
      metadata: "a key of that name",
      "w/gone": null,
    };
    const put = await kvsync(["bulk", "put", "-n", "app", file("got.json", JSON.stringify(values, undefined, indent))]);
    expect(put.stderr).toBe("warning got.json: 1 key has no value (null) and is not written\n");
    expect(put).toMatchObject({ code: 0, stdout: "wrote 3 keys to cloudflare:app\n" });
    const got = await kvsync(["bulk", "get", "-n", "app", "metadata", "w/a", "w/{"]);
    expect(records(got.stdout)).toEqual([
      { key: "metadata", value: "a key of that name" },
      { key: "w/a", value: "text" },
      { key: "w/{", value: "}{", metadata: { n: 1 } },
    ]);
    await kvsync(["bulk", "delete", "-n", "app", "metadata", "w/a", "w/{"]);
  });

  test.each([
    ['{"a":"1"}\n{"key":"b","value":"2"}\n', /line 1 of stdin has no key/],
    ['{"Key":"a","Value":"1"}', /line 1 of stdin has "Key"; its name is "key"/],
    ['{"a":"1","b":["2"]}', /"b" of stdin has a value that is no string/],
    ['{"a":{"value":"1","meta":{}}}', /item 1 \("a"\) of stdin has "meta"; its name is "metadata"/],
    [
      '{"key":"a","value":"1","metadata":{"id":9007199254740993}}',
      /line 1 \("a"\) of stdin has metadata that has the number/,
    ],
  ])("%s is refused", async (input, message) => {
    const run = await kvsync(["bulk", "put", "-n", "app", "-"], input);
    expect([run.code, run.stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(await listed("")).toEqual([]);
  });

  test("a number in --metadata that would be changed is refused", async () => {
    const run = await kvsync(["key", "put", "-n", "app", "k", "v", "--metadata", '{"id":9007199254740993}']);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain("--metadata has the number 9007199254740993, which would not be kept exactly");
  });

  test("keys that are missing are told, and the rest is printed", async () => {
    await kvsync(["key", "put", "-n", "app", "there", "v"]);
    const run = await kvsync(["bulk", "get", "-n", "app", "there", "gone"]);
    expect([run.code, run.stdout]).toEqual([3, '{"key":"there","value":"v"}\n']);
    expect(run.stderr).toBe("absent gone\nread 1 key from cloudflare:app; 1 could not be read\n");
    await kvsync(["key", "delete", "-n", "app", "there"]);
  });

  test("a single argument is a file, and never taken for a key", async () => {
    expect(await kvsync(["bulk", "delete", "-n", "app", "flags.json"])).toMatchObject({
      code: 2,
      stderr:
        "kvsync: there is no file flags.json\n  hint: for the key of that name: kvsync key delete flags.json -n app\n",
    });
    expect((await kvsync(["bulk", "get", '["it\'s"]'])).stderr).toContain(`kvsync key get '["it'\\''s"]'\n`);
  });
});
