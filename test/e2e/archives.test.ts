// `kvsync export` and `kvsync import`, and archives as locations: all that a namespace holds goes through a file and comes back,
// and what is not whole is not taken.

import { createHash, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliRun, ended, records, runCli, runScript, startCli } from "../support/cli.ts";
import { startJurisdictionFront } from "../support/jurisdiction-front.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
let dir = "";
const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });
async function done(...args: readonly string[]): Promise<CliRun> {
  const run = await kvsync(...args);
  expect(run).toMatchObject({ code: 0 });
  return run;
}
const summaryOf = (run: CliRun): Record<string, unknown> => records(run.stdout).at(-1)!;
const file = (name: string): string => join(dir, name);
const keysOf = async (title: string): Promise<number> =>
  (await kvsync("key", "list", `local:${title}`)).stdout.split("\n").length - 1;

/** Values that are no text are read one by one, again and again. */
const MIXED_MS = 120_000;
const METADATA = [undefined, { a: 1 }, [1, "two"], "text", 7, true, { kvsync: "mine" }, { deep: { er: [null] } }];
const KEYS = 240;

/** Every kind of value and metadata, as lines of a bulk write. */
function mixedPairs(): string {
  const later = Math.floor(Date.now() / 1000) + 86_400;
  const lines: string[] = [];
  for (let i = 0; i < KEYS; i++) {
    const value = [
      `text ${i}`,
      `{"json":${i}}`,
      "",
      i % 12 === 3 ? randomBytes(300) : "plain",
      "h\u00e9llo \u{1f600} \u2028",
      "a\0b\ufeff",
    ][i % 6]!;
    const isText = typeof value === "string";
    const key = `${["a", "b/c", "\u00fcml\u00e4ut", "\u{1f600}", "\ue000"][i % 5]}/${(i * 7919) % KEYS}`;
    const metadata = METADATA[i % METADATA.length];
    const pair = { key, value: isText ? value : value.toString("base64"), ...(!isText && { base64: true }) };
    lines.push(JSON.stringify({ ...pair, metadata, ...(i % 4 === 0 && { expiration: later + i }) }));
  }
  return `${lines.join("\n")}\n`;
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-archives-"));
  server = await startTestServer({ validate: false });
  const account = `{ endpoint: "${server.url}", account_id: ${server.accountId}, api_token: ${server.token} }`;
  writeFileSync(file("kvsync.yaml"), `state_dir: ./state\naccounts: { local: ${account} }\n`);
  for (const title of ["mixed", "small", "empty"]) await server.createNamespace(title);
  writeFileSync(file("mixed.lines"), mixedPairs());
  await done("bulk", "put", "mixed.lines", "-n", "local:mixed");
  // Half of them as another program writes them, without a stamp.
  writeFileSync(
    file("half.lines"),
    `${readFileSync(file("mixed.lines"), "utf8")
      .split("\n")
      .slice(0, KEYS / 2)
      .join("\n")}\n`,
  );
  await done("bulk", "put", "half.lines", "-n", "local:mixed", "--no-stamp");
  writeFileSync(file("large"), randomBytes(26_214_400));
  await done("key", "put", "large", "--path", "large", "-n", "local:mixed");
  for (const key of ["k1", "k2", "k3"]) await done("key", "put", key, `value of ${key}`, "-n", "local:small");
  await done("export", "local:small", "small.ndjson");
}, MIXED_MS);
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

