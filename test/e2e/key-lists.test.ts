// A printed list of keys reads back as exactly the keys that it printed, in each form that is offered, or is refused.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { plainFault } from "../../src/cli/input/key-form.ts";
import { compareUtf8, parseKey } from "../../src/core/key.ts";
import { type CliRun, records, runCli, runScript } from "../support/cli.ts";
import { hostileText } from "../support/hostile-text.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const NAMES = 10_000;
const SEED = 20_261_128;
const NAMED = ["user", "user ", " user", "\tuser", "  ", '"quoted"', "[slug].html", "[[...slug]].tsx", "{brace}"];
const LIKE_JSON = ['{"name":"user"}', '["user"]', '{"id":5}', "[", "[]", "a\nb", "a\r", "\0", "\ufeffuser"];

let server: TestServer;
let cwd: string;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "kvsync-lists-"));
  server = await startTestServer({ validate: false });
});
afterAll(async () => {
  await server.close();
  rmSync(cwd, { recursive: true });
});

const env = () => ({
  CLOUDFLARE_ACCOUNT_ID: server.accountId,
  CLOUDFLARE_API_TOKEN: server.token,
  CLOUDFLARE_API_BASE_URL: server.url,
});
const kvsync = (...args: string[]): Promise<CliRun> => runCli(args, { cwd, env: env() });
const script = (text: string): Promise<CliRun> => runScript(text, { cwd, env: env() });

async function put(title: string, keys: readonly string[]): Promise<void> {
  writeFileSync(join(cwd, "pairs.json"), keys.map((key) => `${JSON.stringify({ key, value: "v" })}\n`).join(""));
  expect(await kvsync("bulk", "put", "-n", title, "pairs.json")).toMatchObject({ code: 0 });
}
const names = async (title: string) =>
  records((await kvsync("key", "list", "-n", title, "--json")).stdout).map(({ name }) => name as string);

test.each([
  { form: "lines", flags: [], ending: "\n" },
  { form: "nulls", flags: ["-0"], ending: "\0" },
  { form: "json", flags: ["--json"], ending: "\n" },
])(
  `of ${NAMES} hostile names (seed ${SEED}), a part of a list in $form is got and deleted exactly`,
  { timeout: 240_000 },
  async ({ form, flags, ending }) => {
    await server.createNamespace(form);
    const random = fc.sample(fc.oneof(hostileText, fc.string({ unit: "binary", maxLength: 40 })), {
      numRuns: NAMES * 2,
      seed: SEED,
    });
    const all = [...new Set([...NAMED, ...LIKE_JSON, ...random])]
      .filter((name) => parseKey(name) !== undefined)
      .slice(0, NAMES);
    await put(form, all);
    let keys = all.toSorted(compareUtf8);
    expect(await names(form)).toEqual(keys);
    const list = await kvsync("key", "list", "-n", form, ...flags);
    if (form === "json") expect(list.code).toBe(0);
    else {
      expect(list.code).toBe(2);
      expect(list.stderr).toMatch(/cannot be printed as it is: it .*\n {2}hint: write kvsync key list --json/);
      const misfits = all.filter((name) => plainFault(name, form === "nulls") !== undefined);
      writeFileSync(join(cwd, "misfits.json"), JSON.stringify(misfits));
      expect(await kvsync("bulk", "delete", "-n", form, "misfits.json")).toMatchObject({ code: 0 });
      keys = keys.filter((name) => !misfits.includes(name));
    }
    const whole = await kvsync("key", "list", "-n", form, ...flags);
    expect([whole.code, whole.stderr]).toEqual([0, ""]);
    const lines = whole.stdout.split(ending).slice(0, -1);
    expect(lines.length).toBe(keys.length);
    const reading = form === "nulls" ? ["-0"] : [];

    // Every second, as somebody may pick with grep.
    const part = keys.filter((_, index) => index % 2 === 1);
    writeFileSync(
      join(cwd, "part"),
      lines
        .filter((_, index) => index % 2 === 1)
        .map((line) => `${line}${ending}`)
        .join(""),
    );
    const got = await kvsync("bulk", "get", "-n", form, ...reading, "part");
    expect(got.code).toBe(0);
    expect(
      records(got.stdout)
        .map(({ key }) => key as string)
        .sort(compareUtf8),
    ).toEqual(part);
    expect(await kvsync("bulk", "delete", "-n", form, ...reading, "part")).toMatchObject({ code: 0 });
    const left = keys.filter((_, index) => index % 2 === 0);
    expect(await names(form)).toEqual(left);
    const rest = await script(
      `kvsync key list -n ${form} ${flags.join(" ")} | kvsync bulk delete -n ${form} ${reading.join(" ")} -`,
    );
    expect(rest).toMatchObject({ code: 0, stderr: "" });
    expect(await names(form)).toEqual([]);
  },
);

test(
  "each name alone, as a line, touches that key or is refused, and --format says what it is",
  { timeout: 240_000 },
  async () => {
    await server.createNamespace("alone");
    await put("alone", [...NAMED, ...LIKE_JSON]);
    const all = await names("alone");
    const refused: string[] = [];
    for (const name of NAMED) {
      writeFileSync(join(cwd, "line"), `${name}\n`);
      const got = await kvsync("bulk", "get", "-n", "alone", "line");
      if (got.code === 0) expect(records(got.stdout).map(({ key }) => key)).toEqual([name]);
      else refused.push(name);
      if (got.code !== 0) expect(got.stderr).toContain("--format lines");
    }
    expect(refused).toEqual(['"quoted"']);
    for (const name of [...NAMED, '{"name":"user"}', '["user"]', '{"id":5}', "[", "[]"]) {
      writeFileSync(join(cwd, "line"), `${name}\n`);
      const got = await kvsync("bulk", "get", "-n", "alone", "--format", "lines", "line");
      expect(records(got.stdout)).toEqual([{ key: name, value: "v" }]);
    }
    writeFileSync(join(cwd, "line"), '"user"\n');
    const deleted = await kvsync("bulk", "delete", "-n", "alone", "--format", "json", "line");
    expect(deleted.code).toBe(0);
    expect(await names("alone")).toEqual(all.filter((name) => name !== "user"));
  },
);

test("a list that breaks off in the middle of a name deletes no other key", async () => {
  await server.createNamespace("cut");
  await put("cut", ["user", "username"]);
  for (const flag of ["", "-0"]) {
    const run = await script(`printf user | kvsync bulk delete -n cut ${flag} -`);
    expect([run.code, run.stderr]).toEqual([2, expect.stringMatching(/stdin ends in the middle of (line|name) 1/)]);
    const file = await script(`printf user > cut-off; kvsync bulk delete -n cut ${flag} cut-off`);
    expect([file.code, file.stderr]).toEqual([2, expect.stringMatching(/cut-off ends in the middle of (line|name) 1/)]);
    // What is only read may be named so.
    expect(await script(`kvsync bulk get -n cut ${flag} cut-off`)).toMatchObject({ code: 0 });
  }
  expect(await names("cut")).toEqual(["user", "username"]);
});
