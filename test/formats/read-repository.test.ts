// docs/repository-format.md is enough to read a repository: a short script in another language, written from it, finds in a repository
// what kvsync finds there.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { records, runCli } from "../support/cli.ts";

const SCRIPT = join(import.meta.dirname, "read_repository.py");

/** The python3 of the PATH, or the system's, whichever has zstd. CI installs it. */
function findPython(): string | undefined {
  return ["python3", "/usr/bin/python3"].find((python) => spawnSync(python, ["-c", "import zstandard"]).status === 0);
}

const python = findPython();

it("CI has a Python with zstd", () => {
  expect(process.env["CI"] === undefined || python !== undefined).toBe(true);
});

describe.skipIf(python === undefined)("a repository, read by a script of Python,", () => {
  let folder = "";
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kvsync-formats-"));
    const source = join(folder, "source");
    mkdirSync(join(source, "i18n"), { recursive: true });
    for (let i = 0; i < 3000; i++) writeFileSync(join(source, `key ${i}`), `value ${i}`);
    writeFileSync(join(source, "i18n", "日本語 \u{1f600}.json"), '{"a":1}');
    writeFileSync(join(source, "empty"), "");
    writeFileSync(join(source, "large"), randomBytes(17_000_000));
    writeFileSync(join(source, "text"), "some text ".repeat(30_000));
    const metadata = { é: [1, 1.5, -0.00001, 1e21, null, true, { ',"metadata":': "\u2028" }] };
    writeFileSync(join(source, "empty%meta"), JSON.stringify({ metadata, expiration: 1_999_999_999 }));
    for (const change of ["", "a", "ab", "abc"]) {
      writeFileSync(join(source, "key 17"), change);
      const args = ["backup", "./source", "./repository", ...(change === "" ? ["--no-encryption"] : [])];
      const run = await runCli(args, { cwd: folder });
      if (run.code !== 0) throw new Error(run.stderr);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const read = () => spawnSync(python!, [SCRIPT, join(folder, "repository")], { encoding: "utf8", maxBuffer: 2 ** 28 });

  it("has the snapshots and entries that kvsync says it has, with the right bytes", async () => {
    const { status, stdout, stderr } = read();
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const byScript = new Map<string, Record<string, unknown>[]>();
    let entries: Record<string, unknown>[] = [];
    for (const record of records(stdout)) {
      if (typeof record["snapshot"] === "string") byScript.set(record["snapshot"], (entries = []));
      else entries.push(record);
    }
    expect(byScript.size).toBe(4);
    for (const [id, ofScript] of byScript) {
      expect(ofScript).toHaveLength(3004);
      const { stdout: listed } = await runCli(["--json", "ls", `./repository@${id}`], { cwd: folder });
      const facts = ({ key, sha256, size, expiration, metadata }: Record<string, unknown>) =>
        JSON.stringify([key, sha256, size, expiration ?? null, metadata ?? null]);
      const ofKvsync = records(listed).filter(({ key }) => key !== undefined);
      expect(ofScript.map(facts)).toEqual(ofKvsync.map(facts));
    }
  });

  it("is held against its hashes by the script", () => {
    const packs = join(folder, "repository", "packs");
    const paths = readdirSync(packs, { recursive: true, encoding: "utf8" }).map((name) => join(packs, name));
    // In a small one it may be the table, which nobody needs who has an index.
    const path = paths.filter((name) => statSync(name).isFile()).find((name) => statSync(name).size > 16_000_000)!;
    const bytes = readFileSync(path);
    bytes[60]! ^= 1;
    rmSync(path);
    writeFileSync(path, bytes);
    expect(read().status).toBe(1);
  });
});