describe("a namespace of every kind of key", () => {
  it.each(["ndjson", "ndjson.zst", "ndjson.gz", "json"])(
    "goes through .%s into another, and is proved equal",
    async (format) => {
      const archive = `mixed.${format}`;
      const to = `local:from-${format}`;
      await done("namespace", "create", to);
      const exported = summaryOf(await done("export", "local:mixed", archive, "--json"));
      expect(exported).toMatchObject({ command: "export", written: KEYS + 1, failed: 0, complete: true });
      const imported = summaryOf(await done("import", archive, to, "--json"));
      expect(imported).toMatchObject({ command: "import", written: KEYS + 1, removed: 0, failed: 0 });
      await done("check", archive, to, "--values");
      await done("check", "local:mixed", archive);
      expect(summaryOf(await done("import", archive, to, "--json"))).toMatchObject({ written: 0, unchanged: KEYS + 1 });
      const again = summaryOf(await done("export", to, `again.${format}`, "--json"));
      expect(again["root"]).toBe(exported["root"]);
      expect(existsSync(file(`${archive}.part`))).toBe(false);
    },
    MIXED_MS,
  );

  it(
    "goes through a folder and is the same archive",
    async () => {
      await done("copy", "mixed.ndjson.zst", "./folder");
      const exported = summaryOf(await done("copy", "./folder", "folder.ndjson", "--json"));
      expect(exported).toMatchObject({ command: "export", written: KEYS + 1 });
      await done("check", "folder.ndjson", "mixed.ndjson.gz");
      const roots = ["folder.ndjson", "mixed.ndjson"].map(
        (name) => /"root":"(\w+)"/.exec(readFileSync(file(name), "utf8").slice(-400))![1],
      );
      expect(roots[0]).toBe(roots[1]);
    },
    MIXED_MS,
  );
});

describe("an export", () => {
  it("to - writes nothing but the archive to stdout", async () => {
    const run = await done("export", "local:small", "-", "--json");
    expect(records(run.stdout).map(({ kvsync: kind, key }) => kind ?? key)).toEqual([
      "archive",
      "k1",
      "k2",
      "k3",
      "end",
    ]);
    expect(records(run.stderr).at(-1)).toMatchObject({ type: "summary", written: 3 });
  });

  it("to - goes through other programs and comes back by -", async () => {
    await server.createNamespace("piped");
    const run = await runScript("kvsync export local:small - | gzip | cat | kvsync import - local:piped", { cwd: dir });
    expect(run).toMatchObject({ code: 0 });
    await done("check", "small.ndjson", "local:piped", "--values");
  });

  it("says where the namespace must stay", async () => {
    await using front = await startJurisdictionFront(server.url);
    const env = { CLOUDFLARE_ACCOUNT_ID: server.accountId, CLOUDFLARE_API_TOKEN: server.token };
    const elsewhere = mkdtempSync(join(tmpdir(), "kvsync-archives-"));
    const options = { cwd: elsewhere, env: { ...env, CLOUDFLARE_API_BASE_URL: front.url } };
    const run = await runCli(["export", "cloudflare:small", "-"], options);
    rmSync(elsewhere, { recursive: true, force: true });
    expect(records(run.stdout)[0]).toMatchObject({ source: { title: "small", jurisdiction: "eu" } });
    const here = records((await done("export", "local:small", "-")).stdout)[0];
    expect(here).toMatchObject({ source: { title: "small", jurisdiction: null } });
  });

  it("keeps the mode of a file that it replaces", async () => {
    await done("export", "local:small", "mode.ndjson");
    chmodSync(file("mode.ndjson"), 0o640);
    await done("export", "local:small", "mode.ndjson");
    expect(statSync(file("mode.ndjson")).mode & 0o777).toBe(0o640);
  });

  it("that is killed leaves the file that was there, and only the part", async () => {
    await done("export", "local:small", "killed.ndjson");
    const before = readFileSync(file("killed.ndjson"));
    server.setFaults({ rules: [{ kind: "slow", operations: ["list"], delayMs: 600_000 }] });
    const child = startCli(["export", "local:small", "killed.ndjson"], { cwd: dir });
    const over = ended(child);
    for await (const { filename } of watch(dir)) if (filename === "killed.ndjson.part") break;
    child.kill("SIGKILL");
    await over;
    server.setFaults({});
    expect(readFileSync(file("killed.ndjson"))).toEqual(before);
    await done("export", "local:small", "killed.ndjson");
    expect(existsSync(file("killed.ndjson.part"))).toBe(false);
  });

  it("of keys that are asked for has no others", async () => {
    await done("export", "local:small", "some.ndjson", "--prefix", "k", "--exclude", "k2");
    const lines = records(readFileSync(file("some.ndjson"), "utf8"));
    expect(lines[0]).toMatchObject({ filter: { prefix: "k", include: [], exclude: ["k2"] } });
    expect(lines.slice(1, -1).map(({ key }) => key)).toEqual(["k1", "k3"]);
  });

  it("of nothing fails, and replaces nothing", async () => {
    await done("export", "local:small", "kept.ndjson");
    const before = readFileSync(file("kept.ndjson"));
    const run = await kvsync("export", "local:empty", "kept.ndjson");
    expect(run).toMatchObject({ code: 1 });
    expect(run.stderr).toContain("is empty: nothing was exported");
    expect(readFileSync(file("kept.ndjson"))).toEqual(before);
    expect(existsSync(file("kept.ndjson.part"))).toBe(false);
  });

  it.each([
    ["to a file of no known kind", ["local:small", "x.txt"], "does not say what kind of archive"],
    ["into the folder itself", ["./folder", "./folder/x.ndjson"], "lies in the folder"],
  ])("%s is refused", async (_, args, message) => {
    const run = await kvsync("export", ...args);
    expect(run).toMatchObject({ code: 2 });
    expect(run.stderr).toContain(message);
  });
});

