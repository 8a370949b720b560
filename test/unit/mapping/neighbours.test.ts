// One folder or namespace under two names: over real folders, links and namespaces, through the real command line.

import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pathsInside } from "../../../src/replica/tree/paths-inside.ts";
import { type CliRun, records, runCli } from "../../support/cli.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kvsync-neighbours-"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const kvsync = (...args: readonly string[]): Promise<CliRun> => runCli(args, { cwd: dir });

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(dir, path, ".."), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
}

describe("a path in a folder", () => {
  it("is found through links, and by what is not there yet", () => {
    mkdirSync(join(dir, "real", "sub"), { recursive: true });
    symlinkSync("real", join(dir, "link"));
    symlinkSync("real/sub", join(dir, "short"));
    expect(pathsInside(join(dir, "real"), join(dir, "link", "state"))).toEqual(["state"]);
    expect(pathsInside(join(dir, "link"), join(dir, "real", "a", "b"))).toEqual(["a/b"]);
    expect(pathsInside(join(dir, "real"), join(dir, "short", "x"))).toEqual(["sub/x"]);
    expect(pathsInside(join(dir, "link"), join(dir, "real"))).toEqual([""]);
    expect(pathsInside(join(dir, "real"), join(dir, "realer"))).toEqual([]);
    expect(pathsInside(join(dir, "real"), dir)).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)("is found through a bind mount", () => {
    mkdirSync(join(dir, "real", "sub"), { recursive: true });
    mkdirSync(join(dir, "mounted"));
    const script = `mount --bind "${dir}/real" "${dir}/mounted" && "${process.execPath}" --input-type=module -e '
      const { pathsInside } = await import("${new URL("../../../src/replica/tree/paths-inside.ts", import.meta.url).href}");
      console.log(JSON.stringify(pathsInside("${dir}/mounted", "${dir}/real/sub/state")));'`;
    const told = execFileSync("unshare", ["-m", "sh", "-c", script], { encoding: "utf8" });
    expect(JSON.parse(told)).toEqual(["sub/state"]);
  });
});

describe("a state folder", () => {
  it.runIf(process.getuid?.() === 0)(
    "that is mounted somewhere in a mapping's folder is refused, and is no part of a copy",
    async () => {
      write({
        "real/state/mine": "1",
        "kv/a": "1",
        "kvsync.yaml":
          "state_dir: ./real/state\naccounts: { local: { endpoint: embedded } }\nmappings: { kv: { mode: push, create: true, namespace: n } }\n",
      });
      mkdirSync(join(dir, "kv", "deep", "mounted"), { recursive: true });
      const main = new URL("../../../src/main.ts", import.meta.url).pathname;
      const script = `mount --bind "${dir}/real" "${dir}/kv/deep/mounted" && cd "${dir}" &&
      { "${process.execPath}" "${main}" push; echo "code $?"; "${process.execPath}" "${main}" namespace create local:m;
        "${process.execPath}" "${main}" copy ./kv local:m; "${process.execPath}" "${main}" key list -n local:m; } 2>&1`;
      const told = execFileSync("unshare", ["-m", "sh", "-c", script], { encoding: "utf8" });
      expect(told).toMatch(/overlap[^]*code 7/);
      expect(told).not.toContain("journal.sqlite");
      expect(told).toMatch(/^a$/m);
    },
  );

  it("that a link leads into a mapping's folder is refused, and survives", async () => {
    mkdirSync(join(dir, "kv", ".state"), { recursive: true });
    symlinkSync("kv/.state", join(dir, "state"));
    write({
      "kvsync.yaml":
        "state_dir: ./state\naccounts: { local: { endpoint: embedded } }\nmappings: { kv: { mode: pull, delete: all, namespace: n } }\n",
    });
    const run = await kvsync("pull");
    expect(run.code).toBe(7);
    expect(run.stderr).toMatch(/the folder .*kv and the state folder .*state overlap/);
    expect(existsSync(join(dir, "kv", ".state"))).toBe(true);
  });

  it("is no part of a folder that is copied, whatever it is called", async () => {
    write({ "real/a": "1" });
    symlinkSync("real", join(dir, "link"));
    write({ "kvsync.yaml": "state_dir: ./link/state\naccounts: { local: { endpoint: embedded } }\n" });
    await kvsync("namespace", "create", "n");
    const run = await kvsync("copy", "./real", "local:n");
    expect([run.code, run.stderr]).toEqual([0, expect.any(String)]);
    const { stdout } = await kvsync("key", "list", "-n", "local:n", "--json");
    expect(records(stdout).flatMap(({ name }) => (typeof name === "string" ? [name] : []))).toEqual(["a"]);
    expect(readdirSync(join(dir, "real", "state"))).toContain("journal.sqlite");
  });
});

describe("two mappings", () => {
  it("over one folder under two names are refused", async () => {
    write({ "one/a": "1" });
    symlinkSync("one", join(dir, "two"));
    write({
      "kvsync.yaml":
        "accounts: { local: { endpoint: embedded } }\ndefaults: { mode: push, create: true }\nmappings: { one: {}, two: {} }\n",
    });
    const run = await kvsync("push");
    expect(run.code).toBe(7);
    expect(run.stderr).toMatch(/its folder .*two overlaps that of mapping "one"/);
  });

  it("over one namespace, by its title and by its id, are refused before anything is removed", async () => {
    write({ "one/a": "1", "two/b": "2" });
    const accounts = "accounts: { local: { endpoint: embedded } }\n";
    write({ "kvsync.yaml": accounts });
    const created = await kvsync("namespace", "create", "shared", "--json");
    const id = /[0-9a-f]{32}/.exec(created.stdout)?.[0];
    write({
      "kvsync.yaml": `${accounts}defaults: { mode: push, delete: all }\nmappings: { one: { namespace: shared }, two: { namespace: "${id}" } }\n`,
    });
    for (const name of ["one", "two"]) {
      const run = await kvsync("push", name);
      expect(run.code).toBe(7);
      expect(run.stderr).toMatch(/mappings "\w+" and "\w+" are about the same keys/);
    }
    const { stdout } = await kvsync("key", "list", "-n", "local:shared", "--json");
    expect(records(stdout).filter(({ name }) => typeof name === "string")).toEqual([]);
    expect(readFileSync(join(dir, "one", "a"), "utf8")).toBe("1");
  });
});