describe("an archive that lacks keys", () => {
  beforeAll(async () => {
    await server.createNamespace("lacking");
    await done("key", "put", "good", "1", "-n", "local:lacking");
    // A number that no program keeps: the key cannot be carried.
    const metadata = '{"n":123456789012345678901234567890}';
    const url = `${server.namespacesUrl}/${(await kvsync("namespace", "get", "local:lacking")).stdout.match(/[0-9a-f]{32}/)![0]}`;
    const form = new FormData();
    form.set("value", "2");
    form.set("metadata", metadata);
    const headers = { authorization: `Bearer ${server.token}` };
    expect((await fetch(`${url}/values/odd`, { method: "PUT", headers, body: form })).status).toBe(200);
  });

  it("gets its name if that is free, with exit code 3, and is imported on request only", async () => {
    const run = await kvsync("export", "local:lacking", "lacking.ndjson");
    expect(run).toMatchObject({ code: 3 });
    expect(run.stderr).toContain("odd");
    await server.createNamespace("partial");
    const refused = await kvsync("import", "lacking.ndjson", "local:partial");
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain("lacks 1 key that could not be read");
    expect(await keysOf("partial")).toBe(0);
    await done("import", "lacking.ndjson", "local:partial", "--partial");
    expect(await keysOf("partial")).toBe(1);
  });

  it("does not replace an archive that is there, unless that is asked for", async () => {
    await done("export", "local:small", "nightly.ndjson");
    const before = readFileSync(file("nightly.ndjson"));
    const run = await kvsync("export", "local:lacking", "nightly.ndjson");
    expect(run).toMatchObject({ code: 3 });
    expect(run.stderr).toContain("nightly.ndjson.part");
    expect(readFileSync(file("nightly.ndjson"))).toEqual(before);
    expect(readFileSync(file("nightly.ndjson.part"), "utf8")).toContain('"complete":false');
    expect(await kvsync("export", "local:lacking", "nightly.ndjson", "--partial")).toMatchObject({ code: 3 });
    expect(readFileSync(file("nightly.ndjson"), "utf8")).toContain('"key":"good"');
  });
});

describe("pairs in wrangler's form", () => {
  it("are written as an array without more, and read by -, too", async () => {
    await done("export", "local:small", "small.json");
    const pairs = JSON.parse(readFileSync(file("small.json"), "utf8")) as unknown;
    expect(pairs).toEqual(["k1", "k2", "k3"].map((key) => ({ key, value: `value of ${key}` })));
    await server.createNamespace("piped-json");
    const input = JSON.stringify((pairs as readonly object[]).toReversed());
    expect(await runCli(["import", "-", "local:piped-json"], { cwd: dir, input })).toMatchObject({ code: 0 });
    await done("check", "small.ndjson", "local:piped-json", "--values");
  });

  it("are split into files that are one location, and replace none", async () => {
    const run = await done("export", "local:mixed", "split.json", "--split", "10KB", "--exclude", "large", "--json");
    const { files, root } = summaryOf(run);
    expect(files).toBeGreaterThan(2);
    expect(existsSync(file("split.json"))).toBe(false);
    for (let part = 1; part <= (files as number); part++) {
      expect(statSync(file(`split-${part}.json`)).size).toBeLessThanOrEqual(10_000);
      expect(Array.isArray(JSON.parse(readFileSync(file(`split-${part}.json`), "utf8")))).toBe(true);
    }
    await done("check", "split.json", "local:mixed", "--values", "--exclude", "large");
    expect(summaryOf(await done("copy", "split.json", "joined.ndjson", "--json"))["root"]).toBe(root);
    const again = await kvsync("export", "local:small", "split.json", "--split", "100KB");
    expect(again).toMatchObject({ code: 2 });
    expect(again.stderr).toContain("split-1.json is there");
    rmSync(file("split-2.json"));
    expect((await kvsync("import", "split.json", "local:empty")).stderr).toContain("split-2.json is not there");
  });

  it("whose keys were cut off or are there twice are refused, and nothing is written", async () => {
    const pairs = readFileSync(file("small.json"), "utf8");
    writeFileSync(file("cut.json"), pairs.slice(0, -20));
    writeFileSync(file("twice.json"), `${pairs.slice(0, -3)},{"key":"k2","value":"again"}]`);
    for (const [name, message] of [
      ["cut.json", "cut.json ends in the middle of its array, after 2 items"],
      ["twice.json", 'twice.json has the key "k2" twice, in item 2 and item 4'],
    ] as const) {
      const run = await kvsync("import", name, "local:empty");
      expect(run).toMatchObject({ code: 1 });
      expect(run.stderr).toContain(message);
    }
    expect(await keysOf("empty")).toBe(0);
  });

  it("of which wrangler would refuse some are written, and that is told", async () => {
    await server.createNamespace("scalar");
    await done("key", "put", "k", "v", "-n", "local:scalar", "--metadata", '"text"');
    const run = await done("export", "local:scalar", "scalar.json");
    expect(run.stderr).toContain("wrangler refuses scalar.json: the metadata of 1 key is a string");
    await done("check", "local:scalar", "scalar.json", "--values");
  });

  it("that lack keys do not get their name, since they cannot say so", async () => {
    const run = await kvsync("export", "local:lacking", "lacking.json");
    expect(run).toMatchObject({ code: 3 });
    expect(run.stderr).toContain("A .json cannot say so itself, so it is");
    expect([existsSync(file("lacking.json")), existsSync(file("lacking.json.part"))]).toEqual([false, true]);
    expect(await kvsync("export", "local:lacking", "lacking.json", "--partial")).toMatchObject({ code: 3 });
    expect(readFileSync(file("lacking.json"), "utf8")).toContain('"key":"good"');
  });
});

describe("an import", () => {
  const lines = (): string[] => readFileSync(file("small.ndjson"), "utf8").trimEnd().split("\n");
  const write = (name: string, parts: readonly string[]): void => writeFileSync(file(name), `${parts.join("\n")}\n`);

  it.each([
    ["cut off", () => lines().slice(0, 3), "is cut off after 2 entries", ["--salvage"], 3, 2],
    ["edited", () => lines().with(2, lines()[2]!.replace("value of", "edit of")), 'line 3 ("k2")', ["--edited"], 0, 3],
    [
      "out of order",
      () => lines().with(1, lines()[2]!).with(2, lines()[1]!),
      'line 3 ("k1")',
      ["--salvage", "--edited"],
      3,
      2,
    ],
    ["joined to another", () => [...lines(), ...lines()], "goes on behind its end, in line 6", ["--salvage"], 0, 3],
  ] as const)(
    "of an archive that is %s writes nothing until it is asked to",
    async (what, change, message, flags, code, keys) => {
      const title = what.replaceAll(" ", "-");
      await server.createNamespace(title);
      write(`${title}.ndjson`, change());
      for (const command of ["import", "copy"]) {
        const run = await kvsync(command, `${title}.ndjson`, `local:${title}`);
        expect(run).toMatchObject({ code: 1 });
        expect(run.stderr).toContain(message);
        expect(await keysOf(title)).toBe(0);
      }
      expect(await kvsync("import", `${title}.ndjson`, `local:${title}`, ...flags)).toMatchObject({ code });
      expect(await keysOf(title)).toBe(keys);
    },
  );

  it("leaves out what has expired, and counts it", async () => {
    await server.createNamespace("expiring");
    const soon = Math.floor(Date.now() / 1000) + 30;
    const [head, ...rest] = lines();
    const entries = rest.slice(0, -1).map((line, i) => line.replace("{", i === 0 ? `{"expiration":${soon},` : "{"));
    const text = `${[head, ...entries].join("\n")}\n`;
    const digest = createHash("sha256").update(text).digest("hex");
    writeFileSync(file("expiring.ndjson"), text + rest.at(-1)!.replace(/sha256:\w+/, `sha256:${digest}`) + "\n");
    const run = await kvsync("import", "expiring.ndjson", "local:expiring", "--edited", "-v");
    expect(run).toMatchObject({ code: 0 });
    expect(run.stderr).toContain("k1: has expired, or does within 60 seconds");
    expect(await keysOf("expiring")).toBe(2);
  });

  it("adds and overwrites, shows it first, keeps what it replaces, and removes on request only", async () => {
    await server.createNamespace("target");
    for (const key of ["k1", "other"]) await done("key", "put", key, "mine", "-n", "local:target");
    const dry = await done("import", "small.ndjson", "local:target", "--dry-run", "--json");
    expect(summaryOf(dry)).toMatchObject({ written: 3, removed: 0, dryRun: true });
    expect(summaryOf(await done("import", "small.ndjson", "local:target", "--json"))).toMatchObject({
      written: 3,
      removed: 0,
    });
    expect((await done("trash", "list")).stdout).toContain("k1");
    expect(await kvsync("import", "small.ndjson", "local:target", "--delete")).toMatchObject({ code: 0 });
    expect(await keysOf("target")).toBe(3);
    await done("check", "small.ndjson", "local:target", "--values");
  });

  it("with --delete is held by the guard, as a copy is", async () => {
    await server.createNamespace("guarded");
    write(
      "guarded.lines",
      Array.from({ length: 400 }, (_, i) => JSON.stringify({ key: `x${i}`, value: "v" })),
    );
    await done("bulk", "put", "guarded.lines", "-n", "local:guarded");
    const run = await kvsync("import", "small.ndjson", "local:guarded", "--delete");
    expect(run).toMatchObject({ code: 5 });
    expect(await keysOf("guarded")).toBe(400);
    const flags = ["--salvage", "--partial"];
    for (const flag of flags)
      expect(await kvsync("import", "small.ndjson", "local:guarded", "--delete", flag)).toMatchObject({ code: 2 });
  });

  it("is compared by diff and check, on either side", async () => {
    await server.createNamespace("differs");
    await done("import", "small.ndjson", "local:differs");
    await done("key", "put", "k2", "changed", "-n", "local:differs");
    for (const pair of [
      ["small.ndjson", "local:differs"],
      ["local:differs", "small.ndjson"],
    ] as const) {
      const diff = await kvsync("diff", ...pair, "--content");
      expect(diff).toMatchObject({ code: 4 });
      expect(diff.stdout).toContain("value of k2");
      expect(await kvsync("check", ...pair, "--values")).toMatchObject({ code: 4 });
      expect((await kvsync("diff", ...pair, "--values", "k2")).stdout).toContain("changed");
    }
  });

  it.each([
    ["into an archive", ["import", "small.ndjson", "x.ndjson"], 2, "only written as a whole"],
    ["of wrangler's form", ["import", "mixed.lines", "local:empty"], 1, "is no archive"],
    ["of a file that is not there", ["import", "none.ndjson", "local:empty"], 1, "there is no such file"],
    ["as a plan", ["plan", "./folder", "x.ndjson"], 2, "only written as a whole"],
    ["as a dry run of a copy", ["copy", "./folder", "x.ndjson", "--dry-run"], 2, "written as a whole"],
    ["of a .json that is not there", ["copy", "pairs.json", "local:empty"], 1, "there is no such file"],
    [
      "of a .json in parts, as one",
      ["export", "local:small", "x.ndjson", "--split", "1MB"],
      2,
      "--split is for a .json",
    ],
    ["in parts to stdout", ["export", "local:small", "-", "--split", "1MB"], 2, "--split is for a .json"],
    ["in parts of no size", ["export", "local:small", "x.json", "--split", "400"], 2, "needs a unit"],
  ] as const)("%s is refused", async (_, args, code, message) => {
    const run = await kvsync(...args);
    expect(run.stderr).toContain(message);
    expect(run).toMatchObject({ code });
  });
});
